/** Connectors (rules APP-CDC-…). */
import { expect, test } from 'vitest'
import { type Bench, bench, calmDown, job } from './lab.ts'

const FLAG = { 'webapp:2': { statement: 'versioned', flags: { path: { new: { writes: 'modern', reads: 'modern' } } } } }

/** A connector runs from legacy to modern, and what was there before has been copied. */
function carried(mode: 'blind' | 'versioned', options: Record<string, unknown> = {}, seed = '1'): Bench {
  const on = bench({ image: 'webapp:2', builds: FLAG, flags: { delivery: 'stream' }, connectors: [{ name: 'cdc', replicas: 1, mode }], deleteShare: 0.3, ...options }, seed)
  job(on, 'backfill', ['backfill', '--mode=versioned'])
  return on
}

const behindMs = (on: Bench): number => Number(on.run('kubectl exec deploy/cdc -- curl -s localhost:8083/metrics').out.split(' ')[1])
const turn = (on: Bench): unknown => on.run(`kubectl patch configmap flags --patch '{"data":{"path":"new"}}'`)

test('it carries every change in order, deletes too: both databases are alike but for what is on its way', () => {
  for (const mode of ['blind', 'versioned'] as const) {
    const on = carried(mode)
    on.wait(120)
    calmDown(on)
    expect(on.cluster.truth.kept().other?.name).toMatch(/^green-db-0/)
    expect(on.cluster.rows().divergent).toEqual([])
    expect(on.operations().filter(({ sql }) => sql === 'delete').length).toBeGreaterThan(100)
  }
})

test('BG-T33: a switch while it lags by half a second loses what was on its way', () => {
  const lost = (cdcLagMs: number): number => {
    const on = carried('blind', { cdcLagMs, writesPerSecond: 300 })
    on.wait(30)
    turn(on)
    on.wait(1)
    // The old database is gone before the rest has been read.
    on.run('kubectl delete statefulset blue-db --wait=false')
    calmDown(on)
    return on.cluster.rows().strata.reduce((sum, stratum) => sum + stratum.lost, 0)
  }
  expect(lost(2_000)).toBeGreaterThan(5)
  expect(lost(2_000)).toBeGreaterThan(lost(50))
})

test('O9: its metric is frozen while it stands still; its offset is not ahead of what it has applied', () => {
  const on = carried('versioned')
  on.wait(10)
  const offset = (): number => Number(on.run('kubectl exec deploy/cdc -- curl -s localhost:8083/offset').out)
  expect(behindMs(on)).toBe(500)
  const end = on.cluster.strike({ kind: 'replay-stall', target: 'connector:cdc', durationUs: 0, magnitude: 0, nth: 0 })
  expect(end).toMatchObject({ struck: true, members: ['green-db-0'] })
  const before = offset()
  on.wait(120)
  expect(behindMs(on)).toBe(500)
  expect(offset()).toBe(before)
  end.end()
  on.wait(20)
  // Two minutes behind, caught up at twice the rate.
  expect(behindMs(on)).toBeGreaterThan(80_000)
  on.wait(120)
  expect(behindMs(on)).toBe(500)
  expect(offset()).toBeGreaterThan(before)
  calmDown(on)
  expect(on.cluster.rows().divergent).toEqual([])
})

test('BG-T34: killed, it begins again at its last flushed offset: blind, older rows lie over newer ones until those come again; versioned, nothing changes back', () => {
  const regressions = (mode: 'blind' | 'versioned'): number => {
    const on = carried(mode, { cdcFlushSeconds: 300, cdcApplyRatio: 1.05, writesPerSecond: 100 })
    on.wait(200)
    const commits = (): number => on.cluster.world.rows.keys.reduce((sum, { commits: all }) => sum + all.filter(({ by }) => by === 'cdc').length, 0)
    const before = commits()
    const target = on.cluster.targets('process-kill').find(each => each.startsWith('pod:cdc-')) as string
    expect(on.cluster.strike({ kind: 'process-kill', target, durationUs: 0, magnitude: 0, nth: 0 }).struck).toBe(true)
    on.wait(60)
    expect(commits()).toBeGreaterThanOrEqual(before)
    let back = 0
    for (const key of on.cluster.world.rows.keys) {
      const carriedVersions = key.commits.filter(({ by }) => by === 'cdc').map(({ version }) => version)
      for (let i = 1; i < carriedVersions.length; i++) if ((carriedVersions[i] as number) < (carriedVersions[i - 1] as number)) back += 1
    }
    return back
  }
  expect(regressions('blind')).toBeGreaterThan(20)
  expect(regressions('versioned')).toBe(0)
})

test('BG-T32: the program and a connector bring the same change twice: blind, the older one comes last', () => {
  const back = (mode: 'blind' | 'versioned'): number => {
    const on = bench({ image: 'webapp:2', builds: { 'webapp:2': { writes: 'both', statement: mode === 'blind' ? 'upsert' : 'versioned' } }, connectors: [{ name: 'cdc', replicas: 1, mode }], deleteShare: 0, followUpShare: 1, followUpMs: 100 })
    on.wait(60)
    let count = 0
    for (const { commits } of on.cluster.world.rows.keys) {
      const there = commits.filter(({ copy }) => copy.name.startsWith('green')).map(({ version }) => version)
      for (let i = 1; i < there.length; i++) if ((there[i] as number) < (there[i - 1] as number)) count += 1
    }
    return count
  }
  expect(back('blind')).toBeGreaterThan(100)
  expect(back('versioned')).toBe(0)
})

