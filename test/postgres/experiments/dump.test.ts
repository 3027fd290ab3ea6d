import { expect, test } from 'vitest'
import { rehearsals } from '../../unseen/play.ts'

/** Runs a script to its `exit 1` and gives what its last line printed. */
function printed(script: string, cluster: Record<string, unknown> = {}): string {
  const [result] = rehearsals({ cluster: { engine: 'postgres', databaseMB: 4000, timing: { dumpMBps: 40 }, kubernetes: { execSeconds: 0.5 }, ...cluster }, script: `${script}\nkubectl get nodes > /dev/null\necho "SAID $said"\nexit 1\n` }, 1)
  return /SAID (.*)$/s.exec(result?.outcomeReason ?? '')?.[1] ?? String(result?.outcomeReason)
}

test('PG-DUMP-1: takes size ÷ rate; with parallel jobs as much less; definitions alone next to nothing', () => {
  const took = (command: string): number => Number(printed(`s=$SECONDS\n${command}\nsaid="$? $((SECONDS - s))"`).replace(/^0 /, ''))
  expect(took('pg_dump -h postgres-primary -U postgres -d appdb -Fc -f /tmp/app.dump')).toBeCloseTo(100, -1)
  expect(took('kubectl exec postgres-cluster-1 -- pg_dumpall -U postgres > /tmp/all.sql')).toBeCloseTo(100, -1)
  expect(took('pg_dump --host=postgres-primary -U postgres -Fd -j 4 -f /tmp/app appdb')).toBeCloseTo(25, -1)
  expect(took('pg_dump -h postgres-primary -U postgres --schema-only appdb > /tmp/schema.sql')).toBeLessThan(4)
})

test('PG-DUMP-1: ALTER TABLE waits until it is done, and readers and writers do not', () => {
  const script = (during: string) => `
    psql -h postgres-primary -U postgres -d appdb -qc 'create table orders (id int)'
    pg_dump -h postgres-primary -U postgres appdb > /tmp/app.sql &
    sleep 10
    s=$SECONDS
    psql -h postgres-primary -U postgres -d appdb -qc "${during}" && done_=yes || done_=no
    said="$done_ $((SECONDS - s >= 60))"
    wait`
  expect(printed(script('alter table orders add column note text'))).toBe('yes 1')
  expect(printed(script(`set lock_timeout = '5s'; alter table orders add column note text`))).toBe('no 0')
  expect(printed(script('insert into orders values (1)'))).toBe('yes 0')
})

test('PG-DUMP-1: a server that goes takes it along; one that is not there is told as by psql', () => {
  expect(printed(`
    (sleep 20; kubectl exec postgres-cluster-0 -- pg_ctl restart -m immediate) &
    said="$(pg_dump -h postgres-primary -U postgres appdb 2>&1 > /tmp/app.sql | grep -v WARNING | head -1) \${PIPESTATUS[0]}"
    [ -s /tmp/app.sql ] || said="$said empty"`)).toMatch(/^pg_dump: error: query failed: (server closed the connection|FATAL)/)
  expect(printed('said="$(pg_dump -h nowhere -U postgres appdb 2>&1)"')).toBe('pg_dump: error: could not translate host name "nowhere" to address: Name or service not known')
  expect(printed('pg_dump -h postgres-primary -U postgres nosuch > /tmp/x; said=$?')).toBe('1')
})

test('PG-DUMP-1: what it writes has a heading and an end, and nobody can restore from it', () => {
  expect(printed('said=$(kubectl exec postgres-cluster-0 -- pg_dump -U postgres appdb | grep -c "PostgreSQL database dump complete")')).toBe('1')
  expect(printed('kubectl exec postgres-cluster-0 -- pg_dump -U postgres -f /tmp/in-pod.sql appdb; said="$(kubectl exec postgres-cluster-0 -- grep -c Dumped /tmp/in-pod.sql) $(ls /tmp/in-pod.sql 2>/dev/null)"')).toBe('2')
  expect(() => printed('pg_dump -h postgres-primary -U postgres appdb > /tmp/a.sql; psql -h postgres-primary -U postgres -d appdb -f /tmp/a.sql; said=$?')).toThrow(/COPY/)
})

test('psql -f: a file of the workstation, or of the container', () => {
  const files = `
    printf 'create table t (a int);\\ninsert into t values (1);\\nselect count(*) from t;\\n' > q.sql
    ask() { psql -h postgres-primary -U postgres -d appdb -qAt "$@"; }`
  expect(printed(`${files}\nsaid=$(ask -f q.sql)`)).toBe('1')
  // A file that has changed is read anew.
  expect(printed(`${files}\nask -f q.sql > /dev/null; echo 'select 7;' > q.sql; a=$(ask -f q.sql); echo 'select 8;' > q.sql; said="$a $(ask -f q.sql)"`)).toBe('7 8')
  expect(printed(`${files}\nkubectl cp q.sql postgres-cluster-0:/tmp/in.sql; said="$(kubectl exec postgres-cluster-0 -- psql -U postgres -d appdb -qAt -f /tmp/in.sql) $(kubectl exec postgres-cluster-0 -- psql -U postgres -f q.sql 2>&1 | head -1)"`)).toBe('1 q.sql: No such file or directory')
  expect(printed(`${files}\necho 'select 1/; ' > q.sql; ask -v ON_ERROR_STOP=1 -f q.sql 2> err; said="$? $(head -1 err)"`)).toMatch(/^3 psql:q.sql:1: ERROR: {2}syntax error/)
  expect(printed('said="$(psql -h postgres-primary -U postgres -f nowhere.sql 2>&1) $?"')).toBe('nowhere.sql: No such file or directory 1')
})
