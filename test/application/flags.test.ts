/** Flags: how a change reaches the pods (rules APP-FLAG-…), and what the program does meanwhile. */
import { expect, test } from 'vitest'
import { type Bench, bench } from './lab.ts'

const BUILD = { 'webapp:2': { flags: { path: { new: { writes: 'modern', reads: 'modern' } } } } }

function newPods(on: Bench): number {
  return [...on.cluster.world.pods.values()].filter(pod => pod.behaviour.writes === 'modern').length
}

function flagged(flags: Record<string, unknown> = {}, seed = '1'): Bench {
  return bench({ image: 'webapp:2', builds: BUILD, flags: { values: { path: 'old' }, missedUpdateP: 0, ...flags } }, seed)
}

const turn = (on: Bench): unknown => on.run(`kubectl patch configmap flags --patch '{"data":{"path":"new"}}'`)

test('BG-T16: polled, a change reaches the pods one after the other within a period; meanwhile some write to one database and some to the other', () => {
  const on = flagged()
  turn(on)
  const seen: number[] = []
  for (let s = 0; s < 61; s += 5) {
    seen.push(newPods(on))
    on.wait(5)
  }
  expect(seen[0]).toBeLessThan(6)
  expect(new Set(seen).size).toBeGreaterThan(3)
  expect(newPods(on)).toBe(6)
  const on2 = flagged()
  turn(on2)
  on2.wait(20)
  expect(newPods(on2)).toBeGreaterThan(0)
  expect(newPods(on2)).toBeLessThan(6)
  expect(on2.cluster.truth.couldAcknowledge()).toEqual(['blue-db-0', 'green-db-0'])
})

test('streamed, it reaches them within a second', () => {
  const on = flagged({ delivery: 'stream' })
  turn(on)
  on.wait(1)
  expect(newPods(on)).toBe(6)
})

test('a pod that misses an update: polling it learns one period later, streaming only with the next update', () => {
  const polled = flagged({ missedUpdateP: 1 })
  turn(polled)
  polled.wait(60)
  expect(newPods(polled)).toBe(0)
  polled.wait(60)
  expect(newPods(polled)).toBe(6)
  const streamed = flagged({ delivery: 'stream', missedUpdateP: 1 })
  turn(streamed)
  streamed.wait(600)
  expect(newPods(streamed)).toBe(0)
})

test('a pod says what it goes by, and that need not be what the flag service has', () => {
  const on = flagged()
  turn(on)
  const reports = (): string[] => [...on.cluster.world.pods.values()].map(({ name }) => on.run(`kubectl exec ${name} -- curl -s localhost:8080/flags`).out.trim())
  expect(new Set(reports())).toContain('path=old')
  on.wait(61)
  expect(new Set(reports())).toEqual(new Set(['path=new']))
})

test('while the flag service is away pods stay as they are, and one that starts goes by its defaults', () => {
  const on = flagged()
  turn(on)
  on.wait(61)
  const strike = on.cluster.strike({ kind: 'coordinator-away', target: 'flags', durationUs: 0, magnitude: 0, nth: 0 })
  const [pod] = on.cluster.world.pods.values()
  on.run(`kubectl delete pod ${pod?.name}`)
  on.wait(60)
  expect(on.cluster.world.pods.size).toBe(6)
  expect(newPods(on)).toBe(5)
  on.run(`kubectl patch configmap flags --patch '{"data":{"path":"old"}}'`)
  on.wait(120)
  expect(newPods(on)).toBe(5)
  strike.end()
  on.wait(61)
  expect(newPods(on)).toBe(0)
})

test('BG-T17: the command line of go-feature-flag sets nothing', () => {
  const on = flagged()
  const said = on.run('gofeatureflag set --key path --value new --target-percent 100')
  expect(said.code).toBe(1)
  expect(said.err).toMatch(/unknown command "set"/)
  on.wait(120)
  expect(newPods(on)).toBe(0)
})
