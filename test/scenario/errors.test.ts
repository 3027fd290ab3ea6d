import { describe, expect, test } from 'vitest'
import { loadScenario, loadScenarioFrom, ScenarioError } from '../../src/scenario/index.ts'
import { toy } from '../toy/engine.ts'

function complaint(load: () => unknown): string {
  try {
    load()
  } catch (error) {
    if (error instanceof ScenarioError) return error.message
    throw error
  }
  return 'accepted'
}

const GOOD = `format: 1
cluster:
  engine: toy
  members: 3
runbook: move.runbook.yaml
deadline: 1h
`
const RUNBOOK = `format: 1
title: Move
steps:
  - id: promote
    run: promote m-1
`

function wrong(yaml: string, options: { files?: Record<string, string>; set?: Record<string, string> } = {}): string {
  return complaint(() => loadScenarioFrom({ name: 'pg', yaml, files: { 'move.runbook.yaml': RUNBOOK, ...options.files }, set: options.set ?? {} }, [toy]))
}

describe('the file', () => {
  test('is not there', () => {
    expect(complaint(() => loadScenario('postgres-feris-wheel/fenced', [toy])).split('\n')[0]).toMatchInlineSnapshot(`"postgres-feris-wheel/fenced: there is no such scenario"`)
  })

  test('is not YAML', () => {
    expect(wrong('format: 1\ncluster: { engine: toy\nrunbook: x\n')).toMatchInlineSnapshot(`
      "pg.yaml:3:1: this is not YAML: flow map in block collection must be sufficiently indented and end with a }
          check the indentation and the \`: \` after the key here and in the line before"
    `)
    expect(wrong('format: 1\ncluster:\n\tengine: toy\n')).toMatchInlineSnapshot(`
      "pg.yaml:3:1: this is not YAML: tabs are not allowed as indentation
          indent with spaces, not with tabs"
    `)
    // In one tab a parser trips more than once: over the block, the key, the list.
    expect(wrong('format: 1\ndescription: >\n\ttext\ncluster: {engine: toy,\n\tmembers: 3}\nobjectives:\n\t- {measure: x,\n\t  at: max}\n\t- a: b\n')).toMatchInlineSnapshot(`
      "pg.yaml:3:1: this is not YAML: tabs are not allowed as indentation (nor in lines 5, 7, 8, 9)
          indent with spaces, not with tabs"
    `)
    // Where a tab may stand it is no matter.
    expect(wrong('format: 1\ndescription: |\n  a\n  \tb\n bad: 1\n')).toMatchInlineSnapshot(`
      "pg.yaml:5:1: this is not YAML: all mapping items must start at the same column
          check the indentation and the \`: \` after the key here and in the line before"
    `)
    expect(wrong('format: 1\ndeadline: 1h\ndeadline: 2h\n')).toMatchInlineSnapshot(`
      "pg.yaml:3:1: this is not YAML: map keys must be unique
          each key may stand once in a mapping; remove one of the two"
    `)
    expect(wrong('- a\n- b\n')).toMatchInlineSnapshot(`
      "pg.yaml:1:1: a scenario is a mapping of keys (\`cluster:\`, \`runbook:\`, \`deadline:\` …)
          start with: proofroll init"
    `)
  })

  test('is empty of what is needed', () => {
    expect(wrong('format: 1\n')).toMatchInlineSnapshot(`
      "pg.yaml:1:1: \`cluster\` is missing
          it is a mapping of keys
          cluster: The simulated cluster; the other keys are the engine’s.
      pg.yaml:1:1: \`runbook\` is missing
          runbook: The procedure under test: a runbook file, a list of them run in
            order as one, or the steps themselves.
      pg.yaml:1:1: \`deadline\` is missing
          every rehearsal needs an end; for example \`deadline: 4h\`
          deadline: The operator is stuck when this much time has passed since the
            start or the last fault’s end."
    `)
  })
})

