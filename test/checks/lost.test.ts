import { loadScenario, rehearse, runSeed } from '../../src/index.ts'
import { expect, test } from 'vitest'
import { MINUTE, SECOND } from '../../src/kernel/index.ts'
import { judge } from '../../src/checks/index.ts'
import { type StoryOptions, type Stage, tell } from '../toy/story.ts'

const ID = 'no-acknowledged-write-lost'
const lost = (script: (stage: Stage) => void, options?: StoryOptions) => {
  const told = tell(script, options)
  return { ...told, loss: told.verdict(ID), measures: told.recording.measures }
}

test('passes a fenced switch, with the number of writes that were at stake', () => {
  const { loss } = lost(({ step }) => {
    step('pause', w => w.hold(true))
    step('stop', w => void w.stop('m-0', 'clean', 'runbook'))
    step('promote', w => void w.promote('m-1'))
    step('route', w => w.route('m-1'))
    step('resume', w => w.hold(false))
  })
  expect(loss.status).toBe('pass')
  expect(loss.evidence).toMatch(/^7\d,\d{3} acknowledged writes, none lost by the runbook$/)
})

test('is not exercised when nothing was acknowledged', () => {
  expect(lost(({ wait }) => wait(SECOND), { load: { writesPerSecond: 0 } }).loss.status).toBe('notExercised')
})

test('overlap: the chain names who acknowledged, who was promoted in which step, and that nothing stopped the old leader', () => {
  const { loss } = lost(({ step }) => {
    step('scale', () => {})
    step('promote', w => void w.promote('m-1'), 2 * SECOND)
    step('route', w => w.route('m-1'), 2 * SECOND)
    step('remove', w => void w.stop('m-0', 'clean', 'runbook'))
  })
  expect(loss.status).toBe('fail')
  expect(loss.signature).toEqual({ check: ID, cause: 'overlap', step: 'promote' })
  expect(loss.because?.map(c => [c.step, c.node, c.text.replace(/LSN \d+/g, 'LSN n').replace(/[\d,]+ acknowledged writes/, 'N acknowledged writes')])).toMatchInlineSnapshot(`
    [
      [
        undefined,
        "m-1",
        "the history that counts at the end, that of m-1, lacks them (it ends at LSN n of timeline 2; a fresh client writes there)",
      ],
      [
        "promote",
        "m-0",
        "m-0 acknowledged the lost writes on timeline 1 from 00:01.000 to 00:05.000",
      ],
      [
        "promote",
        "m-1",
        "the runbook promoted m-1 from LSN n of timeline 1, although m-0, still running, was further ahead",
      ],
      [
        undefined,
        "m-0",
        "nothing had stopped m-0 before: it neither exited nor was fenced",
      ],
    ]
  `)
})

test('behind-candidate: another copy was ahead of the promoted one', () => {
  const { loss, measures } = lost(({ step, world }) => {
    step('stall', () => world.member('m-1').copy?.freeze('receive'), 3 * SECOND)
    step('stop', w => void w.stop('m-0', 'clean', 'runbook'))
    step('promote', w => void w.promote('m-1'))
    step('route', w => w.route('m-1'))
  })
  expect(loss.signature).toEqual({ check: ID, cause: 'behind-candidate', step: 'promote' })
  expect(Math.abs(measures.lostAcknowledgedWrites - 3000)).toBeLessThan(10)
  expect(loss.because?.at(-1)?.text).toMatch(/m-1 ended \d+ bytes short/)
})

test('abandoned-branch: going back to the old leader leaves what the new one took', () => {
  const { loss } = lost(({ step }) => {
    step('stop', w => void w.stop('m-0', 'clean', 'runbook'))
    step('promote', w => void w.promote('m-1'))
    step('route', w => w.route('m-1'), 5 * SECOND)
    step('stop-new', w => void w.stop('m-1', 'clean', 'runbook'))
    step('back', w => {
      w.start('m-0')
      w.route('m-0')
    })
  })
  expect(loss.signature).toMatchObject({ cause: 'abandoned-branch' })
  expect(loss.because?.some(c => c.text.includes('promoted m-1'))).toBe(true)
})

