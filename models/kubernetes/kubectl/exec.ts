/** `kubectl exec`: runs a program inside a container, if the control plane can reach its kubelet (rules K8S-EXEC-…). */
import { NEVER, type Process, SECOND, TIMED_OUT, type Us, within } from '../../../src/kernel/index.ts'
import { type Call, type Command, type CommandRegistry, failed, type Intent, type Look, type Output, recall, UnsupportedError } from '../../../src/operator/command.ts'
import type { ContainerHandle } from '../container.ts'
import type { Container } from '../handle.ts'
import type { Kubernetes } from '../kubernetes.ts'
import type { Pod } from '../pod.ts'
import type { Worker } from '../worker.ts'
import { CliError, type Context, notFound, type Verb } from './verb.ts'
import { resourceType } from './resources.ts'

interface Reached {
  readonly worker: Worker
  readonly handle: Container
  readonly call: Call
}

/** Time until the inner command's effect is judged: the way there, and its own latency. */
export function execLatencyUs(c: Context): Us {
  const own = Math.round(c.kube.drawUs('execSeconds', c.call.key, c.call.nth) * c.kube.apiFactor)
  const reached = tryReach(c)
  const inner = c.args.rest ?? []
  const name = inner[0] ?? ''
  if (reached !== undefined && 'handle' in reached) {
    const program = programs(c.kube, reached.handle).get(name)
    c.kube.execPrograms.set(name, program)
    return own + program.latencyUs(reached.call)
  }
  // A poll's latency must not hang on whether the container can be reached just now (see `Command.latencyUs`): polls left out are timed afterwards.
  const program = c.kube.execPrograms.get(name) ?? anywhere(c.kube, name)
  return program === undefined ? own : own + program.latencyUs({ stdin: '', key: c.call.key, nth: c.call.nth, argv: inner })
}

/** The program of that name in whichever container has it. */
function anywhere(kube: Kubernetes, name: string): Command | undefined {
  for (const pod of kube.pods$.list()) {
    const handle = pod.worker?.handle
    if (handle === undefined) continue
    const registry = programs(kube, handle)
    if (!registry.has(name)) continue
    const program = registry.get(name)
    kube.execPrograms.set(name, program)
    return program
  }
  return undefined
}

export const exec: Verb = {
  name: 'exec',
  summary: 'runs a program inside a container',
  flags: { container: 'text', stdin: 'optional', tty: 'optional', quiet: 'switch' },
  realFlags: ['container', 'filename', 'help', 'pod-running-timeout', 'quiet', 'stdin', 'tty'],

  check(args, kube) {
    if (args.problem !== undefined) return []
    const inner = args.rest ?? []
    if (inner.length === 0 || inner[0]?.includes('${')) return []
    return checkInside(kube, args.positional[0] ?? '', inner)
  },

  warnings(args, kube) {
    const inner = args.rest ?? []
    if (args.problem !== undefined || inner.length === 0 || inner[0]?.includes('${')) return []
    const handle = kube.pods$.list().find(pod => pod.worker?.handle !== undefined && programs(kube, pod.worker.handle as Container).has(inner[0] as string))?.worker?.handle
    return handle === undefined ? [] : programs(kube, handle as Container).check(inner).filter(found => found.severity === 'warning' && found.refused === true).map(found => found.message)
  },

  intent(args, kube) {
    const inner = args.rest ?? []
    return inner[0] === undefined ? undefined : intentInside(kube, args.positional[0] ?? '', inner)
  },

  look(c) {
    const reached = reach(c)
    if ('output' in reached) return reached
    takeInput(c)
    const inside = programs(c.kube, reached.handle).look(reached.call)
    return inside === undefined ? undefined : { output: wrap(inside.output), afterUs: inside.afterUs, stableUntilUs: inside.stableUntilUs }
  },

  *run(c) {
    const reached = reach(c)
    if ('output' in reached) return reached.output
    takeInput(c)
    return yield* runInside(c.kube, reached)
  },
}

