/** Names that several parts of the model share. */

/** Where the dbpath is mounted. */
export const DBPATH = '/data/db'
export const PORT = 27017

/** The version in an image name: `registry/mongo:7.0.14-jammy` → `7.0.14`. */
export function versionOf(image: string): string {
  return /:(?!.*\/).*?(\d+(?:\.\d+)*)/.exec(image)?.[1] ?? '0'
}

/** Releases in the order of upgrades: one at a time (rule MG-VERSION-1). */
const RELEASES = ['4.0', '4.2', '4.4', '5.0', '6.0', '7.0', '8.0']

/** `7.0.14` → `7.0`. */
export function releaseOf(version: string): string {
  return version.split('.').slice(0, 2).join('.')
}

/** Place of a release in the order of upgrades; −1 = unknown. */
export function releaseIndex(version: string): number {
  return RELEASES.indexOf(releaseOf(version))
}

/** The release before this one; the oldest is its own. */
export function releaseBefore(version: string): string {
  const i = releaseIndex(version)
  return i > 0 ? (RELEASES[i - 1] as string) : releaseOf(version)
}

/** Featurecompatibility versions that a binary accepts: its own and the one before (rule MG-VERSION-2). */
export function acceptsFcv(binary: string, fcv: string): boolean {
  return fcv === releaseOf(binary) || fcv === releaseBefore(binary)
}
