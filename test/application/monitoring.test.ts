/** What a Prometheus beside the program shows of it, what an alert makes of that, and what an analysis of a canary does (rules APP-METRIC-…, APP-ALERT-…, APP-ANALYSIS-…). */
import { describe, expect, test } from 'vitest'
import { application, applicationOptions } from '../../models/application/index.ts'
import { analyse, type Analysis, judge } from '../../models/application/monitoring/analysis.ts'
import { parseQuery } from '../../models/application/monitoring/promql.ts'
import { type Bench, bench, CALM } from './lab.ts'

const ON = { enabled: true }
/** A build of which half of the requests fail. */
const BAD = { 'webapp:2': { errorP: 0.5 } }
const set = (on: Bench): unknown => on.run('kubectl argo rollouts set image webapp webapp=webapp:2')
const values = (on: Bench, query: string): readonly number[] => {
  const answer = JSON.parse(on.run(`curl -sG http://prometheus:9090/api/v1/query --data-urlencode 'query=${query}'`).out) as { data: { result: { value: [number, string] }[] } }
  return answer.data.result.map(({ value }) => Number(value[1]))
}
const alerts = (on: Bench): readonly { readonly labels: Readonly<Record<string, string>>; readonly state: string }[] => (JSON.parse(on.run('curl -s http://prometheus:9090/api/v1/alerts').out) as { data: { alerts: never[] } }).data.alerts
const status = (on: Bench): string => on.run('kubectl argo rollouts status webapp --watch=false').out
const fresh = (on: Bench): number => [...on.cluster.world.pods.values()].filter(pod => pod.c.image === 'webapp:2' && pod.up).length
const RATIO = (labels = ''): string => `sum(rate(http_requests_total{code="500"${labels}}[2m])) / sum(rate(http_requests_total{${labels.replace(/^,/, '')}}[2m]))`

