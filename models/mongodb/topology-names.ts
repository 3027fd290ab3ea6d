/** Names of the members' pods and hosts. */
import { PORT } from './names.ts'
import type { MongodbOptions } from './options.ts'

export type { MongodbOptions } from './options.ts'

/** Pod names of the data-bearing members, in order. */
export function memberNames(options: MongodbOptions): readonly string[] {
  return Array.from({ length: options.members }, (_, i) => `${options.name}-${i}`)
}

export function arbiterNames(options: MongodbOptions): readonly string[] {
  return Array.from({ length: options.arbiters }, (_, i) => `${options.name}-arbiter-${i}`)
}

/** The headless Service. */
export function headlessName({ naming, name }: MongodbOptions): string {
  return naming.headless ?? name
}

/** `host:port` of a member in rs.conf(): its DNS name behind the headless Service. */
export function memberHost(options: MongodbOptions, pod: string): string {
  return `${pod}.${headlessName(options)}:${PORT}`
}

/** Whether a StatefulSet of that name holds data-bearing members. */
export function isDataSet(options: MongodbOptions, owner: string | undefined): boolean {
  return owner === options.name
}
