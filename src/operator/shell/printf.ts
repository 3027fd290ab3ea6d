import { quoteForShell } from './parameter.ts'
import { strftime } from './utilities/strftime.ts'

const ESCAPES: Readonly<Record<string, string>> = { a: '\x07', b: '\b', e: '\x1b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v', '\\': '\\', '"': '"', "'": "'", '?': '?' }

function unescape(text: string): string {
  return text.replace(/\\(?:([0-7]{1,3})|x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{1,4})|(.))/gs, (all, octal: string | undefined, hex: string | undefined, u: string | undefined, c: string | undefined) => {
    if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8) & 255)
    if (hex !== undefined || u !== undefined) return String.fromCodePoint(Number.parseInt((hex ?? u) as string, 16))
    return ESCAPES[c as string] ?? all
  })
}

/** As `%b`: the octal form begins with a 0. */
const unescapeArgument = (text: string): string => unescape(text.replace(/\\0([0-7]{1,3})/g, '\\$1'))

export interface Formatted {
  readonly text: string
  readonly status: number
}

/** `printf FORMAT ARGUMENT…`: the format is used again while arguments are left. `complain` is told what is no number. */
export function format(template: string, args: readonly string[], nowSeconds: number, complain: (message: string) => void): Formatted {
  const pieces = template.match(/%(?:%|[-+ #0']*(?:\*|\d+)?(?:\.(?:\*|-?\d+)?)?(?:\([^)]*\)T|[a-zA-Z])?)|[^%]+/gs) ?? []
  let text = ''
  let status = 0
  let at = 0
  const take = (): string | undefined => args[at++]
  const number = (given: string | undefined): number | bigint => {
    if (given === undefined || given === '') return 0
    if (/^["']/.test(given)) return given.codePointAt(1) ?? 0
    const match = /^\s*([+-]?(?:0[xX][0-9a-fA-F]+|\d+))/.exec(given)
    const octal = /^[+-]?0\d/.test(match?.[1] ?? '') ? (/^[+-]?0[0-7]*/.exec(match?.[1] as string)?.[0] ?? '') : undefined
    if (match === null || match[0].length !== given.length || (octal !== undefined && octal.length < (match[1] as string).length)) {
      complain(`${given}: invalid ${/^0\d/.test(given) ? 'octal' : /^0[xX]/.test(given) ? 'hex' : 'number'}${/^0[\dxX]/.test(given) ? ' number' : ''}`)
      status = 1
    }
    if (match === null) return 0
    if (octal !== undefined) return BigInt(`0o0${octal.replace(/^[+-]/, '')}`) * (octal.startsWith('-') ? -1n : 1n)
    const digits = (match[1] as string).replace('+', '')
    return digits.startsWith('-0x') ? -BigInt(digits.slice(1)) : BigInt(digits)
  }
  const real = (given: string | undefined): number => {
    if (given === undefined || given === '') return 0
    const value = Number(given)
    if (!Number.isNaN(value)) return value
    complain(`${given}: invalid number`)
    status = 1
    return Number.parseFloat(given) || 0
  }
  do {
    const before = at
    for (const piece of pieces) {
      if (!piece.startsWith('%')) {
        text += unescape(piece)
        continue
      }
      if (piece === '%%') {
        text += '%'
        continue
      }
      const spec = /^%([-+ #0']*)(\*|\d+)?(?:\.(\*|-?\d+)?)?(\([^)]*\)T|[a-zA-Z])?$/s.exec(piece)
      let flags = spec?.[1] ?? ''
      let width = spec?.[2] === '*' ? Number(take() ?? 0) : Number(spec?.[2] ?? 0)
      if (width < 0) {
        flags += '-'
        width = -width
      }
      const precision = /\./.test(piece.replace(/\(.*\)/s, '')) ? (spec?.[3] === '*' ? Number(take() ?? 0) : Number(spec?.[3] ?? 0)) : undefined
      const kind = spec?.[4]
      const pad = (body: string, zero = false): string => (body.length >= width ? body : flags.includes('-') ? body.padEnd(width) : zero && flags.includes('0') ? body.replace(/^([+-]?(?:0[xX])?)/, sign => sign + '0'.repeat(width - body.length)) : body.padStart(width))
      const signed = (n: number | bigint, body: string): string => (n < 0 ? body : flags.includes('+') ? `+${body}` : flags.includes(' ') ? ` ${body}` : body)
      if (kind === undefined) {
        complain(`\`${piece}': missing format character`)
        return { text, status: 1 }
      }
      if (kind.endsWith('T') && kind.startsWith('(')) {
        const given = take() ?? '-1'
        text += pad(strftime(kind.slice(1, -2) || '%X', given === '-1' || given === '-2' || given === '' ? Math.floor(nowSeconds) : Number(given), 0))
        continue
      }
      switch (kind) {
        case 's': {
          const value = take() ?? ''
          text += pad(precision === undefined ? value : value.slice(0, precision))
          break
        }
        case 'b': {
          const value = take() ?? ''
          const stop = value.indexOf('\\c')
          text += pad(unescapeArgument(stop < 0 ? value : value.slice(0, stop)))
          if (stop >= 0) return { text, status }
          break
        }
        case 'c':
          text += pad((take() ?? '').slice(0, 1))
          break
        case 'q': {
          const value = take() ?? ''
          text += pad(value === '' ? "''" : /[\x00-\x1f\x7f]/.test(value) ? quoteForShell(value) : value.replace(/[ '"\\|&;()<>!{}*[\]?^$`,]|^[#~]|(?<=[:=])~/g, '\\$&'))
          break
        }
        case 'd': case 'i': {
          const n = number(take())
          const digits = String(n < 0 ? -BigInt(n) : n)
          text += pad(signed(n, (n < 0 ? '-' : '') + (precision === undefined ? digits : digits.padStart(precision, '0'))), precision === undefined)
          break
        }
        case 'u': text += pad(String(BigInt.asUintN(64, BigInt(number(take())))), true); break
        case 'o': text += pad((flags.includes('#') ? '0' : '') + BigInt.asUintN(64, BigInt(number(take()))).toString(8), true); break
        case 'x': text += pad((flags.includes('#') ? '0x' : '') + BigInt.asUintN(64, BigInt(number(take()))).toString(16), true); break
        case 'X': text += pad((flags.includes('#') ? '0X' : '') + BigInt.asUintN(64, BigInt(number(take()))).toString(16).toUpperCase(), true); break
        case 'f': case 'F': {
          const n = real(take())
          text += pad(signed(n, n.toFixed(precision ?? 6)), true)
          break
        }
        case 'e': case 'E': {
          const n = real(take())
          const body = n.toExponential(precision ?? 6).replace(/e([+-])(\d)$/, 'e$10$2')
          text += pad(signed(n, kind === 'E' ? body.toUpperCase() : body), true)
          break
        }
        case 'g': case 'G': {
          const n = real(take())
          text += pad(signed(n, general(n, precision ?? 6)), true)
          break
        }
        default:
          complain(`\`${kind}': invalid format character`)
          return { text, status: 1 }
      }
    }
    if (at === before) break
  } while (at < args.length)
  return { text, status }
}

/** `%g`: the shorter of the two forms, without zeros at the end. */
export function general(n: number, precision: number): string {
  if (n === 0) return '0'
  if (!Number.isFinite(n)) return Number.isNaN(n) ? 'nan' : n < 0 ? '-inf' : 'inf'
  const p = Math.max(1, precision)
  const exponent = Number(n.toExponential(p - 1).split('e')[1])
  if (exponent < -4 || exponent >= p) return n.toExponential(p - 1).replace(/\.?0+e/, 'e').replace(/e([+-])(\d)$/, 'e$10$2')
  const fixed = n.toFixed(Math.max(0, p - 1 - exponent))
  return fixed.includes('.') ? fixed.replace(/\.?0+$/, '') : fixed
}