/** With -i the caller's input is copied to the container as soon as that is reached, whether or not the program there reads it (rule K8S-EXEC-2). */
export function takeInput({ args, call }: Context): void {
  if (args.flags.has('stdin') && args.flags.get('stdin') !== 'false') void call.stdin
}

/** What a file in a pod's container holds. */
export function* copyFrom(c: Context, pod: string, path: string): Process<Output> {
  return yield* inPod(c, pod, ['cat', path])
}

/** Writes a file in a pod's container. */
export function* copyTo(c: Context, pod: string, path: string, text: string): Process<Output> {
  return yield* inPod(c, pod, ['sh', '-c', 'cat > "$0"', path], text)
}

function* inPod(c: Context, pod: string, inner: readonly string[], stdin?: string): Process<Output> {
  const flags = new Map([...c.args.flags, ...(stdin === undefined ? [] : [['stdin', 'true'] as const])])
  const call = stdin === undefined ? c.call : { argv: c.call.argv, key: c.call.key, nth: c.call.nth, stdin }
  const reached = reach({ ...c, call, args: { ...c.args, flags, positional: [pod], rest: inner } })
  if ('output' in reached) return reached.output
  const registry = programs(c.kube, reached.handle)
  if (!registry.has(inner[0] as string)) throw new UnsupportedError(`kubectl cp: the files of this container are not modelled`, [])
  const seen = registry.look(reached.call)
  return seen?.output ?? (yield* runInside(c.kube, reached))
}

/** Runs to the end of the inner command or of its container, whichever comes first. */
function* runInside(kube: Kubernetes, reached: Reached): Process<Output> {
  const command = programs(kube, reached.handle).get(reached.call.argv[0] ?? '')
  const task = kube.sim.spawn(command.run(reached.call))
  const withdraw: (() => void)[] = []
  let died = false
  const watch = () => {
    withdraw.push(
      kube.containerEnded.park(kube.sim, () => {
        if (!reached.handle.running) {
          died = true
          task.kill()
        } else watch()
      }),
    )
  }
  watch()
  try {
    const result = (yield task) as Output | undefined
    if (died || result === undefined) return failed('command terminated with exit code 137\n', 137)
    return wrap(result)
  } finally {
    for (const w of withdraw) w()
    if (task.state === 'running') task.kill()
  }
}

/** kubectl adds its own line about a failed command. */
function wrap(inner: Output): Output {
  return inner.code === 0 ? inner : { out: inner.out, err: `${inner.err}command terminated with exit code ${inner.code}\n`, code: inner.code }
}

/** What there is to run in a container, with what the scenario brings along. */
function programs(kube: Kubernetes, handle: Container): CommandRegistry {
  const registry = handle.imageUsed.program.programs(handle)
  return kube.overlays.length === 0 ? registry : registry.layOver(kube.overlays, true)
}

function tryReach(c: Context): Reached | Look | undefined {
  try {
    return reach(c)
  } catch (error) {
    if (error instanceof CliError) return undefined
    throw error
  }
}

/** The running container that the invocation means, or why it cannot be reached. @throws CliError */
function reach(c: Context): Reached | Look {
  const inner = c.args.rest
  if (inner === undefined || inner.length === 0) {
    if (c.args.positional.length > 1) throw new CliError('error: exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead')
    throw new CliError('error: you must specify at least one command for the container')
  }
  const pod = podOf(c, c.args.positional[0] ?? '')
  if (pod.node === undefined) throw new CliError(`Error from server (BadRequest): pod ${pod.name} does not have a host assigned`)
  if (pod.finished) throw new CliError(`error: cannot exec into a container in a completed pod; current phase is ${pod.phase}`)
  const wanted = c.args.flags.get('container')
  if (wanted !== undefined && !pod.spec.containers.some(k => k.name === wanted)) throw new CliError(`Error from server (BadRequest): container ${wanted} is not valid for pod ${pod.name}`)
  const { worker } = pod
  const node = worker?.node ?? c.kube.nodes.get(pod.node)
  if (node === undefined || !node.connected || !node.kubeletUp) {
    const text = `Error from server: error dialing backend: dial tcp ${node?.ip ?? '10.224.0.4'}:10250: connect: connection timed out\n`
    return { output: failed(text), afterUs: c.kube.options.connectTimeoutSeconds * SECOND, stableUntilUs: NEVER }
  }
  const handle = worker?.handle
  if (worker === undefined || handle === undefined || !handle.running) throw new CliError(`error: unable to upgrade connection: container not found ("${wanted ?? pod.main.name}")`)
  const changes = { argv: inner, user: handle.imageUsed.user, env: handle.env }
  // Without -i nothing of the caller's input reaches the container.
  const call = c.args.flags.has('stdin') && c.args.flags.get('stdin') !== 'false' ? recall(c.call, changes) : { stdin: '', key: c.call.key, nth: c.call.nth, ...changes }
  return { worker, handle, call }
}

