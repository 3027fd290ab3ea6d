/** What is known to be safe beside a command of a PostgreSQL script. Each is tried out before it is offered; none knows the script. */
import type { SafeLines, Typed } from '../../src/engine.ts'
import { asCalled, podCommand, poll } from '../kubernetes/index.ts'
import type { PostgresOptions } from './options.ts'
import { memberNames, statefulSets } from './topology.ts'

/** An exec'd psql: the superuser is there under this name whatever user the container runs as. */
const ask = (pod: string, sql: string): string => `"$(kubectl exec ${pod} -- psql -U postgres -Atc '${sql}')"`

export function safeBeside(options: PostgresOptions, typed: Typed): readonly SafeLines[] {
  const command = podCommand(typed)
  const promoted = promotedIn(typed)
  const found: SafeLines[] = []
  if (promoted !== undefined) found.push(...besidePromotion(options, promoted))
  if (command?.verb === 'delete') {
    const { pod, bare } = command
    found.push(
      { does: 'make sure that it is a standby', where: 'before', lines: [`[ ${ask(pod, 'select pg_is_in_recovery()')} = t ] || exit 1`] },
      { does: 'wait until it is Ready again', where: 'after', lines: [`kubectl wait --for=condition=Ready pod/${/[$`]/.test(bare) ? `"${bare}"` : bare} --timeout=600s`] },
      { does: 'wait until it streams again', where: 'after', lines: [poll(`[ ${ask(pod, 'select status from pg_stat_wal_receiver')} = streaming ]`, 600)] },
    )
  }
  return command === undefined ? found : asCalled(command.kubectl, found)
}

interface Promoted {
  readonly pod: string
  readonly bare: string
}

/** The pod that is promoted, as the script writes it. */
function promotedIn(typed: Typed): Promoted | undefined {
  const text = typed.words.join(' ')
  if (!/\bpg_ctl\b.*\bpromote\b|\bpg_promote\s*\(/.test(text)) return undefined
  return podCommand(typed)
}

function besidePromotion(options: PostgresOptions, { pod, bare }: Promoted): readonly SafeLines[] {
  const members = memberNames(options).join(' ')
  const headless = statefulSets(options)[0]?.headless ?? options.name
  const leads = `[ ${ask('$_pod', 'select pg_is_in_recovery()')} = f ]`
  return [
    { does: 'make sure that no other one leads', where: 'before', lines: [`for _pod in ${members}; do if ${leads}; then exit 1; fi; done`] },
    { does: 'wait until it has replayed all that it received', where: 'before', lines: [poll(`[ ${ask(pod, 'select pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn()')} = t ]`, 120)] },
    {
      does: 'stop the one that leads, so that it comes back as a standby of the new one',
      where: 'before',
      lines: [
        `for _pod in ${members}; do`,
        `  ${leads} || continue`,
        `  kubectl exec $_pod -- psql -U postgres -c "alter system set primary_conninfo = 'host=${bare}.${headless} user=replicator'"`,
        `  kubectl exec $_pod -- touch ${options.dataDirectory}/standby.signal`,
        // Its container ends under the command: under strict mode that must not end the script.
        `  kubectl exec $_pod -- pg_ctl stop -D ${options.dataDirectory} -m fast || true`,
        'done',
      ],
    },
    { does: 'wait until it takes writes', where: 'after', lines: [poll(`[ ${ask(pod, 'select pg_is_in_recovery()')} = f ]`, 120)] },
  ]
}
