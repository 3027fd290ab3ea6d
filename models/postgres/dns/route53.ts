/** `aws route53`: what a weighted name takes. Source: AWS CLI reference, route53; API reference ChangeResourceRecordSets. */
import { type Process, SECOND } from '../../../src/kernel/index.ts'
import { type Command, failed, type Finding, ok, type Output, UnsupportedError } from '../../../src/operator/command.ts'
import type { DnsRecord, Zone } from './zone.ts'

const OPERATIONS: Readonly<Record<string, readonly string[]>> = {
  'change-resource-record-sets': ['--hosted-zone-id', '--change-batch', '--query', '--output'],
  'list-resource-record-sets': ['--hosted-zone-id'],
  'get-change': ['--id', '--query', '--output'],
  wait: ['--id'],
}
const QUERIES = ['ChangeInfo.Id', 'ChangeInfo.Status']

interface Asked {
  readonly operation: string
  readonly flags: ReadonlyMap<string, string>
  readonly problem: string | undefined
}

function read(argv: readonly string[]): Asked {
  const operation = argv[1] === 'route53' ? (argv[2] ?? '') : ''
  const known = OPERATIONS[operation]
  const flags = new Map<string, string>()
  const asked = (problem?: string): Asked => ({ operation, flags, problem })
  if (known === undefined) return asked(`${argv.slice(0, 3).join(' ')} is not modelled; there are: ${Object.keys(OPERATIONS).map(each => `aws route53 ${each}`).join(', ')}`)
  const rest = operation === 'wait' ? argv.slice(4) : argv.slice(3)
  if (operation === 'wait' && argv[3] !== 'resource-record-sets-changed') return asked(`aws route53 wait ${argv[3] ?? ''} is not modelled; there is resource-record-sets-changed`)
  for (let i = 0; i < rest.length; i++) {
    const [name, glued] = (rest[i] as string).split(/=(.*)/s) as [string, string | undefined]
    if (name === '--no-cli-pager') continue
    if (!known.includes(name)) return asked(`the flag ${name} of aws route53 ${operation} is not modelled; there are: ${[...known, '--no-cli-pager'].join(', ')}`)
    flags.set(name, glued ?? rest[++i] ?? '')
  }
  const query = flags.get('--query')
  if (query !== undefined && !QUERIES.includes(query)) return asked(`the query ${query} is not modelled; there are: ${QUERIES.join(', ')}`)
  const batch = flags.get('--change-batch')
  if (operation === 'change-resource-record-sets' && batch !== undefined && !batch.includes('${')) {
    const changes = changesOf(batch)
    if (typeof changes === 'string') return asked(changes)
  }
  return asked()
}

interface RecordChange {
  readonly action: 'CREATE' | 'UPSERT' | 'DELETE'
  readonly name: string
  readonly record: DnsRecord
}

/** The changes of a batch, or what is wrong with it. */
function changesOf(text: string): readonly RecordChange[] | string {
  let batch: unknown
  try {
    batch = JSON.parse(text)
  } catch {
    return 'aws route53: --change-batch is JSON, in place: {"Changes":[{"Action":"UPSERT","ResourceRecordSet":{…}}]}'
  }
  const changes = (batch as { Changes?: unknown }).Changes
  if (!Array.isArray(changes) || changes.length === 0) return 'aws route53: a change batch has "Changes"'
  const found: RecordChange[] = []
  for (const change of changes as { Action?: unknown; ResourceRecordSet?: Record<string, unknown> }[]) {
    const { Name, Type, SetIdentifier, Weight, ResourceRecords } = change.ResourceRecordSet ?? {}
    const value = (ResourceRecords as { Value?: unknown }[] | undefined)?.[0]?.Value
    if (!['CREATE', 'UPSERT', 'DELETE'].includes(String(change.Action))) return `aws route53: an action is CREATE, UPSERT or DELETE, not ${String(change.Action)}`
    if (Type !== 'CNAME' || typeof Name !== 'string' || typeof SetIdentifier !== 'string' || typeof Weight !== 'number' || typeof value !== 'string') return 'aws route53: modelled are CNAME records with Name, SetIdentifier, Weight, TTL and one of ResourceRecords'
    if (!Number.isInteger(Weight) || Weight < 0 || Weight > 255) return `aws route53: a weight is a whole number from 0 to 255, not ${Weight}`
    found.push({ action: change.Action as RecordChange['action'], name: Name.replace(/\.$/, ''), record: { id: SetIdentifier, host: value.replace(/\.$/, ''), weight: Weight } })
  }
  return found
}