/** `pod`, `pod/x`, or the first pod of `statefulset/x`, `deploy/x`. @throws CliError */
export function podOf(c: Context, word: string): Pod {
  const podType = resourceType('pods')
  if (podType === undefined) throw new Error('kubectl: no pods')
  const slash = word.indexOf('/')
  if (slash >= 0) {
    const t = resourceType(word.slice(0, slash))
    const name = word.slice(slash + 1)
    if (t !== undefined && t.kind !== 'Pod') {
      const pods = c.kube.pods$.ownedBy(t.kind, c.kube.key(name, c.namespace))
      const first = pods.find(p => p.ready) ?? pods[0]
      if (first === undefined) throw notFound(t, name)
      return first
    }
  }
  const name = word.slice(slash + 1)
  const pod = c.kube.pods$.get(c.kube.key(name, c.namespace))
  if (pod === undefined) throw notFound(podType, name)
  return pod
}

/** What an inner command is written to do, asked of the named pod's programs, or of those of whichever container has it; unknown where none has. */
function intentInside(kube: Kubernetes, word: string, inner: readonly string[]): Intent | undefined {
  const name = inner[0] as string
  const named = kube.pods$.get(word.slice(word.indexOf('/') + 1))
  for (const pod of named === undefined ? kube.pods$.list() : [named, ...kube.pods$.list()]) {
    const handle = pod.worker?.handle
    if (handle === undefined) continue
    const registry = programs(kube, handle)
    if (registry.has(name)) return registry.intent(inner)
  }
  return undefined
}

/** Checks an inner command against the named pod's container, or, if it is not known or not there yet, against every kind of container that runs. */
function checkInside(kube: Kubernetes, word: string, inner: readonly string[]): string[] {
  const named = kube.pods$.get(word.slice(word.indexOf('/') + 1))
  return checkInPods(kube, named?.worker?.handle !== undefined ? [named] : kube.pods$.list(), inner)
}

/** What is wrong with an inner command wherever it might run: nothing if one kind of container among the pods takes it. */
export function checkInPods(kube: Kubernetes, pods: readonly Pod[], inner: readonly string[]): string[] {
  const handles: ContainerHandle[] = []
  const seen = new Set<string>()
  for (const pod of pods) {
    const handle = pod.worker?.handle
    if (handle === undefined || seen.has(pod.image)) continue
    seen.add(pod.image)
    handles.push(handle)
  }
  let first: string[] = []
  for (const handle of handles) {
    const findings = programs(kube, handle as Container).check(inner)
    const errors = findings.filter(f => f.severity === 'error').map(f => f.message)
    if (errors.length === 0) return []
    if (first.length === 0) first = errors
  }
  return first
}

/** Waits until `condition` gives something, looking again at every change of the cluster; undefined when `us` ran out first. */
export function* until<T>(kube: Kubernetes, us: Us, condition: () => T | undefined): Process<T | undefined> {
  const deadline = kube.sim.now + us
  for (;;) {
    const found = condition()
    if (found !== undefined) return found
    const left = deadline - kube.sim.now
    if (left <= 0) return undefined
    const woken = yield within(kube.changed, left)
    if (woken === TIMED_OUT) return condition()
  }
}
