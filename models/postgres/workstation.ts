/** What the operator can run: kubectl and az, and, from a bastion inside the cluster, psql and pg_isready straight to servers and poolers. */
import type { Process } from '../../src/kernel/index.ts'
import { type Call, type Command, failed, ok, type Output, recall } from '../../src/operator/command.ts'
import { clientTools } from './client-tools.ts'
import type { PostgresCluster } from './cluster.ts'
import { bouncerPsql, psqlFor } from './psql-targets.ts'
import { route53 } from './dns/route53.ts'
import { dumpPrograms } from './dump.ts'
import { aws } from './managed/aws.ts'
import { patronictl } from './patroni/patronictl.ts'
import { helmCommand } from './schema/helm.ts'
import { pgIsReady } from './tools.ts'

/** The commands of the operator's workstation. */
export function workstationPrograms(cluster: PostgresCluster): Command[] {
  const { world, kubernetes, options } = cluster
  cluster.poolers.setPrograms(bouncer => [bouncerPsql(world, cluster.poolers, bouncer)])
  const commands: Command[] = [aliased(kubernetes.commands.kubectl, options.aliases), kubernetes.commands.az, kubernetes.commands.curl, echo]
  commands.push(...awsFor(cluster))
  if (world.patroni !== undefined) commands.push(patronictl(world, () => 'operator'))
  if (options.application !== false) commands.push(helmCommand(world, options.application))
  if (options.operatorPlace === 'bastion-pod') {
    const place = () => 'operator'
    const psql = psqlFor(world, { place, user: 'postgres', server: () => undefined, pod: 'operator', poolers: cluster.poolers })
    commands.push(psql, ...dumpPrograms(world, psql), ...clientTools(world, psql), pgIsReady(world, place, undefined))
  }
  return commands
}

/** `aws`, with those of its groups that there is something for. */
function awsFor({ world }: PostgresCluster): readonly Command[] {
  const rds = world.managed === undefined ? undefined : aws(world.managed)
  const dns = world.dns === undefined ? undefined : route53(world.dns)
  if (rds === undefined || dns === undefined) return [rds ?? dns].filter(each => each !== undefined)
  const of = (argv: readonly string[]): Command => (argv[1] === 'route53' ? dns : rds)
  return [{ name: 'aws', summary: `${rds.summary}; ${dns.summary}`, check: argv => of(argv).check(argv), latencyUs: call => of(call.argv).latencyUs(call), look: call => of(call.argv).look(call), intent: argv => of(argv).intent?.(argv), run: call => of(call.argv).run(call) }]
}

const echo: Command = {
  name: 'echo',
  summary: 'prints its arguments',
  check: () => [],
  latencyUs: () => 0,
  look: call => ({ output: ok(`${call.argv.slice(1).join(' ')}\n`), afterUs: 0, stableUntilUs: Number.POSITIVE_INFINITY }),
  *run(): Process<Output> {
    return failed('echo does not run')
  },
}

/** Lets a command know pods under the document's other names (K1 alias): whole words, `pod/NAME`, and whole texts in JSON patches. */
function aliased(command: Command, aliases: Readonly<Record<string, string>>): Command {
  if (Object.keys(aliases).length === 0) return command
  const rename = (call: Call): Call => {
    // Behind `--` stands another program's business.
    const end = call.argv.indexOf('--')
    const argv = call.argv.map((word, i) => {
      if (end >= 0 && i > end) return word
      if (word.startsWith('{')) return word.replace(/"([^"\\]*)"/g, (text, inner: string) => (aliases[inner] === undefined ? text : `"${aliases[inner]}"`))
      const slash = word.indexOf('/')
      const name = slash < 0 ? word : word.slice(slash + 1)
      const other = aliases[name]
      return other === undefined ? word : slash < 0 ? other : `${word.slice(0, slash)}/${other}`
    })
    return recall(call, { argv })
  }
  return {
    name: command.name,
    summary: command.summary,
    check: argv => command.check(argv),
    latencyUs: call => command.latencyUs(rename(call)),
    intent: argv => command.intent?.(argv),
    readsInput: argv => command.readsInput?.(argv) !== false,
    streams: argv => command.streams?.(argv) === true,
    look: call => command.look(rename(call)),
    run: call => command.run(rename(call)),
    layOver: programs => command.layOver?.(programs),
  }
}
