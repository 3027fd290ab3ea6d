/** The Prometheus beside the program: queries, alert rules, and its HTTP API as curl sees it. Source: prometheus.io HTTP API, alerting rules. */
import { EPOCH_SECONDS } from '../../../src/operator/shell/container.ts'
import { type Process, SECOND, type Us } from '../../../src/kernel/index.ts'
import { type Call, type Command, type Finding, type Look, ok, type Output, type Overlay, UnsupportedError } from '../../../src/operator/command.ts'
import type { World } from '../world.ts'
import { nameless, parseQuery, QueryError, type Sample, type Value } from './promql.ts'
import { type Labels, Scrapes } from './series.ts'

/** Where `curl` reaches it. */
export const PROMETHEUS = 'prometheus:9090'

export interface Alert {
  readonly labels: Labels
  readonly state: 'pending' | 'firing'
}

/** What scrapes the application's pods, evaluates alert rules and answers queries (rules APP-METRIC-1…4, APP-ALERT-1). */
export class Prometheus {
  private readonly scrapes: Scrapes

  constructor(readonly world: World) {
    this.scrapes = new Scrapes(world)
  }

  /** @throws QueryError */
  query(text: string, atUs: Us = this.world.sim.now): Value {
    return parseQuery(text)(this.scrapes, atUs)
  }

  /** As {@link query}; undefined where the samples are such that it cannot be evaluated (two series for one). */
  evaluated(text: string, atUs: Us = this.world.sim.now): Value | undefined {
    try {
      return this.query(text, atUs)
    } catch (error) {
      if (error instanceof QueryError) return undefined
      throw error
    }
  }

  /**
   * The alerts that are pending or firing now. A rule fires for those labels for which its expression has held at each of its evaluations during `for`; what the
   * expression has no element for does not fire (rule APP-ALERT-1).
   */
  alerts(): readonly Alert[] {
    const { sim, options } = this.world
    const { rules, evaluationSeconds } = options.monitoring
    const everyUs = evaluationSeconds * SECOND
    const lastUs = Math.floor(sim.now / everyUs) * everyUs
    return rules.flatMap(({ alert, expr, forSeconds }) => {
      const holding = (atUs: Us): readonly Sample[] => {
        // A rule whose evaluation fails yields nothing: it neither fires nor says so here.
        const value = this.evaluated(expr, atUs)
        return typeof value === 'number' ? [{ labels: {}, value }] : (value ?? [])
      }
      return holding(lastUs).map(({ labels }): Alert => {
        const own = nameless(labels)
        const key = JSON.stringify(own)
        let state: Alert['state'] = 'firing'
        for (let atUs = lastUs - everyUs; atUs > lastUs - forSeconds * SECOND - everyUs && state === 'firing'; atUs -= everyUs) {
          const held = holding(atUs).some(each => JSON.stringify(nameless(each.labels)) === key)
          if (!held) state = 'pending'
        }
        return { labels: { alertname: alert, ...own }, state }
      })
    })
  }

  /** What it answers to a request of its API; undefined: it has no such path. */
  answer(path: string, query: string | undefined): string | undefined {
    if (path === '/api/v1/alerts') return JSON.stringify({ status: 'success', data: { alerts: this.alerts().map(({ labels, state }) => ({ labels, annotations: {}, state })) } })
    if (path !== '/api/v1/query') return undefined
    try {
      const value = this.query(query ?? '')
      const stamp = EPOCH_SECONDS + Math.round(this.world.sim.now / 1000) / 1000
      return typeof value === 'number'
        ? JSON.stringify({ status: 'success', data: { resultType: 'scalar', result: [stamp, written(value)] } })
        : JSON.stringify({ status: 'success', data: { resultType: 'vector', result: value.map(({ labels, value: v }) => ({ metric: labels, value: [stamp, written(v)] })) } })
    } catch (error) {
      if (!(error instanceof QueryError)) throw error
      return JSON.stringify({ status: 'error', errorType: 'bad_data', error: error.message })
    }
  }
}

function written(value: number): string {
  return Number.isNaN(value) ? 'NaN' : value === Number.POSITIVE_INFINITY ? '+Inf' : value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value)
}

interface Asked {
  readonly path: string
  readonly query: string | undefined
  readonly problem?: string
}

const USAGE = `curl [-s] [-G] http://${PROMETHEUS}/api/v1/query --data-urlencode 'query=EXPR' (or ?query=…), http://${PROMETHEUS}/api/v1/alerts`

/** What a curl asks Prometheus; undefined: it asks somebody else. */
function asked(argv: readonly string[]): Asked | undefined {
  const written = argv.find(word => new RegExp(`^(?:http://)?${PROMETHEUS}/`).test(word))
  if (written === undefined) return undefined
  const url = new URL(written.startsWith('http') ? written : `http://${written}`)
  let query = url.searchParams.get('query') ?? undefined
  for (let i = 1; i < argv.length; i++) {
    const word = argv[i] as string
    if (word === written || ['-s', '-S', '-sS', '-f', '-sf', '-fsS', '-sG', '-G', '--get', '-g', '-sg'].includes(word)) continue
    const data = word === '--data-urlencode' || word === '-d' ? argv[++i] : /^--data-urlencode=(.*)$/s.exec(word)?.[1]
    if (data?.startsWith('query=') !== true) return { path: url.pathname, query, problem: `curl: ${word} is not modelled here: ${USAGE}` }
    query = data.slice('query='.length)
  }
  return { path: url.pathname, query }
}

/** curl, which asks Prometheus; everybody else is asked by the platform's. */
export class CurlWithPrometheus implements Command {
  readonly name = 'curl'

  constructor(
    private readonly inner: Command,
    private readonly prometheus: Prometheus | undefined,
  ) {}

  get summary(): string {
    return this.inner.summary
  }

  check(argv: readonly string[]): readonly Finding[] {
    const its = asked(argv)
    if (its === undefined) return this.inner.check(argv)
    const error = (message: string): Finding[] => [{ severity: 'error', message }]
    if (this.prometheus === undefined) return error('curl: there is no Prometheus here: say `monitoring: { enabled: true }` in the cluster')
    if (its.problem !== undefined) return error(its.problem)
    if (its.path !== '/api/v1/query' && its.path !== '/api/v1/alerts') return error(`curl: ${its.path} of Prometheus is not modelled: ${USAGE}`)
    if (its.path === '/api/v1/query' && its.query !== undefined && !its.query.includes('${')) {
      try {
        parseQuery(its.query)
      } catch (problem) {
        return error(`curl: ${(problem as Error).message}`)
      }
    }
    return []
  }

  latencyUs(call: Call): number {
    return this.inner.latencyUs(call)
  }

  look(call: Call): Look | undefined {
    const its = asked(call.argv)
    if (its === undefined) return this.inner.look(call)
    if (this.prometheus === undefined || its.problem !== undefined) throw new UnsupportedError(its.problem ?? 'curl: there is no Prometheus here', [USAGE])
    return { output: ok(`${this.prometheus.answer(its.path, its.query) ?? '404 page not found'}\n`), afterUs: 0, stableUntilUs: this.prometheus.world.sim.now }
  }

  run(call: Call): Process<Output> {
    return this.inner.run(call)
  }

  layOver(programs: readonly Overlay[]): void {
    this.inner.layOver?.(programs)
  }
}
