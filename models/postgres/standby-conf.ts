/** What a standby is told of whom to follow. Source: D:runtime-config-replication. */
import { usesSlots } from './options.ts'
import type { World } from './world.ts'

/** The lines a cloned standby gets in postgresql.auto.conf. */
export function standbyConf(world: World, pod: string, host: string): string {
  const { options } = world
  const application = options.applicationNames === 'pod' ? ` application_name=${pod}` : ''
  const slot = usesSlots(options) ? `\nprimary_slot_name = '${slotName(pod)}'` : ''
  return `primary_conninfo = 'host=${host} port=5432 user=replicator${application}'${slot}\n`
}

/** Slot names allow only lower-case letters, digits and underscores. */
export function slotName(pod: string): string {
  return pod.replaceAll('-', '_')
}
