const abs = (value: bigint): bigint => (value < 0n ? -value : value)

function tenTo(power: number): bigint {
  return BigInt(`1${'0'.repeat(power)}`)
}

/** Divides and rounds half away from zero, as PostgreSQL's numeric does. */
function divideRounded(numerator: bigint, denominator: bigint): bigint {
  const negative = numerator < 0n !== denominator < 0n
  const n = abs(numerator)
  const d = abs(denominator)
  const rounded = (2n * n + d) / (2n * d)
  return negative ? -rounded : rounded
}

/** PostgreSQL's `numeric`: an exact decimal that remembers how many digits after the point it shows. */
export class Numeric {
  constructor(
    readonly unscaled: bigint,
    readonly scale: number,
  ) {}

  static of(integer: number): Numeric {
    return new Numeric(BigInt(integer), 0)
  }

  /** Reads `12`, `-1.50`, `1e3`; undefined if the text is no number. */
  static parse(text: string): Numeric | undefined {
    const match = /^\s*([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?\s*$/.exec(text)
    if (match === null) return undefined
    const [, sign, whole = '', fraction = '', exponent = '0'] = match
    if (whole === '' && fraction === '') return undefined
    let unscaled = BigInt(`${whole}${fraction}`)
    let scale = fraction.length - Number(exponent)
    if (scale < 0) {
      unscaled *= tenTo(-scale)
      scale = 0
    }
    return new Numeric(sign === '-' ? -unscaled : unscaled, scale)
  }

  /** A float as numeric: 15 significant digits. */
  static ofFloat(value: number): Numeric {
    return (Numeric.parse(value.toPrecision(15)) ?? new Numeric(0n, 0)).trimmed()
  }

  get isZero(): boolean {
    return this.unscaled === 0n
  }

  plus(other: Numeric): Numeric {
    const scale = Math.max(this.scale, other.scale)
    return new Numeric(this.at(scale) + other.at(scale), scale)
  }

  minus(other: Numeric): Numeric {
    return this.plus(other.negated())
  }

  times(other: Numeric): Numeric {
    return new Numeric(this.unscaled * other.unscaled, this.scale + other.scale)
  }

  /** Quotient with PostgreSQL's choice of digits (at least 16 significant). The divisor is not zero. */
  dividedBy(other: Numeric): Numeric {
    const a = this.leading()
    const b = other.leading()
    const quotientWeight = a.weight - b.weight - (a.digit <= b.digit ? 1 : 0)
    const scale = Math.max(16 - quotientWeight * 4, this.scale, other.scale, 0)
    // this / other = (u1 / 10^s1) / (u2 / 10^s2), wanted at 10^scale.
    const shift = scale + other.scale - this.scale
    const numerator = shift >= 0 ? this.unscaled * tenTo(shift) : this.unscaled
    const denominator = shift >= 0 ? other.unscaled : other.unscaled * tenTo(-shift)
    return new Numeric(divideRounded(numerator, denominator), scale)
  }

  remainder(other: Numeric): Numeric {
    const scale = Math.max(this.scale, other.scale)
    return new Numeric(this.at(scale) % other.at(scale), scale)
  }

  negated(): Numeric {
    return new Numeric(-this.unscaled, this.scale)
  }

  absolute(): Numeric {
    return new Numeric(abs(this.unscaled), this.scale)
  }

  /** Rounds half away from zero to `digits` after the point (before it, when negative). */
  rounded(digits: number): Numeric {
    if (digits >= this.scale) return new Numeric(this.at(digits), digits)
    const cut = divideRounded(this.unscaled, tenTo(this.scale - digits))
    return digits >= 0 ? new Numeric(cut, digits) : new Numeric(cut * tenTo(-digits), 0)
  }

  truncated(digits: number): Numeric {
    if (digits >= this.scale) return new Numeric(this.at(digits), digits)
    const cut = this.unscaled / tenTo(this.scale - digits)
    return digits >= 0 ? new Numeric(cut, digits) : new Numeric(cut * tenTo(-digits), 0)
  }

  floor(): Numeric {
    const whole = this.truncated(0)
    return this.compare(whole) < 0 ? whole.minus(Numeric.of(1)) : whole
  }

  ceil(): Numeric {
    return this.negated().floor().negated()
  }

  compare(other: Numeric): number {
    const scale = Math.max(this.scale, other.scale)
    const a = this.at(scale)
    const b = other.at(scale)
    return a < b ? -1 : a > b ? 1 : 0
  }

  toNumber(): number {
    return Number(this.toString())
  }

  toString(): string {
    const digits = abs(this.unscaled).toString().padStart(this.scale + 1, '0')
    const sign = this.unscaled < 0n ? '-' : ''
    if (this.scale === 0) return sign + digits
    return `${sign}${digits.slice(0, -this.scale)}.${digits.slice(-this.scale)}`
  }

  private at(scale: number): bigint {
    return scale === this.scale ? this.unscaled : this.unscaled * tenTo(scale - this.scale)
  }

  private trimmed(): Numeric {
    let { unscaled, scale } = this
    while (scale > 0 && unscaled % 10n === 0n) {
      unscaled /= 10n
      scale--
    }
    return new Numeric(unscaled, scale)
  }

  /** First digit in base 10,000 and its weight: what PostgreSQL's digit choice for a division goes by. */
  private leading(): { digit: number; weight: number } {
    if (this.unscaled === 0n) return { digit: 0, weight: 0 }
    const digits = abs(this.unscaled).toString()
    const exponent = digits.length - 1 - this.scale
    const weight = Math.floor(exponent / 4)
    const count = exponent - 4 * weight + 1
    return { digit: Number(digits.slice(0, count).padEnd(count, '0')), weight }
  }
}
