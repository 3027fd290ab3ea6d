/** What an operator's workstation has for the programs: `kubectl argo rollouts`, and kubectl's way with Rollouts otherwise. */
import { NEVER, parseDurationUs, type Process, SECOND, TIMED_OUT, within } from '../../src/kernel/index.ts'
import { type Call, type Command, failed, type Finding, type Intent, type Look, ok, type Output, type Overlay } from '../../src/operator/command.ts'
import { copy, type PodTemplate } from '../kubernetes/objects.ts'
import type { Kubernetes } from '../kubernetes/index.ts'
import { KIND, type Rollouts } from './rollout.ts'
import type { World } from './world.ts'

const ACTIONS = ['status', 'promote', 'abort', 'set']

/** `kubectl`, with the Argo Rollouts plugin; all else goes to the platform's. */
export class KubectlWithRollouts implements Command {
  readonly name = 'kubectl'

  constructor(
    private readonly inner: Command,
    private readonly world: World,
    private readonly rollouts: Rollouts,
  ) {}

  get summary(): string {
    return this.inner.summary
  }

  check(argv: readonly string[]): readonly Finding[] {
    if (pausesRollout(argv)) return []
    if (argv[1] !== 'argo') return this.inner.check(argv)
    const { action, problem } = read(argv)
    if (argv[2] !== 'rollouts' || !ACTIONS.includes(action ?? '')) return [{ severity: 'error', message: `kubectl argo: there are ${ACTIONS.map(each => `rollouts ${each}`).join(', ')}` }]
    return problem === undefined ? [] : [{ severity: 'error', message: problem }]
  }

  latencyUs(call: Call): number {
    return this.inner.latencyUs(own(call.argv) ? { ...call, argv: ['kubectl', 'get', 'pods'] } : call)
  }

  look(call: Call): Look | undefined {
    if (!own(call.argv)) return this.inner.look(call)
    if (!this.kubernetes.apiUp) return still(failed('Unable to connect to the server: dial tcp: i/o timeout\n'))
    if (pausesRollout(call.argv)) return still(failed(`error: rollouts.argoproj.io "${nameOf(call.argv)}" pausing is not supported\n`))
    return undefined
  }

  readsInput(argv: readonly string[]): boolean {
    return !own(argv) && this.inner.readsInput?.(argv) !== false
  }

  streams(argv: readonly string[]): boolean {
    return !own(argv) && this.inner.streams?.(argv) === true
  }

  intent(argv: readonly string[]): Intent | undefined {
    return own(argv) ? (read(argv).action === 'status' ? 'waits' : 'acts') : this.inner.intent?.(argv)
  }

  acts(call: Call): boolean {
    return own(call.argv) ? false : (this.inner.acts?.(call) ?? false)
  }

  run(call: Call): Process<Output> {
    return own(call.argv) ? this.argo(call.argv) : this.inner.run(call)
  }

  layOver(programs: readonly Overlay[]): void {
    this.inner.layOver?.(programs)
  }

  private get kubernetes(): Kubernetes {
    return this.world.kubernetes
  }

  private *argo(argv: readonly string[]): Process<Output> {
    const { action, name, flags, rest } = read(argv)
    const key = name ?? ''
    const progress = this.rollouts.progress(key)
    if (progress === undefined) return failed(`Error: rollouts.argoproj.io "${key}" not found\n`)
    switch (action) {
      case 'promote':
        this.rollouts.promote(key, flags.has('--full'))
        return ok(`rollout '${key}' ${flags.has('--full') ? 'fully promoted' : 'promoted'}\n`)
      case 'abort':
        this.rollouts.abort(key)
        return ok(`rollout '${key}' aborted\n`)
      case 'set':
        return this.setImage(key, rest.at(-1) ?? '')
      default:
        return yield* this.status(key, flags.get('--timeout'), flags.has('--watch') && flags.get('--watch') === 'false')
    }
  }

  private setImage(key: string, pair: string): Output {
    const entry = this.kubernetes.store.entry(KIND, key)
    if (entry === undefined) return failed(`Error: rollouts.argoproj.io "${key}" not found\n`)
    const image = pair.slice(pair.indexOf('=') + 1)
    const object = copy(entry.object)
    for (const container of (object.spec as unknown as { readonly template: PodTemplate }).template.spec.containers) container.image = image
    this.kubernetes.create(object)
    return ok(`rollout "${key}" image updated\n`)
  }

