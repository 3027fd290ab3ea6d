/**
 * What a Prometheus beside the program has scraped. The pods' counters are piecewise linear, as the load is a flow, so nothing happens at a scrape: what it would have
 * read is reckoned when somebody asks (rules APP-METRIC-1…6). Source: prometheus.io docs: jobs and instances, staleness, querying basics.
 */
import { SECOND, type Us } from '../../../src/kernel/index.ts'
import type { PodView } from '../../kubernetes/index.ts'
import type { Carrier } from '../carrier.ts'
import type { Pod } from '../pod.ts'
import { versionOf } from '../options.ts'
import type { Side } from '../rows.ts'
import type { World } from '../world.ts'
import { advance, type Piece, valueAt } from './pieces.ts'

export type Labels = Readonly<Record<string, string>>
export interface Point {
  readonly atUs: Us
  readonly value: number
}

/** Where queries find their samples. */
export interface Samples {
  /** The newest value of each series at an instant. */
  instant(metric: string, atUs: Us): readonly { readonly labels: Labels; readonly value: number }[]
  /** The samples of each series in (fromUs, toUs], oldest first. */
  range(metric: string, fromUs: Us, toUs: Us): readonly { readonly labels: Labels; readonly points: readonly Point[] }[]
}

/** What one series of a target would have shown; undefined: nothing. */
interface Series {
  readonly labels: Labels
  read(atUs: Us): number | undefined
}

/** One pod as a target: discovered from `fromUs` until it is gone. */
abstract class Target {
  goneUs: Us = Number.POSITIVE_INFINITY

  constructor(
    readonly view: PodView,
    protected readonly labels: Labels,
    readonly phaseUs: Us,
    readonly fromUs: Us,
  ) {}

  /** Whether it answers a scrape then. */
  protected abstract answers(atUs: Us): boolean
  protected abstract exported(metric: string): readonly Series[]

  series(metric: string): readonly Series[] {
    const name = { __name__: metric, ...this.labels }
    if (metric === 'up') return [{ labels: name, read: atUs => (this.answers(atUs) ? 1 : 0) }]
    return this.exported(metric).map(({ labels, read }) => ({ labels: { ...name, ...labels }, read: atUs => (this.answers(atUs) ? read(atUs) : undefined) }))
  }
}

/** A counter with labels comes into being with its first whole increment: what rate() sees of it begins there. */
function counter(labels: Labels, pieces: readonly Piece[]): Series {
  return {
    labels,
    read: atUs => {
      const value = valueAt(pieces, atUs)
      return value >= 1 ? value : undefined
    },
  }
}

const SIDES: readonly Side[] = ['legacy', 'modern']

/** A pod of the program: what it has answered, and what became of its statements on each database. */
class ProgramTarget extends Target {
  private readonly answered = { 200: [] as Piece[], 500: [] as Piece[] }
  private readonly statements = { legacy: { ok: [] as Piece[], error: [] as Piece[] }, modern: { ok: [] as Piece[], error: [] as Piece[] } }
  private readonly ups: { readonly atUs: Us; readonly up: boolean }[] = []

  /** What it answers from now on, and how much of it is an error. @param perUs requests that come to it */
  account(world: World, pod: Pod, perUs: number): void {
    const { now } = world.sim
    const bad = errorShare(world, pod)
    advance(this.answered[200], now, bad === undefined ? 0 : perUs * (1 - bad))
    advance(this.answered[500], now, bad === undefined ? 0 : perUs * bad)
    const legs = bad === undefined ? {} : pod.statements()
    for (const side of SIDES) {
      const { tried, failed } = legs[side] ?? { tried: 0, failed: 0 }
      advance(this.statements[side].ok, now, perUs * (tried - failed))
      advance(this.statements[side].error, now, perUs * failed)
    }
    const up = pod.up && !pod.frozen
    if (this.ups.at(-1)?.up !== up) this.ups.push({ atUs: now, up })
  }

  /** Its process has ended, and the next one in its place counts from nothing. */
  ended(atUs: Us): void {
    if (this.ups.at(-1)?.up !== true) return
    this.ups.push({ atUs, up: false })
    for (const pieces of [...Object.values(this.answered), ...SIDES.flatMap(side => Object.values(this.statements[side]))]) pieces.push({ atUs, value: 0, perUs: 0 })
  }

  protected answers(atUs: Us): boolean {
    return this.ups.findLast(each => each.atUs <= atUs)?.up === true
  }

  protected exported(metric: string): readonly Series[] {
    if (metric === 'http_requests_total') return [counter({ code: '200' }, this.answered[200]), counter({ code: '500' }, this.answered[500])]
    if (metric !== 'database_writes_total') return []
    return SIDES.flatMap(database => (['ok', 'error'] as const).map(result => counter({ database, result }, this.statements[database][result])))
  }
}

/** A pod of a connector or of a relay: gauges, as its processes measured them last. */
class CarrierTarget extends Target {
  readonly processes: Carrier[] = []

  private at(atUs: Us): Carrier | undefined {
    return this.processes.findLast(each => each.life.bornUs <= atUs)
  }

