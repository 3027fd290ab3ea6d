import { NEVER, type Process, type Us } from '../../../src/kernel/index.ts'
import type { Output } from '../../../src/operator/command.ts'
import type { Kubernetes } from '../kubernetes.ts'
import { until } from './exec.ts'
import { checkFiles, filesOf, manifests, typeOfObject } from './manifests.ts'
import { type Found, find, resourceName } from './resources.ts'
import { durationOf } from './values.ts'
import { CliError, type Context, joined, resourceLabel, targets, unknownTypes, type Verb } from './verb.ts'

export const deleteVerb: Verb = {
  name: 'delete',
  summary: 'deletes objects and, by default, waits until they are gone',
  flags: { wait: 'optional', now: 'optional', force: 'optional', 'grace-period': 'int', 'ignore-not-found': 'optional', timeout: 'duration', selector: 'text', all: 'optional', output: 'text', cascade: 'text', filename: 'text' },

  check(args, kube) {
    if (args.flags.has('filename')) return checkFiles(args)
    if (args.positional.length === 1 && !/\/|\$\{/.test(args.positional[0] as string) && !args.flags.has('selector') && !args.flags.has('all')) return ['kubectl delete: resource(s) were provided, but no name was specified']
    return unknownTypes(args, kube)
  },

  files: filesOf,

  *run(c): Process<Output> {
    const { args, kube } = c
    const { found, missing } = args.flags.has('filename') ? inFiles(c) : targets(c)
    const force = args.flags.has('force') && args.flags.get('force') !== 'false'
    const grace = graceOf(c, force)
    const lines: string[] = []
    const errors: (CliError | string)[] = args.flags.has('ignore-not-found') ? [] : [...missing]
    if (found.length === 0 && missing.length === 0) return { out: 'No resources found\n', err: '', code: 0, idle: true }
    const gone = found.map(f => start(kube, f, grace, args.flags.get('cascade') === 'orphan'))
    for (const f of found) lines.push(`${f.type.singular}${f.type.group === '' ? '' : `.${f.type.group}`} "${f.name}" ${force ? 'force deleted' : 'deleted'}`)
    if (!force && args.flags.get('wait') !== 'false') {
      const deadline = kube.sim.now + timeoutUs(c)
      for (let i = 0; i < found.length; i++) {
        const done = yield* until(kube, deadline - kube.sim.now, () => ((gone[i] as () => boolean)() ? true : undefined))
        if (done === undefined) errors.push(`error: timed out waiting for the condition on ${resourceLabel(found[i] as Found)}`)
      }
    }
    const result = joined(lines, errors)
    return force ? { ...result, err: `Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. The resource may continue to run on the cluster indefinitely.\n${result.err}` } : result
  },
}

/** The objects that files name. */
function inFiles(c: Context): ReturnType<typeof targets> {
  const found: Found[] = []
  const missing: CliError[] = []
  for (const manifest of manifests(c)) {
    const { object, file } = manifest
    const t = typeOfObject(c, manifest)
    const there = find(c.kube, t, object.metadata.name, object.metadata.namespace ?? c.namespace)
    if (there === undefined) missing.push(new CliError(`Error from server (NotFound): error when deleting "${file}": ${resourceName(t)} "${object.metadata.name}" not found`))
    else found.push(there)
  }
  return { found, missing }
}

/** Seconds of grace that the invocation asks for; undefined leaves it to the pod. */
function graceOf(c: Context, force: boolean): number | undefined {
  const asked = c.args.flags.get('grace-period')
  if (c.args.flags.has('now')) return 1
  if (asked === undefined) return force ? 0 : undefined
  const grace = Number(asked)
  if (force && grace > 0) throw new CliError('error: --force and --grace-period greater than 0 cannot be specified together')
  if (grace < 0) return undefined
  // Without --force, kubectl never deletes at once: it asks for one second and waits.
  return grace === 0 && !force ? 1 : grace
}

function timeoutUs(c: Context): Us {
  const text = c.args.flags.get('timeout')
  return durationOf(text, 0) || NEVER
}

/** Deletes an object; gives the question whether it (that very object) is gone. */
function start(kube: Kubernetes, f: Found, grace: number | undefined, orphan: boolean): () => boolean {
  switch (f.type.kind) {
    case 'Pod': {
      const pod = kube.pods$.get(f.key)
      if (pod === undefined) return () => true
      kube.pods$.delete(pod, grace)
      return () => pod.removed
    }
    case 'Node': {
      const node = kube.nodes.get(f.name)
      if (node !== undefined) kube.nodes$.delete(node)
      return () => true
    }
    case 'PersistentVolumeClaim': {
      const entry = kube.store.entry('PersistentVolumeClaim', f.key)
      kube.claims.delete(f.key)
      return () => kube.store.entry('PersistentVolumeClaim', f.key) !== entry
    }
    default:
      kube.deleteStored(f.type.kind, f.key, orphan)
      return () => true
  }
}
