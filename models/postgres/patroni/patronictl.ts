/** `patronictl`, and what a member's REST API answers. Source: Patroni docs/patronictl.rst, docs/rest_api.rst, patroni/ctl.py. */
import { type Process, SECOND } from '../../../src/kernel/index.ts'
import { type Command, failed, type Finding, ok, type Output, UnsupportedError } from '../../../src/operator/command.ts'
import { CALENDAR_US } from '../columns.ts'
import type { Server } from '../server.ts'
import { formatTimestamp } from '../sql/datetime.ts'
import type { World } from '../world.ts'
import type { Dcs } from './dcs.ts'
import { Questions } from './questions.ts'

/** What each verb knows here; what it is told beside them is refused, never passed over. */
const FLAGS: Readonly<Record<string, readonly string[]>> = {
  list: ['--format', '-f'],
  switchover: ['--leader', '--primary', '--master', '--candidate', '--force', '--scheduled'],
  failover: ['--leader', '--primary', '--master', '--candidate', '--force'],
  pause: ['--wait'],
  resume: ['--wait'],
  reinit: ['--force'],
}
const VERBS = Object.keys(FLAGS)
const ASKING: ReadonlySet<string> = new Set(['switchover', 'failover', 'reinit'])
const VALUED = new Set(['--leader', '--primary', '--master', '--candidate', '--scheduled', '--config-file', '-c', '--format', '-f'])

