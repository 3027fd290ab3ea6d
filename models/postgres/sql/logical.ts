import type { DefElem, Node } from 'libpg-query'
import { UnsupportedError } from '../../../src/operator/command.ts'
import type { LogicalEffect } from './host.ts'

export interface LogicalStatement {
  readonly effect: LogicalEffect
  readonly tag: string
  /** Refused inside BEGIN … COMMIT: it makes or drops a slot on another server. */
  readonly alone: boolean
}

/** CREATE, ALTER and DROP of publications and subscriptions; undefined for any other statement. @throws UnsupportedError for forms that are not modelled */
export function logicalStatement(node: Node): LogicalStatement | undefined {
  if ('CreatePublicationStmt' in node) {
    const { pubname = '', for_all_tables: all } = node.CreatePublicationStmt
    if (all !== true) throw new UnsupportedError('a publication of some tables is not modelled: the load is not told apart by table', ['CREATE PUBLICATION name FOR ALL TABLES'])
    return { effect: { kind: 'createPublication', name: pubname }, tag: 'CREATE PUBLICATION', alone: false }
  }
  if ('DropStmt' in node && node.DropStmt.removeType === 'OBJECT_PUBLICATION') {
    const names = (node.DropStmt.objects ?? []).flatMap(object => ('String' in object ? [object.String.sval ?? ''] : []))
    return { effect: { kind: 'dropPublication', names, ifExists: node.DropStmt.missing_ok === true }, tag: 'DROP PUBLICATION', alone: false }
  }
  if ('CreateSubscriptionStmt' in node) {
    const { subname = '', conninfo = '', publication = [], options = [] } = node.CreateSubscriptionStmt
    const [first] = publication.flatMap(each => ('String' in each ? [each.String.sval ?? ''] : []))
    return { effect: { kind: 'createSubscription', name: subname, conninfo, publication: first ?? '', options: optionsOf(options) }, tag: 'CREATE SUBSCRIPTION', alone: true }
  }
  if ('AlterSubscriptionStmt' in node) {
    const { kind, subname = '', options = [] } = node.AlterSubscriptionStmt
    const given = optionsOf(options)
    if (kind === 'ALTER_SUBSCRIPTION_ENABLED') return { effect: { kind: 'alterSubscription', name: subname, enabled: given['enabled'] === 'true' }, tag: 'ALTER SUBSCRIPTION', alone: false }
    if (kind === 'ALTER_SUBSCRIPTION_OPTIONS' && given['slot_name'] !== undefined) return { effect: { kind: 'alterSubscription', name: subname, slotName: given['slot_name'] }, tag: 'ALTER SUBSCRIPTION', alone: false }
    throw new UnsupportedError('this form of ALTER SUBSCRIPTION is not modelled', ['ALTER SUBSCRIPTION name ENABLE', 'ALTER SUBSCRIPTION name DISABLE', 'ALTER SUBSCRIPTION name SET (slot_name = …)'])
  }
  if ('DropSubscriptionStmt' in node) {
    const { subname = '', missing_ok: ifExists = false } = node.DropSubscriptionStmt
    return { effect: { kind: 'dropSubscription', name: subname, ifExists }, tag: 'DROP SUBSCRIPTION', alone: true }
  }
  return undefined
}

const KNOWN: readonly string[] = ['copy_data', 'enabled', 'slot_name', 'create_slot', 'origin', 'connect']

/** WITH (…) as texts. @throws UnsupportedError for an option that is not modelled */
function optionsOf(options: readonly Node[]): Readonly<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const option of options) {
    if (!('DefElem' in option)) continue
    const name = option.DefElem.defname ?? ''
    if (!KNOWN.includes(name)) throw new UnsupportedError(`the subscription option ${name} is not modelled`, KNOWN)
    found[name] = valueOf(option.DefElem).toLowerCase()
  }
  return found
}

function valueOf({ arg }: DefElem): string {
  if (arg === undefined) return 'true'
  if ('String' in arg) return arg.String.sval ?? ''
  if ('Boolean' in arg) return String(arg.Boolean.boolval === true)
  if ('TypeName' in arg) return (arg.TypeName.names ?? []).flatMap(name => ('String' in name ? [name.String.sval ?? ''] : [])).join('.')
  return ''
}
