/**
 * The kernel beside npm's queues and its one simulation library, on the same work with the same luck.
 *
 * Hold: n events pending; each takes itself out and schedules its successor. The libraries that are queues get the smallest loop that
 * makes a simulation of them: no trace hash, no cancelling, and (flatqueue) no order among events of one instant. The kernel has all three.
 * M/M/1: one server, load 0.8; customers per CPU second.
 */
import { createRequire } from 'node:module'
import { exp1 } from './luck.mjs'
import { race, sameLuck } from './measure.mjs'

const require = createRequire(import.meta.url)

async function optional(name) {
  try {
    return await import(name)
  } catch {
    return undefined
  }
}

/** @returns {Promise<Record<string, { make: () => { push(time: number, seq: number, id: number): void, pop(): { time: number, id: number } } , note: string }>>} */
async function queues() {
  const found = {}
  const before = (x, y) => x.time - y.time || x.seq - y.seq
  const flat = await optional('flatqueue')
  if (flat) {
    found['flatqueue 3.1.0'] = () => {
      const queue = new flat.default()
      const out = { time: 0, id: 0 }
      return {
        push: (time, _seq, id) => queue.push(id, time),
        pop: () => {
          out.time = queue.peekValue()
          out.id = queue.pop()
          return out
        },
      }
    }
  }
  const tiny = await optional('tinyqueue')
  if (tiny) {
    found['tinyqueue 3.0.0'] = () => {
      const queue = new tiny.default([], before)
      return { push: (time, seq, id) => queue.push({ time, seq, id }), pop: () => queue.pop() }
    }
  }
  const heap = await optional('heap-js')
  const Heap = heap?.Heap ?? heap?.default?.Heap
  if (Heap) {
    found['heap-js 2.7.1'] = () => {
      const queue = new Heap(before)
      return { push: (time, seq, id) => queue.push({ time, seq, id }), pop: () => queue.pop() }
    }
  }
  const structures = await optional('@datastructures-js/priority-queue')
  const PriorityQueue = structures?.PriorityQueue ?? structures?.default?.PriorityQueue
  if (PriorityQueue) {
    found['@datastructures-js/priority-queue 6.4.0'] = () => {
      const queue = new PriorityQueue(before)
      return { push: (time, seq, id) => queue.enqueue({ time, seq, id }), pop: () => queue.dequeue() }
    }
  }
  return found
}

/** simjs is a bundle for browsers: it hands its classes to `window`. */
function simjs() {
  try {
    globalThis.window ??= {}
    require('simjs')
    return globalThis.window.Sim
  } catch {
    return undefined
  }
}

function holdWithQueue(make, pending, events) {
  const queue = make()
  const luck = sameLuck()
  let seq = 0
  let sum = 0
  for (let i = 0; i < pending; i++) queue.push(luck(), seq++, i)
  for (let n = 0; n < events; n++) {
    const event = queue.pop()
    sum = (sum + event.id) | 0
    queue.push(event.time + 1 + luck(), seq++, event.id)
  }
  return sum
}

function holdWithKernel({ Simulation }, pending, events) {
  const sim = new Simulation({ seed: '1' })
  const luck = sameLuck()
  let sum = 0
  let n = 0
  const kind = sim.on(id => {
    sum = (sum + id) | 0
    sim.at(sim.now + 1 + luck(), kind, id)
    if (++n === events) sim.stop()
  })
  for (let i = 0; i < pending; i++) sim.at(luck(), kind, i)
  sim.run()
  return sum
}

function holdWithProcesses({ Simulation }, pending, events) {
  const sim = new Simulation({ seed: '1' })
  const luck = sameLuck()
  let n = 0
  function* live() {
    for (;;) {
      yield 1 + luck()
      if (++n === events) sim.stop()
    }
  }
  for (let i = 0; i < pending; i++) sim.spawn(live())
  sim.run()
}

function holdWithSimjs(Sim, pending, events) {
  const luck = sameLuck()
  let n = 0
  class Live extends Sim.Entity {
    start() {
      this.again()
    }
    again() {
      if (n++ < events) this.setTimer(1 + luck()).done(this.again, this)
    }
  }
  const sim = new Sim.Sim()
  for (let i = 0; i < pending; i++) sim.addEntity(Live, `e${i}`)
  sim.simulate(Number.MAX_VALUE)
}

