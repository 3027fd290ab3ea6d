/** What is known to be safe beside a command of a Redis Cluster script. Each is tried out before it is offered; none knows the script. */
import type { SafeLines, Typed } from '../../src/engine.ts'
import { asCalled, podCommand, poll } from '../kubernetes/index.ts'
import type { RedisOptions } from './options.ts'

export function safeBeside(_: RedisOptions, typed: Typed): readonly SafeLines[] {
  const command = podCommand(typed)
  if (command?.verb !== 'delete') return []
  const { pod, bare } = command
  const cli = (words: string): string => `kubectl exec ${pod} -- redis-cli ${words}`
  const role = `"$(${cli('role')} | head -1)"`
  return asCalled(command.kubectl, [
    { does: 'make sure that it is a replica', where: 'before', lines: [`[ ${role} = slave ] || exit 1`] },
    { does: 'wait until a replica has acknowledged its writes', where: 'before', lines: [cli('wait 1 5000')] },
    {
      does: 'hand over to its replica once that is in step, if it is a master',
      where: 'before',
      lines: [
        `if [ ${role} = master ]; then`,
        `  ${poll(`${cli('info replication')} | grep -qE '^slave0:.*state=online.*lag=[01]'`, 300)}`,
        `  ${cli(`-h "$(${cli('role')} | sed -n 3p)" cluster failover`)}`,
        `  ${poll(`[ ${role} = slave ]`, 60)}`,
        'fi',
      ],
    },
    { does: 'wait until it is Ready again', where: 'after', lines: [`kubectl wait --for=condition=Ready pod/${/[$`]/.test(bare) ? `"${bare}"` : bare} --timeout=600s`] },
    { does: 'wait until it is a replica in step, or a master', where: 'after', lines: [poll(`${cli('info replication')} | grep -qE 'role:master|master_link_status:up'`, 600)] },
    { does: 'wait until it says that the cluster is well', where: 'after', lines: [poll(`${cli('cluster info')} | grep -q cluster_state:ok`, 600)] },
  ])
}