describe('what is scraped', () => {
  test('APP-METRIC-1, APP-METRIC-4: a rate is that of the load; it needs two samples, and what happened since the last scrape is in none', () => {
    const on = bench({ monitoring: { ...ON, scrapeSeconds: 15 } })
    on.wait(20)
    expect(values(on, 'rate(http_requests_total[10s])')).toEqual([])
    on.wait(300)
    expect(values(on, 'sum(rate(http_requests_total[1m]))')[0]).toBeCloseTo(50, 1)
    expect(values(on, 'count(up)')).toEqual([6])
    const before = values(on, 'sum(http_requests_total)')[0] as number
    on.wait(1)
    expect((values(on, 'sum(http_requests_total)')[0] as number) - before).toBeLessThan(50 * 15)
    on.wait(14)
    // Every pod has been scraped once in fifteen seconds.
    expect((values(on, 'sum(http_requests_total)')[0] as number) - before).toBeCloseTo(50 * 15, 0)
  })

  test('APP-METRIC-2: a pod that is gone has no value, and its samples are in a range; one that stands still is down at its next scrape', () => {
    const on = bench({ monitoring: ON })
    on.wait(120)
    const [first, second] = [...on.cluster.world.pods.values()].map(pod => pod.name) as [string, string]
    on.cluster.strike({ kind: 'process-pause', target: `pod:${second}`, durationUs: 600_000_000, magnitude: 1, nth: 0 })
    on.wait(16)
    expect([values(on, `up{pod="${second}"}`), values(on, `http_requests_total{pod="${second}"}`)]).toEqual([[0], []])
    on.run(`kubectl delete pod ${first}`)
    on.wait(30)
    expect([values(on, `up{pod="${first}"}`), values(on, `http_requests_total{pod="${first}"}`)]).toEqual([[], []])
    expect(values(on, `increase(http_requests_total{pod="${first}"}[2m])`)[0]).toBeGreaterThan(100)
    expect(values(on, `absent(up{pod="${first}"})`)).toEqual([1])
    // Scraped more seldom than the look-back, a series is there only now and then.
    const seldom = bench({ monitoring: { ...ON, scrapeSeconds: 600 } })
    seldom.wait(1_200)
    const there = Array.from({ length: 12 }, () => (seldom.wait(50), values(seldom, 'count(up)')[0] ?? 0))
    expect(new Set(there).size).toBeGreaterThan(1)
    expect(Math.min(...there)).toBeLessThan(6)
  })

  test('APP-METRIC-2, APP-METRIC-4: a process that died is down until the next one counts from nothing, and rate() takes that into account', () => {
    const on = bench({ monitoring: ON, startSeconds: 30 })
    on.wait(120)
    const pod = [...on.cluster.world.pods.values()].map(each => each.name)[0] as string
    const before = values(on, `http_requests_total{pod="${pod}"}`)[0] as number
    on.cluster.strike({ kind: 'process-kill', target: `pod:${pod}`, durationUs: 0, magnitude: 1, nth: 0 })
    on.wait(20)
    expect([values(on, `up{pod="${pod}"}`), values(on, `http_requests_total{pod="${pod}"}`)]).toEqual([[0], []])
    on.wait(80)
    const after = values(on, `http_requests_total{pod="${pod}"}`)[0] as number
    expect(values(on, `up{pod="${pod}"}`)).toEqual([1])
    expect(after).toBeLessThan(before)
    expect(values(on, `increase(http_requests_total{pod="${pod}"}[3m])`)[0]).toBeGreaterThan(after)
  })

  test('APP-METRIC-3, BG-T13: an error that is only logged is a success, and a ratio under its threshold lets thousands of rows through', () => {
    const swallowed = bench({ image: 'webapp:2', builds: { 'webapp:2': { writes: 'both', onModernError: 'log' } }, monitoring: ON, ...CALM, modernErrorP: 0.05 })
    swallowed.wait(300)
    expect([values(swallowed, RATIO()), values(swallowed, 'sum(http_requests_total{code="500"})')]).toEqual([[], []])
    expect(swallowed.operations().filter(({ outcome, legs }) => outcome === 'ok' && legs.some(({ side, result }) => side === 'modern' && result === 'error')).length).toBeGreaterThan(5)
    const returned = bench({ image: 'webapp:2', builds: { 'webapp:2': { writes: 'both' } }, monitoring: ON, ...CALM, modernErrorP: 0.0005 })
    returned.wait(900)
    expect(values(returned, RATIO())[0]).toBeCloseTo(0.0005, 4)
    expect(values(returned, `${RATIO()} > 0.001`)).toEqual([])
    // Of 10,000 writes a second it would be 18,000 an hour.
    expect(values(returned, 'sum(increase(http_requests_total{code="500"}[2m]))')[0]).toBeGreaterThan(2)
  })

  test('APP-METRIC-3: a defect of a build is met by the sampled requests in the share that the counters show, and such a request does nothing', () => {
    const on = bench({ image: 'webapp:2', builds: BAD, monitoring: ON, attempts: 1, followUpShare: 0 })
    on.wait(300)
    const ended = on.operations().filter(({ outcome }) => outcome !== 'pending')
    const failed = ended.filter(({ outcome }) => outcome === 'failed')
    // Four standard deviations of that many requests.
    expect(Math.abs(failed.length / ended.length - 0.5)).toBeLessThan(2 / Math.sqrt(ended.length))
    expect(values(on, RATIO())[0]).toBeCloseTo(0.5, 3)
    expect(failed.filter(({ legs }) => legs.length > 0)).toEqual([])
  })

  test('APP-METRIC-4: nothing by nothing is NaN, which no comparison keeps; of a series that is not there nothing comes', () => {
    const on = bench({ monitoring: ON })
    on.wait(120)
    const nan = 'sum(rate(http_requests_total{code="200"}[1m]) * 0) / sum(rate(http_requests_total{code="200"}[1m]) * 0)'
    expect([values(on, nan), values(on, `${nan} > 0`), values(on, `${nan} <= 0`)]).toEqual([[Number.NaN], [], []])
    expect([values(on, 'pg_replication_lag_seconds > 5'), values(on, 'absent(pg_replication_lag_seconds)')]).toEqual([[], [1]])
    expect(values(on, 'max(http_requests_total) - min(http_requests_total)')[0]).toBeGreaterThanOrEqual(0)
    expect(values(on, 'avg by (version) (up)')).toEqual([1])
  })

  test('APP-METRIC-5: statements are counted by database and by what became of them, those whose error is only logged as well', () => {
    const on = bench({ image: 'webapp:2', builds: { 'webapp:2': { writes: 'both', onModernError: 'log' } }, monitoring: ON, ...CALM, modernErrorP: 0.05 })
    on.wait(300)
    const of = (labels: string): number => values(on, `sum(rate(database_writes_total{${labels}}[2m])) or vector(0)`)[0] as number
    expect([of('database="legacy",result="ok"'), of('database="legacy",result="error"')]).toEqual([expect.closeTo(50, 3), 0])
    expect(of('database="modern",result="error"') / of('database="modern"')).toBeCloseTo(0.05, 3)
    // One that refuses the program altogether: every statement on it fails, and nobody gets an error.
    on.run("psql -h green-db-0.green-db -c 'alter system set default_transaction_read_only = on' -c 'select pg_reload_conf()'")
    on.wait(180)
    expect([of('database="modern",result="ok"'), of('database="modern",result="error"')]).toEqual([0, expect.closeTo(50, 1)])
    expect(values(on, RATIO())).toEqual([])
  })

  test('APP-METRIC-6, O9: the gauge of a relay that stands still goes on as it was; one whose process is gone has none', () => {
    const on = bench({ image: 'webapp:2', builds: { 'webapp:2': { outbox: true } }, monitoring: ON, relays: [{ name: 'relay', replicas: 1, batchRows: 1_000 }], connectors: [{ name: 'cdc', replicas: 1 }] })
    on.wait(60)
    expect([values(on, 'up{job="relay"}'), values(on, 'milliseconds_behind_source{job="cdc"}')]).toEqual([[1], [500]])
    const usual = values(on, 'outbox_oldest_seconds{job="relay"}')[0] as number
    expect(usual).toBeLessThan(1)
    const stalls = on.cluster.targets('replay-stall').map(name => on.cluster.strike({ kind: 'replay-stall', target: name, durationUs: 0, magnitude: 0, nth: 0 }))
    expect(stalls).toHaveLength(2)
    on.wait(120)
    expect([values(on, 'outbox_oldest_seconds'), values(on, 'milliseconds_behind_source'), values(on, 'changes_of_nobody')]).toEqual([[usual], [500], []])
    for (const stall of stalls) stall.end()
    on.wait(1)
    on.run('kubectl scale deployment relay --replicas=0')
    on.wait(30)
    expect([values(on, 'outbox_oldest_seconds > 0'), values(on, 'absent(outbox_oldest_seconds)'), values(on, 'max_over_time(milliseconds_behind_source[30s])')[0]! > 500]).toEqual([[], [1], true])
    // A process that has begun answers when it serves.
    const late = bench({ image: 'webapp:2', builds: { 'webapp:2': { outbox: true } }, monitoring: ON, relays: [{ name: 'relay', replicas: 1 }], startSeconds: 60 })
    late.run('kubectl delete pod -l app=relay')
    late.wait(40)
    expect(values(late, 'up{job="relay"}')).toEqual([0])
    late.wait(60)
    expect(values(late, 'up{job="relay"}')).toEqual([1])
  })
})

