/** Names of members and nodes in what people type. */
import type { Cluster } from '../engine.ts'

/** Two names of one sort: the one that was meant, and the one that is typed. */
export interface Mixup {
  readonly meant: string
  readonly typed: string
  /** Names that begin with the one meant: `aks-1-spare` is not `aks-1`. */
  readonly longer: readonly string[]
}

/** Names that can be mistaken for one another: of members, and of nodes. */
export function namesOf(cluster: Cluster): readonly (readonly string[])[] {
  const members = cluster.truth.members()
  const nodes = cluster.targets('node-loss').flatMap(target => (target.startsWith('node:') ? [target.slice('node:'.length)] : []))
  return [members.map(member => member.name), [...new Set([...members.flatMap(member => member.node ?? []), ...nodes])]]
}

/**
 * The mistake made with the first name that a command holds: another one of the same sort, `places` further on. Of names that begin at the same
 * letter the longest counts: `pg-01` is not `pg-0`. Undefined when it holds none that has another beside it.
 */
export function mixupIn(argv: readonly string[], sorts: readonly (readonly string[])[], places: number): Mixup | undefined {
  for (const word of argv) {
    let first: { at: number; name: string; sort: readonly string[] } | undefined
    for (const sort of sorts) {
      if (sort.length < 2) continue
      for (const name of sort) {
        const at = find(word, name, 0)
        if (at >= 0 && (first === undefined || at < first.at || (at === first.at && name.length > first.name.length))) first = { at, name, sort }
      }
    }
    if (first === undefined) continue
    const { name, sort } = first
    const step = 1 + ((Math.max(1, Math.round(places)) - 1) % (sort.length - 1))
    return { meant: name, typed: sort[(sort.indexOf(name) + step) % sort.length] as string, longer: sorts.flat().filter(other => other.length > name.length && other.startsWith(name)) }
  }
  return undefined
}

/** The command with the one name typed for the other; the same array when it does not hold it. */
export function retyped(argv: readonly string[], mixup: Mixup): readonly string[] {
  const words = argv.map(word => replaced(word, mixup))
  return words.some((word, i) => word !== argv[i]) ? words : argv
}

function replaced(word: string, { meant, typed, longer }: Mixup): string {
  let out = ''
  let from = 0
  for (let at = find(word, meant, 0); at >= 0; at = find(word, meant, from)) {
    const other = longer.find(name => find(word, name, at) === at)
    out += word.slice(from, at) + (other ?? typed)
    from = at + (other ?? meant).length
  }
  return out + word.slice(from)
}

/** Where the whole name stands in a text: not as part of a longer word or number (`data-pg-0` holds `pg-0`, `pg-01` does not). */
function find(text: string, name: string, from: number): number {
  if (name === '') return -1
  for (let at = text.indexOf(name, from); at >= 0; at = text.indexOf(name, at + 1)) {
    if (!isLetter(text[at - 1]) && !isLetter(text[at + name.length])) return at
  }
  return -1
}

function isLetter(char: string | undefined): boolean {
  return char !== undefined && /[A-Za-z0-9_]/.test(char)
}
