/** `curl` from the workstation: to what listens in the cluster, and to nothing else. */
import { expect, test } from 'vitest'
import { CommandRegistry, type Output } from '../../src/operator/command.ts'
import { cluster, run, service, statefulSet, type TestCluster } from './cluster.ts'

function started(): TestCluster {
  const c = cluster()
  c.kube.create(statefulSet('s', 2))
  c.kube.create(service('db', { app: 's' }))
  c.kube.create(service('s', { app: 's' }, { clusterIP: 'None' }))
  c.kube.create(service('empty', { app: 'none' }))
  c.kube.begin()
  return c
}

/** @returns the output, and the seconds that it took */
function curl(c: TestCluster, ...words: string[]): Output & { s: number } {
  const registry = new CommandRegistry('test').register(c.kube.commands.curl)
  const since = c.sim.now
  const task = c.sim.spawn(registry.run({ argv: ['curl', ...words], stdin: '', key: 'k', nth: since }))
  let s = 0
  for (let i = 0; i < 4000 && task.state === 'running'; i++) {
    run(c, 0.1)
    s = (c.sim.now - since) / 1e6
  }
  return { ...(task.result as Output), s }
}

test('K8S-CURL-1 exit codes and words: 0, 6, 7, 22, 28', () => {
  const c = started()
  let status = 200
  c.kube.serves = (pod, port, path) => (port !== 8080 ? undefined : path === '/odd' ? 'unknown' : { status, body: `${pod.name} ${path}\n` })
  expect(curl(c, '-s', 'http://s-0.s:8080/health')).toMatchObject({ out: 's-0 /health\n', err: '', code: 0 })
  expect(curl(c, '-sf', '-o', '/dev/null', '-w', '%{http_code}\\n', 's-1.s:8080/health')).toMatchObject({ out: '200\n', code: 0 })
  expect(curl(c, '-s', 'http://db:8080/')).toMatchObject({ code: 0, out: expect.stringMatching(/^s-[01] \/\n$/) })
  expect(curl(c, 'http://s-0.s:9999/')).toMatchObject({ code: 7, out: '', err: "curl: (7) Failed to connect to s-0.s port 9999 after 0 ms: Couldn't connect to server\n" })
  expect(curl(c, '-s', 'http://s-0.s:9999/')).toMatchObject({ code: 7, err: '' })
  expect(curl(c, '-sS', 'http://nobody:80/').err).toBe('curl: (6) Could not resolve host: nobody\n')
  expect(curl(c, '-s', 'http://empty/').code).toBe(7)
  expect(curl(c, '-s', 'http://localhost:8080/').code).toBe(7)
  status = 503
  expect(curl(c, '-s', 'http://s-0.s:8080/')).toMatchObject({ code: 0, out: 's-0 /\n' })
  expect(curl(c, '-sSf', 'http://s-0.s:8080/')).toMatchObject({ code: 22, out: '', err: 'curl: (22) The requested URL returned error: 503\n' })
  expect(curl(c, '-s', '-o', '/dev/null', '-w', '%{http_code}', 'http://nobody/').out).toBe('000')
  expect(() => curl(c, 'http://s-0.s:8080/odd')).toThrow('is not modelled')
})

test('K8S-CURL-1 no answer takes the time that was allowed; retries wait ever longer', () => {
  const c = started()
  c.kube.serves = () => ({ status: 503, body: '' })
  const node = c.kube.pods().find(pod => pod.name === 's-0')?.node as string
  expect(curl(c, '-sf', '--retry', '3', 'http://s-1.s/').s).toBeCloseTo(7, 0)
  expect(curl(c, '-sf', '--retry', '2', '--retry-delay', '5', 'http://s-1.s/').s).toBeCloseTo(10, 0)
  expect(curl(c, '-s', '--retry', '2', 'http://s-1.s:1/').s).toBeLessThan(8)
  c.network.cut('test', place => place === node, place => place === 'operator')
  const cut = curl(c, '--max-time', '5', 'http://s-0.s/')
  expect(cut).toMatchObject({ code: 28, err: expect.stringContaining('curl: (28) Connection timed out after 5000 milliseconds') })
  expect(cut.s).toBeCloseTo(5, 0)
  expect(curl(c, '-s', '--connect-timeout', '2', 'http://s-0.s/').s).toBeCloseTo(2, 0)
})

test('K8S-CURL-1 the API server’s own health; the outside world and unknown options are named before a run', () => {
  const c = started()
  const api = c.kube.options.clusterName
  expect(curl(c, '-sk', `https://${api}/readyz`)).toMatchObject({ out: 'ok', code: 0 })
  expect(curl(c, '-skf', `https://${api}/api/v1/pods`).code).toBe(22)
  c.kube.apiUp = false
  expect(curl(c, '-sk', `https://${api}/readyz`).code).toBe(7)
  const said = (...words: string[]): string[] => c.kube.commands.curl.check(['curl', ...words]).map(f => f.message)
  expect(said('-s', 'https://hooks.slack.com/services/x')).toEqual([expect.stringContaining('there is no network in a rehearsal')])
  expect(said('--proxy', 'x', 'http://s-0.s/')).toEqual([expect.stringContaining('the option `--proxy` is not modelled')])
  expect(said('-w', '%{time_total}', 'http://s-0.s/')).toEqual([expect.stringContaining('only %{http_code}')])
  expect(said('-sf', '-m5', 'http://s-0.s:8008/health')).toEqual([])
  expect(said('http://${HOST}/')).toEqual([])
})

test('K8S-CURL-2: a webhook takes what it is given, and check says that this is assumed; what runs in the cluster is posted nothing; no URL is error 3', () => {
  const c = started()
  const hook = ['-s', '-X', 'POST', '-H', 'Content-type: application/json', '--data', '{"text":"done"}', 'https://hooks.slack.com/services/x']
  expect(curl(c, ...hook)).toMatchObject({ out: '', code: 0 })
  expect(curl(c, '-o', '/dev/null', '-w', '%{http_code}', ...hook).out).toBe('200')
  expect(c.kube.commands.curl.check(['curl', ...hook])).toEqual([{ severity: 'warning', message: expect.stringContaining('taken to accept it') }])
  // -d alone is a POST.
  expect(curl(c, '-sd', 'a=b', 'https://events.example.com/v2').code).toBe(0)
  expect(c.kube.commands.curl.check(['curl', '-d', 'a=b', 'http://db/'])).toEqual([{ severity: 'error', message: expect.stringContaining('posting to what runs in the cluster') }])
  expect(() => curl(c, '-d', 'a=b', 'http://db/')).toThrow('posting to what runs in the cluster')
  expect(curl(c, '-X', 'POST', '-d', 'x', '')).toMatchObject({ code: 3, err: expect.stringContaining('curl: (3) URL using bad/illegal format or missing URL') })
})
