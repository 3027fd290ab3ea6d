/** What a shop calls its objects, so that its scripts need no editing. Nothing in the models goes by these names. */
import { z } from 'zod'
import type { KubeObject } from './objects.ts'
import { encoded } from './secret.ts'

const dnsName = z.string().regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/, 'right would be lower case letters, digits and hyphens')
const SOURCE = { unit: '', source: 'scenario' }

/** The option `naming` of a cluster. @param container what its database container is called when nobody says so */
export function namingOptions(container: string) {
  return z.strictObject({
    container: dnsName.default(container).describe('name of the database container, as `kubectl exec -c` and `kubectl set image` want it').meta(SOURCE),
    headless: dnsName.nullable().default(null).describe('the headless Service that gives the pods their names; null = called as the StatefulSet').meta(SOURCE),
    volume: dnsName.default('data').describe('name of the claim template: the claim of a pod is called VOLUME-POD').meta(SOURCE),
    labels: z.record(z.string().regex(/^([a-z0-9.-]+\/)?[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$/, 'right would be a label key, for example app.kubernetes.io/name'), z.string()).default({}).describe('labels of the members, their StatefulSet and their Service beside `app`, for example { app.kubernetes.io/name: postgresql }').meta(SOURCE),
    secrets: z.record(dnsName, z.record(z.string(), z.string())).default({}).describe('Secrets that are there, in plain text: { postgresql: { password: … } }').meta(SOURCE),
  }).default({ container, headless: null, volume: 'data', labels: {}, secrets: {} })
}

export type Naming = z.output<ReturnType<typeof namingOptions>>

/** The Secrets that the cluster is said to have. */
export function secretObjects({ secrets }: Naming): KubeObject[] {
  return Object.entries(secrets).map(([name, data]) => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name }, type: 'Opaque', data: encoded(data) }))
}