const dynamic = (word: string): boolean => /[$`]/.test(word)

interface Words {
  readonly verb: string
  readonly positional: readonly string[]
  readonly flags: ReadonlyMap<string, string>
}

function read(argv: readonly string[]): Words {
  const positional: string[] = []
  const flags = new Map<string, string>()
  for (let i = 1; i < argv.length; i++) {
    const word = argv[i] as string
    const [name, glued] = word.split(/=(.*)/s) as [string, string | undefined]
    if (!word.startsWith('-')) positional.push(word)
    else flags.set(name, VALUED.has(name) ? (glued ?? argv[++i] ?? '') : (glued ?? 'true'))
  }
  return { verb: positional[0] ?? '', positional: positional.slice(1), flags }
}

export function patronictl(world: World, place: () => string): Command {
  const dcs = world.patroni as Dcs
  const away = (): Output | undefined => (dcs.reachedFrom(place()) ? undefined : failed("Error: 'Can not find suitable configuration of distributed configuration store'\n"))
  return {
    name: 'patronictl',
    summary: 'shows and steers the Patroni cluster',
    check: (argv): Finding[] => {
      const { verb, positional, flags } = read(argv)
      if (dynamic(verb)) return []
      const found: string[] = []
      const asks = ASKING.has(verb) && !flags.has('--force')
      const known = FLAGS[verb]
      if (known === undefined) found.push(`patronictl ${verb} is not modelled; there are: ${VERBS.join(', ')}`)
      else {
        for (const flag of flags.keys()) if (!dynamic(flag) && !known.includes(flag) && flag !== '-c' && flag !== '--config-file') found.push(`patronictl ${verb}: the option ${flag} is not modelled; there are: ${known.join(' ')}`)
        const scheduled = flags.get('--scheduled')
        if (scheduled !== undefined && !dynamic(scheduled) && scheduled !== 'now') found.push(`patronictl switchover --scheduled ${scheduled} is not modelled; there is: now`)
        const cluster = positional[0]
        if (cluster !== undefined && !dynamic(cluster) && cluster !== world.options.name) found.push(`there is no Patroni cluster \`${cluster}\`; here it is called ${world.options.name} (\`--set cluster.name=${cluster}\`)`)
        const format = flags.get('--format') ?? flags.get('-f')
        if (verb === 'list' && format !== undefined && !dynamic(format) && !['pretty', 'json', 'tsv', 'yaml', 'yml'].includes(format)) found.push(`patronictl list --format ${format} is not modelled; there are: pretty, json, tsv, yaml`)
      }
      // The rehearsal shows it: where nobody answers it aborts.
      const questions: Finding[] = asks ? [{ severity: 'warning', message: `patronictl ${verb} asks questions unless --force is given, and reads the answers from its standard input: with nothing there (\`kubectl exec\` without \`-i\`, a terminal at which nobody sits) it aborts with status 1`, refused: true }] : []
      return [...found.map((message): Finding => ({ severity: 'error', message })), ...questions]
    },
    readsInput: argv => ASKING.has(read(argv).verb) && !read(argv).flags.has('--force'),
    latencyUs: call => Math.round(SECOND * (0.6 + 0.6 * world.sim.chance.draw(call.key, 'patronictl starts', call.nth))),
    look: call => (read(call.argv).verb === 'list' ? { output: away() ?? ok(listAs(dcs, formatOf(call.argv))), afterUs: 0, stableUntilUs: world.sim.now } : undefined),
    *run(call): Process<Output> {
      const { verb, positional, flags } = read(call.argv)
      const gone = away()
      if (gone !== undefined) return gone
      const leader = dcs.holder
      switch (verb) {
        case 'switchover':
        case 'failover': {
          const before = `Current cluster topology\n${list(dcs)}`
          let candidate = flags.get('--candidate')
          let named = flags.get('--leader') ?? flags.get('--primary') ?? flags.get('--master')
          const questions = flags.has('--force') ? undefined : new Questions(call.stdin)
          // Asked to fail over from a leader by name, older versions switched over.
          const action = verb === 'failover' && named === undefined ? 'failover' : 'switchover'
          if (action === 'switchover' && leader === undefined) return failed('Error: This cluster has no leader\n', 1, before)
          if (questions !== undefined && verb === 'switchover') {
            named ??= questions.prompt('Primary', leader ?? '')
            if (named === undefined) return questions.aborted(before)
          }
          if (named !== undefined && named !== leader) return failed(`Error: Member ${named} is not the leader of cluster ${world.options.name}\n`, 1, before)
          if (questions !== undefined && candidate === undefined) {
            const others = [...dcs.agents.keys()].filter(name => name !== leader).sort()
            const answer = questions.prompt(`Candidate [${others.map(name => `'${name}'`).join(', ')}]`, '')
            if (answer === undefined) return questions.aborted(before)
            candidate = answer === '' ? undefined : answer
          }
          if (verb === 'failover' && candidate === undefined) return failed('Error: Failover could be performed only to a specific candidate\n', 1, before)
          if (candidate !== undefined && candidate === leader) return failed(`Error: Member ${candidate} is already the leader of cluster ${world.options.name}\n`, 1, before)
          if (candidate !== undefined && !dcs.agents.has(candidate)) return failed(`Error: Member ${candidate} does not exist in cluster ${world.options.name} or is tagged as nofailover\n`, 1, before)
          if (questions !== undefined) {
            // What is asked for later than now is not modelled, whoever says it.
            const when = verb === 'switchover' && !flags.has('--scheduled') ? questions.prompt(`When should the switchover take place (e.g. ${inAnHour(dcs)} ) `, 'now') : 'now'
            if (when === undefined) return questions.aborted(before)
            if (when !== 'now') throw new UnsupportedError(`patronictl switchover, to take place at ${when}, is not modelled`, ['now'])
            const sure = questions.confirm(`Are you sure you want to ${verb} cluster ${world.options.name}${leader === undefined ? '' : `, demoting current leader ${leader}`}?`)
            if (sure === undefined) return questions.aborted(before)
            if (!sure) return failed(`Error: Aborting ${verb}\n`, 1, `${before}${questions.asked}`)
          }
          const outcome = yield* askFor(dcs, action === 'failover' ? undefined : leader, candidate, action)
          // What the leader refused, or did not do, it tells on its output alone: the exit status is 0 (rule PG-PATRONI-15).
          const told = `${before}${questions?.asked ?? ''}`
          if (!outcome.ok) return ok(`${told}${action === 'failover' ? 'Failover' : 'Switchover'} failed, details: ${outcome.text}\n`)
          return ok(`${told}${calendar(dcs)} ${outcome.text}\n${list(dcs)}`)
        }
        case 'pause':
        case 'resume': {
          const wanted = verb === 'pause'
          if (dcs.paused === wanted) return failed(`Error: Cluster is ${wanted ? 'already' : 'not'} paused\n`)
          dcs.paused = wanted
          dcs.tell()
          return ok(`Success: cluster management is ${wanted ? 'paused' : 'resumed'}\n`)
        }
        case 'reinit': {
          const member = positional[1] ?? ''
          const agent = dcs.agents.get(member)
          const questions = flags.has('--force') || agent === undefined ? undefined : new Questions(call.stdin)
          const sure = questions?.confirm(`Are you sure you want to reinitialize members ${member}?`) ?? (questions === undefined ? true : undefined)
          if (questions !== undefined && sure === undefined) return questions.aborted(list(dcs))
          if (questions !== undefined && sure === false) return failed('Error: Aborted reinitialize\n', 1, `${list(dcs)}${questions.asked}`)
          if (agent === undefined) return failed(`Error: ${member} is not a member of cluster\n`)
          if (member === leader) return failed(`Failed: reinitialize for member ${member}, status code=503, (I am the leader, can not reinitialize)\n`)
          agent.reinit()
          return ok(`${questions === undefined ? '' : `${list(dcs)}${questions.asked}`}Success: reinitialize for member ${member}\n`)
        }
        default:
          throw new UnsupportedError(`patronictl ${verb} is not modelled`, VERBS)
      }
    },
  }
}

