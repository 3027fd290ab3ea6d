import type { Rule } from '../../../src/engine.ts'

const rule = (id: string, statement: string, source: string): Rule => ({ id, statement, source, test: 'test/postgres/experiments/managed.test.ts' })

/** Rules of a managed blue/green deployment. */
export const managedRules: readonly Rule[] = [
  rule('PG-MANAGED-1', 'The service makes green on the version that --target-engine-version names (without it: blue’s), read-only, and fills it by logical replication; then it is AVAILABLE.', 'AWS blue-green-deployments-overview; VB BG-F03'),
  rule('PG-MANAGED-2', 'Guardrails refuse a switchover while green does not replicate or lags too far, and under long transactions or DDL on blue; nothing changes.', 'AWS blue-green-deployments-switching; VB BG-F03'),
  rule('PG-MANAGED-3', 'It stops writes on both, drops all connections, waits until green has all, renames the endpoints and opens green; what is not done within the time-out (300 s; 30 to 3,600) is taken back.', 'AWS blue-green-deployments-switching; VB BG-F01, BG-F02'),
  rule('PG-MANAGED-4', 'Afterwards nothing replicates, in no direction, and blue stays read-only: there is no switching back.', 'AWS blue-green-deployments-considerations; VB BG-F05'),
  rule('PG-MANAGED-5', 'Clients follow when their resolver asks again: after the time to live (5 s), and as long as they keep an address by themselves (load.dnsCache); meanwhile they find blue, which refuses.', 'AWS blue-green-deployments-switching; VB BG-F04, PF04'),
  rule('PG-MANAGED-6', 'Green takes blue’s name, and blue becomes NAME-old1: whoever deletes by name deletes another instance than before.', 'AWS blue-green-deployments-switching'),
]
