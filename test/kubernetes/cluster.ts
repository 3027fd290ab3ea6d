/** A small cluster with a toy program, for the tests: shapes and names are the test's own. */
import { Network } from '../../src/cluster/network.ts'
import { type Process, SECOND, Simulation, type Us } from '../../src/kernel/index.ts'
import { type Call, type Command, CommandRegistry, failed, ok, type Output } from '../../src/operator/command.ts'
import { type ContainerHandle, type ContainerProgram, type Image, Kubernetes, type KubernetesOptions, type KubeObject, withDefaults } from '../../models/kubernetes/index.ts'

export interface Toy extends ContainerProgram {
  readonly running: Set<ContainerHandle>
  readonly log: string[]
  /** Whether a probe sees a container ready. */
  isReady: (c: ContainerHandle) => boolean
  stopUs: Us
  startsWith: (c: ContainerHandle) => number | undefined
}

export function toy(sim: Simulation): Toy {
  const running = new Set<ContainerHandle>()
  const log: string[] = []
  const self: Toy = {
    running,
    log,
    isReady: () => true,
    stopUs: SECOND,
    startsWith: () => undefined,
    start(c) {
      running.add(c)
      log.push(`${sim.now} start ${c.pod.name} ${c.machine.name}`)
      const code = self.startsWith(c)
      if (code !== undefined) {
        running.delete(c)
        c.exited(code)
      }
    },
    signal(c, s) {
      log.push(`${sim.now} ${s} ${c.pod.name}`)
      const end = () => {
        if (!running.delete(c)) return
        c.exited(s === 'KILL' ? 137 : 0)
      }
      if (s === 'KILL') end()
      else if (Number.isFinite(self.stopUs)) sim.after(self.stopUs, end)
    },
    ready: c => running.has(c) && self.isReady(c),
    programs: c => new CommandRegistry(`container ${c.pod.name}`).register(...toyCommands(c)),
    machineLost(c) {
      running.delete(c)
      log.push(`${sim.now} lost ${c.pod.name}`)
    },
  }
  return self
}

/** `whoami` looks; `work SECONDS CODE` takes time and ends with a code. */
function toyCommands(c: ContainerHandle): Command[] {
  return [
    { name: 'whoami', summary: '', check: () => [], latencyUs: () => 1000, look: call => ({ output: ok(`${call.user}@${c.pod.name}\n`), afterUs: 500, stableUntilUs: Number.POSITIVE_INFINITY }), *run() { return ok() } },
    { name: 'cat', summary: '', check: () => [], latencyUs: () => 1000, look: call => ({ output: ok(`${c.configFile(call.argv[1] ?? '', call.argv[2] ?? '')}\n`), afterUs: 0, stableUntilUs: Number.POSITIVE_INFINITY }), *run() { return ok() } },
    {
      name: 'work', summary: '', check: () => [], latencyUs: () => 1000, look: () => undefined,
      *run(call: Call): Process<Output> {
        yield Number(call.argv[1]) * SECOND
        return call.argv[2] === '0' ? ok('done\n') : failed('it broke\n', Number(call.argv[2]))
      },
    },
  ]
}

export interface TestCluster {
  readonly sim: Simulation
  readonly network: Network
  readonly kube: Kubernetes
  readonly toy: Toy
  readonly image: Image
}

/** `nodes` machines of pool `workers`, spread over zones a, b, c. */
export function cluster(nodes = 3, options: Partial<KubernetesOptions> = {}, seed = '1', record = true): TestCluster {
  const sim = new Simulation({ seed, record })
  const network = new Network(sim, { localUs: 50, nearUs: 250, farUs: 1000, zoneOf: () => undefined })
  const kube = new Kubernetes(sim, network, withDefaults(options))
  const program = toy(sim)
  const image: Image = { name: 'toy:1', stopSignal: 'TERM', program, versions: { toy: '1' }, user: 'root' }
  kube.defineImage(image)
  kube.defineImage({ ...image, name: 'toy:2', versions: { toy: '2' } })
  for (let i = 0; i < nodes; i++) kube.addMachine(`vm-${i}`, 'abc'[i % 3] as string, 'workers')
  return { sim, network, kube, toy: program, image }
}

export function statefulSet(name: string, replicas: number, extra: Record<string, unknown> = {}, template: Record<string, unknown> = {}): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name },
    spec: {
      replicas,
      serviceName: name,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { containers: [{ name: 'main', image: 'toy:1', readinessProbe: { periodSeconds: 10 } }], ...template },
      },
      volumeClaimTemplates: [{ metadata: { name: 'data' } }],
      ...extra,
    },
  }
}

export function service(name: string, selector: Record<string, string>, extra: Record<string, unknown> = {}): KubeObject {
  return { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { selector, ports: [{ port: 5432 }], ...extra } }
}

/** Runs a command line (split at spaces; a list keeps words whole) from now to its end and gives its output and duration. */
export function shell(c: TestCluster, line: string | readonly string[], limitUs: Us = 4 * 3600 * SECOND, stdin = ''): Output & { us: Us } {
  const argv = typeof line === 'string' ? line.split(' ') : line
  const registry = new CommandRegistry('test').register(c.kube.commands.kubectl, c.kube.commands.az)
  const since = c.sim.now
  const key = `test/${argv.join(' ')}`
  const task = c.sim.spawn(registry.run({ argv, stdin, key, nth: c.sim.now, user: 'me' }))
  const stop = c.sim.now + limitUs
  let us = 0
  while (task.state === 'running' && c.sim.now < stop) {
    c.sim.run(Math.min(stop, c.sim.now + 50_000))
    us = c.sim.now - since
  }
  if (task.result === undefined) return { out: '', err: '(still running)', code: -1, us }
  return { ...task.result, us }
}

export function run(c: TestCluster, seconds: number): void {
  c.sim.run(c.sim.now + Math.round(seconds * SECOND))
}
