/** `aws rds`: what a blue/green deployment takes. Source: AWS CLI reference, rds. */
import { type Process, SECOND } from '../../../src/kernel/index.ts'
import { type Command, failed, type Finding, ok, type Output, UnsupportedError } from '../../../src/operator/command.ts'
import type { ManagedService } from './service.ts'

const OPERATIONS: Readonly<Record<string, readonly string[]>> = {
  'create-blue-green-deployment': ['--blue-green-deployment-name', '--source', '--target-engine-version', '--target-db-parameter-group-name'],
  'describe-blue-green-deployments': ['--blue-green-deployment-identifier', '--query', '--output'],
  'switchover-blue-green-deployment': ['--blue-green-deployment-identifier', '--switchover-timeout'],
  'delete-db-instance': ['--db-instance-identifier', '--final-db-snapshot-identifier'],
}
const SWITCHES = ['--skip-final-snapshot', '--no-cli-pager']
const QUERIES: Readonly<Record<string, (s: ManagedService) => string>> = {
  'BlueGreenDeployments[0].Status': s => s.status ?? 'None',
  'BlueGreenDeployments[0].StatusDetails': s => s.details || 'None',
}

function read(argv: readonly string[]): { readonly operation: string; readonly flags: ReadonlyMap<string, string>; readonly problem: string | undefined } {
  const [, group, operation = ''] = argv
  const known = OPERATIONS[operation]
  if (group !== 'rds' || known === undefined) return { operation, flags: new Map(), problem: `aws ${group ?? ''} ${operation} is not modelled; there are: ${Object.keys(OPERATIONS).map(o => `aws rds ${o}`).join(', ')}` }
  const flags = new Map<string, string>()
  for (let i = 3; i < argv.length; i++) {
    const [name, glued] = (argv[i] as string).split(/=(.*)/s) as [string, string | undefined]
    if (SWITCHES.includes(name)) flags.set(name, 'true')
    else if (known.includes(name)) flags.set(name, glued ?? argv[++i] ?? '')
    else return { operation, flags, problem: `the flag ${name} of aws rds ${operation} is not modelled; there are: ${[...known, ...SWITCHES].join(', ')}` }
  }
  const query = flags.get('--query')
  const problem = query !== undefined && QUERIES[query] === undefined && !query.includes('${') ? `the query ${query} is not modelled; there are: ${Object.keys(QUERIES).join(', ')}` : undefined
  return { operation, flags, problem }
}

/** Why there is no such deployment to be had; undefined = it is being made. */
function created(service: ManagedService, version: string | undefined): Output | undefined {
  const image = service.imageOf(version)
  if (image === undefined) return failed(`An error occurred (InvalidParameterCombination) when calling the CreateBlueGreenDeployment operation: Cannot find version ${version ?? ''} for postgres\n`, 254)
  service.create(image)
  return undefined
}

export function aws(service: ManagedService): Command {
  const { world } = service
  const described = (): string => `${JSON.stringify({ BlueGreenDeployments: [{ BlueGreenDeploymentIdentifier: service.id, Source: service.blue, Target: service.green, Status: service.status, StatusDetails: service.details }] }, null, 4)}\n`
  return {
    name: 'aws',
    summary: 'the service that runs the database',
    check: (argv): Finding[] => {
      const { problem } = read(argv)
      return problem === undefined || argv.some(word => word.includes('${')) ? [] : [{ severity: 'error', message: problem }]
    },
    latencyUs: call => Math.round(SECOND * (0.6 + 0.8 * world.sim.chance.draw(call.key, 'aws starts', call.nth))),
    look(call) {
      const { operation, flags } = read(call.argv)
      if (operation !== 'describe-blue-green-deployments') return undefined
      if (service.status === undefined) return { output: failed('An error occurred (BlueGreenDeploymentNotFoundFault) when calling the DescribeBlueGreenDeployments operation\n', 254), afterUs: 0, stableUntilUs: Number.POSITIVE_INFINITY }
      const query = QUERIES[flags.get('--query') ?? '']
      const text = query === undefined ? described() : flags.get('--output') === 'text' ? `${query(service)}\n` : `"${query(service)}"\n`
      return { output: ok(text), afterUs: 0, stableUntilUs: Number.POSITIVE_INFINITY }
    },
    *run(call): Process<Output> {
      const { operation, flags, problem } = read(call.argv)
      if (problem !== undefined) throw new UnsupportedError(problem, Object.keys(OPERATIONS))
      const id = flags.get('--blue-green-deployment-identifier')
      if (id !== undefined && id !== service.id) return failed('An error occurred (BlueGreenDeploymentNotFoundFault)\n', 254)
      switch (operation) {
        case 'create-blue-green-deployment':
          if (service.status !== undefined) return failed('An error occurred (BlueGreenDeploymentAlreadyExistsFault) when calling the CreateBlueGreenDeployment operation\n', 254)
          return created(service, flags.get('--target-engine-version')) ?? ok(described())
        case 'switchover-blue-green-deployment': {
          if (service.status !== 'AVAILABLE' && service.status !== 'SWITCHOVER_FAILED') return failed(`An error occurred (InvalidBlueGreenDeploymentStateFault): the deployment is ${service.status ?? 'not there'}\n`, 254)
          const timeoutSeconds = Number(flags.get('--switchover-timeout') ?? 300)
          // From half a minute to an hour (rule PG-MANAGED-3): the client itself refuses less.
          if (!(timeoutSeconds >= 30)) return failed(`\nParameter validation failed:\nInvalid value for parameter SwitchoverTimeout, value: ${flags.get('--switchover-timeout')}, valid min value: 30\n`, 252)
          if (timeoutSeconds > 3600) return failed(`\nAn error occurred (InvalidParameterValue) when calling the SwitchoverBlueGreenDeployment operation: SwitchoverTimeout must be between 30 and 3600\n`, 254)
          const obstacle = service.switchOver(timeoutSeconds)
          return obstacle === undefined ? ok(described()) : failed(`An error occurred (InvalidBlueGreenDeploymentStateFault): ${obstacle}\n`, 254)
        }
        default: {
          const name = flags.get('--db-instance-identifier') ?? ''
          const pod = service.instance(name)
          if (pod === undefined) return failed(`An error occurred (DBInstanceNotFound) when calling the DeleteDBInstance operation: DBInstance ${name} not found.\n`, 254)
          if (!flags.has('--skip-final-snapshot') && !flags.has('--final-db-snapshot-identifier')) return failed('An error occurred (InvalidParameterCombination): FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.\n', 254)
          service.delete(pod)
          return ok(`${JSON.stringify({ DBInstance: { DBInstanceIdentifier: name, DBInstanceStatus: 'deleting' } }, null, 4)}\n`)
        }
      }
    },
  }
}
