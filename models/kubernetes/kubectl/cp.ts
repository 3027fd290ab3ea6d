import { type Output, UnsupportedError } from '../../../src/operator/command.ts'
import { copyFrom, copyTo } from './exec.ts'
import { CliError, type Context, type Verb } from './verb.ts'

interface Side {
  readonly pod: string | undefined
  readonly path: string
}

/** `pod:path`, `namespace/pod:path`, or a path of the workstation. */
function side(c: Context, word: string): Side & { readonly namespace: string } {
  const colon = word.indexOf(':')
  if (colon < 0) return { pod: undefined, path: word, namespace: c.namespace }
  const [namespace, pod] = word.slice(0, colon).includes('/') ? (word.slice(0, colon).split('/') as [string, string]) : [c.namespace, word.slice(0, colon)]
  return { pod, path: word.slice(colon + 1), namespace }
}

/** One file between a container and the workstation. The real one runs `tar` in the container. */
export const cp: Verb = {
  name: 'cp',
  summary: 'copies a file out of a container, or into it',
  flags: { container: 'text' },
  check(args) {
    if (args.positional.length !== 2) return ['kubectl cp: SOURCE and DESTINATION, one of them POD:PATH']
    if (!args.positional.some(word => word.includes(':') || word.includes('${'))) return ['kubectl cp: one of SOURCE and DESTINATION must be POD:PATH']
    return []
  },
  *run(c) {
    const [from, to] = c.args.positional.map(word => side(c, word))
    if (from === undefined || to === undefined) throw new CliError('error: source and destination are required')
    if (from.pod !== undefined && to.pod !== undefined) throw new CliError('error: one of src or dest must be a local file specification')
    const { disk } = c.call
    if (disk === undefined) throw new UnsupportedError('kubectl cp: a step has no files', ['a shell script'])
    if (from.pod !== undefined) {
      const got: Output = yield* copyFrom({ ...c, namespace: from.namespace }, from.pod, from.path)
      if (got.code !== 0) return { out: '', err: `tar: ${from.path.replace(/^\//, '')}: Cannot stat: No such file or directory\ntar: Exiting with failure status due to previous errors\ncommand terminated with exit code 2\n`, code: 1 }
      const problem = disk.write(to.path, got.out)
      return problem === undefined ? { out: '', err: '', code: 0 } : { out: '', err: `error: open ${to.path}: ${problem.toLowerCase()}\n`, code: 1 }
    }
    const text = disk.read(from.path)
    if (text === undefined) throw new CliError(`error: ${from.path} doesn't exist in local filesystem`)
    return yield* copyTo({ ...c, namespace: to.namespace }, to.pod ?? '', to.path, text)
  },
}
