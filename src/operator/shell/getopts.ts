import type { Builtin } from './machine.ts'
import type { Shell } from './shell.ts'

/** `getopts OPTIONS NAME [ARGUMENT…]` */
export const getopts: Builtin = (shell, argv) => {
  const spec = argv[1] ?? ''
  const name = argv[2] ?? 'opt'
  const args = argv.length > 3 ? argv.slice(3) : shell.positional
  const quiet = spec.startsWith(':')
  const end = (): number => {
    shell.set(name, '?')
    shell.set('OPTIND', String(shell.optind))
    return 1
  }
  let arg = args[shell.optind - 1]
  if (shell.optchar === 0) {
    if (arg === undefined || !arg.startsWith('-') || arg === '-') return end()
    if (arg === '--') {
      shell.optind += 1
      return end()
    }
    shell.optchar = 1
  }
  arg ??= ''
  const letter = arg[shell.optchar] as string
  shell.optchar += 1
  const at = letter === ':' ? -1 : spec.indexOf(letter, quiet ? 1 : 0)
  const over = shell.optchar >= arg.length
  let { optind } = shell
  let { optchar } = shell
  const close = (): void => {
    optind += 1
    optchar = 0
  }
  if (at < 0) {
    if (over) close()
    if (quiet) shell.set('OPTARG', letter)
    else {
      shell.fds.err.write(`${shell.name0}: illegal option -- ${letter}\n`)
      shell.unset('OPTARG')
    }
    shell.set(name, '?')
  } else if (spec[at + 1] === ':') {
    const value = over ? args[optind] : arg.slice(optchar)
    close()
    if (over) optind += 1
    if (value === undefined) {
      optind -= 1
      if (quiet) {
        shell.set(name, ':')
        shell.set('OPTARG', letter)
      } else {
        shell.fds.err.write(`${shell.name0}: option requires an argument -- ${letter}\n`)
        shell.set(name, '?')
        shell.unset('OPTARG')
      }
    } else {
      shell.set(name, letter)
      shell.set('OPTARG', value)
    }
  } else {
    if (over) close()
    shell.set(name, letter)
    shell.unset('OPTARG')
  }
  shell.set('OPTIND', String(optind))
  shell.optchar = optchar
  return 0
}

/** `local OPTIND`: this function reads its own options, from the first one on. */
export function hideOptions(shell: Shell): void {
  shell.session.hiddenOptions.push({ shell, depth: shell.calls.length, optind: shell.optind, optchar: shell.optchar })
  shell.optind = 1
  shell.optchar = 0
}

/** The function is over: whoever called it goes on where it was. */
export function showOptions(shell: Shell): void {
  const hidden = shell.session.hiddenOptions
  const last = hidden[hidden.length - 1]
  if (last?.shell !== shell || last.depth !== shell.calls.length) return
  hidden.pop()
  shell.optind = last.optind
  shell.optchar = last.optchar
}
