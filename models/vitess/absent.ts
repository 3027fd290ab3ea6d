/** Keyspaces, shards and tablets in a vtctldclient command that are not there when the runbook begins. */
import type { Finding } from '../../src/operator/command.ts'
import type { VitessCluster } from './cluster.ts'

const MOST_LISTED = 8
const PATH = /^([A-Za-z][\w-]*)\/([0-9a-f]*-[0-9a-f]*|0)$/
const ALIAS = /^[a-z][\w]*-\d{1,10}$/

/** A warning for each, with what there is and what to set: a runbook may make them itself. @param words and flags of the command; a word not known yet holds a `$` */
export function absentNames({ world }: VitessCluster, words: readonly string[], flags: ReadonlyMap<string, string>): readonly Finding[] {
  const found: Finding[] = []
  const say = (object: string, what: string, there: Iterable<string>, set: string): void => {
    const names = [...there]
    found.push({ severity: 'warning', message: `there is no ${what} \`${object}\` when the runbook begins. There are: ${names.slice(0, MOST_LISTED).join(', ')}${names.length > MOST_LISTED ? ', …' : ''}${set}`, object })
  }
  const keyspace = (name: string): boolean => {
    if (name.includes('$') || world.keyspaces.has(name)) return true
    say(name, 'keyspace', world.keyspaces.keys(), `. If yours is called so: \`--set cluster.keyspace=${name}\``)
    return false
  }
  const shard = (name: string, range: string): void => {
    if (!keyspace(name) || name.includes('$') || range.includes('$') || world.byPath.has(`${name}/${range}`)) return
    say(`${name}/${range}`, 'shard', [...world.byPath.keys()].filter(path => path.startsWith(`${name}/`)), `. The number of shards is \`cluster.fleet\` ÷ \`cluster.tabletsPerShard\`${range === '-' || range === '0' ? `: for one, \`--set cluster.fleet=${world.options.tabletsPerShard}\`` : ''}`)
  }
  for (const word of words) {
    const [, name, range] = PATH.exec(word) ?? []
    if (name !== undefined && range !== undefined) shard(name, range)
    else if (ALIAS.test(word)) tablet(word)
  }
  const named = flags.get('keyspace')
  const range = flags.get('shard')
  if (named !== undefined && range !== undefined) shard(named, range)
  else if (named !== undefined) keyspace(named)
  const primary = flags.get('new-primary')
  if (primary !== undefined && ALIAS.test(primary)) tablet(primary)
  return found

  function tablet(alias: string): void {
    const dash = alias.lastIndexOf('-')
    if (!world.byAlias.has(`${alias.slice(0, dash)}-${alias.slice(dash + 1).padStart(10, '0')}`)) say(alias, 'tablet', world.byAlias.keys(), '. Ask for them (`GetTablets`) rather than naming them')
  }
}
