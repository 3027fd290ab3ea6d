import type { Kubernetes } from './kubernetes.ts'
import type { Pod } from './pod.ts'
import { plainData } from './secret.ts'

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** The environment of a container, fixed when it starts: later changes of a ConfigMap never reach it (rule K8S-CONFIG-3). */
export function environment(kube: Kubernetes, pod: Pod): Record<string, string> {
  // What every container has: its name, the usual path, and where the API server is.
  const env: Record<string, string> = { HOSTNAME: pod.name, PATH, KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: '443' }
  for (const from of pod.main.envFrom ?? []) {
    const object = from.configMapRef !== undefined ? kube.store.get('ConfigMap', pod.prefix + from.configMapRef.name) : kube.store.get('Secret', pod.prefix + (from.secretRef?.name ?? ''))
    Object.assign(env, plainData(object))
  }
  for (const e of pod.main.env ?? []) {
    const from = e.valueFrom
    const value =
      from === undefined
        ? e.value
        : from.configMapKeyRef !== undefined
          ? plainData(kube.store.get('ConfigMap', pod.prefix + from.configMapKeyRef.name))[from.configMapKeyRef.key]
          : from.secretKeyRef !== undefined
            ? plainData(kube.store.get('Secret', pod.prefix + from.secretKeyRef.name))[from.secretKeyRef.key]
            : field(pod, from.fieldRef?.fieldPath ?? '')
    if (value !== undefined) env[e.name] = value
  }
  return env
}

function field(pod: Pod, path: string): string | undefined {
  switch (path) {
    case 'metadata.name':
      return pod.name
    case 'metadata.namespace':
      return pod.namespace
    case 'status.podIP':
      return pod.podIP
    case 'spec.nodeName':
      return pod.node
    default: {
      const label = /^metadata\.labels\['(.+)'\]$/.exec(path)
      return label === null ? undefined : pod.labels[label[1] as string]
    }
  }
}
