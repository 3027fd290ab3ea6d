/** The procedures of a team, with the faults and checks that matter to it. */
import { fileURLToPath } from 'node:url'
import { fault, gate, type OwnCheck, type OwnProbe, run, runbook, scenario } from 'proofroll/vitest'

const PRIMARY = 'postgres-cluster-0'
const STANDBYS = ['postgres-cluster-1', 'postgres-cluster-2']
const streaming = `kubectl exec ${PRIMARY} -- psql -U postgres -Atc "select count(*) from pg_stat_replication where state = 'streaming'"`

/** One standby after the other, each only when both stream. A loop of the language, where a YAML runbook would repeat itself. */
const restartStandbys = runbook({
  title: 'Restart the standbys, one at a time',
  steps: STANDBYS.flatMap((standby, i) => [
    gate(streaming, { id: `both-stream-${i + 1}`, title: 'Both standbys stream', expect: { min: 2 }, for: '10s', every: '5s', timeout: '30m' }),
    run(`kubectl delete pod ${standby}`, { id: `restart-${i + 1}`, title: `Restart ${standby}`, retry: { times: 20, every: '10s' } }),
  ]),
})

/** What the old wiki page says: nobody stops the old primary before the new one is promoted. */
const switchOver = runbook({
  title: 'Switch over to a standby',
  steps: [
    run('kubectl exec postgres-cluster-1 -- pg_ctl promote -D /var/lib/postgresql/data', { id: 'promote' }),
    run(`kubectl patch service postgres-primary --patch '{"spec":{"selector":{"statefulset.kubernetes.io/pod-name":"postgres-cluster-1"}}}'`, { id: 'route' }),
    run(`kubectl delete pod ${PRIMARY}`, { id: 'restart-old' }),
  ],
})

/** It happened last March. */
const wrongTerminal = fault({
  kind: 'x-wrong-terminal',
  doc: 'A colleague deletes a pod of this cluster, in the belief that it is staging.',
  duration: '1s',
  like: 'process-kill',
  strike(hands, { target }) {
    const pod = target.replace('member:', '')
    hands.run(`kubectl delete pod ${pod}`, [pod])
  },
})

/** Our insurer wants every write on two machines, but for a few minutes of maintenance. */
const insured: OwnCheck = {
  id: 'x-insured',
  judge({ measures: { redundancyExposedSeconds } }) {
    return redundancyExposedSeconds <= 20 * 60 ? undefined : `writes lay on one machine only for ${Math.round(redundancyExposedSeconds / 60)} minutes`
  },
}

/** If no gate ever had to wait, these tests say nothing about gates. */
const waited: OwnProbe = { name: 'a gate had to wait', hit: ({ gates }) => gates.some(gate => gate.waited) }

const base = fileURLToPath(new URL('upgrade.yaml', import.meta.url))
export const standbys = scenario({ base, name: 'standbys', runbook: restartStandbys, faults: [wrongTerminal], checks: [insured], probes: [waited] })
export const asInTheWiki = scenario({ base, name: 'as-in-the-wiki', runbook: switchOver })