describe('queries', () => {
  test('APP-QUERY-1: or, and, unless, on, ignoring, bool, offset, vector, over time', () => {
    const on = bench({ builds: BAD, canary: [{ setWeight: 16 }, { pause: {} }], monitoring: ON })
    on.wait(120)
    set(on)
    on.wait(120)
    expect([values(on, 'sum(nothing) or vector(0)'), values(on, 'sum(up) or vector(0)'), values(on, 'nothing or up{pod="x"} or vector(7)')]).toEqual([[0], [6], [7]])
    expect([values(on, 'count(up unless http_requests_total)'), values(on, 'count(up unless on(pod) http_requests_total{code="500"})'), values(on, 'count(up and on(pod) http_requests_total{code="500"})')]).toEqual([[6], [5], [1]])
    expect(values(on, 'http_requests_total{code="500"} / ignoring(code) http_requests_total{code="200"}')[0]).toBeCloseTo(1, 1)
    expect(values(on, 'http_requests_total{code="500"} / http_requests_total{code="200"}')).toEqual([])
    expect([...values(on, 'up == bool 0'), ...values(on, 'vector(3) > bool 2')]).toEqual([0, 0, 0, 0, 0, 0, 1])
    expect(values(on, 'count(up{version="2.3.0"}) or count(up{version="2.3.0"} offset 2m)')).toEqual(values(on, 'count(up{version="2.3.0"})'))
    expect(values(on, 'count(up{version="2"} offset 3m) or vector(0)')).toEqual([0])
    const [now, before, since] = ['sum(http_requests_total{version!="2"})', 'sum(http_requests_total{version!="2"} offset 1m)', 'sum(increase(http_requests_total{version!="2"}[1m]))'].map(query => values(on, query)[0] as number) as [number, number, number]
    expect((now - before) / since).toBeCloseTo(1, 1)
    expect([...values(on, 'sum without (pod, job) (up)')].sort()).toEqual([1, 5])
    expect([values(on, 'min_over_time(up[1m])'), values(on, 'vector(-(2 - 3))')]).toEqual([[1, 1, 1, 1, 1, 1], [1]])
    expect(on.run("curl -sG http://prometheus:9090/api/v1/query --data-urlencode 'query=1 + 2 * 3 % 4'").out).toContain('"3"]')
  })

  test('APP-QUERY-1: two series that meet the same one are an error, which an alert and an analysis take as none and as an error', () => {
    const rules = [{ alert: 'Twice', expr: 'http_requests_total / on(job) up > 0' }]
    const on = bench({ builds: BAD, monitoring: { ...ON, rules } })
    on.wait(120)
    expect(on.run("curl -sG http://prometheus:9090/api/v1/query --data-urlencode 'query=http_requests_total / on(job) up'").out).toContain('found duplicate series')
    expect(on.run("curl -sG http://prometheus:9090/api/v1/query --data-urlencode 'query=up / on(job) sum by (job) (up)'").out).toContain('many-to-one matching must be explicit')
    expect(alerts(on)).toEqual([])
    const task = on.sim.spawn(analyse(on.cluster.world.prometheus, { name: 'm', query: 'http_requests_total / on(job) up', intervalSeconds: 60, count: 1, initialDelaySeconds: 0, successCondition: 'result[0] < 1', failureCondition: '', failureLimit: 0, inconclusiveLimit: 0, consecutiveErrorLimit: 0 }))
    on.wait(1)
    expect(task.result).toMatchObject({ phase: 'Error' })
  })

  test('APP-QUERY-1: what a comparison keeps, an empty side, a greatest that is a number, and text in quotes', () => {
    const up = [{ labels: { __name__: 'up', job: 'a', pod: 'a-1' }, value: 1 }, { labels: { __name__: 'up', job: 'a', pod: 'a-2' }, value: 3 }]
    const share = [{ labels: { __name__: 'share', version: '2.3.1', pod: 'a-1' }, value: Number.NaN }, { labels: { __name__: 'share', version: '2x3x1', pod: 'a-2' }, value: 0.5 }]
    const of = (query: string) => parseQuery(query)({ instant: metric => ({ up, share })[metric] ?? [], range: () => [{ labels: { pod: 'a-1' }, points: [Number.NaN, 2, 7].map((value, atUs) => ({ atUs, value })) }] }, 0)
    // An element that is kept has its name, but where `on` says which labels there are.
    expect(of('up > 2')).toEqual([up[1]])
    expect(of('up < on(pod) share * 0 + 9')).toEqual([{ labels: { pod: 'a-2' }, value: 3 }])
    expect(of('up > ignoring(job, version) share')).toEqual([{ labels: { __name__: 'up', pod: 'a-2' }, value: 3 }])
    expect(of('up > bool on(pod) share')).toEqual([{ labels: { pod: 'a-1' }, value: 0 }, { labels: { pod: 'a-2' }, value: 1 }])
    // Two on the left meet one: an error where both are kept.
    expect(of('up > on(job) sum by (job) (up) - 2')).toEqual([{ labels: { job: 'a' }, value: 3 }])
    expect(() => of('up > on(job) sum by (job) (up) - 4')).toThrow('many-to-one matching must be explicit')
    expect(() => of('nothing / on(job) up')).not.toThrow()
    expect(() => of('up / on(job) nothing')).not.toThrow()
    expect([of('max(share)'), of('min(share)'), of('max_over_time(share[1m])'), of('max(share * NaN)'), of('sum(share)')].flat().map(each => (each as { value: number }).value)).toEqual([0.5, 0.5, 7, Number.NaN, Number.NaN])
    expect([of('share{version=~"2\\\\.3\\\\.1"}'), of('share{version=~`2\\.3\\.1`}'), of("share{version!='2x3x1'}"), of('share{version=~"2.3.1"}')]).toEqual([[share[0]], [share[0]], [share[0]], share])
    expect(of('sum by (__name__) (up)')).toEqual([{ labels: { __name__: 'up' }, value: 4 }])
    expect(of('# how many there are\ncount(up) # of them')).toEqual([{ labels: {}, value: 2 }])
  })

  test('what is no query, or more than is modelled, is said', () => {
    const why = (query: string): string => {
      try {
        parseQuery(query)
        return ''
      } catch (error) {
        return (error as Error).message
      }
    }
    expect(why('sum(up')).toContain('parse error: unexpected "end of input"')
    expect(why('')).toContain('parse error')
    expect(why('up =')).toContain('parse error: unexpected "="')
    expect(why('rate(up)')).toContain('rate() takes a range, for example rate(up[5m])')
    expect(why('up[5m]')).toContain('"up[5m]" is a range: expected an instant vector')
    expect(why('rate(up[5m:1m])')).toContain('takes a range')
    expect(why('up[5m:1m]')).toContain('"up[5m:1m]" is not modelled')
    expect(why('up @ 10')).toContain('"up @ 10" is not modelled')
    expect(why('up * on(pod) group_left up')).toBe('group_left and group_right are not modelled')
    expect(why('up ^ 2')).toContain('the operator ^ is not modelled')
    expect(why('topk(1, up)')).toContain('the function topk() is not modelled')
    expect(why('{job="a"}')).toContain('a selector without a metric is not modelled')
    expect(why('"up"')).toContain('is not modelled')
    expect(why('1 > 2')).toContain('comparisons between scalars must use BOOL modifier')
    expect(why('vector(up)')).toBe('expected a scalar, got an instant vector')
    expect(why('up offset -5m')).toContain('an offset is a duration')
    expect(why('1 or 2')).toBe('expected an instant vector, got a scalar')
    expect(why('sum(up) offset 5m')).toContain('an offset follows a selector or its range, for example sum(up offset 5m)')
    expect(why('up + bool up')).toContain('bool modifier can only be used on comparison operators, not on +')
    expect([why('up > on(pod) 1'), why('2 * on(pod) up')].every(text => text.includes('vector matching only allowed between instant vectors'))).toBe(true)
    expect(why('sum by ("pod") (up)')).toContain('quoted label names are not modelled')
    expect(why('up{pod=~"a\\.b"}')).toContain('unknown escape sequence \\.')
  })
})

