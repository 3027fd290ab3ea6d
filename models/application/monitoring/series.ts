/**
 * What a Prometheus beside the program has scraped. The pods' counters are piecewise linear, as the load is a flow, so nothing happens at a scrape: what it would have
 * read is reckoned when somebody asks (rules APP-METRIC-1…3). Source: prometheus.io docs: jobs and instances, staleness, querying basics.
 */
import { SECOND, type Us } from '../../../src/kernel/index.ts'
import type { PodView } from '../../kubernetes/index.ts'
import type { Pod } from '../pod.ts'
import { versionOf } from '../options.ts'
import type { World } from '../world.ts'

export type Labels = Readonly<Record<string, string>>
export interface Point {
  readonly atUs: Us
  readonly value: number
}

/** From `atUs` on a counter grows by `perUs`. */
interface Piece {
  readonly atUs: Us
  readonly value: number
  readonly perUs: number
}

/** Where queries find their samples. */
export interface Samples {
  /** The newest value of each series at an instant. */
  instant(metric: string, atUs: Us): readonly { readonly labels: Labels; readonly value: number }[]
  /** The samples of each series in (fromUs, toUs], oldest first. */
  range(metric: string, fromUs: Us, toUs: Us): readonly { readonly labels: Labels; readonly points: readonly Point[] }[]
}

/** One pod as a target: discovered from `fromUs` until it is gone. */
interface Target {
  readonly view: PodView
  readonly labels: Labels
  readonly phaseUs: Us
  readonly fromUs: Us
  goneUs: Us
  readonly ok: Piece[]
  readonly failed: Piece[]
  /** Since when it answers a scrape, or does not. */
  readonly answers: { readonly atUs: Us; readonly up: boolean }[]
}

/** Counters by metric; `up` is the scrape's own. */
const REQUESTS = 'http_requests_total'
/** Names that a query may use. */
export const METRICS: readonly string[] = [REQUESTS, 'up']

/** What each pod's counters would have shown at each scrape, worked out when somebody asks: no event a scrape (rules APP-METRIC-1…3). */
export class Scrapes implements Samples {
  private readonly targets = new Map<string, Target>()

  constructor(private readonly world: World) {
    world.onChange(() => this.account())
    world.kubernetes.onRouteChange(() => this.account())
    this.account()
  }

  private get intervalUs(): Us {
    return Math.round(this.world.options.monitoring.scrapeSeconds * SECOND)
  }

  /** Something changed: what each pod answers from now on, and how much of it is an error. */
  private account(): void {
    const { world } = this
    const { sim, options } = world
    const shares = new Map(world.routes().map(({ view, share }) => [view.uid, share]))
    for (const [uid, pod] of world.pods) {
      let target = this.targets.get(uid)
      if (target === undefined) {
        const { intervalUs } = this
        target = { view: pod.c.pod, labels: { job: options.name, pod: pod.name, version: versionOf(pod.c.image) }, phaseUs: Math.floor(intervalUs * sim.chance.draw(pod.name, 'application.scrape', 0)), fromUs: sim.now, goneUs: Number.POSITIVE_INFINITY, ok: [], failed: [], answers: [] }
        this.targets.set(uid, target)
      }
      const perUs = ((shares.get(uid) ?? 0) * options.writesPerSecond) / SECOND
      const bad = errorShare(world, pod)
      advance(target.ok, sim.now, bad === undefined ? 0 : perUs * (1 - bad))
      advance(target.failed, sim.now, bad === undefined ? 0 : perUs * bad)
      const up = pod.up && !pod.frozen
      if (target.answers.at(-1)?.up !== up) target.answers.push({ atUs: sim.now, up })
    }
    for (const [uid, target] of this.targets) {
      if (world.pods.has(uid) || target.goneUs <= sim.now) continue
      if (target.view.terminating || target.view.removed) target.goneUs = sim.now
      else if (target.answers.at(-1)?.up === true) {
        // Its process has ended, and the next one in its place counts from nothing.
        target.answers.push({ atUs: sim.now, up: false })
        for (const pieces of [target.ok, target.failed]) pieces.push({ atUs: sim.now, value: 0, perUs: 0 })
      }
    }
  }

  /** What a query at `atUs` finds as the newest value of each series: nothing of a target that is gone or did not answer its last scrape (rule APP-METRIC-2). */
  instant(metric: string, atUs: Us): { readonly labels: Labels; readonly value: number }[] {
    this.account()
    const found: { readonly labels: Labels; readonly value: number }[] = []
    for (const target of this.targets.values()) {
      const last = this.lastScrape(target, atUs)
      if (last === undefined || atUs - last >= this.world.options.monitoring.lookbackSeconds * SECOND || last >= target.goneUs) continue
      for (const { labels, read } of seriesOf(metric, target)) {
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
    for (const target of this.targets.values()) {
      for (const { labels, read } of seriesOf(metric, target)) {
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

function seriesOf(metric: string, target: Target): readonly { readonly labels: Labels; read(atUs: Us): number | undefined }[] {
  const answered = (atUs: Us): boolean => target.answers.findLast(each => each.atUs <= atUs)?.up === true
  const name = { __name__: metric, ...target.labels }
  if (metric === 'up') return [{ labels: name, read: atUs => (answered(atUs) ? 1 : 0) }]
  if (metric !== REQUESTS) return []
  // A counter with labels comes into being with its first whole increment: what rate() sees of it begins there.
  const read = (pieces: readonly Piece[], atUs: Us): number | undefined => {
    const value = answered(atUs) ? valueAt(pieces, atUs) : 0
    return value >= 1 ? value : undefined
  }
  return [{ labels: { ...name, code: '200' }, read: atUs => read(target.ok, atUs) }, { labels: { ...name, code: '500' }, read: atUs => read(target.failed, atUs) }]
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

function advance(pieces: Piece[], atUs: Us, perUs: number): void {
  const last = pieces.at(-1)
  if (last !== undefined && last.perUs === perUs) return
  const value = last === undefined ? 0 : last.value + (atUs - last.atUs) * last.perUs
  if (last?.atUs === atUs) pieces.pop()
  pieces.push({ atUs, value, perUs })
}

function valueAt(pieces: readonly Piece[], atUs: Us): number {
  const piece = pieces.findLast(each => each.atUs <= atUs)
  return piece === undefined ? 0 : piece.value + (atUs - piece.atUs) * piece.perUs
}
