/** `helm upgrade` of the application's chart: the Deployment, and a hook that migrates before or after it. Source: helm.sh charts_hooks, helm upgrade --help. */
import { parseDurationUs, type Process, SECOND, TIMED_OUT, type Us, within } from '../../../src/kernel/index.ts'
import { type Command, failed, type Finding, ok, type Output, UnsupportedError } from '../../../src/operator/command.ts'
import type { DeploymentSpec, KubeObject } from '../../kubernetes/index.ts'
import type { World } from '../world.ts'
import type { ApplicationOptions } from './options.ts'

const FLAGS = ['--set image=NAME:TAG', '--wait', '--timeout DURATION']

interface Asked {
  readonly release: string
  readonly image: string
  readonly wait: boolean
  readonly timeoutUs: Us
}

/** `helm upgrade RELEASE CHART --set image=… [--wait] [--timeout 5m]`. A text says what is wrong. */
function read(argv: readonly string[]): Asked | string {
  const words = argv.slice(1)
  if (words[0] !== 'upgrade') return `helm ${words[0] ?? ''} is not modelled; there is: helm upgrade RELEASE CHART ${FLAGS.map(f => `[${f}]`).join(' ')}`
  const positional: string[] = []
  let [image, wait, timeoutUs] = ['', false, 300 * SECOND]
  for (let i = 1; i < words.length; i++) {
    const [flag, glued] = (words[i] as string).split(/=(.*)/s) as [string, string | undefined]
    const value = (): string => glued ?? words[++i] ?? ''
    if (!flag.startsWith('-')) positional.push(words[i] as string)
    else if (flag === '--wait') wait = true
    else if (flag === '--timeout') timeoutUs = parseDurationUs(value()) ?? timeoutUs
    else if (flag === '--set') {
      const [name, text = ''] = value().split(/=(.*)/s) as [string, string | undefined]
      if (name !== 'image') return `--set ${name} is no value of this chart; there is: image`
      image = text
    } else return `the flag ${flag} of helm upgrade is not modelled; there are: ${FLAGS.join(', ')}`
  }
  if (positional.length !== 2) return 'helm upgrade needs a release and a chart'
  return { release: positional[0] as string, image, wait, timeoutUs }
}

export function helmCommand(world: World, options: ApplicationOptions): Command {
  return {
    name: 'helm',
    summary: "upgrades the application's release",
    check: (argv): Finding[] => {
      const asked = read(argv)
      return typeof asked === 'string' && !argv.some(word => word.includes('${')) ? [{ severity: 'error', message: asked }] : []
    },
    latencyUs: call => Math.round(SECOND * (1 + 2 * world.sim.chance.draw(call.key, 'helm renders', call.nth))),
    look: () => undefined,
    *run(call): Process<Output> {
      const asked = read(call.argv)
      if (typeof asked === 'string') throw new UnsupportedError(asked, FLAGS)
      const { kubernetes } = world
      if (!kubernetes.apiUp || !kubernetes.network.connected('operator', 'control-plane')) return failed('Error: Kubernetes cluster unreachable\n')
      if (asked.release !== options.name) return failed(`Error: UPGRADE FAILED: "${asked.release}" has no deployed releases\n`)
      const image = asked.image === '' ? deployed(world, options) : asked.image
      if (options.migrateBy === 'pre-upgrade') {
        const failure = yield* hook(world, options, image, asked.timeoutUs)
        if (failure !== undefined) return failed(`Error: UPGRADE FAILED: pre-upgrade hooks failed: ${failure}\n`)
      }
      roll(world, options, image)
      if (asked.wait) {
        const endsUs = world.sim.now + asked.timeoutUs
        while (!rolled(world, options)) {
          if ((yield within(kubernetes.changed, endsUs - world.sim.now)) === TIMED_OUT) return failed('Error: UPGRADE FAILED: context deadline exceeded\n')
        }
      }
      // The objects are there; without --wait nobody has asked whether the pods are (rule PG-MIGRATE-5).
      if (options.migrateBy === 'post-upgrade') {
        const failure = yield* hook(world, options, image, asked.timeoutUs)
        if (failure !== undefined) return failed(`Error: UPGRADE FAILED: post-upgrade hooks failed: ${failure}\n`)
      }
      return ok(`Release "${asked.release}" has been upgraded. Happy Helming!\n`)
    },
  }
}

function deployment(world: World, { name }: ApplicationOptions): KubeObject | undefined {
  return world.kubernetes.store.get('Deployment', name)
}

function deployed(world: World, options: ApplicationOptions): string {
  return (deployment(world, options)?.spec as DeploymentSpec | undefined)?.template.spec.containers[0]?.image ?? options.image
}

/** The chart's Deployment with another image in all its containers. */
function roll(world: World, options: ApplicationOptions, image: string): void {
  const object = deployment(world, options)
  if (object === undefined) return
  const spec = object.spec as unknown as DeploymentSpec
  const { containers, initContainers } = spec.template.spec
  const template = { ...spec.template, spec: { ...spec.template.spec, containers: containers.map(c => ({ ...c, image })), ...(initContainers === undefined ? {} : { initContainers: initContainers.map(c => ({ ...c, image })) }) } }
  world.kubernetes.create({ ...object, spec: { ...object.spec, template } })
}

function rolled(world: World, options: ApplicationOptions): boolean {
  const image = deployed(world, options)
  const pods = world.kubernetes.pods$.ownedBy('Deployment', options.name)
  return pods.filter(p => p.image === image && p.ready && !p.terminating).length >= options.replicas && pods.every(p => p.image === image)
}

/** A hook's Job: the one of an earlier upgrade is deleted before, this one is waited for. At the time-out helm gives up, and the Job goes on (rule PG-MIGRATE-4). */
function* hook(world: World, options: ApplicationOptions, image: string, timeoutUs: Us): Process<string | undefined> {
  const { kubernetes } = world
  const name = `${options.name}-migrate`
  kubernetes.deleteStored('Job', name)
  const endsUs = world.sim.now + timeoutUs
  while (kubernetes.pods$.ownedBy('Job', name).length > 0) if ((yield within(kubernetes.changed, endsUs - world.sim.now)) === TIMED_OUT) return 'timed out waiting for the condition'
  kubernetes.create(migrationJob(name, image))
  for (;;) {
    const status = kubernetes.store.get('Job', name)?.status ?? {}
    if (status['completionTime'] !== undefined) return undefined
    if (status['failed'] !== undefined) return 'job failed: BackoffLimitExceeded'
    if ((yield within(kubernetes.changed, endsUs - world.sim.now)) === TIMED_OUT) return 'timed out waiting for the condition'
  }
}

/** A Job that migrates with the tool of an image. */
function migrationJob(name: string, image: string): KubeObject {
  const container = { name: 'migrate', image, command: ['migrate', 'up'] }
  return { apiVersion: 'batch/v1', kind: 'Job', metadata: { name }, spec: { backoffLimit: 3, template: { metadata: { labels: { app: name } }, spec: { restartPolicy: 'Never', nodeSelector: { agentpool: 'system' }, containers: [container] } } } }
}