/** The example that it gives: an hour from now, to the minute. */
const inAnHour = ({ world }: Dcs): string => (formatTimestamp(CALENDAR_US + world.sim.now + 3600 * SECOND, 'YYYY-MM-DD HH24:MI') ?? '').replace(' ', 'T')

/** The clock as patronictl tells it: fractions of a second with five digits. */
function calendar({ world }: Dcs): string {
  const us = CALENDAR_US + world.sim.now
  return `${formatTimestamp(us, 'YYYY-MM-DD HH24:MI:SS') ?? ''}.${String(Math.floor((us % SECOND) / 10)).padStart(5, '0')}`
}

/** How long whoever asks for a switchover waits for another leader: loop_wait and twice ten seconds. Source: patroni/api.py poll_failover_result */
const POLL_SECONDS = 20

/**
 * Asks for a switchover, or for a failover to a member by name (`leader` undefined), and waits for what comes of it. What the leader's REST API refuses at once, and how it
 * tells what came of it: patroni/api.py do_POST_failover, is_failover_possible, poll_failover_result (rules PG-PATRONI-5, PG-PATRONI-14).
 */
export function* askFor(dcs: Dcs, leader: string | undefined, candidate: string | undefined, action: 'switchover' | 'failover' = 'switchover'): Process<{ readonly ok: boolean; readonly text: string }> {
  const { sim } = dcs.world
  const before = dcs.holder
  const leading = before === undefined ? undefined : dcs.agents.get(before)
  const server = leading?.body.server()
  if (dcs.paused && candidate === undefined) return { ok: false, text: '400, Switchover is possible only to a specific candidate in a paused state' }
  if (action === 'switchover' && dcs.options.synchronousMode && candidate !== undefined && dcs.sync?.includes(candidate) !== true) return { ok: false, text: '412, candidate name does not match with sync_standby' }
  if (leading !== undefined && server?.state === 'primary' && leading.candidates(server, candidate, action === 'failover').length === 0) return { ok: false, text: `412, ${action} is not possible: no good candidates have been found` }
  dcs.failover = { leader, candidate }
  dcs.tell()
  const title = action === 'failover' ? 'Failover' : 'Switchover'
  const endsUs = sim.now + (dcs.options.loopWaitSeconds + POLL_SECONDS) * SECOND
  while (sim.now < endsUs) {
    yield SECOND
    const now = dcs.holder
    if (now !== undefined && now !== before && dcs.world.serverOf(now)?.state === 'primary') {
      const past = action === 'failover' ? 'failed over' : 'switched over'
      return { ok: true, text: candidate === undefined || now === candidate ? `Successfully ${past} to "${now}"` : `${past.charAt(0).toUpperCase()}${past.slice(1)} to "${now}" instead of "${candidate}"` }
    }
    if (dcs.failover === undefined && now === before) return { ok: false, text: `503, ${title} failed` }
  }
  return { ok: false, text: `503, ${title} status unknown` }
}

/** `patronictl list`. */
function formatOf(argv: readonly string[]): string {
  const { flags } = read(argv)
  return flags.get('--format') ?? flags.get('-f') ?? 'pretty'
}

function listAs(dcs: Dcs, format: string): string {
  switch (format) {
    case 'json':
      return listJson(dcs)
    case 'tsv':
      return [['Cluster', 'Member', 'Host', 'Role', 'State', 'TL', 'Lag in MB'], ...rowsOf(dcs).map(row => [dcs.world.options.name, ...row])].map(row => `${row.join('\t')}\n`).join('')
    case 'yaml':
    case 'yml':
      // safe_dump sorts the keys.
      return membersOf(dcs).map(member => Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)).map(([k, v], i) => `${i === 0 ? '- ' : '  '}${k}: ${v}\n`).join('')).join('')
    default:
      return list(dcs)
  }
}

/** As `print_output` of patroni/ctl.py gives it: one line, an object a member; numbers are numbers, and a leader has no lag. */
function listJson(dcs: Dcs): string {
  return `[${membersOf(dcs).map(m => `{${Object.entries(m).map(([k, v]) => `${JSON.stringify(k)}: ${JSON.stringify(v)}`).join(', ')}}`).join(', ')}]\n`
}