const ARRIVAL = 1.25
const SERVICE = 1
const UNIT = 1_000_000

function mm1WithHandlers({ Simulation }, customers) {
  const sim = new Simulation({ seed: '1' })
  const luck = exp1()
  const line = []
  let head = 0
  let arrived = 0
  let busy = false
  let waited = 0
  const serve = since => {
    waited += sim.now - since
    sim.at(sim.now + Math.round(luck() * SERVICE * UNIT), departure)
  }
  const departure = sim.on(() => {
    if (head < line.length) {
      serve(line[head++])
      if (head === line.length) head = line.length = 0
    } else busy = false
  })
  const arrival = sim.on(() => {
    if (++arrived < customers) sim.at(sim.now + Math.round(luck() * ARRIVAL * UNIT), arrival)
    if (busy) line.push(sim.now)
    else {
      busy = true
      serve(sim.now)
    }
  })
  sim.at(0, arrival)
  sim.run()
  return waited / UNIT / customers
}

function mm1WithProcesses({ Simulation, Signal }, customers) {
  const sim = new Simulation({ seed: '1' })
  const luck = exp1()
  const line = []
  let head = 0
  let waited = 0
  const came = new Signal()
  function* arrivals() {
    for (let i = 0; i < customers; i++) {
      yield luck() * ARRIVAL * UNIT
      line.push(sim.now)
      came.fire()
    }
  }
  function* server() {
    for (let i = 0; i < customers; i++) {
      if (head === line.length) {
        head = line.length = 0
        yield came
      }
      waited += sim.now - line[head++]
      yield luck() * SERVICE * UNIT
    }
  }
  sim.spawn(arrivals())
  sim.spawn(server())
  sim.run()
  return waited / UNIT / customers
}

function mm1WithSimjs(Sim, customers) {
  const luck = exp1()
  const facility = new Sim.Facility('server')
  let waited = 0
  let left = customers
  class Source extends Sim.Entity {
    start() {
      this.next()
    }
    next() {
      if (left-- === 0) return
      const cameAt = this.time()
      const service = luck() * SERVICE
      this.useFacility(facility, service).done(() => {
        waited += this.time() - cameAt - service
      })
      this.setTimer(luck() * ARRIVAL).done(this.next, this)
    }
  }
  const sim = new Sim.Sim()
  sim.addEntity(Source, 'source')
  sim.simulate(Number.MAX_VALUE)
  return waited / customers
}

export async function benchKernel(kernel, rounds) {
  const libraries = await queues()
  const Sim = simjs()
  const hold = {}
  for (const [pending, events] of [
    [100, 400_000],
    [10_000, 400_000],
  ]) {
    const contenders = {
      'proofroll, numbered events': () => (holdWithKernel(kernel, pending, events), events),
      'proofroll, processes': () => (holdWithProcesses(kernel, pending, events), events),
    }
    const sums = new Map([['proofroll, numbered events', holdWithKernel(kernel, pending, events)]])
    for (const [name, make] of Object.entries(libraries)) {
      contenders[name] = () => (holdWithQueue(make, pending, events), events)
      if (!name.startsWith('flatqueue')) sums.set(name, holdWithQueue(make, pending, events))
    }
    // simjs walks its queue object by object: less of the same work.
    if (Sim) contenders['simjs 2.0.3'] = () => (holdWithSimjs(Sim, pending, events / 10), events / 10)
    if (new Set(sums.values()).size > 1) throw new Error(`bench: the contenders did different work: ${JSON.stringify([...sums])}`)
    hold[pending] = race(contenders, rounds)
  }
  const customers = 300_000
  const waits = {}
  const contenders = {
    'proofroll, numbered events': () => ((waits.numbered = mm1WithHandlers(kernel, customers)), customers),
    'proofroll, processes': () => ((waits.processes = mm1WithProcesses(kernel, customers)), customers),
  }
  if (Sim) contenders['simjs 2.0.3'] = () => ((waits.simjs = mm1WithSimjs(Sim, customers)), customers)
  const mm1 = race(contenders, rounds)
  // Theory: ρ/(μ−λ) = 4. A contender far from it did not do the work.
  for (const [name, wait] of Object.entries(waits)) if (Math.abs(wait - 4) > 0.6) throw new Error(`bench: ${name} found a mean wait of ${wait}, theory says 4`)
  return { hold, mm1, meanWaits: waits }
}
