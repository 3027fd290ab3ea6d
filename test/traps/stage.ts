/** What the trap tests stand on: one PostgreSQL cluster driven by hand, and built-in scenarios with something changed (`../variant.ts`). */
import { PostgresCluster, postgresOptions } from '../../models/postgres/index.ts'
import type { ReplicatedLog } from '../../src/cluster/log/index.ts'
import type { Client, Session, SessionState } from '../../src/engine.ts'
import { SECOND, Simulation, type Us } from '../../src/kernel/index.ts'
import type { Output } from '../../src/operator/command.ts'

export { type Change, command, gate, play, variant, verdict, why } from '../variant.ts'

/** Splits a command line as a shell does: blanks, single and double quotes. */
function words(line: string): string[] {
  const found: string[] = []
  for (const match of line.matchAll(/(?:'([^']*)'|"((?:[^"\\]|\\.)*)"|[^\s'"])+/g)) {
    found.push(match[0].replaceAll(/'([^']*)'|"((?:[^"\\]|\\.)*)"/g, (_all, single: string | undefined, double: string | undefined) => single ?? (double ?? '').replaceAll(/\\(["\\$`])/g, '$1')))
  }
  return found
}

/** One client connection and what became of it. */
export class Visitor implements Client {
  readonly place = 'application'
  readonly log: ReplicatedLog
  session: Session | undefined
  state: string
  error = ''

  constructor(
    readonly id: string,
    stage: Stage,
    entrance: string,
  ) {
    this.log = stage.cluster.logs[0] as ReplicatedLog
    const knock = stage.cluster.entrances[entrance]?.connect(this, 1)
    this.state = knock?.is ?? 'no entrance'
    if (knock?.is === 'refused') this.error = knock.error
    if (knock?.is === 'open') {
      this.session = knock.session
      this.sessionChanged(knock.session.state)
    }
  }

  get backend(): string | undefined {
    return this.session?.backend
  }

  sessionChanged(state: SessionState): void {
    this.state = state.is
    this.error = 'error' in state ? state.error : ''
  }
}

export interface Started {
  readonly done: boolean
  readonly output: Output | undefined
}

export class Stage {
  readonly sim: Simulation
  readonly cluster: PostgresCluster
  private visitors = 0

  constructor(options: Readonly<Record<string, unknown>> = {}, seed = '1') {
    this.sim = new Simulation({ seed, record: true })
    this.cluster = new PostgresCluster(this.sim, postgresOptions.parse({ databaseMB: 500, ...options }))
    this.cluster.settle()
  }

  /** Types a command and does not wait for it. */
  start(line: string): Started {
    const task = this.sim.spawn(this.cluster.commands.run({ argv: words(line), stdin: '', key: `test/${line}`, nth: this.sim.now, user: 'me' }))
    return {
      get done() {
        return task.state !== 'running'
      },
      get output() {
        return task.result
      },
    }
  }

  /** Types a command and waits for its end, at most `limit` seconds (code −1: it still runs). */
  run(line: string, limit = 4 * 3600): Output & { readonly seconds: number } {
    const since = this.sim.now
    const started = this.start(line)
    this.until(() => started.done, limit, 0.02)
    return { ...(started.output ?? { out: '', err: '(still running)', code: -1 }), seconds: (this.sim.now - since) / SECOND }
  }

  wait(seconds: number): void {
    this.sim.run(this.sim.now + Math.round(seconds * SECOND))
  }

  /** Until something is so, looked at every `step` seconds; false when it never was. */
  until(so: () => boolean, limit = 3600, step = 0.5): boolean {
    const stop: Us = this.sim.now + limit * SECOND
    while (!so()) {
      if (this.sim.now >= stop) return false
      this.wait(step)
    }
    return true
  }

  /** What a query prints on a pod's own server. */
  sql(pod: string, statement: string): string {
    const { out, err, code } = this.run(`kubectl exec ${pod} -- psql -U postgres -Atc "${statement}"`)
    return code === 0 ? out.trim() : err.split('\n')[0]?.trim() ?? ''
  }

  /** A new client connection through the Service (or another way in). */
  visitor(entrance = 'service'): Visitor {
    this.visitors += 1
    return new Visitor(`visitor-${this.visitors}`, this, entrance)
  }

  /** Pods behind a Service. */
  endpoints(service = 'postgres-primary'): string[] {
    return this.cluster.kubernetes.endpoints(service).map(pod => pod.name)
  }

  get leaders(): string[] {
    return [...this.cluster.truth.couldAcknowledge()].sort()
  }

  ready(pod: string): boolean {
    return this.cluster.kubernetes.pod(pod)?.ready === true
  }

  /** A fault that strikes now; call what it returns to end it. */
  strike(kind: Parameters<PostgresCluster['strike']>[0]['kind'], target: string, seconds: number, magnitude = 0): () => void {
    const strike = this.cluster.strike({ kind, target, durationUs: seconds * SECOND, magnitude, nth: 0 })
    if (!strike.struck) throw new Error(`${kind} found nothing at ${target}`)
    return () => strike.end()
  }

  /** Log that somebody writes on a primary, in megabytes. */
  write(pod: string, megabytes: number): void {
    this.cluster.world.serverOf(pod)?.copy.append(megabytes * 1_000_000)
  }

  traced(text: string | RegExp): boolean {
    return (this.sim.records ?? []).some(record => (typeof text === 'string' ? record.detail.includes(text) : text.test(record.detail)))
  }
}

/** The document's fourth pod, promoted while nobody has stopped the old primary, and the Service moved to it. */
export function halfTurned(options: Readonly<Record<string, unknown>> = {}, seed = '1'): Stage {
  const stage = new Stage({ serviceSelects: 'pod-name', ...options }, seed)
  stage.run('kubectl scale statefulset postgres-cluster --replicas=4')
  if (!stage.until(() => stage.ready('postgres-cluster-3'))) throw new Error('postgres-cluster-3 never became Ready')
  stage.wait(2)
  stage.run('kubectl exec postgres-cluster-3 -- pg_ctl promote -D /var/lib/postgresql/data')
  stage.run(`kubectl patch service postgres-primary --patch '{"spec":{"selector":{"statefulset.kubernetes.io/pod-name":"postgres-cluster-3"}}}'`)
  stage.wait(3)
  return stage
}