/** Carries a batch out: all of it or nothing. @returns the error in the service's words, or undefined */
function carriedOut(zone: Zone, changes: readonly RecordChange[]): { readonly records: readonly DnsRecord[] } | string {
  let records = [...zone.records]
  const say = (what: string): string => `An error occurred (InvalidChangeBatch) when calling the ChangeResourceRecordSets operation: [${what}]\n`
  for (const { action, name, record } of changes) {
    if (name !== zone.options.name) return say(`RRSet with DNS name ${name}. is not permitted in zone ${zone.options.name}.`)
    const there = records.some(({ id }) => id === record.id)
    const called = `[name='${name}.', type='CNAME', set-identifier='${record.id}']`
    if (action === 'CREATE' && there) return say(`Tried to create resource record set ${called} but it already exists`)
    if (action === 'DELETE' && !there) return say(`Tried to delete resource record set ${called} but it was not found`)
    if (action === 'DELETE') records = records.filter(({ id }) => id !== record.id)
    else records = there ? records.map(each => (each.id === record.id ? record : each)) : [...records, record]
  }
  return { records }
}

export function route53(zone: Zone): Command {
  const { options } = zone
  const info = (id: string, query: string | undefined, output: string | undefined): Output => {
    const status = zone.status(id) ?? 'PENDING'
    const value = query === 'ChangeInfo.Id' ? `/change/${id}` : status
    if (query !== undefined) return ok(output === 'text' ? `${value}\n` : `"${value}"\n`)
    return ok(`${JSON.stringify({ ChangeInfo: { Id: `/change/${id}`, Status: status } }, null, 4)}\n`)
  }
  const idOf = (flags: ReadonlyMap<string, string>): string => (flags.get('--id') ?? '').replace(/^\/change\//, '')
  return {
    name: 'aws',
    summary: 'the hosted zone of the name that clients know',
    check: (argv): Finding[] => {
      const { problem } = read(argv)
      return problem === undefined ? [] : [{ severity: 'error', message: problem }]
    },
    latencyUs: () => SECOND,
    look(call) {
      const { operation, flags, problem } = read(call.argv)
      if (problem !== undefined) throw new UnsupportedError(problem, Object.keys(OPERATIONS))
      if (operation === 'list-resource-record-sets') {
        const sets = zone.records.map(({ id, host, weight }) => ({ Name: `${options.name}.`, Type: 'CNAME', SetIdentifier: id, Weight: weight, TTL: options.ttlSeconds, ResourceRecords: [{ Value: host }] }))
        return { output: ok(`${JSON.stringify({ ResourceRecordSets: sets }, null, 4)}\n`), afterUs: 0, stableUntilUs: Number.POSITIVE_INFINITY }
      }
      if (operation !== 'get-change') return undefined
      const id = idOf(flags)
      const status = zone.status(id)
      if (status === undefined) return { output: failed(`An error occurred (NoSuchChange) when calling the GetChange operation: A change with id ${id} does not exist\n`, 254), afterUs: 0, stableUntilUs: Number.POSITIVE_INFINITY }
      return { output: info(id, flags.get('--query'), flags.get('--output')), afterUs: 0, stableUntilUs: status === 'INSYNC' ? Number.POSITIVE_INFINITY : zone.settledUs(id) }
    },
    *run(call): Process<Output> {
      const { operation, flags, problem } = read(call.argv)
      if (problem !== undefined) throw new UnsupportedError(problem, Object.keys(OPERATIONS))
      if (operation === 'wait') {
        // It asks every 30 s, 60 times at most.
        for (let tried = 0; tried < 60; tried++) {
          if (zone.status(idOf(flags)) === 'INSYNC') return ok()
          yield 30 * SECOND
        }
        return failed('Waiter ResourceRecordSetsChanged failed: Max attempts exceeded\n', 255)
      }
      if (flags.get('--hosted-zone-id')?.replace(/^\/hostedzone\//, '') !== options.hostedZone) return failed(`An error occurred (NoSuchHostedZone) when calling the ChangeResourceRecordSets operation: No hosted zone found with ID: ${flags.get('--hosted-zone-id') ?? ''}\n`, 254)
      const changes = changesOf(flags.get('--change-batch') ?? '')
      if (typeof changes === 'string') throw new UnsupportedError(changes, [])
      const done = carriedOut(zone, changes)
      return typeof done === 'string' ? failed(done, 254) : info(zone.change(done.records), flags.get('--query'), flags.get('--output'))
    },
  }
}
