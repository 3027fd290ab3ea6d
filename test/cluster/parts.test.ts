/** Machines, disks and the network: what every model is made of. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Disk } from '../../src/cluster/disk.ts'
import { Machine } from '../../src/cluster/machine.ts'
import { drawUs, Network } from '../../src/cluster/network.ts'
import { Simulation } from '../../src/kernel/index.ts'

function recorded(): Simulation {
  return new Simulation({ seed: '1', record: true })
}

function trace(sim: Simulation): string[] {
  return (sim.records ?? []).map(r => `${r.label} ${r.node} ${r.payload}`)
}

describe('machine', () => {
  test('tells of each loss and return once, in order of subscription, after it has happened', () => {
    const sim = recorded()
    const machine = new Machine(sim, 'vm-0', 'zone-1')
    const heard: string[] = []
    machine.onPower(up => heard.push(`first ${up} ${machine.up}`))
    machine.onPower(up => heard.push(`second ${up}`))
    for (const up of [true, false, false, true, true]) machine.setUp(up)
    expect(heard).toEqual(['first false false', 'second false', 'first true true', 'second true'])
    expect(trace(sim)).toEqual(['machine.down vm-0 0', 'machine.up vm-0 0'])
  })
})

describe('machine under faults', () => {
  test('slowdowns multiply, each ends once and by itself; every change is told and traced', () => {
    const sim = recorded()
    const machine = new Machine(sim, 'vm-0', 'zone-1')
    const heard: number[] = []
    machine.onPace(() => heard.push(machine.slowdownFactor))
    const ends = [machine.slow(4), machine.slow(2)]
    ends[0]?.()
    ends[0]?.()
    ends[1]?.()
    expect(heard).toEqual([4, 8, 2, 1])
    expect(trace(sim).at(-1)).toBe('machine.slow vm-0 1000')
  })

  test('its clock is off by the sum of all jumps up to an instant', () => {
    const jump = fc.record({ afterUs: fc.integer({ min: 1, max: 1_000_000 }), byUs: fc.integer({ min: -1_000_000, max: 1_000_000 }) })
    fc.assert(
      fc.property(fc.array(jump, { maxLength: 6 }), fc.integer({ min: 0, max: 7_000_000 }), (jumps, askedUs) => {
        const sim = recorded()
        const machine = new Machine(sim, 'vm-0', 'zone-1')
        let atUs = 0
        let expected = 0
        for (const { afterUs, byUs } of jumps) {
          atUs += afterUs
          if (atUs <= askedUs) expected += byUs
          sim.call(atUs, () => machine.jumpClock(byUs))
        }
        sim.run(8_000_000)
        expect(machine.clockOffUs(askedUs)).toBe(expected)
      }),
    )
  })
})

describe('disk', () => {
  test('slowdowns multiply, and each ends by itself; every change is told and traced', () => {
    const sim = recorded()
    const disk = new Disk(sim, 'pvc-0', 'zone-1', 1000)
    let told = 0
    disk.onChange(() => {
      told += 1
    })
    const healed = disk.slow(4)
    const alsoHealed = disk.slow(2)
    expect(disk.bytesPerSecond).toBe(125)
    healed()
    healed()
    expect(disk.bytesPerSecond).toBe(500)
    alsoHealed()
    expect(disk.bytesPerSecond).toBe(1000)
    const roomAgain = disk.fill()
    expect(disk.full).toBe(true)
    roomAgain()
    expect(disk.full).toBe(false)
    expect(told).toBe(6)
    expect(trace(sim)).toEqual(['disk.slow pvc-0 4000', 'disk.slow pvc-0 8000', 'disk.slow pvc-0 2000', 'disk.slow pvc-0 1000', 'disk.full pvc-0 1', 'disk.full pvc-0 0'])
  })

  test('a destroyed disk has nothing left', () => {
    const sim = recorded()
    const disk = new Disk<string>(sim, 'pvc-0', undefined, 1000)
    disk.contents = 'all the data'
    disk.destroy()
    expect([disk.destroyed, disk.contents]).toEqual([true, undefined])
  })
})

describe('network', () => {
  const places = ['a', 'b', 'c', 'outside'] as const
  const place = fc.constantFrom(...places)
  const build = (): { sim: Simulation; network: Network } => {
    const sim = recorded()
    const zones: Record<string, string> = { a: 'zone-1', b: 'zone-1', c: 'zone-2' }
    return { sim, network: new Network(sim, { localUs: 10, nearUs: 100, farUs: 1000, zoneOf: p => zones[p] }) }
  }

  test('delays: on one machine, within a zone, between zones, from outside', () => {
    const { network } = build()
    expect([network.delayUs('a', 'a'), network.delayUs('a', 'b'), network.delayUs('a', 'c'), network.delayUs('outside', 'a')]).toEqual([10, 100, 1000, 1000])
    expect(network.delayUs('outside', 'elsewhere')).toBe(1000)
  })

  test('a cut is one-way; a conversation needs both ways; a place always reaches itself', () => {
    const { network } = build()
    const heal = network.cut('a→b', p => p === 'a', p => p === 'b')
    expect([network.arrives('a', 'b'), network.arrives('b', 'a'), network.connected('a', 'b'), network.connected('b', 'a')]).toEqual([false, true, false, false])
    expect(network.arrives('a', 'c')).toBe(true)
    network.cut('all', () => true, () => true)
    for (const p of places) expect(network.connected(p, p)).toBe(true)
    heal()
    expect(network.arrives('a', 'b')).toBe(false)
  })

  test('a cut catches places that are born later', () => {
    const { network } = build()
    network.cut('zone-2', p => p.startsWith('new'), () => true)
    expect(network.arrives('new-7', 'a')).toBe(false)
  })

  test('whatever is cut and healed in whatever order: blocked exactly while some cut blocks; healing twice is healing once', () => {
    const cut = fc.record({ from: place, to: place })
    fc.assert(
      fc.property(fc.array(cut, { maxLength: 6 }), fc.array(fc.nat(5), { maxLength: 12 }), (cuts, order) => {
        const { network } = build()
        let changes = 0
        network.onChange(() => {
          changes += 1
        })
        const heals = cuts.map(c => network.cut('cut', p => p === c.from, p => p === c.to))
        const open = new Set(cuts.keys())
        for (const which of order) {
          if (which >= cuts.length) continue
          heals[which]?.()
          open.delete(which)
          for (const a of places) for (const b of places) expect(network.arrives(a, b)).toBe(a === b || ![...open].some(i => cuts[i]?.from === a && cuts[i]?.to === b))
        }
        expect(changes).toBe(cuts.length + (cuts.length - open.size))
      }),
    )
  })

  test('loss makes messages late by the retransmissions it takes, and bulk transfers slow; both grow with it, and nobody is cut off', () => {
    const { network } = build()
    expect(network.bytesPerSecond('a', 'b')).toBe(Number.POSITIVE_INFINITY)
    const healed = network.lose('a', 0.05)
    // 5 % of 200 ms, plus what is lost twice and more: 0.05·200/(1 − 0.1) ms.
    expect(network.delayUs('a', 'b')).toBe(100 + 11_111)
    expect(network.delayUs('b', 'a')).toBe(100 + 11_111)
    expect([network.delayUs('b', 'c'), network.delayUs('a', 'a'), network.connected('a', 'b')]).toEqual([1000, 10, true])
    // RFC 3819 §8.5 by hand: 1460 B ÷ (2 ms·√0.0665 + 200 ms·0.05·1.08·min(1, 0.581)) = 1460 ÷ 6.79 ms.
    expect(network.bytesPerSecond('a', 'b') / 1000).toBeCloseTo(215, 0)
    const before = network.bytesPerSecond('a', 'b')
    const alsoHealed = network.lose('b', 0.3)
    expect(network.bytesPerSecond('a', 'b')).toBeLessThan(before / 10)
    expect(network.delayUs('a', 'b')).toBeGreaterThan(100_000)
    healed()
    healed()
    alsoHealed()
    expect([network.delayUs('a', 'b'), network.bytesPerSecond('a', 'b')]).toEqual([100, Number.POSITIVE_INFINITY])
  })

  test('slowdowns add up on both ends, what stays in one place passes no link, and healing takes each away', () => {
    const { sim, network } = build()
    const healA = network.slowDown('a', 50)
    const healB = network.slowDown('b', 7)
    const healA2 = network.slowDown('a', 500)
    expect([network.delayUs('a', 'b'), network.delayUs('b', 'a'), network.delayUs('a', 'a'), network.delayUs('a', 'c')]).toEqual([657, 657, 10, 1550])
    healA()
    expect(network.delayUs('a', 'b')).toBe(607)
    healA2()
    healB()
    expect(network.delayUs('a', 'b')).toBe(100)
    expect(trace(sim).at(-1)).toBe('network.healed b 7')
  })

  test('every change of the network changes the trace', () => {
    const { sim, network } = build()
    const seen = new Set([sim.traceHash()])
    const heal = network.cut('a', p => p === 'a', () => true)
    seen.add(sim.traceHash())
    heal()
    seen.add(sim.traceHash())
    network.slowDown('a', 5)
    seen.add(sim.traceHash())
    expect(seen.size).toBe(4)
  })
})

test('a drawn delay is a whole number of microseconds, not negative, and always the same for its name', () => {
  fc.assert(
    fc.property(fc.nat(1000), fc.double({ min: 0, max: 1e6, noNaN: true }), (nth, mean) => {
      const sim = new Simulation({ seed: '1' })
      const us = drawUs(sim, { is: 'exponential', mean }, 'link', 'delay', nth)
      expect(Number.isInteger(us) && us >= 0).toBe(true)
      expect(drawUs(sim, { is: 'exponential', mean }, 'link', 'delay', nth)).toBe(us)
      expect(drawUs(sim, { is: 'constant', value: -mean - 1 }, 'link', 'delay', nth)).toBe(0)
    }),
  )
})
