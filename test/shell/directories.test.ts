/** What a container has of directories: a file goes nowhere that is not there, as in life. */
import { expect, test } from 'vitest'
import { engines } from '../../models/index.ts'
import { rehearse } from '../../src/rehearsal.ts'
import { loadScenarioFrom } from '../../src/scenario/index.ts'

function play(engine: string, pod: string, ...lines: readonly string[]): string[] {
  const said: string[] = []
  const script = lines.map(line => `kubectl exec ${pod} -- ${line}\n`).join('')
  const scenario = loadScenarioFrom({ name: 'directories', yaml: `format: 1\ncluster: { engine: ${engine} }\ndeadline: 1h\nrunbook: ./s.sh\n`, files: { 's.sh': script }, set: {} }, engines, {})
  rehearse({ scenario, seed: '1', schedule: [], watch: () => ({ commandReturned: ({ output }) => void said.push(`${output.code} ${output.out}${output.err}`.replace(/command terminated with exit code \d+\n/, '').trim()) }) })
  return said
}

test.each([['postgres', 'postgres-cluster-1'], ['redis', 'redis-1'], ['mongodb', 'mongo-1']])('%s: a directory that is not there', (engine, pod) => {
  expect(play(engine, pod,
    'touch /nosuch/x', "sh -c 'echo hi > /nosuch/dir/file'", 'cp /tmp/none /tmp/other', 'tee /nodir/x', "sh -c 'mkdir -p /nosuch/dir && echo hi > /nosuch/dir/file && cat /nosuch/dir/file'", 'ls /nosuch', 'mkdir /etc/a/b', 'touch /tmp/x', 'ls /tmp', 'touch /etc')).toEqual([
    "1 touch: cannot touch '/nosuch/x': No such file or directory",
    '1 sh: line 1: /nosuch/dir/file: No such file or directory',
    "1 cp: cannot stat '/tmp/none': No such file or directory",
    '1 tee: /nodir/x: No such file or directory',
    '0 hi',
    '0 dir',
    '1 mkdir: cannot create directory ‘/etc/a/b’: No such file or directory',
    '0', '0 x', '0',
  ])
})

test('PGDATA is a directory like others, and what the volume holds outlives the container', () => {
  expect(play('postgres', 'postgres-cluster-1',
    'touch /var/lib/postgresql/data/conf/standby.signal', 'mkdir -p /var/lib/postgresql/data/conf', "sh -c 'echo 1 > $PGDATA/conf/a'", 'ls /var/lib/postgresql/data/conf', 'rm -r /var/lib/postgresql/data/conf', "sh -c 'test -e $PGDATA/conf/a'", 'ls /var/lib/postgresql', 'touch /var/lib/postgresql/data/pg_wal/archive_status/x.ready', 'mkdir /var/lib/postgresql/data/global')).toEqual([
    "1 touch: cannot touch '/var/lib/postgresql/data/conf/standby.signal': No such file or directory", '0', '0', '0 a', '0', '1', '0 data', '0', '1 mkdir: cannot create directory ‘/var/lib/postgresql/data/global’: File exists',
  ])
})
