import { qualified } from './resources.ts'
import { CliError, joined, targets, unknownTypes, type Verb } from './verb.ts'
import { editable, store } from './write.ts'

export const scale: Verb = {
  name: 'scale',
  summary: 'sets the number of replicas',
  flags: { replicas: 'int', 'current-replicas': 'int', selector: 'text', timeout: 'duration' },

  check(args, kube) {
    const out = unknownTypes(args, kube)
    if (!args.flags.has('replicas')) out.push('kubectl scale: required flag(s) "replicas" not set')
    return out
  },

  *run(c) {
    const text = c.args.flags.get('replicas')
    if (text === undefined || !/^\d+$/.test(text)) throw new CliError('error: The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0')
    const { found, missing } = targets(c)
    const errors: CliError[] = [...missing]
    const lines: string[] = []
    for (const f of found) {
      if (f.type.kind !== 'StatefulSet' && f.type.kind !== 'Deployment') throw new CliError(`error: no kind "Scale" is registered for ${f.type.plural}`)
      const object = editable(c.kube, f)
      const spec = object.spec ?? {}
      const expected = c.args.flags.get('current-replicas')
      if (expected !== undefined && Number(expected) !== (spec.replicas ?? 1)) {
        errors.push(new CliError(`error: Expected replicas to be ${expected}, was ${spec.replicas ?? 1}`))
        continue
      }
      store(c.kube, f, { ...object, spec: { ...object.spec, replicas: Number(text) } })
      lines.push(`${qualified(f.type, f.name)} scaled`)
    }
    return joined(lines, errors)
  },
}