test('wiped: an empty database took over', () => {
  const { loss, measures, recording } = lost(({ step, log }) => {
    step('reinit', w => {
      w.stop('m-0', 'clean', 'runbook')
      w.member('m-0').copy = log.copy('m-0 anew', { branch: log.genesis(0), lsn: 0 })
      w.start('m-0')
    })
  })
  expect(loss.signature).toMatchObject({ cause: 'wiped' })
  expect(measures.lostAcknowledgedWrites).toBeGreaterThan(9_900)
  expect(measures.lostAcknowledgedWrites).toBeLessThan(recording.acknowledgedWrites)
})

test('destroyed-volume: no copy is left, and the chain names the volumes', () => {
  const { loss, measures, recording } = lost(({ step }) => step('destroy', w => ['m-0', 'm-1', 'm-2'].forEach(m => w.destroy(m, 'runbook'))))
  expect(loss.signature).toEqual({ check: ID, cause: 'destroyed-volume', step: 'destroy' })
  expect(measures.lostAcknowledgedWrites).toBe(recording.acknowledgedWrites)
  expect(measures.strandedWrites).toBe(0)
  expect(loss.because?.filter(c => c.text.includes('was destroyed')).length).toBe(3)
})

test('removed-leader: the runbook removed the leader for good and promoted what had followed it', () => {
  const { loss } = lost(({ step }) => {
    step('remove', w => w.destroy('m-0', 'runbook'))
    step('promote', w => void w.promote('m-1'))
    step('route', w => w.route('m-1'))
  }, { toy: { delayUs: 300_000 } })
  expect(loss.signature).toMatchObject({ cause: 'removed-leader' })
})

// ── inherent or the runbook's ────────────────────────────────────────────────────────────────────────────────────────────────────

const LAGGING = { toy: { delayUs: 300_000 } }

test('inherent: a fault takes the leader, the furthest copy is promoted, and only the ordinary lag is missing', () => {
  const { loss, measures } = lost(({ fault, step }) => {
    step('before', () => {})
    fault('node-loss-with-volume', 'member:m-0')
    step('promote', w => void w.promote('m-1'))
    step('route', w => w.route('m-1'))
  }, LAGGING)
  expect(Math.abs(measures.lostAcknowledgedWrites - 300)).toBeLessThan(10)
  expect(measures.inherentLostWrites).toBe(measures.lostAcknowledgedWrites)
  expect(loss.status).toBe('pass')
  expect(loss.evidence).toContain('lost as asynchronous replication must')
})

test('inherent: so it is when the cluster itself failed over', () => {
  const { measures } = lost(({ fault, step, world }) => {
    fault('process-kill', 'member:m-0')
    world.promote('m-1', 'engine')
    step('route', w => w.route('m-1'))
  }, LAGGING)
  expect(measures.lostAcknowledgedWrites).toBeGreaterThan(200)
  expect(measures.inherentLostWrites).toBe(measures.lostAcknowledgedWrites)
})

test("the runbook's: the same loss when the runbook stopped the leader itself", () => {
  const { loss, measures } = lost(({ step }) => {
    step('stop', w => void w.stop('m-0', 'killed', 'runbook'))
    step('promote', w => void w.promote('m-1'))
    step('route', w => w.route('m-1'))
  }, LAGGING)
  expect(measures.lostAcknowledgedWrites).toBeGreaterThan(200)
  expect(measures.inherentLostWrites).toBe(0)
  expect(loss.signature).toEqual({ check: ID, cause: 'unreplicated-tail', step: 'promote' })
})

test("the runbook's: a fault took the leader, but not the furthest copy was promoted", () => {
  const { loss, measures } = lost(({ fault, step, world }) => {
    world.member('m-1').copy?.freeze('receive')
    step('before', () => {}, 100_000)
    fault('process-kill', 'member:m-0')
    step('promote', w => void w.promote('m-1'))
    step('route', w => w.route('m-1'))
  })
  expect(measures.lostAcknowledgedWrites).toBeGreaterThan(90)
  expect(measures.inherentLostWrites).toBe(0)
  expect(loss.signature?.cause).toBe('behind-candidate')
})

