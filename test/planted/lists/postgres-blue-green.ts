import { inCommand, keys, moved, noUndo } from '../change.ts'
import type { Family, RunbookDefect, SourceDefect } from '../defect.ts'

const scenario = 'blue-green/guarded'
const defect = (id: string, what: string, change: RunbookDefect['change'], look?: RunbookDefect['look']): RunbookDefect => ({ id: `bluegreen-${id}`, what, scenario, change, ...(look === undefined ? {} : { look }) })

export const postgresBlueGreen: Family = {
  name: 'postgres-blue-green',
  title: 'Guarded blue/green with reverse replication',
  defects: [
    // ── the fence ──
    defect('no-fence', 'blue is not fenced; the gate that proves it is still there', { without: ['fence'] }),
    defect('no-fence-no-proof', 'blue is neither fenced nor proven to be', { without: ['fence', 'fenced'] }),
    defect('fence-without-reload', 'the fence is written and not loaded', { step: { fence: inCommand(' -c "select pg_reload_conf()"', '') }, without: ['fenced'] }),
    defect('open-before-fence', 'green is opened before blue is fenced', { runbook: moved('open', { before: 'fence' }), step: { open: keys({ pointOfNoReturn: undefined }) } }),
    // ── the comparison ──
    defect('no-comparison', 'nobody compares green with the end of blue', { without: ['blue-end', 'green-has-all'] }, 'faults'),
    defect('lag-for-equality', 'a lag below 16 MB is taken for equality', { step: { 'green-has-all': inCommand("confirmed_flush_lsn >= '${end}'", "pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn) <= 16777216") } }, 'faults'),
    defect('end-before-fence', 'where blue ends is read before it is fenced', { runbook: moved('blue-end', { before: 'pause' }) }),
    defect('not-filled', 'nobody waits until every table is copied', { without: ['synchronised', 'follows', 'go', 'green-has-all', 'blue-end'] }),
    // ── the order ──
    defect('delete-first', 'blue is deleted before the Service is switched', { runbook: moved('delete-blue', { before: 'route' }) }),
    defect('no-route', 'the Service is not moved', { without: ['route'] }),
    defect('no-open', 'green is never opened', { without: ['open'] }),
    defect('no-resume', 'clients are never let on', { without: ['resume'] }),
    // ── the end ──
    defect('blue-stays', 'blue is not deleted', { without: ['delete-blue', 'blue-gone', 'delete-volumes'] }),
    defect('wrong-version', 'green is of the old version, and nobody looks', { set: { 'cluster.targetImage': 'postgres:17.5' }, step: { 'scale-green': keys({ run: ['kubectl patch statefulset green-db --patch \'{"spec":{"template":{"spec":{"containers":[{"name":"postgres","image":"postgres:16.9"}]}}}}\'', 'kubectl scale statefulset green-db --replicas=1'] }) }, without: ['green-version'] }),
    // ── the way back ──
    defect('fence-not-undone', 'the rollback leaves blue fenced', { step: { fence: noUndo } }, 'rollback'),
    defect('route-not-undone', 'the rollback leaves the Service at green', { step: { route: noUndo } }, 'rollback'),
    defect('green-not-removed', 'the rollback leaves green', { step: { provision: noUndo } }, 'rollback'),
  ],
}

const LAB = 'test/postgres/experiments/logical.test.ts'
const LOGICAL = 'models/postgres/logical.ts'
const rule = (id: string, what: string, patches: SourceDefect['patches'], tests: SourceDefect['tests'] = [LAB]): SourceDefect => ({ id: `rule-pg-logical-${id}`, what, patches, tests })
const line = (find: string, replace: string, file = LOGICAL): SourceDefect['patches'] => [{ file, find, replace }]

export const postgresLogicalRules: Family = {
  name: 'postgres-logical-rules',
  title: 'Rules of logical replication',
  defects: [
    rule('copy-at-once', 'the initial copy takes no time', line('const bytes = world.options.databaseMB * 1_000_000', 'const bytes = 1')),
    rule('slot-at-once', 'a slot does not wait for open transactions', line('yield Math.max(50_000, world.longTransactionUntilUs - world.sim.now)', 'yield 50_000')),
    rule('middle-counts-whole', 'a subscription that began in the middle counts as holding what came before', line('const entire = histories.filter(({ since }) => since === undefined)', 'const entire = histories', 'src/cluster/log/ledger.ts')),
    rule('late-retry', 'a worker that ended comes back half a minute later', line('subscription.lastAttemptUs + this.world.options.walRetrieveRetrySeconds * SECOND', 'subscription.lastAttemptUs + 30 * SECOND')),
    rule('tables-are-carried', 'a row for a table that the subscriber lacks stops nobody', line('subscription.missingTable ??= table', 'void table')),
    rule('drop-without-publisher', 'DROP SUBSCRIPTION does not need the publisher', line("if (typeof publisher === 'string') {\n        return error('08006'", "if (typeof publisher === 'number') {\n        return error('08006'")),
    rule('read-only-obeyed-by-nobody', 'a read-only subscriber takes commands', line("if (!server.copy.leading || session.readsOnly) return", "if (!server.copy.leading) return")),
    rule('majors-of-all', 'two databases of different majors are an unsupported mixture', [
      { file: 'models/postgres/truth.ts', find: 'const its = majors.get(server.dir.systemId)', replace: "const its = majors.get('')" },
      { file: 'models/postgres/truth.ts', find: 'majors.set(server.dir.systemId, new Set', replace: "majors.set('', new Set" },
    ]),
    rule('circle', 'two subscriptions in a circle are let be', line("if (back !== undefined && options['origin'] !== 'none')", 'if (back === null)')),
    rule('lag-that-is-none', 'a fault that delays changes does not', line('subscription.extraDelayUs += us', 'subscription.extraDelayUs += 0', 'models/postgres/faults.ts')),
    rule('stall-that-is-none', 'a fault that stalls the apply worker does not', line("if (this.stalls === 1) this.copy.freeze('receive')", 'this.stalls += 0')),
    rule('standby-without-merged', 'the standby of a subscriber gets nothing of what is applied there', line('sender.merged = new MergedStream(upstream, this.server, () => sender.link())', 'sender.merged = undefined', 'models/postgres/replication.ts')),
    rule('standby-hears-through-a-wall', 'a standby that is cut off gets what is applied all the same', line('    this.merged?.freeze(true)\n', '', 'models/postgres/replication.ts')),
    rule('merged-is-lost', 'what has been merged into the database that counts does not count', line('{} : { merged }\n', '{} : {}\n', 'models/postgres/truth.ts'), ['test/scenarios/blue-green.test.ts']),
  ],
}
