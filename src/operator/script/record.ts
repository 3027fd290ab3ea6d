import type { Simulation, Us } from '../../kernel/index.ts'
import type { Output } from '../command.ts'
import type { LineEvent } from '../observer.ts'
import type { Judged } from '../shell/session.ts'
import { FileSink } from '../shell/redirect.ts'
import type { Shell } from '../shell/shell.ts'
import { Collector, NOWHERE, Pipe } from '../shell/streams.ts'
import { type Script, type Simple, isAssignment } from '../shell/syntax.ts'
import { type OutputTo, placeOf, placesOf, readerOf, redirectedTo } from './consulted.ts'
import { lineId } from './plan.ts'

/** Longer texts are cut: a story shows a line of them. */
const TEXT_MOST = 400

type Told = { -readonly [K in keyof LineEvent]: LineEvent[K] }

/** A command that has ended, until it is known whether a `$?` behind it looks. */
interface Held {
  readonly event: Told
  /** A `$?` behind it would show its status. */
  readonly open: boolean
  /** Assignments alone: their status is that of the last substitution in them. */
  readonly assigns: boolean
}

/** Keeps the record of a script's lines: what ran, what it printed, and what looked at that. It only listens. */
export class LineRecorder {
  private held: Held[] = []
  private printed = { out: '', err: '' }
  private readonly outputs = new Map<Judged, Output>()
  private readonly lines: readonly string[]

  /** @param several whether the runbook has more than one script */
  constructor(
    private readonly sim: Simulation,
    private readonly script: Script,
    private readonly several: boolean,
    private readonly tell: (e: LineEvent) => void,
  ) {
    this.lines = script.text.split('\n')
  }

  /** A program of the simulated world has answered. */
  returned(node: Simple, output: Output): void {
    this.outputs.set(node, output)
  }

  /** Something reached the terminal. */
  wrote(text: string, error: boolean): void {
    const { printed } = this
    const stream = error ? 'err' : 'out'
    if (printed[stream].length < TEXT_MOST) printed[stream] += withoutColours(text)
  }

  /** @param outer the main shell: its options are those that hold for substitutions, too */
  ran(node: Judged, argv: readonly string[], status: number, sinceUs: Us, shell: Shell, outer: Shell): void {
    const { session } = shell
    if (session.statusRead) this.lookedAt()
    session.statusRead = false
    const simple = node.is === 'simple' ? node : undefined
    const assigns = simple !== undefined && simple.words.length === 0
    // Of an assignment its substitutions are still to be asked about.
    this.flush(assigns ? sinceUs : undefined)
    const place = placeOf(placesOf(this.script), node)
    const { errexit, pipefail } = outer.options
    const output = this.outputs.get(node) ?? this.printed
    this.outputs.delete(node)
    this.printed = { out: '', err: '' }
    const text = this.isForeign(node) ? (simple?.source.split('\n')[0] ?? '') : (this.lines[node.line - 1] ?? '').trim()
    const event: Told = {
      line: this.idOf(node),
      text,
      command: simple?.source.split('\n')[0] ?? text,
      argv: assigns ? [] : argv,
      sinceUs,
      atUs: this.sim.now,
      status,
      readBy: readerOf(place, { errexit, pipefail, trapsErrors: outer.traps.has('ERR'), tested: shell.tested }),
      outputTo: (simple === undefined ? undefined : redirectedTo(simple)) ?? leadsTo(shell),
      out: cut(output.out),
      err: cut(output.err),
      assigned: simple === undefined ? {} : assignedBy(simple, shell),
    }
    this.held.push({ event, open: place.fate === 'open' || place.fate === 'returned', assigns })
  }

  /** The script has come to its end, or to an end. */
  close(): void {
    this.flush()
  }

  private lookedAt(): void {
    for (let i = this.held.length - 1; i >= 0; i--) {
      const { event, open, assigns } = this.held[i] as Held
      if (open && event.readBy === undefined) event.readBy = '$?'
      if (!assigns) return
    }
  }

  /** @param keepUs what began since then is kept back */
  private flush(keepUs = Infinity): void {
    const kept = this.held.filter(({ event }) => event.sinceUs >= keepUs)
    for (const each of this.held) if (!kept.includes(each)) this.tell(each.event)
    this.held = kept
  }

  private idOf(node: Judged): string {
    const foreign = this.isForeign(node)
    return lineId({ file: foreign ? (node as Simple).file : this.script.file }, node.line, this.several || foreign)
  }

  /** Of another file, which is sourced. */
  private isForeign(node: Judged): boolean {
    return node.is === 'simple' && node.file !== '' && node.file !== this.script.file
  }
}

/** Where what a shell prints goes. A log that the whole script is sent through (`exec > >(tee …)`) counts as the terminal. */
function leadsTo({ fds, session }: Shell): OutputTo {
  if (fds.out instanceof Collector) return 'script'
  if (fds.out instanceof Pipe) return [...session.pipes.values()].includes(fds.out) ? 'terminal' : 'script'
  if (fds.out === NOWHERE) return 'nowhere'
  return fds.out instanceof FileSink ? 'file' : 'terminal'
}

function assignedBy(node: Simple, shell: Shell): Readonly<Record<string, string>> {
  const assigned = [...(node.words.length === 0 ? node.assignments : []), ...node.words.filter(isAssignment)]
  return Object.fromEntries(assigned.filter(a => a.index === undefined).map(a => [a.name, cut(shell.get(a.name) ?? '')]))
}

/** What a terminal would make of colours and the like is left out: a story is text. */
export function withoutColours(text: string): string {
  return text.includes('\u001b') ? text.replace(/\u001b(?:\[[0-9;?]*[A-Za-z]|\][^\u0007]*\u0007|[()][A-Z0-9])/g, '') : text
}

function cut(text: string): string {
  return text.length <= TEXT_MOST ? text : `${text.slice(0, TEXT_MOST - 1)}…`
}
