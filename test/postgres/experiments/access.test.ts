import { describe, expect, test } from 'vitest'
import type { RehearsalResult } from '../../../src/result.ts'
import { rehearsals } from '../../unseen/play.ts'

const SQL = `sql() { psql -h "$1" -U postgres -d appdb -qAtc "$2"; }
P=postgres-cluster-0.postgres-cluster
`
function one(script: string, cluster: Record<string, unknown> = {}, load: Record<string, unknown> = {}): RehearsalResult {
  return rehearsals({ cluster: { engine: 'postgres', targetKubernetesVersion: null, ...cluster }, load, script: `${SQL}${script}` }, 1)[0] as RehearsalResult
}
/** What the last line before `exit 1` said. */
const said = (script: string, cluster: Record<string, unknown> = {}): string => /SAID (.*)$/s.exec(one(`${script}\nkubectl get nodes > /dev/null\necho "SAID $said"\nexit 1\n`, cluster).outcomeReason)?.[1] ?? ''

const KICK = `sql $P "select count(pg_terminate_backend(pid)) from pg_stat_activity where usename = 'app_user' and pid <> pg_backend_pid()" > /dev/null`
const writeGap = (result: RehearsalResult): number => result.measures.longestWriteGapSeconds

describe('PG-ACCESS-2: who is in stays in; who comes is refused', () => {
  test.each([
    ['alter role app_user nologin', 'alter role app_user login'],
    ['alter database appdb connection limit 0', 'alter database appdb connection limit -1'],
    ['revoke connect on database appdb from public', 'grant connect on database appdb to app_user'],
  ])('%s', (close, open) => {
    expect(writeGap(one(`sql $P "${close}"; sleep 30; sql $P "${open}"`))).toBeLessThan(0.5)
    const kicked = writeGap(one(`sql $P "${close}"; ${KICK}; sleep 30; sql $P "${open}"; sleep 30`))
    expect(kicked).toBeGreaterThan(29)
    expect(kicked).toBeLessThan(36)
  })

  test('a grant of its own outlives what PUBLIC loses, and REVOKE from a role that has none of its own takes nothing', () => {
    const lost = (statements: string) => writeGap(one(`sql $P "${statements}"; ${KICK}; sleep 20`)) > 15
    expect(lost('grant connect on database appdb to app_user; revoke connect on database appdb from public')).toBe(false)
    expect(lost('revoke connect on database appdb from app_user')).toBe(false)
    expect(lost('revoke connect on database appdb from public, app_user')).toBe(true)
  })

  test('the superuser is let in, but not into a database that allows nobody', () => {
    const asks = (statement: string) => said(`sql $P "${statement}"; said="$(psql -h $P -U postgres -d appdb -Atc 'select 1' 2>&1)"`)
    expect(asks('revoke connect on database appdb from public')).toBe('1')
    expect(asks('alter database appdb connection limit 0')).toBe('1')
    expect(asks('alter database appdb allow_connections false')).toBe('psql: error: connection to server at "postgres-cluster-0.postgres-cluster" (10.244.0.4), port 5432 failed: FATAL:  database "appdb" is not currently accepting connections')
    expect(said(`sql $P "alter role app_user nologin"; said="$(psql -h $P -U app_user -d appdb -Atc 'select 1' 2>&1 | grep -o 'FATAL.*')"`)).toBe('FATAL:  role "app_user" is not permitted to log in')
    expect(said(`sql $P "revoke connect on database appdb from public"; said="$(psql -h $P -U app_user -d appdb -Atc 'select 1' 2>&1 | grep -o '\\(FATAL\\|DETAIL\\).*' | paste -sd';')"`)).toBe('FATAL:  permission denied for database "appdb";DETAIL:  User does not have CONNECT privilege.')
    expect(said(`said="$(sql $P 'alter role nobody nologin' 2>&1) $(psql -h $P -U postgres -Atc 'alter database nothing connection limit 0' 2>&1)"`)).toBe('ERROR:  role "nobody" does not exist ERROR:  database "nothing" does not exist')
    const refused = (statement: string) => said(`said="$(sql $P '${statement}' 2>&1)"`)
    expect(refused('revoke connect on database appdb from ap_user')).toBe('ERROR:  role "ap_user" does not exist')
    expect(refused('grant connect on database apdb to app_user')).toBe('ERROR:  database "apdb" does not exist')
    expect(refused('alter role ap_user set default_transaction_read_only = on')).toBe('ERROR:  role "ap_user" does not exist')
    expect(refused('alter database apdb set default_transaction_read_only = on')).toBe('ERROR:  database "apdb" does not exist')
  })

  test('through a pooler as well: its logins fail', () => {
    const gap = writeGap(one(`sql $P "alter role app_user nologin"; ${KICK}; sleep 40; sql $P "alter role app_user login"; sleep 40`, { pooler: {} }, { entrance: 'pooler' }))
    expect(gap).toBeGreaterThan(39)
  })
})

