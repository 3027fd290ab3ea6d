/**
 * Validate, ValidateKeyspace and ValidateShard of vtctldclient: the records against one another and, with --ping-tablets, against what the tablets answer
 * (rule VT-VALIDATE-1). Source: vtctldserver ValidateShard; vtctldclient command/validate.go.
 */
import type { Keyspace } from './keyspace.ts'
import type { Shard } from './shard.ts'
import type { Tablet } from './tablet.ts'

/** What is wrong with a shard, a sentence each. */
export function shardIssues(shard: Shard, ping: boolean): string[] {
  const { path, tablets, primary } = shard
  const primaries = tablets.filter(({ type }) => type === 'primary')
  const [found, ...others] = primaries
  const issues = others.map(({ alias }) => `shard ${path} already has primary ${found?.alias ?? ''} but found other primary ${alias}`)
  if (found === undefined) issues.push(`no primary for shard ${path}`)
  else if (found !== primary) issues.push(`primary mismatch for shard ${path}: found ${found.alias}, expected ${primary?.alias ?? '<nil>'}`)
  return ping ? [...issues, ...replicationIssues(shard), ...tablets.filter((t) => !t.answers).map((t) => `Ping(${t.alias}) failed: ${unreachable(t)} tablet hostname: ${t.pod}`)] : issues
}

/** Whom the primary of the record sends its log to, against who should get it: a replica that was put aside as well. */
function replicationIssues({ path, tablets, primary }: Shard): string[] {
  if (primary === undefined) return [`no primary in shard record ${path}`]
  if (!primary.answers) return [`GetReplicas(${primary.alias}) failed: ${unreachable(primary)}`]
  const linked = tablets.filter((t) => t !== primary && t.source === primary && t.linked)
  if (linked.length === 0) return [`no replicas of tablet ${primary.alias} found`]
  const list = `[${linked.map((t) => `"${ipOf(t)}"`).join(' ')}]`
  return tablets.filter((t) => t.type !== 'primary' && !linked.includes(t)).map((t) => `replica ${t.alias} not replicating: ${ipOf(t)} replica list: ${list}`)
}

function ipOf({ world, pod }: Tablet): string {
  return world.kubernetes.pods$.get(pod)?.podIP ?? ''
}

function unreachable(tablet: Tablet): string {
  return tablet.refuses ? 'rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: connect: connection refused"' : 'rpc error: code = DeadlineExceeded desc = context deadline exceeded'
}

/** Whether somebody is waited for until the time-out of an RPC: neither an answer comes nor a refusal. */
export function anySilent(shards: Iterable<Shard>): boolean {
  for (const { tablets } of shards) if (tablets.some((t) => !t.answers && !t.refuses)) return true
  return false
}

/** The text of one verb's results and the error that ends it; undefined where there is nothing wrong. */
export interface Invalid {
  readonly text: string
  readonly error: string
}

function listed(issues: readonly string[]): string {
  return issues.map((issue) => `- ${issue}\n`).join('')
}

export function validateShard(shard: Shard, ping: boolean): Invalid | undefined {
  const text = listed(shardIssues(shard, ping))
  return text === '' ? undefined : { text, error: `shard ${shard.path} had validation issues; see above for details` }
}

export function validateKeyspace({ name, shards }: Keyspace, ping: boolean): Invalid | undefined {
  const text = shards.map((shard): string => {
    const issues = listed(shardIssues(shard, ping))
    return issues === '' ? '' : `\nFor ${shard.path}:\n${issues}`
  }).join('')
  return text === '' ? undefined : { text, error: `keyspace ${name} had validation issues; see above for details` }
}

export function validate(keyspaces: Iterable<Keyspace>, ping: boolean): Invalid | undefined {
  let text = ''
  for (const keyspace of keyspaces) {
    const invalid = validateKeyspace(keyspace, ping)
    if (invalid !== undefined) text += `\nFor ${keyspace.name}:\n${invalid.text}`
  }
  return text === '' ? undefined : { text, error: 'some issues were found during validation; see above for details' }
}
