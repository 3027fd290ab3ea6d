/** Secrets: base64 in the API, plain in a container (rule K8S-CONFIG-4). */
import type { KubeObject } from './objects.ts'

type Data = Readonly<Record<string, string>>

/** Plain text as the API server keeps it. */
export function encoded(data: Data): Record<string, string> {
  return Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text, 'utf8').toString('base64')]))
}

/** A Secret as the API server keeps it: `stringData` is written into `data`, and has gone; any other object as it is. */
export function settled(object: KubeObject): KubeObject {
  if (object.kind !== 'Secret') return object
  const { stringData, type, ...rest } = object
  return { ...rest, type: type ?? 'Opaque', data: { ...object.data, ...(stringData === undefined ? {} : encoded(stringData as Data)) } }
}

/** The key of a Secret whose value is no base64; undefined: there is none. */
export function badlyEncoded(object: KubeObject): string | undefined {
  if (object.kind !== 'Secret') return undefined
  return Object.entries(object.data ?? {}).find(([, value]) => typeof value !== 'string' || !/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(value.replace(/[\r\n]/g, '')))?.[0]
}

/** What a ConfigMap or Secret holds, as a container sees it. */
export function plainData(object: KubeObject | undefined): Data {
  const data = object?.data ?? {}
  if (object?.kind !== 'Secret') return data
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]))
}
