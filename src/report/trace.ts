/**
 * A recorded rehearsal in Chrome's JSON trace format, which Perfetto and chrome://tracing open: everything that was recorded, nothing left out.
 * Source of the format: "Trace Event Format" (Google), events of phase X (complete), i (instant), C (counter) and M (metadata); times in µs.
 */
import type { RehearsalResult } from '../result.ts'

interface TraceEvent {
  readonly name: string
  readonly ph: 'X' | 'i' | 'C' | 'M'
  readonly ts: number
  readonly pid: number
  readonly tid: number
  readonly cat?: string
  readonly dur?: number
  readonly s?: 't' | 'p' | 'g'
  readonly args?: Readonly<Record<string, unknown>>
}

export interface ChromeTrace {
  readonly displayTimeUnit: 'ms'
  readonly otherData: Readonly<Record<string, string>>
  readonly traceEvents: readonly TraceEvent[]
}

const PROCESSES = ['operator', 'faults', 'clients', 'members', 'measured', 'events'] as const
type Process = (typeof PROCESSES)[number]

/** Names of threads in the order in which they are met, each process its own. */
class Threads {
  readonly events: TraceEvent[] = []
  private readonly numbers = new Map<string, number>()

  constructor() {
    PROCESSES.forEach((name, i) => {
      this.events.push({ name: 'process_name', ph: 'M', ts: 0, pid: i + 1, tid: 0, args: { name } }, { name: 'process_sort_index', ph: 'M', ts: 0, pid: i + 1, tid: 0, args: { sort_index: i } })
    })
  }

  of(process: Process, thread: string): { readonly pid: number; readonly tid: number } {
    const pid = PROCESSES.indexOf(process) + 1
    const key = `${process}\n${thread}`
    let tid = this.numbers.get(key)
    if (tid === undefined) {
      tid = this.numbers.size + 1
      this.numbers.set(key, tid)
      this.events.push({ name: 'thread_name', ph: 'M', ts: 0, pid, tid, args: { name: thread } })
    }
    return { pid, tid }
  }
}

/** A complete event that has no thread yet. */
interface Waiting {
  readonly process: Process
  readonly thread: string
  readonly event: Omit<TraceEvent, 'pid' | 'tid' | 'dur'> & { readonly dur: number }
}

/**
 * Complete events of one thread must nest: a viewer draws them as a stack. One that would lie half over another has a lane of its own beside it,
 * `m-0 (2)`.
 */
function inLanes(waiting: readonly Waiting[], threads: Threads): TraceEvent[] {
  const open = new Map<string, number[]>()
  const sorted = [...waiting].sort((a, b) => a.event.ts - b.event.ts || b.event.dur - a.event.dur)
  return sorted.map(({ process, thread, event }) => {
    for (let lane = 1; ; lane++) {
      const name = lane === 1 ? thread : `${thread} (${lane})`
      const ends = open.get(`${process}\n${name}`) ?? []
      while (ends.length > 0 && (ends.at(-1) as number) <= event.ts) ends.pop()
      if (ends.length > 0 && event.ts + event.dur > (ends.at(-1) as number)) continue
      open.set(`${process}\n${name}`, [...ends, event.ts + event.dur])
      return { ...event, ...threads.of(process, name) }
    }
  })
}

/** @param about what to name it by: scenario, seed, hash. @throws Error when the rehearsal was not recorded */
export function chromeTrace(rehearsal: RehearsalResult, about: Readonly<Record<string, string>>): ChromeTrace {
  const { story, simulatedUs } = rehearsal
  if (story === undefined) throw new Error('report: a trace of a rehearsal that was not recorded')
  const threads = new Threads()
  const spans: TraceEvent[] = []
  const waiting: Waiting[] = []
  const add = (process: Process, thread: string, name: string, fromUs: number, toUs: number, args?: Readonly<Record<string, unknown>>): void => {
    const ts = Math.max(0, fromUs)
    // What lasted no time is an instant: viewers that take a complete event apart into its beginning and its end would find them in the wrong order.
    if (toUs <= ts) {
      spans.push({ name, ph: 'i', s: 't', ts, cat: process, ...threads.of(process, thread), ...(args === undefined ? {} : { args }) })
      return
    }
    waiting.push({ process, thread, event: { name, ph: 'X', ts, dur: toUs - ts, cat: process, ...(args === undefined ? {} : { args }) } })
  }
  for (const step of rehearsal.steps) add('operator', step.path === 'undo' ? 'undo' : 'steps', step.title === '' || step.title === step.step ? step.step : `${step.step}: ${step.title}`, step.startUs, step.endUs ?? simulatedUs, { result: step.result, visit: step.visit, commands: step.commands, writeDowntimeUs: step.writeDowntimeUs })
  for (const { atUs, step, argv, code, out, err } of story.commands) spans.push({ name: argv.slice(0, 3).join(' '), ph: 'i', s: 't', ts: Math.max(0, atUs), cat: 'command', ...threads.of('operator', 'commands'), args: { step, command: argv.join(' '), code: code ?? null, out, err } })
  for (const fault of story.faults) add('faults', fault.kind, fault.target, fault.atUs, fault.endUs ?? simulatedUs, { struck: fault.struck, why: fault.why })
  for (const [client, changes] of byName(story.clients, ({ client }) => client)) changes.forEach((change, i) => add('clients', client, change.state, change.atUs, changes[i + 1]?.atUs ?? simulatedUs))
  for (const [member, changes] of byName(story.members, ({ member }) => member)) {
    changes.forEach((change, i) => add('members', member, change.running ? change.role : 'down', change.atUs, changes[i + 1]?.atUs ?? simulatedUs, { timeline: change.timeline ?? null, node: change.node ?? null, ...change.versions }))
  }
  for (const { is, who, fromUs, toUs } of story.windows) add('measured', is, who === '' ? is : who, fromUs, toUs)
  for (const { atUs, member, lagUs } of story.lag) if (lagUs !== undefined) spans.push({ name: `lag of ${member} [s]`, ph: 'C', ts: Math.max(0, atUs), ...threads.of('members', member), args: { seconds: lagUs / 1e6 } })
  for (const { atUs, label, node, payload, detail } of story.trace) spans.push({ name: label, ph: 'i', s: 't', ts: atUs, cat: 'event', ...threads.of('events', node === '' ? '-' : node), args: { payload, detail } })
  const laid = inLanes(waiting, threads)
  return { displayTimeUnit: 'ms', otherData: about, traceEvents: [...threads.events, ...laid.concat(spans).sort((a, b) => a.ts - b.ts)] }
}

function byName<T>(all: readonly T[], nameOf: (each: T) => string): Map<string, T[]> {
  const found = new Map<string, T[]>()
  for (const each of all) found.set(nameOf(each), [...(found.get(nameOf(each)) ?? []), each])
  return found
}
