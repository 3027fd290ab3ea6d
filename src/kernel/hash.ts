/** A text's 64-bit hash as two unsigned 32-bit halves. Stable across processes and versions: it names events and random draws. */
export interface TextHash {
  readonly high: number
  readonly low: number
}

const known = new Map<string, TextHash>()

/** Hashes a text, remembering the answer: models use a few hundred distinct names. */
export function hashText(text: string): TextHash {
  let hash = known.get(text)
  if (hash === undefined) {
    hash = hashOf(text)
    if (known.size > 100_000) known.clear()
    known.set(text, hash)
  }
  return hash
}

/** The same for a text that comes but once (a seed): nothing is remembered. */
export function hashOf(text: string): TextHash {
  let h1 = 0xdeadbeef ^ text.length
  let h2 = 0x41c6ce57 ^ text.length
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    h1 = Math.imul(h1 ^ c, 2654435761)
    h2 = Math.imul(h2 ^ c, 1597334677)
  }
  return { high: avalanche(h1 ^ Math.imul(h2, 2246822507)), low: avalanche(h2 ^ Math.imul(h1, 3266489909)) }
}

/** Murmur3's finaliser: every input bit reaches every output bit. Unsigned 32-bit. */
export function avalanche(word: number): number {
  let h = word ^ (word >>> 16)
  h = Math.imul(h, 0x85ebca6b)
  h ^= h >>> 13
  h = Math.imul(h, 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/**
 * A rolling 64-bit hash over numbers, for traces: the same numbers in the same order give the same digest in any process on any Node version.
 * Folding a given number is a permutation of the state, and so is the digest: two traces that differ in one whole number never meet again by folding equal ones.
 */
export class RollingHash {
  private h1 = 0x9e3779b9 | 0
  private h2 = 0x7f4a7c15 | 0

  /** Folds one number in. Integers are folded exactly up to 2^53; a fraction by its 32.32 fixed-point form. */
  fold(value: number): void {
    const whole = Math.floor(value)
    const low = whole | 0
    const high = ((whole - (whole >>> 0)) / 4294967296) | 0
    const fraction = ((value - whole) * 4294967296) | 0
    let a = this.h1 ^ low
    a = Math.imul(a, 0x85ebca6b)
    a = (a << 13) | (a >>> 19)
    let b = this.h2 ^ high ^ Math.imul(fraction, 0x2c1b3c6d)
    b = Math.imul(b, 0xc2b2ae35)
    b = (b << 16) | (b >>> 16)
    a = (a + Math.imul(b, 5) + 0x561ccd1b) | 0
    this.h1 = a
    this.h2 = b ^ Math.imul(a, 0x9e3779b1)
  }

  /** The digest so far as 16 hexadecimal digits. */
  digest(): string {
    const a = avalanche(this.h1 ^ this.h2)
    const b = avalanche(this.h2 + Math.imul(a, 0x9e3779b1))
    return a.toString(16).padStart(8, '0') + b.toString(16).padStart(8, '0')
  }
}
