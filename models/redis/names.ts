/** Names and constants that several parts of the model share. */

/** The engine version in an image name: `registry/redis:7.0.15-alpine` → `7.0.15`. */
export function versionOf(image: string): string {
  return /:(?!.*\/).*?(\d+(?:\.\d+)*)/.exec(image)?.[1] ?? '0'
}

const numbers = new Map<string, number>()

/** `7.0.15` → 700, `7.2.4` → 702, `8.0.2` → 800: for comparing major and minor. */
export function versionNumber(version: string): number {
  let number = numbers.get(version)
  if (number === undefined) {
    const [major = '0', minor = '0'] = version.split('.')
    numbers.set(version, (number = Number(major) * 100 + Number(minor)))
  }
  return number
}

/** RDB format that a version writes, and the newest that it reads. Source: rdb.h at each tag (facts §1). */
export function rdbVersion(version: string): number {
  const v = versionNumber(version)
  return v >= 704 ? 12 : v >= 702 ? 11 : v >= 700 ? 10 : 9
}

export const PORT = 6379
export const BUS_PORT = 16379
export const SLOTS = 16384
