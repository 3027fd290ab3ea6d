/** What people who run Vitess do against a failure of a cause: told after the general advice (see `Engine.remedies`). Each is what a rule of this model makes work. */
export const remedies: Readonly<Record<string, string>> = {
  'removed-leader': 'Here: `PlannedReparentShard --avoid-primary` (or `--new-primary`) before the primary’s pod goes.',
  'unreplicated-tail': 'Here: `PlannedReparentShard`, which holds writes and waits for the new primary, not `EmergencyReparentShard`; and a durability policy `semi_sync`.',
  'behind-candidate': 'Here: `PlannedReparentShard`, which waits until the new primary has everything; and a durability policy `semi_sync`.',
  'not-upgraded': 'Here: `GetTablets`, and the image of every tablet’s pod.',
  'unattached-follower': 'Here: `ReparentTablet`, and `GetTablets` with the replication lag of each.',
}