describe('keys and values', () => {
  test('unknown keys, everywhere at once, each with the nearest right spelling', () => {
    expect(wrong(`${GOOD}lode: { cohorts: 1 }\nload:\n  writePerSecond: 5\nobjectives:\n  - measure: writeDowntimeSecond\n    max: 3\n  - measure: durationSeconds\n    maximum: 3\n`.replace('members: 3', 'memebers: 3'))).toMatchInlineSnapshot(`
      "pg.yaml:4:3: unknown key \`memebers\` in \`cluster\`
          did you mean \`members\`?
          the keys in \`cluster\` are: engine, members, promise, delayUs, commandUs
      pg.yaml:7:1: unknown key \`lode\` in a scenario
          did you mean \`load\`?
          the keys in a scenario are: format, title, description, correctedBy,
            extends, cluster, start, load, runbook, script, commands, faults, claims,
            objectives, deadline, onEngine
      pg.yaml:9:3: unknown key \`writePerSecond\` in \`load\`
          did you mean \`writesPerSecond\`?
          the keys in \`load\` are: writesPerSecond, readsPerSecond, loop, think,
            cohorts, connections, bytesPerWrite, entrance, timeout, queueAgeLimit,
            retry, attempts, connectionLife, onReadOnly, warningsAreUnknown, dnsCache
      pg.yaml:11:14: \`objectives[0].measure\` cannot be the text \`writeDowntimeSecond\`
          did you mean \`writeDowntimeSeconds\`?
          it is one of: writeDowntimeSeconds, longestWriteGapSeconds,
            readDowntimeSeconds, lostAcknowledgedWrites, inherentLostWrites,
            strandedWrites, splitBrainSeconds, splitBrainWrites, divergentRows,
            mixedVersionSeconds, mixedVersionRequests, forbiddenSkewSeconds,
            redundancyExposedSeconds, failedAttempts, failedAfterRetry,
            durationSeconds, baseNodeHours, extraNodeHours, extraCostDollars,
            peakMultiplier, monthMultiplier, capacityDeficitNodeHours
          objectives[0].measure: What is measured; the unit ends the name.
      pg.yaml:13:5: \`objectives[1]\`: an objective needs \`max\` or \`min\`
      pg.yaml:14:5: unknown key \`maximum\` in \`objectives[1]\`
          the keys in \`objectives[1]\` are: measure, at, max, min, faults"
    `)
  })

  test('wrong types and ranges', () => {
    expect(wrong(GOOD.replace('members: 3', 'members: three').replace('1h', '3600') + 'load:\n  cohorts: 0\n  loop: opened\n  timeout: 5\n  connections: [1]\nfaults:\n  kinds: [partitoin]\n  max: 2.5\n')).toMatchInlineSnapshot(`
      "pg.yaml:4:12: \`cluster.members\` should be a number, and is the text \`three\`
          cluster.members: members, the first of which leads
      pg.yaml:6:11: \`deadline\` is 3600; a duration is a number with its unit: 250ms, 30s, 5m, 1h30m
          deadline: The operator is stuck when this much time has passed since the
            start or the last fault’s end.
      pg.yaml:8:12: \`load.cohorts\` should be at least 1, and is 0
          load.cohorts: Groups of clients that behave alike; each carries an equal
            share of the load. [J]
      pg.yaml:9:9: \`load.loop\` should be one of open, closed, and is the text \`opened\`
          did you mean \`open\`?
          load.loop: open: arrivals do not wait for answers; closed: each connection
            thinks, writes and waits.
      pg.yaml:10:12: \`load.timeout\` is 5; a duration is a number with its unit: 250ms, 30s, 5m, 1h30m
          load.timeout: A client gives up on an answer after this; the outcome is then
            unknown. [J]
      pg.yaml:11:16: \`load.connections\` should be a number, and is a list
          load.connections: Database connections over all cohorts; of each shard where
            the data is sharded. [J]
      pg.yaml:13:11: \`faults.kinds[0]\` cannot be the text \`partitoin\`
          did you mean \`partition\`?
          it is one of: process-crash, process-kill, process-pause, node-loss,
            node-loss-with-volume, zone-outage, machine-slow, clock-jump, eviction,
            node-pressure, partition, partition-inbound, partition-outbound, latency,
            packet-loss, flapping, partition-pair, endpoints-stale, proxy-restart,
            partition-peers, partition-heartbeats, disk-slow, disk-full,
            unsynced-writes-lost, attach-slow, load-slow, replication-lag,
            replay-stall, long-transaction, slot-lost, standby-diverged, load-spike,
            persistence-off, backlog-short, api-server-away, image-pull-slow,
            surge-missing, probe-flapping, pdb-blocking, controller-down, … (13 more)
      pg.yaml:14:8: \`faults.max\` should be a whole number, and is 2.5
          faults.max: How many faults a run draws at most; 0 = fault-free unless
            --faults says otherwise."
    `)
  })

  test('measures and figures', () => {
    expect(wrong(`${GOOD}claims:\n  downtime: 30\n  lostAcknowledgedWrites: 3s\nobjectives:\n  - measure: durationSeconds\n`)).toMatchInlineSnapshot(`
      "pg.yaml:8:3: unknown key \`downtime\` in \`claims\`
          the keys in \`claims\` are: writeDowntimeSeconds, longestWriteGapSeconds,
            readDowntimeSeconds, lostAcknowledgedWrites, inherentLostWrites,
            strandedWrites, splitBrainSeconds, splitBrainWrites, divergentRows,
            mixedVersionSeconds, mixedVersionRequests, forbiddenSkewSeconds,
            redundancyExposedSeconds, failedAttempts, failedAfterRetry,
            durationSeconds, baseNodeHours, extraNodeHours, extraCostDollars,
            peakMultiplier, monthMultiplier, capacityDeficitNodeHours
      pg.yaml:11:5: \`objectives[0]\`: an objective needs \`max\` or \`min\`"
    `)
    expect(wrong(`${GOOD}claims:\n  lostAcknowledgedWrites: 3s\n`)).toMatchInlineSnapshot(`
      "pg.yaml:8:27: \`lostAcknowledgedWrites\` is not a time, so \`3s\` cannot be its value
          write a plain number"
    `)
  })

  test('a wrong format', () => {
    expect(wrong(GOOD.replace('format: 1', 'format: 2'))).toMatchInlineSnapshot(`
      "pg.yaml:1:9: \`format\` is 2; this version of Proofroll reads format: 1
          format: The version of this grammar."
    `)
  })
})