describe('alerts', () => {
  const rules = [
    { alert: 'Errors', expr: `${RATIO()} > 0.1`, forSeconds: 0 },
    { alert: 'ErrorsByVersion', expr: 'sum by (version) (rate(http_requests_total{code="500"}[2m])) / sum by (version) (rate(http_requests_total[2m])) > 0.1', forSeconds: 0 },
    { alert: 'ErrorsLong', expr: 'sum by (version) (rate(http_requests_total{code="500"}[2m])) > 0', forSeconds: 300 },
    { alert: 'Lag', expr: 'pg_replication_lag_seconds{app="postgres"} > 5', forSeconds: 0 },
    { alert: 'Down', expr: 'up{app="postgres"} == 0', forSeconds: 0 },
    { alert: 'NoLag', expr: 'absent(pg_replication_lag_seconds{app="postgres"})', forSeconds: 0 },
  ]

  test('APP-ALERT-1, BG-T13, BG-T14: averaged over all pods the canary hides, `for` outlasts its stage, and a series that is not there alarms nobody', () => {
    const on = bench({ builds: BAD, canary: [{ setWeight: 16 }, { pause: { duration: '2m' } }, { setWeight: 50 }, { pause: {} }], monitoring: { ...ON, rules } })
    set(on)
    on.wait(100)
    expect(fresh(on)).toBe(1)
    const state = (name: string): string | undefined => alerts(on).find(({ labels }) => labels['alertname'] === name)?.state
    // One pod of six, half of whose requests fail: a twelfth of all.
    expect(values(on, RATIO())[0]).toBeLessThan(0.1)
    expect([state('Errors'), state('ErrorsByVersion'), state('ErrorsLong'), state('Lag'), state('Down'), state('NoLag')]).toEqual([undefined, 'firing', 'pending', undefined, undefined, 'firing'])
    on.wait(240)
    // The next stage has begun before the alarm of five minutes was raised.
    expect([fresh(on), state('Errors')]).toEqual([3, 'firing'])
    on.wait(300)
    expect(state('ErrorsLong')).toBe('firing')
  })
})

