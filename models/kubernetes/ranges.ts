/** Within what the defaults of the Kubernetes model may plausibly lie ([P] published, [M] measured, [J] judgement). Units are the options'. */
import type { AssumptionRange } from '../../src/engine.ts'
import type { KubernetesOptions } from './options.ts'

const between = (low: number, high: number, source: string): AssumptionRange => ({ low, high, source })

/** A managed cluster: what differs between providers, sizes and days. Options that are missing here are in {@link KUBERNETES_FIXED}. */
export const KUBERNETES_RANGES: Partial<Record<keyof KubernetesOptions, AssumptionRange>> = {
  apiCallSeconds: between(0.05, 2, '0.05–0.5 s [J, PG §5]; a busy API server: seconds [J]'),
  execSeconds: between(0.3, 3, '0.3–1 s [J, PG §5]; a busy kubelet: seconds [J]'),
  azCallSeconds: between(0.8, 10, 'a throttled subscription answers in several seconds [J]'),
  controllerLagSeconds: between(0.01, 1, 'a work queue under load [J]'),
  scheduleSeconds: between(0.01, 2, 'a large cluster schedules in seconds [J]'),
  kubeletLagSeconds: between(0.02, 2, 'a loaded node [J]'),
  mountSeconds: between(0.3, 10, 'a changed fsGroup walks the whole volume: seconds and more [J]'),
  unmountSeconds: between(0.2, 5, 'unmounting waits for dirty pages [J]'),
  attachSeconds: between(5, 60, 'about 15 s, a minute in a manual drain [P cloud-provider-azure#78, Azure/AKS#2936]'),
  diskMoveSeconds: between(30, 1500, '30 s when all is well, more than 20 min during node-image upgrades [P cloud-provider-azure#78; Azure/AKS#2936, #477, #4170]'),
  imagePullSeconds: between(0, 60, '0–60 s [J, PG §5]'),
  containerStartSeconds: between(0.5, 5, '1–5 s [J, PG §5]'),
  endpointSeconds: between(0.2, 10, '0.2–2 s, large clusters worse [P K8s virtual-ips, J]'),
  configSyncSeconds: between(0, 60, 'sync period 1 min [P K8s configure-pod-configmap]'),
  configCacheSeconds: between(0, 60, 'cache time-to-live 1 min [P K8s configure-pod-configmap]'),
  monitorGraceSeconds: between(40, 50, '40 s before Kubernetes 1.32, 50 s since [P K8s nodes]'),
  monitorPollSeconds: between(0, 5, 'node-monitor-period 5 s [P K8s nodes]'),
  tolerationSeconds: between(30, 300, 'default 300 s [P K8s nodes]; stateful workloads often set 30 s [J]'),
  heartbeatSeconds: between(0, 10, 'a lease is renewed every 10 s [P K8s nodes]'),
  kubeletStartSeconds: between(15, 120, 'a machine boots in half a minute to two minutes [J]'),
  reimageSeconds: between(240, 1200, 'triangular 4/7/20 min [P Azure/AKS#2881; PG §5]'),
  provisionSeconds: between(60, 600, 'a machine of a scarce size takes minutes [J]'),
  controlPlaneUpgradeSeconds: between(240, 1800, '4–30 min [J]'),
  drainTimeoutSeconds: between(300, 86_400, '5 min to 24 h can be configured, default 30 min [P AKS upgrade-aks-node-pools-rolling]'),
  podsPerNode: between(30, 250, 'AKS: 30, 110 or 250 by network plugin [P]'),
  diskBytesPerSecond: between(100_000_000, 900_000_000, 'Azure P10 100 MB/s, P30 200 MB/s, P80 900 MB/s [P]'),
  zoneRedundantDisks: { values: [false, true], source: 'LRS or ZRS disks [P AKS upgrade-options]' },
}

/** Why an option has no range. */
export const KUBERNETES_FIXED: Partial<Record<keyof KubernetesOptions, string>> = {
  namespace: 'a name',
  networkPolicy: 'what the user has',
  clusterName: 'a name',
  resourceGroup: 'a name',
  strictNames: 'how strictly names are taken',
  controlPlaneVersion: 'what is upgraded',
  nodeVersion: 'what is upgraded',
  availableVersions: 'what is upgraded',
  connectTimeoutSeconds: 'a constant of kubectl',
  backOffFirstSeconds: 'a constant of the kubelet',
  backOffMaxSeconds: 'a constant of the kubelet',
  backOffResetSeconds: 'a constant of the kubelet',
  killSeconds: 'a constant of the kubelet',
  forceDetachSeconds: 'a constant of the attach-detach controller',
  drainRetrySeconds: 'a constant of kubectl',
  nodeCpu: 'a size the user chose',
  nodeMemoryBytes: 'a size the user chose',
  poolQuotaNodes: 'a quota the user has',
  daemonSets: 'what else runs',
}