describe('the cluster', () => {
  test('an unknown engine', () => {
    expect(wrong(GOOD.replace('engine: toy', 'engine: tpy'))).toMatchInlineSnapshot(`
      "pg.yaml:3:11: there is no engine \`tpy\`
          did you mean \`toy\`?
          the engines are: toy"
    `)
  })

  test('an impossible one', () => {
    expect(wrong(GOOD.replace('members: 3', 'members: 1\n  promise: synchronous'))).toMatchInlineSnapshot(`"pg.yaml:5:12: \`cluster.promise\`: a synchronous promise needs a second member"`)
  })

  test('an entrance it lacks, and fewer connections than cohorts', () => {
    expect(wrong(`${GOOD}load:\n  entrance: mian\n  cohorts: 9\n  connections: 3\n`)).toMatchInlineSnapshot(`
      "pg.yaml:8:13: this cluster has no entrance \`mian\`
          did you mean \`main\`?
          its entrances are: main
      pg.yaml:10:16: \`load.connections\` (3) is less than \`load.cohorts\` (9): each cohort needs a connection"
    `)
  })
})

describe('--set', () => {
  test('unknown paths and wrong values are named by the option', () => {
    expect(wrong(GOOD, { set: { 'cluster.mebmers': '5', 'load.timeout': '5', 'lod.cohorts': '1' } })).toMatchInlineSnapshot(`
      "--set load.timeout=5: \`load.timeout\` is 5; a duration is a number with its unit: 250ms, 30s, 5m, 1h30m
          load.timeout: A client gives up on an answer after this; the outcome is then
            unknown. [J]
      --set lod.cohorts=1: unknown key \`lod\` in a scenario
          did you mean \`load\`?
          the keys in a scenario are: format, title, description, correctedBy,
            extends, cluster, start, load, runbook, script, commands, faults, claims,
            objectives, deadline, onEngine
      --set cluster.mebmers=5: unknown key \`mebmers\` in \`cluster\`
          did you mean \`members\`?
          the keys in \`cluster\` are: engine, members, promise, delayUs, commandUs"
    `)
  })
})

describe('runbooks', () => {
  test('missing, and shell scripts', () => {
    expect(wrong(GOOD.replace('move.run', 'mov.run'))).toMatchInlineSnapshot(`
      "pg.yaml:5:10: there is no runbook \`mov.runbook.yaml\`
          did you mean \`move.runbook.yaml\`?
          there are: move.runbook.yaml"
    `)
    expect(wrong(GOOD.replace('move.runbook.yaml', 'upgrade.sh'))).toMatchInlineSnapshot(`
      "pg.yaml:5:10: there is no script \`upgrade.sh\`
          paths are relative to the file that names them"
    `)
  })

  test('with errors of their own, and commands that nobody models', () => {
    expect(wrong(GOOD, { files: { 'move.runbook.yaml': `${RUNBOOK}    undoo: stop m-1\n` } })).toMatchInlineSnapshot(`
      "move.runbook.yaml:6:5: unknown key \`undoo\`; did you mean \`undo\`?
          Known here: id, title, note, when, run, parallel, gate, sleep, fail, pick,
            as, collect, expect, missing, for, every, timeout, claims, otherwise,
            retry, resume, pointOfNoReturn, forEach, steps, undo"
    `)
    expect(wrong(GOOD, { files: { 'move.runbook.yaml': `${RUNBOOK}  - run: promot m-2\n  - run: promote\n  - run: role m-0 | grep -c leader\n` } })).toMatchInlineSnapshot(`
      "move.runbook.yaml:6:5: the command \`promot\` is not modelled on this workstation; there are: destroy, follow, lag, pause, promote, rent, resume, role, route, start, stop
          did you mean \`promote\`?
          in step \`2\`: promot m-2
      move.runbook.yaml:7:5: promote: promote MEMBER; it needs 1 argument
          in step \`3\`: promote"
    `)
  })

  test('steps in the scenario itself keep their place', () => {
    expect(wrong(GOOD.replace('runbook: move.runbook.yaml', 'runbook:\n  - run: role m-0\n    otherwse: abort\n  - run: frobnicate'))).toMatchInlineSnapshot(`
      "pg.yaml:7:5: unknown key \`otherwse\`; did you mean \`otherwise\`?
          Known here: id, title, note, when, run, parallel, gate, sleep, fail, pick,
            as, collect, expect, missing, for, every, timeout, claims, otherwise,
            retry, resume, pointOfNoReturn, forEach, steps, undo"
    `)
    expect(wrong(`${GOOD}start:\n  - frobnicate\n`)).toMatchInlineSnapshot(`
      "pg.yaml:8:5: the command \`frobnicate\` is not modelled on this workstation; there are: destroy, follow, lag, pause, promote, rent, resume, role, route, start, stop. If it does nothing to this cluster: \`--set commands.frobnicate={}\` lets it print nothing and succeed; what else it prints is said in the scenario, \`commands: { frobnicate: { output: … } }\`
          in step \`1\`: frobnicate"
    `)
  })

  test('several files whose steps share an id', () => {
    expect(wrong(GOOD.replace('move.runbook.yaml', '[move.runbook.yaml, again.runbook.yaml]'), { files: { 'again.runbook.yaml': RUNBOOK } })).toMatchInlineSnapshot(`"move.runbook.yaml + again.runbook.yaml:4:5: the id \`promote\` is taken by the step in line 4: an id names one step"`)
  })
})