describe('an analysis', () => {
  const spec = (more: Partial<Analysis> & { query: string }): Record<string, unknown> => ({ intervalSeconds: 30, count: 3, ...more })
  const rolled = (analysis: Record<string, unknown>, builds: Record<string, unknown> = BAD): Bench => {
    const on = bench({ builds, canary: [{ setWeight: 16 }, { pause: { duration: '2m' } }, { analysis }, { setWeight: 50 }, { pause: {} }], monitoring: ON })
    set(on)
    on.wait(600)
    return on
  }

  test('APP-ANALYSIS-1: conditions alone and together', () => {
    const of = (successCondition: string, failureCondition: string, ...result: number[]): string => judge(result, { successCondition, failureCondition })
    expect([of('result[0] < 1', '', 0), of('result[0] < 1', '', 2), of('', 'result[0] > 1', 0), of('', 'result[0] > 1', 2)]).toEqual(['Successful', 'Failed', 'Successful', 'Failed'])
    expect([of('result[0] < 1', 'result[0] > 2', 1.5), of('result[0] < 1', 'result[0] > 2', 3), of('', '', 3)]).toEqual(['Inconclusive', 'Failed', 'Successful'])
    expect([of('result[0] < 1', '', Number.NaN), of('', 'result[0] > 1', Number.NaN), of('result[0] < 1', 'result[0] > 2', Number.NaN), of('isNaN(result[0]) || result[0] < 1', '', Number.NaN)]).toEqual(['Failed', 'Successful', 'Inconclusive', 'Successful'])
    expect([of('result[0] < 1', ''), of('len(result) == 0 || result[0] < 1', '')]).toEqual(['Error', 'Successful'])
  })

  test('APP-ANALYSIS-3: one that looks at the canary alone fails, and the stable pods are back; one over all pods lets it pass', () => {
    const alone = rolled(spec({ query: RATIO(',version="2"'), successCondition: 'result[0] < 0.1' }))
    expect([fresh(alone), alone.cluster.world.pods.size]).toEqual([0, 6])
    expect(alone.run('kubectl argo rollouts status webapp')).toMatchObject({ code: 1, out: expect.stringMatching(/^Degraded - RolloutAborted: .*assessed Failed due to failed \(1\) > failureLimit \(0\)/) as string })
    const averaged = rolled(spec({ query: RATIO(), successCondition: 'result[0] < 0.1' }))
    expect([fresh(averaged), status(averaged)]).toEqual([3, 'Paused - CanaryPauseStep\n'])
    const limit = rolled(spec({ query: RATIO(',version="2"'), successCondition: 'result[0] < 0.1', failureLimit: 3 }))
    expect(fresh(limit)).toBe(3)
  })

  test('APP-ANALYSIS-3: an inconclusive one pauses until somebody decides', () => {
    const on = rolled(spec({ query: RATIO(',version="2"'), successCondition: 'result[0] < 0.1', failureCondition: 'result[0] > 0.9' }))
    expect([fresh(on), status(on)]).toEqual([1, 'Paused - InconclusiveAnalysisRun\n'])
    on.wait(300)
    expect(fresh(on)).toBe(1)
    on.run('kubectl argo rollouts promote webapp')
    on.wait(120)
    expect([fresh(on), status(on)]).toEqual([3, 'Paused - CanaryPauseStep\n'])
  })

  test('APP-CANARY-2: promote ends an analysis under way, and with --full nothing of it comes back', () => {
    const bad = spec({ query: RATIO(',version="2"'), successCondition: 'result[0] < 0.1', failureLimit: 2, count: 9 })
    const at = (): Bench => {
      const on = bench({ builds: BAD, canary: [{ setWeight: 16 }, { analysis: bad }, { setWeight: 50 }, { pause: {} }], monitoring: ON })
      set(on)
      on.wait(60)
      expect([fresh(on), status(on)]).toEqual([1, 'Progressing - more replicas need to be updated\n'])
      return on
    }
    const next = at()
    next.run('kubectl argo rollouts promote webapp')
    next.wait(300)
    expect([fresh(next), status(next)]).toEqual([3, 'Paused - CanaryPauseStep\n'])
    const full = at()
    full.run('kubectl argo rollouts promote webapp --full')
    full.wait(300)
    expect([fresh(full), status(full)]).toEqual([6, 'Healthy\n'])
    // Left alone it fails; only --full goes on after that.
    const failed = at()
    failed.wait(300)
    expect(fresh(failed)).toBe(0)
    failed.run('kubectl argo rollouts promote webapp')
    failed.wait(300)
    expect(fresh(failed)).toBe(0)
    failed.run('kubectl argo rollouts promote webapp --full')
    failed.wait(300)
    expect([fresh(failed), status(failed)]).toEqual([6, 'Healthy\n'])
  })

  test('APP-ANALYSIS-2: a good canary without one error has no series of errors: no result is an error, and five of them abort it', () => {
    const good = { 'webapp:2': {} }
    const on = rolled(spec({ query: RATIO(',version="2"'), successCondition: 'result[0] < 0.1' }), good)
    expect(on.run('kubectl argo rollouts status webapp').out).toContain('consecutiveErrors (5) > consecutiveErrorLimit (4)')
    expect(fresh(on)).toBe(0)
    const careful = rolled(spec({ query: RATIO(',version="2"'), successCondition: 'len(result) == 0 || result[0] < 0.1' }), good)
    expect(fresh(careful)).toBe(3)
  })

  test('APP-ANALYSIS-2: errors are tried again after ten seconds, and in a row only', () => {
    const on = bench({ monitoring: ON })
    const begin = on.sim.now
    const task = on.sim.spawn(analyse(on.cluster.world.prometheus, { name: 'm', query: 'nothing', intervalSeconds: 60, count: 1, initialDelaySeconds: 0, successCondition: 'result[0] < 1', failureCondition: '', failureLimit: 0, inconclusiveLimit: 0, consecutiveErrorLimit: 2 }))
    on.wait(60)
    expect(task.result).toMatchObject({ phase: 'Error' })
    expect(on.sim.now - begin).toBeGreaterThan(20_000_000)
  })
})

