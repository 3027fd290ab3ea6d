/** Writing an object back: what may change, and who is told. */
import type { Kubernetes } from '../kubernetes.ts'
import type { Taint } from '../node.ts'
import { alike, badQuantity, type KubeObject } from '../objects.ts'
import { noWholeNumber, partitionOf, rollsOnDelete, withDefaults } from '../defaults.ts'
import { badlyEncoded } from '../secret.ts'
import { podObject } from './present.ts'
import type { Found } from './resources.ts'
import { refuseUnmodelled } from './unmodelled.ts'
import { CliError } from './verb.ts'

/** The object as users write it: without server-side metadata and computed status. */
export function editable(kube: Kubernetes, found: Found): KubeObject {
  if (found.type.kind === 'Pod' || found.type.kind === 'Node') return found.json()
  const entry = kube.store.entry(found.type.kind, found.key)
  if (entry === undefined) throw new CliError(`error: ${found.type.plural} cannot be changed`)
  return entry.object
}

/** @throws CliError for an amount under `requests` or `limits` that is none, and for data of a Secret that is no base64, as the API server refuses them */
export function refuseInvalid(object: KubeObject): void {
  if (badQuantity(object) !== undefined) throw new CliError(`Error from server (BadRequest): quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'`)
  const field = noWholeNumber(object)
  if (field !== undefined) throw new CliError(`Error from server (BadRequest): ${object.kind} in version "v1" cannot be handled as a ${object.kind}: json: cannot unmarshal string into Go struct field ${object.kind}Spec.${field} of type int32`)
  if (rollsOnDelete(object)) throw new CliError(`The StatefulSet "${object.metadata.name}" is invalid: spec.updateStrategy.rollingUpdate: Invalid value: apps.RollingUpdateStatefulSetStrategy{Partition:${partitionOf(object)}, MaxUnavailable:(*intstr.IntOrString)(nil)}: only allowed for updateStrategy 'RollingUpdate'`)
  const key = badlyEncoded(object)
  if (key === undefined) return
  const value = String(object.data?.[key])
  const first = value.search(/[^A-Za-z0-9+/]/)
  throw new CliError(`Error from server (BadRequest): Secret in version "v1" cannot be handled as a Secret: illegal base64 data at input byte ${first < 0 ? value.length - (value.length % 4) : first}`)
}

/** Stores other labels or annotations of an object, all of them. Says whether anything changed. @throws CliError when the API server would refuse */
export function storeMetadata(kube: Kubernetes, found: Found, map: 'labels' | 'annotations', values: Record<string, string>): boolean {
  const pod = found.type.kind === 'Pod' ? kube.pods$.get(found.key) : undefined
  if (pod === undefined) {
    const object = editable(kube, found)
    return store(kube, found, { ...object, metadata: { ...object.metadata, [map]: values } })
  }
  if (alike(pod[map], values)) return false
  if (map === 'annotations') pod.annotations = values
  kube.pods$.setLabels(pod, map === 'labels' ? values : { ...pod.labels })
  return true
}

/** The labels or annotations of an object now. */
export function metadataOf(kube: Kubernetes, found: Found, map: 'labels' | 'annotations'): Readonly<Record<string, string>> {
  const pod = found.type.kind === 'Pod' ? kube.pods$.get(found.key) : undefined
  return pod === undefined ? (editable(kube, found).metadata[map] ?? {}) : pod[map]
}

/** Stores a changed object. Says whether anything changed. @throws CliError when the API server would refuse */
export function store(kube: Kubernetes, found: Found, object: KubeObject): boolean {
  refuseInvalid(object)
  if (found.type.kind === 'Pod') return storePod(kube, found, object)
  if (found.type.kind === 'Node') return storeNode(kube, found, object)
  validate(kube, found, object)
  const wrong = kube.schemas.get(found.type.kind)?.(object.spec ?? {})
  if (wrong !== undefined) throw new CliError(`The ${found.type.kind} "${found.name}" is invalid: ${wrong}`)
  refuseUnmodelled(kube, object, kube.store.get(found.type.kind, found.key))
  if (!kube.store.put(object)) return false
  kube.objectChanged(found.type.kind, found.key, object)
  return true
}

/** Fields of a StatefulSet spec that may change; all others are fixed at creation. */
const MUTABLE = new Set(['replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy', 'minReadySeconds'])

function validate(kube: Kubernetes, found: Found, object: KubeObject): void {
  if (found.type.kind !== 'StatefulSet') return
  const before = kube.store.get('StatefulSet', found.key)
  // What is filled in where nothing is said, is there on both sides.
  const old = before === undefined ? {} : (withDefaults(before).spec ?? {})
  const next = withDefaults(object).spec ?? {}
  for (const field of new Set([...Object.keys(old), ...Object.keys(next)])) {
    if (MUTABLE.has(field) || alike(old[field], next[field])) continue
    throw new CliError(
      `The StatefulSet "${found.name}" is invalid: spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden`,
    )
  }
}

function storePod(kube: Kubernetes, found: Found, object: KubeObject): boolean {
  const pod = kube.pods$.get(found.key)
  if (pod === undefined) return false
  const before = podObject(kube, pod)
  if (!alike(before.spec, object.spec)) {
    throw new CliError(`The Pod "${found.name}" is invalid: spec: Forbidden: pod updates may not change fields other than \`spec.containers[*].image\`,\`spec.initContainers[*].image\`,\`spec.activeDeadlineSeconds\`,\`spec.tolerations\` (only additions to existing tolerations),\`spec.terminationGracePeriodSeconds\` (allow it to be set to 1 if it was previously negative)`)
  }
  if (alike(before.metadata, object.metadata)) return false
  pod.annotations = { ...object.metadata.annotations }
  kube.pods$.setLabels(pod, { ...object.metadata.labels })
  return true
}

function storeNode(kube: Kubernetes, found: Found, object: KubeObject): boolean {
  const node = kube.nodes.get(found.name)
  if (node === undefined) return false
  const before = found.json()
  if (alike([before.metadata, before.spec], [object.metadata, object.spec])) return false
  node.labels = { ...object.metadata.labels }
  node.annotations = { ...object.metadata.annotations }
  const taints = ((object.spec?.taints ?? []) as Taint[]).filter(t => t.key !== 'node.kubernetes.io/unschedulable' && t.key !== 'node.kubernetes.io/unreachable')
  node.taints = taints
  kube.nodes$.cordon(node, object.spec?.unschedulable === true)
  kube.nodes$.changed(node)
  return true
}
