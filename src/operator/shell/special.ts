import type { Shell } from './shell.ts'

/** The value of a parameter that the shell keeps itself; undefined if it is none of them. */
export function specialParameter(shell: Shell, name: string): string | undefined {
  if (name.length <= 2 && name >= '0' && name <= '99' && /^\d+$/.test(name)) return name === '0' ? shell.name0 : shell.positional[Number(name) - 1]
  switch (name) {
    case '?': return String(looked(shell))
    case '#': return String(shell.positional.length)
    case '$': return String(shell.programPid)
    case '!': return shell.lastJob === '' ? undefined : shell.lastJob
    case '-': return `${shell.options.errexit ? 'e' : ''}h${shell.options.nounset ? 'u' : ''}${shell.options.xtrace ? 'x' : ''}B`
    case '@': case '*': return shell.positional.length === 0 ? undefined : shell.positional.join(name === '*' ? shell.ifs.slice(0, 1) : ' ')
    case 'BASH_COMMAND': return shell.command
    case 'LINENO': return String(shell.line)
    case 'RANDOM': return String(shell.session.nextRandom())
    case 'SECONDS': return String(Math.floor((shell.session.host.sim.now + shell.session.debtUs - shell.session.startUs) / 1_000_000))
    case 'EPOCHSECONDS': return String(Math.floor(shell.session.nowSeconds))
    case 'EPOCHREALTIME': return shell.session.nowSeconds.toFixed(6)
    case 'BASHPID': return String(shell.pid)
    case 'PPID': return String(shell.session.mainPid - 1)
    case 'UID': case 'EUID': return shell.session.host.user === 'root' ? '0' : '1000'
    case 'PWD': return shell.cwd
    case 'BASH_SUBSHELL': return String(shell.depth - 1)
    default: {
      const list = specialArray(shell, name)
      return list?.[0]
    }
  }
}

/** Somebody looks at the last status. */
function looked(shell: Shell): number {
  shell.session.statusRead = true
  return shell.status
}

/** The elements of an array that the shell keeps itself. */
export function specialArray(shell: Shell, name: string): readonly string[] | undefined {
  switch (name) {
    case 'PIPESTATUS':
      shell.session.statusRead = true
      return shell.pipestatus.map(String)
    case 'FUNCNAME': return shell.calls.length === 0 ? [] : [...shell.calls.map(c => c.name).reverse(), 'main']
    case 'BASH_LINENO': return [...shell.calls.map(c => String(c.line)).reverse(), '0']
    case 'BASH_SOURCE': return [...shell.calls.map(() => shell.name0), shell.name0]
    case 'BASH_VERSINFO': return ['5', '2', '15', '1', 'release', 'x86_64-pc-linux-gnu']
    default: return undefined
  }
}
