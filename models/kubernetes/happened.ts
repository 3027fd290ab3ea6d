/** The cluster's Events (rule K8S-EVENT-1): what controllers, scheduler and kubelets tell of objects, for an hour. Made of the notes in the trace, when somebody asks. */
import type { EventKind, Us } from '../../src/kernel/index.ts'
import { EVENT } from './events.ts'
import { type KubeObject, timestamp } from './objects.ts'

/** --event-ttl of the API server. */
const KEPT_US = 3_600_000_000
/** No more notes than this are kept. */
const MOST = 2_000

interface Note {
  readonly atUs: Us
  readonly kind: EventKind
  readonly name: string
  readonly payload: number
  readonly detail: string | (() => string)
}

interface Told {
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  readonly object: 'Pod' | 'Node'
  readonly message: (note: Note) => string
}

const TOLD = new Map<EventKind, Told>([
  [EVENT.podScheduled, { type: 'Normal', reason: 'Scheduled', object: 'Pod', message: n => `Successfully assigned ${words(n).replace(' is scheduled on ', ' to ')}` }],
  [EVENT.podUnschedulable, { type: 'Warning', reason: 'FailedScheduling', object: 'Pod', message: n => words(n).replace(/^.* is Pending: /, '') }],
  [EVENT.podStarted, { type: 'Normal', reason: 'Started', object: 'Pod', message: () => 'Started container' }],
  [EVENT.podSignalled, { type: 'Normal', reason: 'Killing', object: 'Pod', message: () => 'Stopping container' }],
  [EVENT.podUnready, { type: 'Warning', reason: 'Unhealthy', object: 'Pod', message: () => 'Readiness probe failed' }],
  [EVENT.podEvicted, { type: 'Warning', reason: 'Evicted', object: 'Pod', message: words }],
  [EVENT.nodeReady, { type: 'Normal', reason: 'NodeReady', object: 'Node', message: n => `Node ${n.name} status is now: NodeReady` }],
  [EVENT.nodeUnknown, { type: 'Normal', reason: 'NodeNotReady', object: 'Node', message: n => `Node ${n.name} status is now: NodeNotReady` }],
])

function words(note: Note): string {
  return typeof note.detail === 'function' ? note.detail() : note.detail
}

/** What `kubectl get events` tells: notes of the trace in the API server's words, made when asked for. */
export class Happened {
  private notes: Note[] = []
  private dropped = 0

  add(atUs: Us, kind: EventKind, name: string, payload: number, detail: string | (() => string)): void {
    // SIGKILL is told with SIGTERM; an eviction that the API server grants is a deletion, and tells of nothing but that.
    if (!TOLD.has(kind) || (kind === EVENT.podSignalled && payload === 9) || (kind === EVENT.podEvicted && payload === 1)) return
    if (this.notes.length >= MOST) {
      this.dropped += MOST / 2
      this.notes = this.notes.slice(MOST / 2)
    }
    this.notes.push({ atUs, kind, name, payload, detail })
  }

  /** Those of the last hour, oldest first. */
  list(nowUs: Us, namespace: string): readonly { readonly atUs: Us; readonly object: KubeObject }[] {
    return this.notes.flatMap((note, i) => {
      if (nowUs - note.atUs > KEPT_US) return []
      const told = TOLD.get(note.kind) as Told
      const at = timestamp(note.atUs)
      const object: KubeObject = {
        apiVersion: 'v1', kind: 'Event', metadata: { name: `${note.name}.${(this.dropped + i).toString(16).padStart(16, '0')}`, namespace, creationTimestamp: at },
        involvedObject: { kind: told.object, name: note.name, namespace }, type: told.type, reason: told.reason, message: told.message(note), firstTimestamp: at, lastTimestamp: at, count: 1,
      }
      return [{ atUs: note.atUs, object }]
    })
  }
}
