import { absolute } from '../../files.ts'
import type { Utility } from '../../utilities.ts'
import { type Output, UnsupportedError, failed, inputs } from '../options.ts'
import { parseAwk } from './parse.ts'
import { Awk } from './run.ts'
import { AwkError, type Program } from './syntax.ts'

const programs = new Map<string, Program>()

/** A program parsed, once for each text. */
function programOf(source: string): Program {
  let known = programs.get(source)
  if (known === undefined) {
    known = parseAwk(source)
    if (programs.size > 500) programs.clear()
    programs.set(source, known)
  }
  return known
}

const awk = (name: string): Utility => ({
  name,
  run(call): Output {
    const assignments: string[] = []
    let separator: string | undefined
    let source: string | undefined
    let i = 1
    for (; i < call.argv.length; i++) {
      const arg = call.argv[i] as string
      if (arg === '--') {
        i += 1
        break
      }
      if (!arg.startsWith('-') || arg === '-') break
      const value = (): string => (arg.length > 2 ? arg.slice(2) : (call.argv[++i] ?? ''))
      if (arg.startsWith('-F')) separator = value()
      else if (arg.startsWith('-v')) assignments.push(value())
      else if (arg.startsWith('-f')) source = (source ?? '') + (call.read(value()) ?? '')
      else throw new UnsupportedError(`\`${name} ${arg}\``, ['-F SEPARATOR', '-v NAME=VALUE', '-f FILE'])
    }
    source ??= call.argv[i++]
    if (source === undefined) return failed(`usage: ${name} [-F fs][-v var=value][prog | -f progfile][file ...]\n`, 2)
    const { session } = call.shell
    try {
      const machine = new Awk(programOf(source), {
        nowSeconds: call.nowSeconds,
        random: () => session.nextRandom() / 32_768,
        write: (path, text, append) => {
          const { files } = session.host
          const full = absolute(path, call.shell.cwd)
          return append ? files.write(full, (files.read(full) ?? '') + text) : files.write(full, text)
        },
      })
      if (separator !== undefined) machine.set('FS', separator === 't' ? '\t' : separator)
      for (const assignment of assignments) machine.set(assignment.slice(0, assignment.indexOf('=')), assignment.slice(assignment.indexOf('=') + 1))
      machine.setArray('ENVIRON', Object.entries(call.shell.vars.environment()))
      const files = call.argv.slice(i)
      let err = ''
      machine.run(() => {
        const read = inputs(call, files)
        err = read.err.replace(/^\w+: (.*): No such file or directory$/gm, `${name}: cannot open "$1" (No such file or directory)`)
        return read.texts
      })
      return { out: machine.out, err: err + machine.err, code: err === '' ? machine.code : 2 }
    } catch (error) {
      if (error instanceof AwkError) return failed(`${name}: ${error.message}\n`, 2)
      throw error
    }
  },
})

export const AWK: readonly Utility[] = [awk('awk'), awk('gawk'), awk('mawk')]