describe('PG-ACCESS-3: default_transaction_read_only of a database or role is for sessions that begin', () => {
  test.each(['database appdb', 'role app_user'])('alter %s', what => {
    expect(writeGap(one(`sql $P "alter ${what} set default_transaction_read_only = on"; sleep 30; sql $P "set default_transaction_read_only = off; alter ${what} reset default_transaction_read_only"`))).toBeLessThan(0.5)
    expect(writeGap(one(`sql $P "alter ${what} set default_transaction_read_only = on"; ${KICK}; sleep 30`))).toBeGreaterThan(29)
  })

  test('psql gets it too, may set it otherwise, and cannot undo it without', () => {
    expect(said(`sql $P "create table t (a int); alter database appdb set default_transaction_read_only = on"
      a=$(sql $P 'show default_transaction_read_only'); b=$(sql $P 'insert into t values (1)' 2>&1); c=$(sql $P 'set default_transaction_read_only = off; insert into t values (1); select count(*) from t')
      d=$(psql -h $P -U postgres -Atc 'show default_transaction_read_only'); e=$(sql $P 'alter database appdb reset default_transaction_read_only' 2>&1)
      said="$a|$b|$c|$d|$e"`)).toBe('on|ERROR:  cannot execute INSERT in a read-only transaction|1|off|ERROR:  cannot execute ALTER DATABASE in a read-only transaction')
  })

  test('what the role says goes before what the database says, and without either it is as the server has it', () => {
    const mine = (statements: string) => said(`sql $P "${statements}"; said=$(psql -h $P -U app_user -d appdb -Atc 'show default_transaction_read_only')`)
    expect(mine('alter database appdb set default_transaction_read_only = on; alter role app_user set default_transaction_read_only = off')).toBe('off')
    expect(mine('alter role app_user set default_transaction_read_only = on; alter role app_user reset default_transaction_read_only')).toBe('off')
    expect(mine('alter role app_user set default_transaction_read_only = on')).toBe('on')
  })

  test('sessions that were opened meanwhile are given up by their clients, who write again when it is taken back', () => {
    expect(writeGap(one(`sql $P "alter database appdb set default_transaction_read_only = on"; ${KICK}; sleep 20; sql $P "set default_transaction_read_only = off; alter database appdb reset default_transaction_read_only"; sleep 60`))).toBeCloseTo(21, -1)
  })
})

test('PG-ACCESS-2, PG-ACCESS-3: a database that is left closed, or read-only, does not serve at the end', () => {
  const served = (statement: string) => one(`sql $P "${statement}"`).verdicts.find(verdict => verdict.check === 'serves-at-end')
  expect(served('alter role app_user nologin')).toMatchObject({ status: 'fail', evidence: expect.stringContaining('is not permitted to log in') })
  expect(served('alter database appdb set default_transaction_read_only = on')).toMatchObject({ status: 'fail', evidence: expect.stringContaining('new sessions are read-only') })
  expect(served('alter database postgres connection limit 0')).toMatchObject({ status: 'pass' })
})

describe('PG-ACCESS-1: it is on the log', () => {
  test('a standby has it when it has applied it: promoted it lets nobody in either', () => {
    const result = one(`sql $P "alter role app_user nologin"; sleep 2
      kubectl exec postgres-cluster-1 -- pg_ctl promote -D $PGDATA
      said=$(psql -h postgres-cluster-1.postgres-cluster -U app_user -d appdb -Atc 'select 1' 2>&1 | grep -o 'not permitted'); [ "$said" = 'not permitted' ] || exit 9`.replace('$PGDATA', '/var/lib/postgresql/data'))
    expect(result.outcome).toBe('completed')
  })

  test('what is rolled back, or is on another branch, is not in force', () => {
    expect(said(`sql $P "begin; alter role app_user nologin; rollback"; said=$(psql -h $P -U app_user -d appdb -Atc 'select 1' 2>&1)`)).toBe('1')
    expect(said(`kubectl exec postgres-cluster-1 -- pg_ctl promote -D /var/lib/postgresql/data > /dev/null; sleep 5; sql $P "alter role app_user nologin"; said=$(psql -h postgres-cluster-1.postgres-cluster -U app_user -d appdb -Atc 'select 1' 2>&1)`)).toBe('1')
  })

  test('an old primary that nobody can log in to any more, and whose clients are gone, is no second leader', () => {
    const fence = `sql $P "alter role app_user nologin"; ${KICK}`
    const promoted = (before: string) => one(`${before}; kubectl exec postgres-cluster-1 -- pg_ctl promote -D /var/lib/postgresql/data; psql -h postgres-cluster-1.postgres-cluster -U postgres -c "alter role app_user login"; kubectl patch service postgres-primary -p '{"spec":{"selector":{"role":null,"statefulset.kubernetes.io/pod-name":"postgres-cluster-1"}}}'; sleep 60`).measures
    expect(promoted('true').splitBrainSeconds).toBeGreaterThan(30)
    expect(promoted(fence)).toMatchObject({ splitBrainSeconds: 0, lostAcknowledgedWrites: 0 })
    // Without ending the sessions that are there it is no fence.
    expect(promoted('sql $P "alter role app_user nologin"').splitBrainSeconds).toBeGreaterThan(30)
  })
})
