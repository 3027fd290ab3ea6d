import { expect, test } from 'vitest'
import { HOUR, type Process, Simulation, type Us } from '../../src/kernel/index.ts'
import { type Call, type Command, CommandRegistry, type Output, compileRunbook, startOperator } from '../../src/operator/index.ts'
import { ToyWorld, toyRegistry } from './toy.ts'

/**
 * The operator knows only what commands printed: given the recorded outputs and their times, and no model at all, it types the same commands
 * at the same instants.
 */
interface Line {
  readonly issuedUs: Us
  readonly argv: string
  readonly output: Output
  readonly tookUs: Us
}

const PLAN = compileRunbook(`
format: 1
title: wheel
steps:
  - { run: get replicas, as: lags }
  - pick: { from: '\${lags}', column: 2, by: smallest, as: candidate }
  - { gate: 'get \${candidate}', expect: { max: 10 }, every: 2s, for: 3s, timeout: 2m }
  - { run: ['set leader \${candidate}', maybe 3], retry: { times: 2, every: 1s }, undo: set leader old }
  - forEach: { words: a b c, as: pod, steps: [{ run: 'maybe 8', otherwise: continue }, { gate: 'get \${pod}', expect: { equals: up }, every: 1s, timeout: 4s, undo: 'set \${pod} 0' }] }
`)

function record(seed: string, registryOf: (world: ToyWorld) => CommandRegistry): { lines: Line[]; outcome: string | undefined } {
  const sim = new Simulation({ seed })
  const world = new ToyWorld(sim)
  world.set('replicas', 'pg-1 900\npg-2 40')
  world.set('pg-2', '400')
  world.at(9_000_000, 'pg-2', '4')
  for (const pod of ['a', 'b', 'c']) world.at(16_000_000, pod, 'up')
  // A poll that the person did not wait for never returns.
  const lines: { issuedUs: Us; argv: string; output: Output; tookUs: Us }[] = []
  const index = new Map<string, number>()
  const run = startOperator(sim, PLAN, {
    registry: registryOf(world), deadlineUs: HOUR, elide: false,
    observer: {
      phase: e => {
        if (e.phase !== 'await') return
        index.set(`${e.path} ${e.step} ${e.visit} ${e.command}`, lines.length)
        lines.push({ issuedUs: e.atUs, argv: e.argv?.join(' ') ?? '', output: { out: '', err: '', code: 0 }, tookUs: HOUR })
      },
      commandReturned: e => {
        const line = lines[index.get(`${e.path} ${e.step} ${e.visit} ${e.command}`) ?? -1]
        if (line === undefined) throw new Error('returned, but never issued')
        line.output = e.output
        line.tookUs = e.atUs - line.issuedUs
      },
    },
  })
  sim.run()
  return { lines, outcome: run.outcome }
}

/** Plays a transcript back: whatever is typed next gets the next recorded output. */
function playback(lines: readonly Line[]): CommandRegistry {
  let next = 0
  const command = (name: string): Command => ({
    name, summary: '', check: () => [], latencyUs: () => 0, look: () => undefined,
    *run(call: Call): Process<Output> {
      const line = lines[next++]
      if (line?.argv !== call.argv.join(' ')) throw new Error(`typed \`${call.argv.join(' ')}\`, recorded \`${line?.argv}\``)
      yield line.tookUs
      return line.output
    },
  })
  return new CommandRegistry('a transcript').register(...['get', 'set', 'maybe'].map(command))
}

test('fed a transcript and no model, the operator types the same at the same time', () => {
  const outcomes = new Set<string | undefined>()
  for (const seed of '1 2 3 4 5 6 7 8 9 10 11 12'.split(' ')) {
    const recorded = record(seed, world => toyRegistry(world))
    outcomes.add(recorded.outcome)
    const replayed = record(seed, () => playback(recorded.lines))
    expect(replayed.lines.map(l => [l.issuedUs, l.argv])).toEqual(recorded.lines.map(l => [l.issuedUs, l.argv]))
    expect(replayed.outcome).toBe(recorded.outcome)
  }
  expect([...outcomes].sort()).toEqual(['completed', 'rolledBack'])
})
