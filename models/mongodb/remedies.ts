/** What people who run MongoDB do against a failure of a cause: told after the general advice (see `Engine.remedies`). Each is what a rule of this model makes work. */
export const remedies: Readonly<Record<string, string>> = {
  'unreplicated-tail': 'Here: `rs.stepDown()` on the primary before its pod goes waits for a secondary that has everything (its second argument says how long); with `w: "majority"` nothing that was acknowledged is rolled back.',
  'behind-candidate': 'Here: `rs.stepDown()` hands over to a secondary that has caught up; with `w: "majority"` nothing that was acknowledged is rolled back.',
  'abandoned-branch': 'Here: `w: "majority"`, and `rs.stepDown()` before the primary’s pod goes.',
  'removed-leader': 'Here: ask `db.hello().isWritablePrimary`, and `rs.stepDown()` the primary first.',
  'mixed-versions': 'Here: `db.version()` on every member, and only then `setFeatureCompatibilityVersion`.',
  'not-upgraded': 'Here: `db.version()` on every member.',
  'missing-member': 'Here: `rs.status().members`, each with `stateStr` PRIMARY or SECONDARY.',
}
