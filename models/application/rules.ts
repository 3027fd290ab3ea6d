/** The rules of the application model: each has an id, a source and a test. The README's table is `rulesTable()`. */
import type { Rule } from '../../src/engine.ts'

const rows: readonly (readonly [string, string, string, string])[] = [
  ['APP-POOL-1', 'A pooled connection stays with the server it was opened to until that closes it, it breaks, or it is too old; names and Services decide about new ones only.', 'facts BG-F22 (kubernetes/kubernetes#100698)', 'program'],
  ['APP-ROUTE-1', 'Requests are spread evenly over the Ready pods one by one; a mesh or ingress splits them by weight.', 'facts BG-F24; Argo Rollouts canary', 'canary'],
  ['APP-FLAG-1', 'A pod polls for its flags at instants of its own: a change reaches it within one period, and the pods one after the other.', 'facts BG-F26, BG-T16', 'flags'],
  ['APP-FLAG-2', 'A streamed change reaches a pod within a second. A pod that misses an update learns it with the next one, a polling pod one period later.', 'facts BG-F26, §6', 'flags'],
  ['APP-FLAG-3', 'While the flag service is away pods go on with what they know; one that starts then goes by its built-in defaults.', 'OpenFeature specification, evaluation with default values', 'flags'],
  ['APP-FLAG-4', 'The command line of go-feature-flag evaluates and lints; it has no command that sets a flag.', 'facts BG-F26', 'flags'],
  ['APP-CANARY-1', 'Without traffic routing a weight is a share of whole pods, one at least: of six pods 20 is one and 50 three, and less than 5 % takes 20 pods.', 'facts BG-F24; O11', 'canary'],
  ['APP-CANARY-2', 'A pause without duration waits for promote; after the last step all pods are of the new revision; abort brings the stable one back.', 'Argo Rollouts canary', 'canary'],
  ['APP-CANARY-3', 'kubectl rollout pause knows Deployments only.', 'facts BG-F25', 'canary'],
  ['APP-METRIC-1', 'Each pod is scraped every scrape_interval at an instant of its own; what happened since is in no sample.', 'prometheus.io configuration scrape_interval', 'monitoring'],
  ['APP-METRIC-2', 'A query finds the newest sample of each series: none of a target that is gone or did not answer its last scrape, none that is older than 5 minutes. A range finds the samples of gone targets, too.', 'prometheus.io querying basics, staleness', 'monitoring'],
  ['APP-METRIC-3', 'http_requests_total counts what a pod has answered, by code: an error that its build only logs is a 200, and what it never answered is nowhere. A code that never came has no series.', 'facts BG-T13; prometheus.io instrumentation, avoid missing metrics', 'monitoring'],
  ['APP-METRIC-4', 'rate() needs two samples in its range. Nothing divided by nothing is NaN, for which no comparison holds; an operation on a series that is not there has no result.', 'prometheus.io querying functions, operators; promql extrapolatedRate', 'monitoring'],
  ['APP-ALERT-1', 'A rule fires when its expression has had a result at each evaluation for `for`: a stage that is shorter is over before. Without a series there is no result, and nothing fires; only absent() says so.', 'prometheus.io alerting rules; facts BG-T14', 'monitoring'],
  ['APP-ANALYSIS-1', 'A measurement is judged by its conditions: with one alone the other is its opposite, with both what neither holds for is inconclusive. NaN fails a success condition and passes a failure condition.', 'argo-rollouts evaluate.go EvaluateResult', 'monitoring'],
  ['APP-ANALYSIS-2', 'result[0] of no result is an error: tried again after 10 s, and with more than consecutiveErrorLimit (4) in a row the run has failed.', 'argo-rollouts analysis.go; docs/features/analysis.md', 'monitoring'],
  ['APP-ANALYSIS-3', 'A run that failed aborts the rollout, and all pods are of the stable revision again; an inconclusive one pauses it until somebody promotes or aborts.', 'argo-rollouts docs/features/analysis.md', 'monitoring'],
  ['APP-LEG-1', 'A statement that was sent is carried out when it arrives, whether or not anybody still waits for the answer. The second of two is sent when the first is answered.', 'facts DW-F01, DW-F04; seed 001', 'writer'],
  ['APP-LEG-2', 'An error that is only logged counts as success: the caller learns of the last error that is returned, and of nothing before it.', 'facts DW-F03', 'writer'],
  ['APP-LEG-3', 'Two writes of one key reach the two databases each in its own order: nothing compares them.', 'facts DW-F02', 'writer'],
  ['APP-DEADLINE-1', 'A request has one deadline: what has not been begun by then is not done, and what was sent is not taken back. The same when its pod dies.', 'facts BG-T07', 'writer'],
  ['APP-RETRY-1', 'A client tries a write again that failed or was not answered. Without a key that is known again it takes effect once more.', 'facts BG-T02', 'writer'],
  ['APP-SQL-1', 'A program inserts, updates or deletes by what it reads; both databases get the same statement. An UPDATE or DELETE that matches no row succeeds.', 'facts DW-F07, BG-T06', 'statements'],
  ['APP-SQL-2', 'An INSERT of a row that is there fails; an upsert puts the whole row in its place; a plain DELETE leaves nothing behind.', 'PostgreSQL INSERT; facts DW-F07', 'statements'],
  ['APP-VERSION-1', 'A versioned write changes only what is older, and its delete leaves a tombstone. Versions are handed out by the database that counts, in the order of its commits.', 'facts §9c steps 3–4', 'statements'],
  ['APP-BACKFILL-1', 'A chunk is read at one instant and written when it has been sent: what happened to its rows meanwhile it does not see.', 'facts DW-F06', 'backfill'],
  ['APP-BACKFILL-2', 'An unconditional upsert overwrites newer rows; an insert if absent brings deleted rows back; a versioned one does neither if deletes leave tombstones.', 'facts DW-F07', 'backfill'],
  ['APP-BACKFILL-3', 'Rows that are not there are not copied: a backfill never deletes.', 'facts DW-F07', 'backfill'],
  ['APP-BACKFILL-4', 'A flag that is to stop it is looked at before a chunk is read; a chunk on its way is written.', 'facts BG-T27', 'backfill'],
  ['APP-CDC-1', 'A connector reads the log of its source from the instant at which its slot was first made, in the order of the commits, deletes included, and lags by a constant while it keeps up; what it missed it catches up at a multiple of the usual rate.', 'facts DW-F08, §6', 'cdc'],
  ['APP-CDC-2', 'It is at least once: after a crash everything since its last flushed offset comes again. Blindly applied, older images lie over newer ones until the newer come again as well; compared by version they change nothing.', 'facts DW-F08, BG-T34', 'cdc'],
  ['APP-CDC-3', 'Its lag metric is the last one measured: while it stands still the metric does too.', 'facts DW-F08; O9', 'cdc'],
  ['APP-CDC-4', 'Changes that a connector brought are not carried on by another.', 'PostgreSQL CREATE SUBSCRIPTION origin = none', 'cdc'],
  ['APP-CDC-5', 'Its session may write where the default is read-only: a fence by that default keeps programs out, not the replicator.', 'facts BG-F06, §9b step 5', 'cdc'],
  ['APP-CHECKSUM-1', 'A digest in heap order differs whenever the rows were written in another order; one of a table that is written differs by what came between the two readings.', 'facts BG-T23', 'checksum'],
  ['APP-CHECKSUM-2', 'Chunks that are read again until they agree leave only what really differs.', 'facts BG-T23, V-VR VDiff', 'checksum'],
  ['APP-CHECKSUM-3', 'Without one of the two databases there is nothing to compare with.', 'facts BG-T22', 'checksum'],
  ['APP-AUTHORITY-1', 'The database that counts is the one that most requests go by: the only one they write to, or of two the one they read from.', 'facts §9 I1, I2; this model', 'audit'],
  ['APP-ROWS-1', 'A row lies in the history of a database where it was committed: what that history loses, the row loses.', 'design §5 (forks are explicit)', 'audit'],
  ['APP-ROWS-2', 'An acknowledged operation has left no trace where the row that counts was made by an operation that had ended before it began.', 'design §9 lost; facts I1, I4', 'audit'],
  ['APP-ROWS-3', 'A statement that finds its row deleted by somebody else a moment before changes nothing, and nothing is lost by it.', 'PostgreSQL READ COMMITTED: an UPDATE of a row that is gone affects 0 rows (postgresql.org transaction-iso)', 'audit'],
  ['APP-VITESS-1', 'On Vitess a program comes by way of the vtgates and names a keyspace. One whose tables are denied refuses it, its reads too, at once or after the vtgate has buffered it.', 'facts VT-F01; vitessio/website#1009', 'vitess'],
  ['APP-VITESS-2', 'Jobs and connectors go to the primary’s mysqld itself: what its vttablet denies to programs does not stop them. A primary that is none any more they leave.', 'judgement: accounts of the MySQL server; as APP-CDC-5', 'vitess'],
  ['APP-VITESS-3', 'A commit is answered when a replica that may acknowledge has flushed it. Without one it hangs; when its primary loses the lead before, nobody learns what became of it.', 'facts VT-F22, VT-F24', 'vitess'],
  ['APP-VITESS-4', 'A database is a keyspace, whichever tablet leads it: a connector goes on after a failover where it was, with what the new primary’s history has.', 'facts DW-F10, VT-F24', 'vitess'],
]

export const rules: readonly Rule[] = rows.map(([id, statement, source, test]) => ({ id, statement, source, test: `test/application/${test}.test.ts` }))

/** The table of the README. */
export function rulesTable(): string {
  return ['| rule | statement | source | test |', '|---|---|---|---|', ...rows.map(row => `| ${row.join(' | ')} |`)].join('\n')
}