describe('extends', () => {
  test('a file that is not there, and a circle', () => {
    expect(wrong('extends: bas.yaml\n', { files: { 'base.yaml': GOOD } })).toMatchInlineSnapshot(`
      "pg.yaml:1:10: there is no scenario \`bas.yaml\` to extend
          did you mean \`base.yaml\`?
          there are: base.yaml"
    `)
    expect(wrong('extends: a.yaml\n', { files: { 'a.yaml': 'extends: b.yaml\n', 'b.yaml': 'extends: a.yaml\n' } })).toMatchInlineSnapshot(`
      "b.yaml:1:10: \`extends: a.yaml\` goes round in a circle
          pg.yaml → a.yaml → b.yaml → a.yaml"
    `)
  })

  test('an error is shown in the file that wrote it', () => {
    expect(wrong('extends: base.yaml\nload:\n  cohort: 2\n', { files: { 'base.yaml': GOOD.replace('members', 'member') } })).toMatchInlineSnapshot(`
      "pg.yaml:3:3: unknown key \`cohort\` in \`load\`
          did you mean \`cohorts\`?
          the keys in \`load\` are: writesPerSecond, readsPerSecond, loop, think,
            cohorts, connections, bytesPerWrite, entrance, timeout, queueAgeLimit,
            retry, attempts, connectionLife, onReadOnly, warningsAreUnknown, dnsCache
      base.yaml:4:3: unknown key \`member\` in \`cluster\`
          did you mean \`members\`?
          the keys in \`cluster\` are: engine, members, promise, delayUs, commandUs"
    `)
  })
})

describe('words', () => {
  test('a figure that is no duration, a key twice in the list of keys, no steps, a folder', () => {
    expect(wrong(`${GOOD}objectives: [ { measure: writeDowntimeSeconds, max: 30 sekunden } ]\n`)).toContain('`objectives[0].max` is the text `30 sekunden`; a figure is a number in the measure’s unit; a duration is a number with its unit: 250ms, 30s, 5m, 1h30m')
    expect(wrong(GOOD.replace('members:', 'membres:')).match(/\bengine\b/g)).toHaveLength(1)
    expect(wrong(GOOD, { files: { 'move.runbook.yaml': 'format: 1\ntitle: Move\nsteps: []\n' } })).toContain('a runbook needs at least one step')
    expect(wrong(GOOD.replace('move.runbook.yaml', '[]'))).toContain('a runbook needs at least one step')
    expect(complaint(() => loadScenario('.', [toy]))).toBe('.: this is a folder: leave the name out, or name a scenario file')
  })

  test('assumptions of the load are durations as one would write them', () => {
    const { assumptions } = loadScenarioFrom({ name: 'pg', yaml: GOOD, files: { 'move.runbook.yaml': RUNBOOK }, set: {} }, [toy])
    const values = Object.fromEntries(assumptions.map(({ option, value }) => [option, value]))
    expect(values).toMatchObject({ 'load.think': '100ms', 'load.timeout': '5s', 'load.connectionLife': 'never', 'load.writesPerSecond': 500 })
  })
})