test('two things hold it up: the one that ends, however often it is told to, leaves the other; wrong arguments are in the log', () => {
  const on = bench({ connectors: [{ name: 'cdc', replicas: 1, mode: 'versioned' }] })
  job(on, 'backfill', ['backfill', '--mode=versioned'])
  on.wait(30)
  const [carrier] = on.cluster.world.connectors
  const lag = (): number => Number(/ (.*)$/m.exec(on.run('kubectl exec deploy/cdc -- curl -s localhost:8083/metrics').out)?.[1])
  const made = (): number => on.cluster.world.rows.keys.reduce((sum, { commits }) => sum + commits.filter(({ by }) => by === 'cdc').length, 0)
  const [first, second] = [carrier?.stall(), carrier?.stall()]
  on.wait(5)
  first?.()
  first?.()
  const held = made()
  on.wait(60)
  expect([made() - held, lag()]).toEqual([0, 500])
  second?.()
  on.wait(60)
  expect(made()).toBeGreaterThan(held + 100)
  const labels = { app: 'wrong' }
  on.run('kubectl apply -f -', JSON.stringify({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'wrong' }, spec: { replicas: 1, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [{ name: 'cdc', image: 'cdc:1', args: ['--mode=quick'] }] } } } }))
  on.wait(60)
  expect(on.run('kubectl get pods -l app=wrong').out).toContain('CrashLoopBackOff')
  expect(on.run('kubectl logs deploy/wrong').out).toBe('cdc: --mode is blind or versioned\n')
})

test('APP-CDC-4: what a relay brought a connector back carries on: blind, it lies over what has come since; by version it changes nothing', () => {
  const run = (mode: 'blind' | 'versioned'): { readonly brought: number; readonly older: number } => {
    const on = bench({ image: 'webapp:2', builds: { 'webapp:2': { outbox: true, statement: 'versioned' } }, relays: [{ name: 'relay', replicas: 1, mode: 'versioned', batchRows: 1_000 }], connectors: [{ name: 'back', replicas: 1, from: 'modern', to: 'legacy', mode }], writesPerSecond: 100, followUpShare: 0.8, followUpMs: 1_200 })
    on.wait(120)
    const { world } = on.cluster
    const legacy = world.rows.keys.map(({ commits }) => commits.filter(({ copy }) => world.rows.sideOf(copy) === 'legacy'))
    const older = legacy.flatMap(commits => commits.filter(({ by, version }, i) => by === 'cdc' && version < (commits[i - 1]?.version ?? 0)))
    return { brought: legacy.flat().filter(({ by }) => by === 'cdc').length, older: older.length }
  }
  const blind = run('blind')
  expect([blind.brought > 100, blind.older > 10]).toEqual([true, true])
  expect(run('versioned')).toEqual({ brought: 0, older: 0 })
})

test('APP-CDC-1: of a database that has come in the place of its source it has no slot: it stands still', () => {
  const on = bench({ image: 'webapp:2', builds: { 'webapp:2': { statement: 'versioned', writes: 'modern', reads: 'modern' } }, connectors: [{ name: 'back', replicas: 1, from: 'modern', to: 'legacy', mode: 'versioned' }] })
  const brought = (): number => on.cluster.world.rows.keys.reduce((sum, { commits }) => sum + commits.filter(({ by }) => by === 'cdc').length, 0)
  on.wait(60)
  expect(brought()).toBeGreaterThan(100)
  on.run('kubectl scale statefulset green-db --replicas=0')
  on.run('kubectl delete pvc data-green-db-0')
  on.run('kubectl scale statefulset green-db --replicas=1')
  for (let i = 0; i < 60 && on.run('psql -h green-db-0.green-db -Atc select').code !== 0; i++) on.wait(5)
  const before = brought()
  const begin = on.operations().length
  on.wait(120)
  expect(on.operations().filter(({ id, outcome }) => id > begin && outcome === 'ok').length).toBeGreaterThan(100)
  expect(brought()).toBe(before)
})

test('what one connector brought another does not carry on, and a fence by the default does not keep it out', () => {
  const on = bench({ image: 'webapp:2', builds: FLAG, flags: { delivery: 'stream' }, connectors: [{ name: 'cdc', replicas: 1, mode: 'blind' }, { name: 'back', replicas: 1, from: 'modern', to: 'legacy', mode: 'blind' }] })
  job(on, 'backfill', ['backfill', '--mode=versioned'])
  on.wait(30)
  const made = (): number => on.cluster.world.rows.keys.reduce((sum, { commits }) => sum + commits.length, 0)
  on.cluster.requests.stop()
  on.wait(30)
  const before = made()
  on.wait(30)
  expect(made()).toBe(before)
  const again = bench({ image: 'webapp:2', builds: FLAG, flags: { delivery: 'stream' }, connectors: [{ name: 'back', replicas: 1, from: 'modern', to: 'legacy', mode: 'versioned' }] })
  job(again, 'backfill', ['backfill', '--mode=versioned'])
  again.run(`psql -h blue-db-0.blue-db -c 'alter system set default_transaction_read_only = on' -c 'select pg_reload_conf()'`)
  turn(again)
  again.wait(60)
  calmDown(again)
  expect(again.cluster.truth.kept().other?.name).toBe('blue-db-0')
  expect(again.cluster.rows().divergent.filter(({ where }) => where === 'blue-db-0')).toEqual([])
})
