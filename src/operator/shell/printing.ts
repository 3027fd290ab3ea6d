import type { Builtin } from './machine.ts'
import { format } from './printf.ts'
import { brokenPipe } from './program.ts'
import type { Shell } from './shell.ts'

/** Prints; the status is 0 unless nobody reads. */
export const say = (shell: Shell, name: string, text: string): number => (shell.fds.out.write(text) ? 0 : name === 'echo' ? brokenPipe(shell, name) : 1)

export const echo: Builtin = (shell, argv) => {
  let i = 1
  let newline = true
  let escapes = false
  for (; i < argv.length && /^-[neE]+$/.test(argv[i] as string); i++) {
    for (const c of (argv[i] as string).slice(1)) {
      if (c === 'n') newline = false
      else escapes = c === 'e'
    }
  }
  let text = argv.slice(i).join(' ')
  if (escapes) {
    const stop = /(?:^|[^\\])(?:\\\\)*\\c/.exec(text)
    if (stop !== null) {
      text = text.slice(0, stop.index + stop[0].length - 2)
      newline = false
    }
    text = echoEscapes(text)
  }
  return say(shell, 'echo', newline ? `${text}\n` : text)
}

const ESCAPES: Readonly<Record<string, string>> = { a: '\x07', b: '\b', e: '\x1b', E: '\x1b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v', '\\': '\\' }

function echoEscapes(text: string): string {
  return text.replace(/\\(?:0([0-7]{0,3})|x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{1,4})|U([0-9a-fA-F]{1,8})|([abeEfnrtv\\]))/g, (_all, octal: string | undefined, hex: string | undefined, u: string | undefined, U: string | undefined, c: string | undefined) => {
    if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal || '0', 8))
    if (c !== undefined) return ESCAPES[c] as string
    return String.fromCodePoint(Number.parseInt((hex ?? u ?? U) as string, 16))
  })
}

export const printf: Builtin = (shell, argv) => {
  let args = argv.slice(1)
  let into: string | undefined
  if (args[0] === '-v') {
    into = args[1] as string
    args = args.slice(2)
  }
  if (args[0] === '--') args = args.slice(1)
  if (args[0] === undefined) {
    shell.fds.err.write(`${shell.name0}: line ${shell.line}: printf: usage: printf [-v var] format [arguments]\n`)
    return 2
  }
  const result = format(args[0], args.slice(1), shell.session.nowSeconds, message => shell.complain(`printf: ${message}`))
  if (into !== undefined) {
    const element = /^(\w+)\[(.+)\]$/s.exec(into)
    shell.set(element?.[1] ?? into, result.text, element === null ? undefined : shell.key(element[1] as string, element[2] as string))
  } else if (!shell.fds.out.write(result.text)) return brokenPipe(shell, 'printf')
  return result.status
}
