/** What `kubectl apply` made of the program before the story: flags, Service, Rollout or Deployment, connectors; and the images that there are. */
import type { KubeObject } from '../kubernetes/index.ts'
import { ConnectorProgram } from './cdc.ts'
import { Migrator } from './migrator.ts'
import { type ApplicationOptions, versionOf } from './options.ts'
import { RelayProgram } from './outbox.ts'
import { Program } from './pod.ts'
import { KIND } from './rollout.ts'
import type { World } from './world.ts'

export const MIGRATOR_IMAGE = 'migrator:1'
export const CONNECTOR_IMAGE = 'cdc:1'
export const RELAY_IMAGE = 'relay:1'

export function defineImages(world: World): void {
  const { options, kubernetes } = world
  const program = new Program(world)
  for (const image of new Set([options.image, ...Object.keys(options.builds)])) kubernetes.defineImage({ name: image, stopSignal: 'TERM', program, versions: { application: versionOf(image) }, user: 'app' })
  kubernetes.defineImage({ name: MIGRATOR_IMAGE, stopSignal: 'TERM', program: new Migrator(world), versions: {}, user: 'app' })
  kubernetes.defineImage({ name: CONNECTOR_IMAGE, stopSignal: 'TERM', program: new ConnectorProgram(world), versions: {}, user: 'app' })
  kubernetes.defineImage({ name: RELAY_IMAGE, stopSignal: 'TERM', program: new RelayProgram(world), versions: {}, user: 'app' })
}

export function objects(options: ApplicationOptions): readonly KubeObject[] {
  const labels = { app: options.name }
  const spec: Record<string, unknown> = {
    replicas: options.replicas,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { nodeSelector: { agentpool: 'system' }, containers: [{ name: options.name, image: options.image, readinessProbe: { periodSeconds: 2 } }] } },
  }
  if (options.controller === 'rollout') spec.strategy = { canary: { steps: options.canary, ...(options.trafficRouting ? { trafficRouting: { plugins: {} } } : {}) } }
  const carrier = (name: string, replicas: number, container: string, image: string, args: readonly string[]): KubeObject => {
    const its = { app: name }
    const containers = [{ name: container, image, args, readinessProbe: { periodSeconds: 2 } }]
    return { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, labels: its }, spec: { replicas, strategy: { type: 'Recreate' }, selector: { matchLabels: its }, template: { metadata: { labels: its }, spec: { nodeSelector: { agentpool: 'system' }, containers } } } }
  }
  const ways = ({ name, from, to, mode }: ApplicationOptions['relays'][number] | ApplicationOptions['connectors'][number]): readonly string[] => [`--name=${name}`, `--from=${from}`, `--to=${to}`, `--mode=${mode}`]
  const connectors = options.connectors.map(each => carrier(each.name, each.replicas, 'cdc', CONNECTOR_IMAGE, ways(each)))
  const relays = options.relays.map(each => carrier(each.name, each.replicas, 'relay', RELAY_IMAGE, [...ways(each), `--batch=${each.batchRows}`, `--poll-ms=${each.pollMs}`, `--workers=${each.workers}`]))
  return [
    ...connectors,
    ...relays,
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: options.flags.configMap }, data: { ...options.flags.values } },
    { apiVersion: 'v1', kind: 'Service', metadata: { name: options.name }, spec: { selector: labels, ports: [{ port: 80 }] } },
    { apiVersion: options.controller === 'rollout' ? 'argoproj.io/v1alpha1' : 'apps/v1', kind: options.controller === 'rollout' ? KIND : 'Deployment', metadata: { name: options.name, labels }, spec },
  ]
}