  protected answers(atUs: Us): boolean {
    const life = this.at(atUs)?.life
    return life !== undefined && life.upUs <= atUs && atUs < life.endedUs
  }

  protected exported(metric: string): readonly Series[] {
    return [{ labels: {}, read: atUs => this.at(atUs)?.gaugesAt(atUs)[metric] }]
  }
}

/** What each pod's counters and gauges would have shown at each scrape, worked out when somebody asks: no event a scrape (rules APP-METRIC-1…6). */
export class Scrapes implements Samples {
  private readonly programs = new Map<string, ProgramTarget>()
  private readonly carriers = new Map<string, CarrierTarget>()
  private known = 0

  constructor(private readonly world: World) {
    world.onChange(() => this.account())
    world.kubernetes.onRouteChange(() => this.account())
    this.account()
  }

  private get intervalUs(): Us {
    return Math.round(this.world.options.monitoring.scrapeSeconds * SECOND)
  }

  private phaseUs(pod: string): Us {
    return Math.floor(this.intervalUs * this.world.sim.chance.draw(pod, 'application.scrape', 0))
  }

  private get targets(): readonly Target[] {
    return [...this.programs.values(), ...this.carriers.values()]
  }

  /** Something changed: what each pod shows from now on. */
  private account(): void {
    const { world } = this
    const { sim, options } = world
    const shares = new Map(world.routes().map(({ view, share }) => [view.uid, share]))
    for (const [uid, pod] of world.pods) {
      let target = this.programs.get(uid)
      if (target === undefined) this.programs.set(uid, (target = new ProgramTarget(pod.c.pod, { job: options.name, pod: pod.name, version: versionOf(pod.c.image) }, this.phaseUs(pod.name), sim.now)))
      target.account(world, pod, ((shares.get(uid) ?? 0) * options.writesPerSecond) / SECOND)
    }
    for (; this.known < world.carriers.length; this.known++) {
      const carrier = world.carriers[this.known] as Carrier
      const { uid, name } = carrier.c.pod
      let target = this.carriers.get(uid)
      if (target === undefined) this.carriers.set(uid, (target = new CarrierTarget(carrier.c.pod, { job: carrier.options.name, pod: name }, this.phaseUs(name), carrier.life.bornUs)))
      target.processes.push(carrier)
    }
    for (const target of this.targets) if (target.goneUs > sim.now && (target.view.terminating || target.view.removed)) target.goneUs = sim.now
    for (const [uid, target] of this.programs) if (!world.pods.has(uid) && target.goneUs > sim.now) target.ended(sim.now)
  }

  /** What a query at `atUs` finds as the newest value of each series: nothing of a target that is gone or did not answer its last scrape (rule APP-METRIC-2). */
  instant(metric: string, atUs: Us): { readonly labels: Labels; readonly value: number }[] {
    this.account()
    const found: { readonly labels: Labels; readonly value: number }[] = []
    for (const target of this.targets) {
      const last = this.lastScrape(target, atUs)
      if (last === undefined || atUs - last >= this.world.options.monitoring.lookbackSeconds * SECOND || last >= target.goneUs) continue
      for (const { labels, read } of target.series(metric)) {
        const value = read(last)
        if (value !== undefined) found.push({ labels, value })
      }
    }
    return found
  }

  /** The samples of each series in (fromUs, toUs]: those of targets that are gone meanwhile as well. */
  range(metric: string, fromUs: Us, toUs: Us): { readonly labels: Labels; readonly points: readonly Point[] }[] {
    this.account()
    const found: { readonly labels: Labels; readonly points: readonly Point[] }[] = []
    for (const target of this.targets) {
      for (const { labels, read } of target.series(metric)) {
        const points: Point[] = []
        for (let atUs = this.lastScrape(target, Math.min(toUs, target.goneUs - 1)); atUs !== undefined && atUs > fromUs && atUs >= target.fromUs; atUs -= this.intervalUs) {
          const value = read(atUs)
          if (value !== undefined) points.unshift({ atUs, value })
        }
        if (points.length > 0) found.push({ labels, points })
      }
    }
    return found
  }

  /** The last instant at or before `atUs` at which the target is scraped, if it was known by then. */
  private lastScrape({ phaseUs, fromUs }: Target, atUs: Us): Us | undefined {
    const { intervalUs } = this
    const at = Math.floor((atUs - phaseUs) / intervalUs) * intervalUs + phaseUs
    return at < fromUs ? undefined : at
  }
}

/** Share of a pod's answers that are errors; undefined where it answers nothing. An error that its build only logs is no error here (rule APP-METRIC-3). */
function errorShare({ options }: World, pod: Pod): number | undefined {
  const prospect = pod.prospect()
  if (!pod.up || prospect.is === 'hangs' || prospect.is === 'paused') return undefined
  if (prospect.is === 'fails') return 1
  const { writes, onLegacyError, onModernError, errorP } = pod.behaviour
  const legacy = writes !== 'modern' && (writes === 'legacy' || onLegacyError === 'return') ? options.legacyErrorP : 0
  const modern = writes !== 'legacy' && (writes === 'modern' || onModernError === 'return') ? options.modernErrorP : 0
  return 1 - (1 - errorP) * (1 - legacy) * (1 - modern)
}