function membersOf(dcs: Dcs): Record<string, string | number>[] {
  return rowsOf(dcs).map(([member = '', host = '', role = '', state = '', timeline = '', lag = '']) => ({ Cluster: dcs.world.options.name, Member: member, Host: host, Role: role, State: state, ...(timeline === '' ? {} : { TL: Number(timeline) }), ...(lag === '' ? {} : { 'Lag in MB': Number(lag) }) }))
}

function rowsOf(dcs: Dcs): string[][] {
  const { world, holder } = dcs
  return [...dcs.agents.values()].sort((a, b) => (a.name < b.name ? -1 : 1)).map(agent => {
    const server = agent.body.server()
    const leads = agent.name === holder
    const role = leads ? 'Leader' : dcs.options.synchronousMode && dcs.sync?.includes(agent.name) ? 'Sync Standby' : 'Replica'
    const leading = holder === undefined ? undefined : world.serverOf(holder)
    const lag = leads || leading === undefined || server === undefined ? '' : String(Math.max(0, Math.round((leading.copy.lsn('flush') - server.copy.lsn('apply')) / 1_048_576)))
    return [agent.name, world.kubernetes.pod(agent.name)?.podIP ?? '', role, stateOf(server), String(server?.dir.timeline ?? ''), lag]
  })
}

function list(dcs: Dcs): string {
  const { world } = dcs
  const rows = rowsOf(dcs)
  const head = ['Member', 'Host', 'Role', 'State', 'TL', 'Lag in MB']
  const widths = head.map((h, i) => Math.max(h.length, ...rows.map(r => (r[i] as string).length)))
  const rule = `+${widths.map(w => '-'.repeat(w + 2)).join('+')}+`
  const line = (cells: readonly string[]): string => `|${cells.map((c, i) => ` ${i >= 4 ? c.padStart(widths[i] as number) : c.padEnd(widths[i] as number)} `).join('|')}|`
  return [`+ Cluster: ${world.options.name} (${world.systemId}) +`, line(head), rule, ...rows.map(line), rule, ...(dcs.paused ? [' Maintenance mode: on'] : [])].join('\n') + '\n'
}

function stateOf(server: Server | undefined): string {
  if (server === undefined) return 'stopped'
  if (server.state === 'standby') return server.receiver?.streaming === true ? 'streaming' : 'running'
  return server.state === 'primary' || server.state === 'promoting' ? 'running' : server.state
}

/**
 * What `GET http://MEMBER:8008/PATH` answers (rule PG-PATRONI-12): the status is what load balancers and probes look at, the body is JSON. undefined: nobody answers.
 * Paths: `/`, `/primary`, `/leader`, `/replica`, `/read-only`, `/health`, `/liveness`, `/readiness`, `/patroni`, `/cluster`, `/synchronous`. Source: rest_api.rst
 */
export function restAnswer(world: World, member: string, path: string): { readonly status: number; readonly body: string } | undefined {
  const dcs = world.patroni
  const agent = dcs?.agents.get(member)
  if (dcs === undefined || agent === undefined || !agent.answers) return undefined
  const server = agent.body.server()
  const primary = server?.state === 'primary'
  const leads = primary && dcs.leader === member
  const replica = server?.state === 'standby'
  const body = JSON.stringify({ state: server === undefined ? 'stopped' : 'running', role: primary ? 'primary' : 'replica', ...(server === undefined ? {} : { server_version: Number(server.host.version.split('.')[0]) * 10_000 + Number(server.host.version.split('.')[1] ?? 0), timeline: server.dir.timeline, ...(primary ? { xlog: { location: server.copy.lsn('flush') } } : { xlog: { received_location: server.copy.lsn('receive'), replayed_location: server.copy.lsn('apply') } }) }), ...(dcs.paused ? { pause: true } : {}), patroni: { scope: world.options.name, name: member } })
  if (path === '/cluster') return { status: 200, body: JSON.stringify({ members: [...dcs.agents.keys()].sort().map(name => ({ name, role: name === dcs.holder ? 'leader' : 'replica', state: stateOf(dcs.agents.get(name)?.body.server()) })) }) }
  const met: Readonly<Record<string, boolean>> = {
    '/': leads, '/primary': leads, '/read-write': leads, '/leader': leads, '/replica': replica, '/read-only': replica || leads, '/health': server?.accepting === true, '/readiness': leads || replica, '/liveness': true, '/patroni': true,
    '/synchronous': replica && dcs.options.synchronousMode && dcs.sync?.includes(member) === true,
  }
  const known = met[path.split('?')[0] as string]
  return known === undefined ? { status: 404, body: '' } : { status: known ? 200 : 503, body }
}