test('both: of thirty seconds that the runbook left unreplicated, a fault excuses the last one', () => {
  const { loss, measures } = lost(({ fault, step, world }) => {
    step('cut', () => {
      world.member('m-1').copy?.freeze('receive')
      world.member('m-2').copy?.freeze('receive')
    }, 30 * SECOND)
    fault('node-loss-with-volume', 'member:m-0')
    step('promote', w => void w.promote('m-1'))
    step('route', w => w.route('m-1'))
  })
  expect(Math.abs(measures.lostAcknowledgedWrites - 30_000)).toBeLessThan(20)
  expect(Math.abs(measures.inherentLostWrites - 1000)).toBeLessThan(20)
  expect(loss.status).toBe('fail')
})

test('both: what a cut-off leader acknowledges after the operator promoted another is the runbook\'s', () => {
  const { recording } = lost(({ fault, step }) => {
    fault('partition-outbound', 'member:m-0')
    step('promote', w => void w.promote('m-1'), 2 * SECOND)
    step('route', w => {
      w.route('m-1')
      w.stop('m-0', 'clean', 'runbook')
    }, 10 * SECOND)
  }, LAGGING)
  for (const loss of recording.losses) expect(loss.inherent).toBe(!loss.afterPromotion)
  expect(Math.abs(recording.measures.inherentLostWrites - 300)).toBeLessThan(10)
  expect(Math.abs(recording.measures.lostAcknowledgedWrites - 2300)).toBeLessThan(20)
})

test('a lag that a fault made excuses what it held back; a lag that the runbook made does not', () => {
  const story = (byFault: boolean) => lost(({ fault, step, world }) => {
    for (const m of ['m-1', 'm-2']) {
      if (byFault) fault('replication-lag', `member:${m}`)
      else world.member(m).copy?.freeze('receive')
    }
    step('wait', () => {}, 20 * SECOND)
    fault('node-loss-with-volume', 'member:m-0')
    step('promote', w => void w.promote('m-1'))
    step('route', w => w.route('m-1'))
  }).measures
  const excused = story(true)
  expect(excused.lostAcknowledgedWrites).toBeGreaterThan(19_900)
  expect(excused.inherentLostWrites).toBe(excused.lostAcknowledgedWrites)
  const blamed = story(false)
  expect(blamed.lostAcknowledgedWrites).toBe(excused.lostAcknowledgedWrites)
  expect(blamed.inherentLostWrites).toBeLessThan(1_100)
})

test('under a synchronous promise even the inherent is a violation', () => {
  const script = ({ fault, step, world }: Stage): void => {
    world.member('m-1').copy?.freeze('receive')
    step('wait', () => {}, 500_000)
    fault('node-loss-with-volume', 'member:m-2')
    fault('node-loss-with-volume', 'member:m-0')
    step('promote', w => void w.promote('m-1'))
    step('route', w => w.route('m-1'))
  }
  const sync = lost(script, { toy: { promise: 'synchronous' } })
  expect(sync.measures.inherentLostWrites).toBe(sync.measures.lostAcknowledgedWrites)
  expect(sync.measures.lostAcknowledgedWrites).toBeGreaterThan(400)
  expect(sync.loss.status).toBe('fail')
  expect(sync.loss.signature?.cause).toBe('unreplicated-tail')
  expect(lost(script).loss.status).toBe('pass')
})

test('the verdict is a pure function of the facts', () => {
  const { facts } = lost(({ step }) => {
    step('promote', w => void w.promote('m-1'), 2 * SECOND)
    step('route', w => w.route('m-1'), MINUTE)
  })
  expect(judge(facts)).toEqual(judge(facts))
})

test('writes that no copy holds are told with the departure that took them, not with a later one of the same leader', () => {
  const scenario = loadScenario('redis-rolling-replace/as-documented')
  const at = { step: 'topology', path: 'forward', visit: 1, phase: 'start', command: 1, offsetUs: 0 } as const
  const { verdicts } = rehearse({ scenario, seed: runSeed('1', 0), schedule: [{ kind: 'process-crash', target: 'role:leader', at, durationUs: 0, magnitude: 0 }] })
  const { signature, because } = verdicts.find(({ check }) => check === 'no-acknowledged-write-lost')!
  // Its pod is deleted by the runbook a minute later, by when they are long gone.
  expect(signature).toEqual({ check: 'no-acknowledged-write-lost', cause: 'destroyed-volume', step: '-' })
  expect(because!.some(({ text, atUs }) => atUs === 0 && text.startsWith('a fault took redis-0 away'))).toBe(true)
  expect(because!.some(({ text }) => text.startsWith('the runbook took'))).toBe(false)
})
