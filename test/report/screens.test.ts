/** Whole screens, so that a change to what people read is seen in review. */
import { describe, expect, test } from 'vitest'
import type { Edit, Explanation } from '../../src/campaign/index.ts'
import { inevitableSentence, wayOut, wayOutSentences } from '../../src/report/explained.ts'
import { renderJUnit } from '../../src/report/junit.ts'
import { renderMarkdown } from '../../src/report/markdown.ts'
import { type Story, outlineOf, renderStory } from '../../src/report/story.ts'
import { renderSummary } from '../../src/report/summary.ts'
import { PLAIN } from '../../src/report/text.ts'
import { fakeRehearser, fakeScenario, goodRehearser } from '../campaign/fakes.ts'
import { fakeCampaign } from './fixture.ts'

const bad = fakeCampaign(300, 2)
const good = fakeCampaign(500, 0, goodRehearser)
const stuck = bad.stories.find((story) => story.counterexample.check === 'terminates') as Story
const screen = (lines: readonly string[]) => `\n${lines.join('\n')}\n`

describe('terminal', () => {
  test('steps where writes were down have the numbers of the outline, where that is known', () => {
    const steps = renderSummary(good.result, PLAIN, outlineOf(fakeScenario.runbook)).filter((line) => / a run /.test(line))
    expect(steps.map((line) => line.trim().slice(0, 20).trim())).toEqual(['6 shrink: Scale back', '5 remove: Delete the'])
  })

  test('a campaign that fails', () => {
    expect(screen(renderSummary(bad.result, PLAIN))).toMatchInlineSnapshot(`
      "
      VIOLATED  postgres-ferris-wheel/as-documented
        The Ferris wheel as the document has it
        300 rehearsals with up to 2 faults each (211 struck), in 2.10 s; seed 1.

        Every time it lost acknowledged writes, had two leaders that could take writes
        at once and could not be written to at the end. In 94 of 265 it got stuck. 2
        objectives were missed: acknowledged writes lost, write downtime.

      Why the runbook did not reach its end
        94 of 265 aborted: step shrink failed after 2968089 µs

      Claimed and measured
                                   claimed      p50      p99    exceeded
        write downtime            ≤ 30.0 s  15m 00s  15m 00s  every time
        acknowledged writes lost      none    1,365    1,733  every time

      Objectives
                                          wanted  measured
        ✗ acknowledged writes lost       max ≤ 0     1,746
        ✗ write downtime            p99 ≤ 30.0 s   15m 00s

      Checks
        ✗ no-acknowledged-write-lost  violated in 265 of 265  100 % (99–100 %)
        ✗ no-split-brain              violated in 265 of 265  100 % (99–100 %)
        ✗ serves-at-end               violated in 265 of 265  100 % (99–100 %)
        ✗ terminates                  violated in 94 of 265     35 % (30–42 %)
        ✓ held in all 265: no-forbidden-skew
        – never put to the test: rollback-safe

      Measured
                                       p50      p95      p99      max
        write downtime             15m 00s  15m 00s  15m 00s  15m 00s
        longest write gap          15m 00s  15m 00s  15m 00s  15m 00s
        acknowledged writes lost     1,365    1,709    1,733    1,746
        stranded on a dead branch    1,365    1,709    1,733    1,746
        split brain                 2.73 s   3.42 s   3.47 s   3.49 s
        writes on a losing side      1,365    1,709    1,733    1,746
        versions mixed              1m 07s   1m 07s   1m 07s   1m 07s
        duration                    2m 18s   2m 18s   2m 18s   2m 18s
        extra node-hours           0.040 h  0.040 h  0.040 h  0.040 h
        extra cost                   $0.02    $0.02    $0.02    $0.02
        peak bill                    1.33x    1.33x    1.33x    1.33x
        always 0: read downtime, loss inherent to async, divergent rows, requests
        while mixed, unsupported version mix, writes on one copy only, failed
        attempts, failed after retries, node-hours of its own, missing node-hours
        as the operator saw it: 171 completed, 94 aborted

      During which step writes were down, on average
        shrink: Scale back to three             15m 00s a run  > 99.9 %  ████████████
        remove: Delete the old primary and wa…   400 ms a run    0.04 %  █
        It was under way; what caused it may have been typed in an earlier one.

      Gates
              stopped  caught  false alarm  dishonest  passed
        wait        0                             265     265
        No gate stopped a run.
        passed without data: wait (265)

      Out of budget
        35 rehearsals had more faults at once than the design must survive. They are
        in no figure above. Of these, 35 lost acknowledged writes; 35 had two leaders
        that could take writes at once; 35 could not be written to at the end.

      Explored
        3 combinations of step, situation of the cluster and fault met, 0 of them
        once. About 0 % of what such draws meet is still unmet (at least 0
        combinations). The last 295 of 300 met nothing new.

      Not exercised
        gates that never failed: wait
        undo never taken: promote

      Assumed about the cluster, because the scenario does not say
        cluster.mode = async, load.writesPerSecond = 500
      "
    `)
  })

  test('nothing completed: the summary says why, once, with the command shortened and its own words whole', () => {
    const words = 'pg_ctl: unrecognized operation mode "promot" and what else it had to say about it'
    const reason = `aborted: step promote failed: \`kubectl exec postgres-cluster-N -- pg_ctl promot --wait --pgdata /var/lib/postgresql/data\` ended with status 1: ${words}`
    const none = { ...good.result, reasons: { [reason]: 450, 'rolledBack: step b': 30, 'stuck: c': 20 } }
    const lines = renderSummary(none, PLAIN)
    const at = lines.indexOf('Why the runbook did not reach its end')
    expect(lines.slice(at + 1, at + 3).join(' ').replace(/\s+/g, ' ')).toMatch(/^ 450 of 500 aborted: step promote failed: `kubectl exec .*…` ended with status 1: /)
    expect(lines.slice(at + 1, at + 3).join(' ').replace(/\s+/g, ' ')).toContain('pg_ctl: unrecognized operation mode "promot"')
    // One line more keeps the program's words whole.
    expect(lines[at + 3]?.trim()).toBe('else it had to say about it')
    expect(lines.slice(at + 4, at + 6)).toEqual(['  30 of 500 rolled back: step b', '  and 1 more reason; all are in the JSON result'])
    expect(lines.filter((line) => line.length > 80)).toEqual([])
    const few = { ...good.result, reasons: { 'completed: the last step is done': 450, 'aborted: x': 50 } }
    // Under faults a runbook may give up now and then; without any, each time is told, and the verdict does not pass over it.
    expect(renderSummary({ ...few, faultsPerRun: 2 }, PLAIN)).not.toContain('Why the runbook did not reach its end')
    const told = renderSummary({ ...few, outcomes: { ...few.outcomes, completed: 450, aborted: 50 } }, PLAIN)
    expect(told).toContain('Why the runbook did not reach its end')
    expect(told.join(' ').replace(/\s+/g, ' ')).toContain('with 95 % confidence. But 50 did not complete (50 were aborted).')
  })

  test('without load, objectives about writes are not ticked', () => {
    const lines = renderSummary({ ...good.result, load: { writesPerSecond: 0 }, objectives: [{ measure: 'writeDowntimeSeconds', at: 'p99', max: 30, min: null, faults: 'any', measured: 0, status: 'pass' }] }, PLAIN)
    expect(lines.find((line) => line.includes('p99 ≤ 30.0 s'))).toMatch(/^ {2}– write downtime/)
    expect(lines).toContain('  not tested: the load is 0 writes/s (write downtime)')
  })

  test('a part that no rehearsal fell into does not say that it held', () => {
    expect(renderSummary({ ...good.result, runs: 0 }, PLAIN)[0]).toMatch(/^NOTHING REHEARSED /)
  })

  test('assumptions are pairs, never cut in a word', () => {
    const values = Array.from({ length: 30 }, (_, i) => ({ option: `cluster.option${i}`, value: i, meaning: 'a long description '.repeat(9), source: '' }))
    const lines = renderSummary({ ...good.result, assumptions: values }, PLAIN)
    expect(lines.slice(-8)).toContain('  cluster.option0 = 0, cluster.option1 = 1, cluster.option2 = 2')
    expect(lines.join('\n')).not.toContain('description')
  })

  test('a campaign that holds', () => {
    expect(screen(renderSummary(good.result, PLAIN))).toMatchInlineSnapshot(`
      "
      HELD  postgres-ferris-wheel/as-documented
        The Ferris wheel as the document has it
        500 rehearsals without faults, in 2.10 s; seed 1.

        Nothing failed in 500: a failure is below 0.60 % of rehearsals drawn this way,
        with 95 % confidence.

      Claimed and measured
                                   claimed     p50     p99  exceeded
        write downtime            ≤ 30.0 s  1.20 s  1.20 s     never
        acknowledged writes lost      none       0       0     never

      Objectives
                                          wanted  measured
        ✓ acknowledged writes lost       max ≤ 0         0
        ✓ write downtime            p99 ≤ 30.0 s    1.20 s

      Checks
        ✓ held in all 500: no-acknowledged-write-lost, no-split-brain,
          no-forbidden-skew, serves-at-end, terminates
        – never put to the test: rollback-safe

      Measured
                               p50      p95      p99      max
        write downtime      1.20 s   1.20 s   1.20 s   1.20 s
        longest write gap   1.20 s   1.20 s   1.20 s   1.20 s
        versions mixed      1m 07s   1m 07s   1m 07s   1m 07s
        duration            2m 18s   2m 18s   2m 18s   2m 18s
        extra node-hours   0.040 h  0.040 h  0.040 h  0.040 h
        extra cost           $0.02    $0.02    $0.02    $0.02
        peak bill            1.33x    1.33x    1.33x    1.33x
        always 0: read downtime, acknowledged writes lost, loss inherent to async,
        stranded on a dead branch, split brain, writes on a losing side, divergent
        rows, requests while mixed, unsupported version mix, writes on one copy only,
        failed attempts, failed after retries, node-hours of its own, missing
        node-hours
        as the operator saw it: 500 completed

      During which step writes were down, on average
        shrink: Scale back to three             15m 00s a run  100 %  ████████████
        remove: Delete the old primary and wa…   400 ms a run   33 %  ████
        It was under way; what caused it may have been typed in an earlier one.

      Assumed about the cluster, because the scenario does not say
        cluster.mode = async, load.writesPerSecond = 500
      "
    `)
  })

  test('the story of a failure', () => {
    expect(screen(renderStory(bad.stories[0] as Story, PLAIN))).toMatchInlineSnapshot(`
      "
      How it lost acknowledged writes (no fault needed, shrunk from 1)
          00:00.0  1 surge    Add a fourth pod                                  3.10 s
          00:03.1  2 wait     Wait until the new pod is ready                   1m 08s
        ✗ 01:11.2  3 promote  Promote the new pod                       1.40 s  ← here
          01:12.6  4 patch    Send clients to the new primary                   3.31 s
          01:15.9  5 remove   Delete the old primary and …  1m 00s  writes down 400 ms
          02:15.9  6 shrink   Scale back to three          2.50 s  writes down 15m 00s
        ✗ the one step that the failure takes: without the other 5 it fails the same
        way.

      Why
        Another member was promoted while the old leader still took writes (overlap).
        1656 acknowledged writes are not in the surviving history
        because 01:11.9  postgres-cluster-0 kept acknowledging writes while
                         postgres-cluster-3 was promoted: nothing fenced the old
                         primary (step 3 promote)
        because 01:15.2  postgres-cluster-0 was deleted with writes that no other
                         member had received (step 5 remove)
        unnoticed        The last gate before the end, step 2 wait, said yes at
                         01:11.2: its 14th look came out as yes, though it had no data
                         to go by.
        at the end       17:20.0, 15m 02s after the runbook’s: postgres-cluster-0
                         follows on engine 15.4, node 1.27; postgres-cluster-1 and
                         postgres-cluster-2 follow on engine 15.3, node 1.27;
                         postgres-cluster-3 is down; clients can write.
        correlated       it also happens without step 3 promote, on the same luck: the
                         chain tells what went together, not what did it

      Since when it was inevitable
        From the first step on: 16 of 16 futures with other luck from there failed the
        same check. They share what was drawn before the first step: what this cluster
        is like, and how it stood.

      Who led
        step                1   2             3      4       5          6
        postgres-cluster-0  █████████████████████████████·········▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒
          engine version    15.3                                  15.4
        postgres-cluster-1  ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒
        postgres-cluster-2  ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒
        postgres-cluster-3         ░░░░░░▒▒▒▒▒▒▒▒▒█████████████████████████···········
          engine version           15.4
        leaders             1111111111111111111111222222211111111111111111100000000000
                            00:00                    01:12                 02:17
        █ leads   ▒ follows   ░ neither   · down   (time is not to scale)

      What leaving steps out or exchanging them would have done
        Leaving a step out or exchanging two neighbours does not help: 6 such changes
        were rehearsed on this luck, and none is a way out; adding a step was not
        tried.
        Each of them fails the same check.

      What would avoid it
        Stop or fence the old leader, and see it down, before the new one is promoted.
        (what usually helps in such a case; not tested here) Let step 2 wait say no
        when its command fails or prints nothing: here that was taken for a yes.

      See it again
        proofroll run postgres-ferris-wheel/as-documented --faults 2 --seed 1 --first 1 --runs 1
      "
    `)
  })

  test('the story of a failure that needs a fault, without Unicode', () => {
    expect(screen(renderStory(stuck, { ...PLAIN, unicode: false }))).toMatchInlineSnapshot(`
      "
      How it got stuck (1 fault, shrunk from 2)
          00:00.0  1 surge    Add a fourth pod                                  3.10 s
          00:03.1  2 wait     Wait until the new pod is ready                   1m 08s
            ! 00:20.000 process-kill of role:leader for 10.0 s
          01:11.2  3 promote  Promote the new pod                               1.40 s
          01:12.6  4 patch    Send clients to the new primary                   2.97 s
          01:15.5  5 remove   Delete the old primary and..  1m 00s  writes down 400 ms
        x 02:15.9  6 shrink   Scale ba..  2.50 s  failed, writes down 15m 00s  <- here

      Why
        
        at the end       17:20.0, 15m 02s after the runbook's: postgres-cluster-0
                         follows on engine 15.4, node 1.27; postgres-cluster-1 and
                         postgres-cluster-2 follow on engine 15.3, node 1.27;
                         postgres-cluster-3 is down; clients can write.
        tested           without the fault, on the same luck, it does not happen

      Who led
        step                1  2                 3      4      5         6
        fault                          !
        postgres-cluster-0  LLLLLLLLLLLLLLLLLLLLLLLLLLLLLLL........fffffffffffffffffff
          engine version    15.3                                   15.4
        postgres-cluster-1  ffffffffffffffffffffffffffffffffffffffffffffffffffffffffff
        postgres-cluster-2  ffffffffffffffffffffffffffffffffffffffffffffffffffffffffff
        postgres-cluster-3         oooooooooffffffffLLLLLLLLLLLLLLLLLLLLLLLL..........
          engine version           15.4
        leaders             1111111111111111111111112222222111111111111111110000000000
                            00:00                   01:11                   02:17
        L leads   f follows   o neither   . down   (time is not to scale)

      See it again
        proofroll run postgres-ferris-wheel/as-documented --faults 2 --seed 1 --first 4 --runs 1
      "
    `)
  })

  test('the story of a failure that was looked into', () => {
    const explained: Explanation = {
      smallest: { schedule: stuck.counterexample.schedule, without: ['surge', 'promote', 'patch', 'remove'], set: { 'cluster.members': '2', 'load.writesPerSecond': '1' }, hash: '', steps: 6, needed: ['wait', 'shrink'], minimal: true, attempts: 31 },
      inevitable: {
        moments: [
          { atUs: 0, is: 'before', what: 'surge', visit: 1, failed: 2, futures: 16 },
          { atUs: 3_100_000, is: 'before', what: 'wait', visit: 1, failed: 3, futures: 32 },
          { atUs: 20_000_001, is: 'struck', what: 'process-kill', visit: 1, failed: 24, futures: 32 },
          { atUs: 72_600_000, is: 'before', what: 'patch', visit: 2, failed: 30, futures: 32 },
          { atUs: 75_500_000, is: 'before', what: 'remove', visit: 1, failed: 32, futures: 32 },
        ],
        jump: 2,
        steep: true,
        sure: 4,
      },
      twins: {
        tried: 14, passing: 3, steps: ['wait'],
        nearest: { edit: { is: 'shorten', fault: 0, durationUs: 5_000_000 }, outcome: 'completed', hash: '', fails: [] },
        runbook: { edit: { is: 'swap', step: 'wait', with: 'promote' }, outcome: 'completed', hash: '', fails: [] },
      },
    }
    const story: Story = { ...stuck, counterexample: { ...stuck.counterexample, explained }, twin: fakeRehearser.rehearse({ scenario: fakeScenario, schedule: [], seed: 'twin', record: true }) }
    expect(screen(renderStory(story, PLAIN))).toMatchInlineSnapshot(`
      "
      How it got stuck (1 fault, shrunk from 2)
          00:00.0  1 surge    Add a fourth pod                                  3.10 s
        • 00:03.1  2 wait     Wait until the new pod is ready                   1m 08s
            ↯ 00:20.000 process-kill of role:leader for 10.0 s
          01:11.2  3 promote  Promote the new pod                               1.40 s
          01:12.6  4 patch    Send clients to the new primary                   2.97 s
          01:15.5  5 remove   Delete the old primary and …  1m 00s  writes down 400 ms
        ✗ 02:15.9  6 shrink   Scale back…  2.50 s  failed, writes down 15m 00s  ← here
        • and ✗ are the 2 steps that the failure takes: without the other 4 it fails
        the same way, and on the smallest cluster and load that were tried (members=2,
        writesPerSecond=1).

      Why
        
        at the end       17:20.0, 15m 02s after the runbook’s: postgres-cluster-0
                         follows on engine 15.4, node 1.27; postgres-cluster-1 and
                         postgres-cluster-2 follow on engine 15.3, node 1.27;
                         postgres-cluster-3 is down; clients can write.
        tested           without the fault, on the same luck, it does not happen

      Since when it was inevitable
        From step 5 remove on (01:15) nothing could save it: 32 of 32 futures failed
        the same check; before that 30 of 32. Most of it was decided between the start
        of step 2 wait and the strike of the process-kill.
        00:00.0  before step 1 surge                         2 of 16  ██
        00:03.1  before step 2 wait                          3 of 32  █
        00:20.0  after the process-kill                     24 of 32  █████████
        01:12.6  before step 4 patch (visit 2)              30 of 32  ███████████
        01:15.5  before step 5 remove                       32 of 32  ████████████

      Who led
        step                1  2                 3      4      5         6
        fault                          ↯
        postgres-cluster-0  ███████████████████████████████········▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒
          engine version    15.3                                   15.4
        postgres-cluster-1  ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒
        postgres-cluster-2  ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒
        postgres-cluster-3         ░░░░░░░░░▒▒▒▒▒▒▒▒████████████████████████··········
          engine version           15.4
        leaders             1111111111111111111111112222222111111111111111110000000000
                            00:00                   01:11                   02:17
        █ leads   ▒ follows   ░ neither   · down   (time is not to scale)

      What leaving steps out or exchanging them would have done
        On this luck, with step 2 wait after step 3 promote: the runbook completes,
        and every check passes.
        It hangs on the fault: on this luck, had the process-kill of role:leader
        lasted 5.00 s instead of 10.0 s, the runbook completes, and every check
        passes.
                            as it went                   with that change
        postgres-cluster-0  ████████████████····▒▒▒▒▒▒▒  ███████████████····▒▒▒▒▒▒▒▒
        postgres-cluster-1  ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒  ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒
        postgres-cluster-2  ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒  ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒
        postgres-cluster-3      ░░░░▒▒▒▒████████████···      ░░▒▒▒▒▒█████████████···
        they part: as it went  02:18.4 step shrink fails; 02:18.4 the runbook aborts
                   the other    02:18.4 the runbook completes

      See it again
        proofroll run postgres-ferris-wheel/as-documented --faults 2 --seed 1 --first 4 --runs 1
      "
    `)
    for (const unicode of [true, false]) expect(renderStory(story, { ...PLAIN, unicode }).filter((line) => line.length > 80 && !line.startsWith('  proofroll '))).toEqual([])
  })

  test('what was seen is told as seen: which futures count, who does it, and that a guard left out mends nothing', () => {
    const names = (id: string): string => id
    const moment = (atUs: number, failed: number) => ({ atUs, is: 'before' as const, what: 'patch', visit: 1, failed, futures: 16 })
    const explained = (moments: ReturnType<typeof moment>[], sure: number | null): Explanation => ({
      smallest: { schedule: [], without: [], set: {}, hash: '', steps: 1, needed: [], minimal: true, attempts: 1 },
      inevitable: { moments, jump: null, steep: false, sure },
      twins: { tried: 14, passing: 3, steps: ['wait'], nearest: null, runbook: null },
    })
    expect(inevitableSentence(explained([moment(0, 16)], 0), 1, 5, names)).toBe('From the first step on: 16 of 16 futures with other luck from there, with this fault, failed the same check. They share what was drawn before the first step: what this cluster is like, and how it stood.')
    // Only what happens every time is no luck; where it does not, sixteen of sixteen say that it hangs on the cluster, too.
    expect(inevitableSentence(explained([moment(0, 16)], 0), 0, undefined, names, { failed: 40, judged: 40 })).toBe('From the first step on: 16 of 16 futures with other luck from there failed the same check. So did all 40 rehearsals: not luck, the runbook does it.')
    expect(inevitableSentence(explained([moment(0, 16)], 0), 0, undefined, names, { failed: 53, judged: 100 })).toContain('Of all rehearsals, each with a cluster drawn anew, 53 of 100 did: so it also hangs on that.')
    expect(inevitableSentence(explained([moment(0, 16)], 0), 0, undefined, names, { failed: 95, judged: 100 })).toMatch(/95 of 100 did\.$/)
    const sure = explained([moment(0, 2), moment(10_000_000, 16)], 1)
    expect(inevitableSentence(sure, 1, 10_000_000, names)).toContain('nothing could save it: 16 of 16 futures failed the same check')
    expect(inevitableSentence(sure, 1, 10_000_001, names)).toContain('other luck could not save it from the fault to come')
    const failed = (status: 'fail' | 'notApplicable') => ({ schedule: [], verdicts: [{ check: 'target-reached' as const, status, evidence: '' }] })
    const none = 'Leaving a step out or exchanging two neighbours does not help: 14 such changes were rehearsed on this luck, and none is a way out; adding a step was not tried.'
    expect(wayOutSentences(sure, failed('fail'), names)).toEqual([none, '3 of them keep this check, but fail another, leave out a guard or the work itself, or stop the runbook.'])
    // A way out is a change that people can choose, with which the job is done and nothing fails.
    const twin = (edit: Edit, fails: readonly 'converges'[] = [], outcome: 'completed' | 'rolledBack' = 'completed') => ({ ...sure, twins: { ...sure.twins, nearest: { edit, outcome, hash: '', fails } } })
    const omit = { is: 'omit', step: 'promote' } as const
    const swap = { is: 'swap', step: 'wait', with: 'promote' } as const
    expect(wayOutSentences(twin(swap), failed('notApplicable'), names)).toEqual(['On this luck, with step wait after step promote: the runbook completes, and every check passes.'])
    expect(wayOutSentences(twin(omit), failed('fail'), names)[0]).toMatch(/^On this luck, without step promote/)
    for (const [explanation, status] of [[twin(omit), 'notApplicable'], [twin(swap, ['converges']), 'fail'], [twin(swap, [], 'rolledBack'), 'fail'], [twin({ is: 'shorten', fault: 0, durationUs: 1 }), 'fail'], [twin({ is: 'drop', fault: 0 }), 'fail']] as const) {
      expect(wayOut(explanation, failed(status))).toBeUndefined()
      expect(wayOutSentences(explanation, failed(status), names)[0]).toBe(none)
    }
  })

  test('no line is wider than the screen, at any width from 80 on', () => {
    for (const columns of [80, 100, 110]) {
      for (const unicode of [true, false]) {
        const lines = [...renderSummary(bad.result, { columns, colour: false, unicode }), ...[...bad.stories, stuck].flatMap((story) => renderStory(story, { columns, colour: false, unicode }))]
        // A command is never broken: it must survive being copied.
        expect(lines.filter((line) => line.length > columns && !line.startsWith('  proofroll '))).toEqual([])
      }
    }
  })

  test('what came of a step stands below it where it does not fit beside it, and nothing is broken in a word', () => {
    const steps = stuck.rehearsal.steps.map((step) => ({ ...step, startUs: step.startUs + 4 * 3_600_000_000, endUs: (step.endUs ?? step.startUs) + 9 * 3_600_000_000, result: 'failed' as const, writeDowntimeUs: 30_300_000 }))
    const outline = stuck.outline.map((step) => ({ ...step, number: `2.3.4.${step.number}`, depth: 3 }))
    const lines = renderStory({ ...stuck, outline, rehearsal: { ...stuck.rehearsal, steps: steps.flatMap((step) => [step, { ...step, visit: 2 }]) } }, PLAIN)
    expect(lines.filter((line) => line.length > 80 && !line.startsWith('  proofroll '))).toEqual([])
    const at = lines.findIndex((line) => line.includes('← here'))
    expect(lines[at]?.trim()).toBe('failed, 2 times, writes down 1m 01s ← here')
    expect(lines[at - 1]).toMatch(/^  ✗ 4:02:15\.9 .*10h 00m$/)
  })

  test('colour changes nothing but colour', () => {
    const strip = (lines: readonly string[]) => lines.map((line) => line.replace(/\u001b\[\d+m/g, ''))
    const coloured = [...renderSummary(bad.result, { ...PLAIN, colour: true }), ...renderStory(stuck, { ...PLAIN, colour: true })]
    expect(coloured.join('')).toContain('\u001b[31m')
    expect(strip(coloured)).toEqual([...renderSummary(bad.result, PLAIN), ...renderStory(stuck, PLAIN)])
  })

  test('without Unicode the screen is plain ASCII but for what people wrote', () => {
    const ascii = [...renderSummary(bad.result, { ...PLAIN, unicode: false }), ...renderStory(stuck, { ...PLAIN, unicode: false })].join('\n')
    expect(ascii.match(/[^\x20-\x7e\n]/g) ?? []).toEqual([])
  })
})

describe('files', () => {
  test('JUnit: one test a check and an objective; words are escaped', () => {
    const xml = renderJUnit([{ ...bad.result, counterexamples: [{ ...bad.result.counterexamples[0]!, explanation: 'a < b & "c" \u0007' }] }])
    expect(xml).toContain('<testsuite name="postgres-ferris-wheel/as-documented" tests="14" failures="6" skipped="7" errors="0" time="2.1">')
    expect(xml).toContain('name="objective: write downtime p99 &lt;= 30.0 s"')
    expect(xml).toContain('a &lt; b &amp; &quot;c&quot; ?')
    expect(xml.match(/<testcase /g)).toHaveLength(14)
    expect(renderJUnit([good.result])).toContain('failures="0"')
  })

  test('Markdown for a job summary', () => {
    expect(`\n${renderMarkdown([good.result], new Map([[fakeScenario.name, ['told']]]))}`).toMatchInlineSnapshot(`
      "
      ## postgres-ferris-wheel/as-documented: ✅ held

      Nothing failed in 500: a failure is below 0.60 % of rehearsals drawn this way, with 95 % confidence.

      500 rehearsals, no faults, seed \`1\`, fingerprint \`8dbcedc735161890\`, Proofroll 0.1.0.

      ### The smallest failing story

      \`\`\`text
      told
      \`\`\`

      ### Claimed and measured

      | measure | claimed | p50 | p99 | runs above |
      |---|---|---|---|---|
      | write downtime | 30.0 s | 1.20 s | 1.20 s | 0 |
      | acknowledged writes lost | 0 | 0 | 0 | 0 |

      ### Objectives

      | measure | at | wanted | measured | status |
      |---|---|---|---|---|
      | acknowledged writes lost | max | ≤ 0 | 0 | pass |
      | write downtime | p99 | ≤ 30.0 s | 1.20 s | pass |

      ### Checks

      | check | status | violations | rate (95 % sure) |
      |---|---|---|---|
      | no-acknowledged-write-lost | pass | 0 | below 0.60 % |
      | no-split-brain | pass | 0 | below 0.60 % |
      | no-forbidden-skew | pass | 0 | below 0.60 % |
      | serves-at-end | pass | 0 | below 0.60 % |
      | rollback-safe | notExercised | 0 |  |
      | terminates | pass | 0 | below 0.60 % |
      | objectives-met | pass | 0 |  |

      ### Measured

      | measure | p50 | p95 | p99 | max |
      |---|---|---|---|---|
      | write downtime | 1.20 s | 1.20 s | 1.20 s | 1.20 s |
      | longest write gap | 1.20 s | 1.20 s | 1.20 s | 1.20 s |
      | versions mixed | 1m 07s | 1m 07s | 1m 07s | 1m 07s |
      | duration | 2m 18s | 2m 18s | 2m 18s | 2m 18s |
      | extra node-hours | 0.040 h | 0.040 h | 0.040 h | 0.040 h |
      | extra cost | $0.02 | $0.02 | $0.02 | $0.02 |
      | peak bill | 1.33x | 1.33x | 1.33x | 1.33x |
      | bill of the month | 1.00x | 1.00x | 1.00x | 1.00x |
      "
    `)
  })
})

describe('gates', () => {
  const figures = { passed: 461, failed: 0, mattered: 0, missing: 0, stale: 0, blind: 0, scored: 0, dishonest: 0, stopped: 0, judged: 0, caught: 0, falseAlarms: 0, stoppedAnyway: 0 }
  const gates = [
    { ...figures, step: 'pool-ready' },
    { ...figures, step: 'surge-streams', mattered: 461 },
    { ...figures, step: 'the-candidate-has-all-that-the-old-primary-had', passed: 229, failed: 14, mattered: 14, missing: 9, scored: 229, stopped: 14, judged: 14, caught: 9, falseAlarms: 1, stoppedAnyway: 4 },
    { ...figures, step: 'fenced', mattered: 4, stale: 2, blind: 0, scored: 461, dishonest: 3, stopped: 1200, judged: 60, caught: 60 },
  ]
  const needless = {
    sampled: 269,
    steps: [
      { step: 'checkpoint', within: null, gate: false, needed: false, by: null, run: null, tried: 60 },
      { step: 'each', within: null, gate: false, needed: false, by: null, run: null, tried: 12 },
      { step: 'in-each', within: 'each', gate: false, needed: false, by: null, run: null, tried: 12 },
      { step: 'pool-ready', within: null, gate: true, needed: false, by: null, run: null, tried: 0 },
      { step: 'surge-streams', within: null, gate: true, needed: false, by: null, run: null, tried: 60 },
      { step: 'fenced', within: null, gate: true, needed: true, by: 'no-split-brain', run: 3, tried: 2 },
    ],
  }
  const part = (lines: readonly string[]): string => {
    const from = lines.indexOf('Gates')
    return screen(lines.slice(from, lines.indexOf('Out of budget', from)))
  }

  test('what each was good for, and what nobody needed, at 80 and 120 columns', () => {
    const result = { ...bad.result, gates, needless }
    expect(part(renderSummary(result, PLAIN))).toMatchInlineSnapshot(`
      "
      Gates
                                stopped  caught  false alarm  dishonest  passed
        the-candidate-has-all…       14       9            1          0     229
        fenced                    1,200      60            0          3     461
        74 of 1,214 stops were rehearsed again with the gate waved through: caught if
        the run then failed, a false alarm if it completed. In 4 something else
        stopped the run anyway.
        decided without data: the-candidate-has-all-that-the-old-primary-had (9)
        decided on stale data: fenced (2)
        only ever waited, and passed: surge-streams
        never mattered (every look said yes): pool-ready

      No rehearsal needed
        steps: checkpoint (60), each (12)
        gates: surge-streams (60)
        gates that were happy at once everywhere, so never tried: pool-ready
        5 of 6 steps and gates were taken out of runs of a sample of 269, one at a
        time. Taking out those above made no run worse (runs tried in brackets); more
        faults may show what they are good for.

      "
    `)
    const wide = renderSummary(result, { ...PLAIN, columns: 120 })
    expect(part(wide)).toContain('the-candidate-has-all-that-the-old-primary-had')
    for (const [columns, lines] of [[80, renderSummary(result, PLAIN)], [120, wide]] as const) expect(lines.filter(line => line.length > columns)).toEqual([])
    const markdown = renderMarkdown([result], new Map())
    expect(markdown.slice(markdown.indexOf('### Gates'), markdown.indexOf('### The smallest'))).toMatchInlineSnapshot(`
      "### Gates

      | gate | stopped | caught | false alarm | dishonest | passed | no data | stale |
      |---|---|---|---|---|---|---|---|
      | the-candidate-has-all-that-the-old-primary-had | 14 | 9 | 1 | 0 | 229 | 9 | 0 |
      | fenced | 1,200 | 60 | 0 | 3 | 461 | 0 | 2 |

      74 of 1,214 stops were rehearsed again with the gate waved through: caught if the run then failed, a false alarm if it completed. In 4 something else stopped the run anyway.

      ### No rehearsal needed

      checkpoint (tried without in 60), each (tried without in 12), surge-streams (tried without in 60)"
    `)
  })

  test('each step was needed', () => {
    const all = { ...needless, steps: needless.steps.filter(step => step.needed) }
    expect(renderSummary({ ...bad.result, needless: all }, PLAIN).join('\n')).toContain('Each was needed.')
  })
})