test('what is not modelled, or wrong, is said before anything runs', () => {
  const problems = (more: Record<string, unknown>): readonly string[] => application.problems(applicationOptions.parse({ database: { green: { name: 'green-db', replicas: 1 } }, ...more })).map(({ path, message }) => `${path.join('.')}: ${message}`)
  expect(problems({ monitoring: { enabled: true, rules: [{ alert: 'a', expr: 'histogram_quantile(0.9, x)' }] } })[0]).toMatch(/monitoring\.rules\.0\.expr: the function histogram_quantile\(\) is not modelled/)
  expect(problems({ monitoring: { enabled: true, rules: [{ alert: 'a', expr: 'sum(up' }] } })[0]).toContain('parse error')
  expect(problems({ monitoring: { enabled: true, rules: [{ alert: 'a', expr: 'sum by (version' }, { alert: 'b', expr: 'up{pod=~"("}' }, { alert: 'c', expr: 'sum(5)' }] } }).filter(text => /parse error|expected an instant vector/.test(text))).toHaveLength(3)
  expect(problems({ canary: [{ analysis: { query: 'up', successCondition: 'result[0] < 1' } }] })[0]).toContain('monitoring: { enabled: true }')
  expect(problems({ monitoring: ON, canary: [{ analysis: { query: 'up', successCondition: 'result < 1' } }] })[0]).toContain('the condition `result < 1` is not modelled')
  expect(() => bench().run('curl -s http://prometheus:9090/api/v1/query?query=up')).toThrow('there is no Prometheus here')
  expect(() => bench({ monitoring: ON }).run('curl -s http://prometheus:9090/api/v1/series')).toThrow('/api/v1/series of Prometheus is not modelled')
})