  /** Follows it until it is healthy, or says at once that it is degraded. */
  private *status(key: string, timeout: string | undefined, once: boolean): Process<Output> {
    const limitUs = timeout === undefined ? NEVER : (parseDurationUs(timeout) ?? NEVER)
    const deadlineUs = this.world.sim.now + limitUs
    for (;;) {
      const progress = this.rollouts.progress(key)
      if (progress === undefined) return failed(`Error: rollouts.argoproj.io "${key}" not found\n`)
      if (progress.aborted) return { out: `Degraded - ${degraded(progress.message)}\n`, err: `Error: The rollout is in a degraded state with message: ${degraded(progress.message)}\n`, code: 1 }
      if (progress.stable === progress.update && this.whole(key)) return ok('Healthy\n')
      const state = progress.pausedUntilUs === undefined ? 'Progressing - more replicas need to be updated\n' : `Paused - ${progress.message === '' ? 'CanaryPauseStep' : progress.message}\n`
      if (once) return ok(state)
      const woken = yield within(this.kubernetes.changed, deadlineUs === NEVER ? NEVER : Math.max(0, deadlineUs - this.world.sim.now))
      if (woken === TIMED_OUT) return { out: state, err: 'Error: Rollout status watch exceeded timeout\n', code: 1 }
    }
  }

  private whole(key: string): boolean {
    const pods = this.kubernetes.pods$.ownedBy(KIND, key).filter(pod => !pod.finished)
    const replicas = (this.kubernetes.store.get(KIND, key)?.spec?.replicas as number | undefined) ?? 1
    return pods.length === replicas && pods.every(pod => pod.ready && !pod.terminating)
  }
}

/** Why it was aborted, as the plugin has it. */
function degraded(message: string): string {
  return message.startsWith('RolloutAborted: ') ? message : 'RolloutAborted: Rollout aborted update'
}

function own(argv: readonly string[]): boolean {
  return argv[1] === 'argo' || pausesRollout(argv)
}

/** Argo's Rollouts are no Deployments: kubectl itself does not pause them (facts BG-F25). */
function pausesRollout(argv: readonly string[]): boolean {
  return argv[1] === 'rollout' && (argv[2] === 'pause' || argv[2] === 'resume') && /^rollouts?(?:\.argoproj\.io)?(?:\/|$)/.test(argv[3] ?? '')
}

function nameOf(argv: readonly string[]): string {
  const word = argv[3] ?? ''
  return word.includes('/') ? word.slice(word.indexOf('/') + 1) : (argv[4] ?? '')
}

interface Words {
  readonly action: string | undefined
  readonly name: string | undefined
  readonly flags: ReadonlyMap<string, string>
  readonly rest: readonly string[]
  readonly problem?: string
}

/** `kubectl argo rollouts ACTION [image] NAME [C=IMAGE] [--flag[=value]| --timeout VALUE]`. */
function read(argv: readonly string[]): Words {
  const flags = new Map<string, string>()
  const words: string[] = []
  const given = argv.slice(3)
  for (let i = 0; i < given.length; i++) {
    const word = given[i] as string
    if (!word.startsWith('--')) words.push(word)
    else if (word.includes('=')) flags.set(word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1))
    else if (word === '--timeout') flags.set(word, given[++i] ?? '')
    else flags.set(word, 'true')
  }
  const [action, ...rest] = words
  const unknown = [...flags.keys()].find(flag => !['--full', '--timeout', '--watch'].includes(flag))
  const name = action === 'set' ? rest[1] : rest[0]
  const problem = unknown !== undefined ? `kubectl argo rollouts ${action ?? ''}: ${unknown} is not modelled` : action === 'set' && (rest[0] !== 'image' || rest.length !== 3) ? 'kubectl argo rollouts set image NAME CONTAINER=IMAGE' : name === undefined ? `kubectl argo rollouts ${action ?? ''}: which rollout?` : undefined
  return { action, name, flags, rest, ...(problem === undefined ? {} : { problem }) }
}

function still(output: Output): Look {
  return { output, afterUs: 0, stableUntilUs: NEVER }
}

/** The go-feature-flag command line: it evaluates and lints, and sets nothing (facts BG-F26; rule APP-FLAG-4). */
export const gofeatureflag: Command = {
  name: 'gofeatureflag',
  summary: 'evaluates and lints flag files; it cannot set a flag',
  check: argv => (['evaluate', 'lint', 'set'].includes(argv[1] ?? '') ? [] : [{ severity: 'error', message: 'gofeatureflag: set, evaluate and lint are known here' }]),
  latencyUs: () => SECOND / 10,
  look: call => still(failed(`Error: unknown command "${call.argv[1] ?? ''}" for "go-feature-flag"\nRun 'go-feature-flag --help' for usage.\n`)),
  *run() {
    return ok()
  },
}
