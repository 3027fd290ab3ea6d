/** `vtctldclient`: the commands that runbooks use, with the output of the real one. Flags that are not modelled are errors that name what is. */
import { NEVER, parseDurationUs, type Process, SECOND, type Us } from '../../src/kernel/index.ts'
import { type Call, type Command, failed, type Finding, type Intent, type Look, ok, type Output, UnsupportedError } from '../../src/operator/command.ts'
import { rememberedByWords } from '../../src/operator/remembered.ts'
import { absentNames } from './absent.ts'
import type { VitessCluster } from './cluster.ts'
import { POLICIES, recordPolicy } from './durability.ts'
import { emergencyReparent } from './emergency.ts'
import type { Keyspace } from './keyspace.ts'
import { cellName } from './names.ts'
import { gtidOf } from './mysql.ts'
import { acquire, call, plannedReparent, type Reparented } from './reparent.ts'
import { applyRoutingRules, applySchema, refreshShard, setTabletControl } from './routing.ts'
import type { Shard } from './shard.ts'
import type { Tablet } from './tablet.ts'
import { aliasJson, awk, backUp, backUpShard, backupsOf, changeType, getTablets, Refusal, reparentTablet, restoreFromBackup, setReplication, tabletJson, timeJson } from './tablet-commands.ts'
import { anySilent, type Invalid, validate, validateKeyspace, validateShard } from './validate.ts'
import { actOnDiff, actOnMove, DIFF_ACTIONS, LIST_ACTIONS, MOVE_ACTIONS, showDiff, showMove, type WorkflowCall, WorkflowError } from './workflow-commands.ts'
import { ADMIN_PLACE, type World } from './world.ts'

type FlagKind = 'text' | 'duration' | 'switch' | 'list'

interface Verb {
  readonly words: number
  readonly usage: string
  readonly flags: Readonly<Record<string, FlagKind>>
}

const VERBS: Readonly<Record<string, Verb>> = {
  GetTablets: { words: 0, usage: 'GetTablets [--keyspace KS [--shard RANGE]] [--cell CELL] [--tablet-type TYPE] [--tablet-alias ALIAS] [--format awk|json]', flags: { keyspace: 'text', shard: 'text', cell: 'list', 'tablet-type': 'text', 'tablet-alias': 'list', format: 'text', strict: 'switch' } },
  GetTablet: { words: 1, usage: 'GetTablet ALIAS', flags: {} },
  GetShard: { words: 1, usage: 'GetShard KEYSPACE/SHARD', flags: {} },
  GetKeyspaces: { words: 0, usage: 'GetKeyspaces', flags: {} },
  GetKeyspace: { words: 1, usage: 'GetKeyspace KEYSPACE', flags: {} },
  GetCellInfoNames: { words: 0, usage: 'GetCellInfoNames', flags: {} },
  FindAllShardsInKeyspace: { words: 1, usage: 'FindAllShardsInKeyspace KEYSPACE', flags: {} },
  ShardReplicationPositions: { words: 1, usage: 'ShardReplicationPositions KEYSPACE/SHARD', flags: {} },
  GetBackups: { words: 1, usage: 'GetBackups KEYSPACE/SHARD', flags: { limit: 'text' } },
  PingTablet: { words: 1, usage: 'PingTablet ALIAS', flags: {} },
  Backup: { words: 1, usage: 'Backup [--allow-primary] [--concurrency N] [--upgrade-safe] ALIAS', flags: { 'allow-primary': 'switch', concurrency: 'text', 'upgrade-safe': 'switch' } },
  BackupShard: { words: 1, usage: 'BackupShard [--allow-primary] [--concurrency N] [--upgrade-safe] KEYSPACE/SHARD', flags: { 'allow-primary': 'switch', concurrency: 'text', 'upgrade-safe': 'switch' } },
  StopReplication: { words: 1, usage: 'StopReplication ALIAS', flags: {} },
  StartReplication: { words: 1, usage: 'StartReplication ALIAS', flags: {} },
  Validate: { words: 0, usage: 'Validate [--ping-tablets]', flags: { 'ping-tablets': 'switch' } },
  ValidateKeyspace: { words: 1, usage: 'ValidateKeyspace [--ping-tablets] KEYSPACE', flags: { 'ping-tablets': 'switch' } },
  ValidateShard: { words: 1, usage: 'ValidateShard [--ping-tablets] KEYSPACE/SHARD', flags: { 'ping-tablets': 'switch' } },
  PlannedReparentShard: { words: 1, usage: 'PlannedReparentShard KEYSPACE/SHARD [--new-primary ALIAS] [--avoid-primary ALIAS] [--expected-primary ALIAS] [--wait-replicas-timeout D] [--tolerable-replication-lag D] [--allow-cross-cell-promotion]', flags: { 'new-primary': 'text', 'avoid-primary': 'text', 'expected-primary': 'text', 'wait-replicas-timeout': 'duration', 'tolerable-replication-lag': 'duration', 'allow-cross-cell-promotion': 'switch' } },
  EmergencyReparentShard: { words: 1, usage: 'EmergencyReparentShard KEYSPACE/SHARD [--new-primary ALIAS] [--expected-primary ALIAS] [--wait-replicas-timeout D] [--ignore-replicas ALIAS,…] [--wait-for-all-tablets] [--prevent-cross-cell-promotion]', flags: { 'new-primary': 'text', 'expected-primary': 'text', 'wait-replicas-timeout': 'duration', 'ignore-replicas': 'list', 'wait-for-all-tablets': 'switch', 'prevent-cross-cell-promotion': 'switch' } },
  ChangeTabletType: { words: 2, usage: 'ChangeTabletType [--dry-run] ALIAS TYPE', flags: { 'dry-run': 'switch' } },
  RestoreFromBackup: { words: 1, usage: 'RestoreFromBackup ALIAS', flags: {} },
  RefreshState: { words: 1, usage: 'RefreshState ALIAS', flags: {} },
  RefreshStateByShard: { words: 1, usage: 'RefreshStateByShard KEYSPACE/SHARD', flags: {} },
  SetShardTabletControl: { words: 2, usage: 'SetShardTabletControl --denied-tables T,… [--remove] KEYSPACE/SHARD primary', flags: { 'denied-tables': 'text', remove: 'switch' } },
  ReparentTablet: { words: 1, usage: 'ReparentTablet ALIAS', flags: {} },
  SetKeyspaceDurabilityPolicy: { words: 1, usage: 'SetKeyspaceDurabilityPolicy --durability-policy none|semi_sync|semi_sync_with_rdonly_ack|cross_cell KEYSPACE', flags: { 'durability-policy': 'text' } },
  ApplySchema: { words: 1, usage: "ApplySchema --sql 'create table …' KEYSPACE", flags: { sql: 'text' } },
  ApplyRoutingRules: { words: 0, usage: 'ApplyRoutingRules --rules JSON', flags: { rules: 'text' } },
  MoveTables: { words: 1, usage: 'MoveTables --target-keyspace KS --workflow NAME create --source-keyspace KS --all-tables [--tablet-types T,…] | show | status | switchtraffic [--timeout D] [--max-replication-lag-allowed D] [--enable-reverse-replication=false] | reversetraffic [--timeout D] [--max-replication-lag-allowed D] | complete [--keep-data] | cancel [--keep-data]', flags: { 'target-keyspace': 'text', workflow: 'text', 'source-keyspace': 'text', 'all-tables': 'switch', 'tablet-types': 'text', timeout: 'duration', 'max-replication-lag-allowed': 'duration', 'enable-reverse-replication': 'switch', 'keep-data': 'switch' } },
  Workflow: { words: 1, usage: 'Workflow --keyspace KS list', flags: { keyspace: 'text' } },
  VDiff: { words: 1, usage: 'VDiff --target-keyspace KS --workflow NAME create | show [last|UUID]', flags: { 'target-keyspace': 'text', workflow: 'text' } },
}

/** Those that act; those that have several actions say of each whether it does. */
const ACTS: ReadonlySet<string> = new Set(['PlannedReparentShard', 'EmergencyReparentShard', 'ChangeTabletType', 'RestoreFromBackup', 'Backup', 'BackupShard', 'StopReplication', 'StartReplication', 'RefreshState', 'RefreshStateByShard', 'SetShardTabletControl', 'ReparentTablet', 'SetKeyspaceDurabilityPolicy', 'ApplySchema', 'ApplyRoutingRules'])

const GLOBAL: Readonly<Record<string, FlagKind>> = { server: 'text', 'action-timeout': 'duration', compact: 'switch', logtostderr: 'switch', alsologtostderr: 'switch' }

/** One-letter flags of the real one. Source: vtctldclient command/*.go. */
const SHORT: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  GetTablets: { c: 'cell', k: 'keyspace', s: 'shard', t: 'tablet-alias' }, EmergencyReparentShard: { i: 'ignore-replicas' },
  MoveTables: { w: 'workflow' }, VDiff: { w: 'workflow' }, Workflow: { k: 'keyspace' }, Validate: { p: 'ping-tablets' }, ValidateKeyspace: { p: 'ping-tablets' }, ValidateShard: { p: 'ping-tablets' },
}

interface Parsed {
  readonly verb: string
  readonly words: readonly string[]
  readonly flags: ReadonlyMap<string, string>
  readonly problem: string | undefined
}

/** The actions of verbs that have several. */
const ACTIONS: Readonly<Record<string, Readonly<Record<string, { readonly looks: boolean }>>>> = { MoveTables: MOVE_ACTIONS, VDiff: DIFF_ACTIONS, Workflow: LIST_ACTIONS }

const SUPPORTED = Object.values(VERBS).map(v => v.usage)

/** `-k commerce`, `-k=commerce` and `-kcommerce` as flags of more letters; whatever else is a word, or a flag that is not modelled. */
function spelledOut(verb: string, word: string): string {
  const [, letter = '', equals = '', value = ''] = /^-([A-Za-z])(=?)(.*)$/.exec(word) ?? []
  if (letter === '') return word
  const name = SHORT[verb]?.[letter]
  return name === undefined ? `-${word}` : `--${name}${equals === '' && value === '' ? '' : `=${value}`}`
}

/** Reads an argument vector; flags may be written with hyphens or underscores. */
const parse = rememberedByWords((argv): Parsed => {
  const words: string[] = []
  const flags = new Map<string, string>()
  let problem: string | undefined
  let verb = ''
  for (let i = 1; i < argv.length; i++) {
    const word = spelledOut(verb, argv[i] as string)
    if (!word.startsWith('--')) {
      if (verb === '') verb = word
      else words.push(word)
      continue
    }
    const equals = word.indexOf('=')
    const name = (equals < 0 ? word.slice(2) : word.slice(2, equals)).replaceAll('_', '-')
    const kind = VERBS[verb]?.flags[name] ?? GLOBAL[name]
    if (kind === undefined) {
      problem ??= `unknown flag: --${name}${verb === '' ? '' : ` for ${verb}`}`
      continue
    }
    const value = kind === 'switch' ? (equals < 0 ? 'true' : word.slice(equals + 1)) : equals < 0 ? (argv[++i] ?? '') : word.slice(equals + 1)
    // A list may be given in several flags.
    flags.set(name, kind === 'list' && flags.has(name) ? `${flags.get(name)},${value}` : value)
  }
  return { verb, words, flags, problem }
})

/** topo.RemoteOperationTimeout. */
const REMOTE_OPERATION_US = 15 * SECOND
const acts = ({ verb, words: [action = ''] }: Parsed): boolean => ACTS.has(verb) || (ACTIONS[verb] !== undefined && ACTIONS[verb][action.toLowerCase()]?.looks !== true)

export class Vtctldclient implements Command {
  readonly name = 'vtctldclient'
  readonly summary = 'administers the cluster through vtctld'

  constructor(private readonly cluster: VitessCluster) {}

  check(argv: readonly string[]): readonly Finding[] {
    const { verb, words, flags, problem } = parse(argv)
    if (verb.includes('${')) return []
    const known = VERBS[verb]
    if (known === undefined) return [{ severity: 'error', message: `vtctldclient: \`${verb}\` is not modelled; there are: ${SUPPORTED.join('; ')}` }]
    if (problem !== undefined && !problem.includes('${')) return [{ severity: 'error', message: `vtctldclient: ${problem}; right would be: ${known.usage}` }]
    const actions = ACTIONS[verb]
    if (actions !== undefined && words[0] !== undefined && !words[0].includes('${') && actions[words[0].toLowerCase()] === undefined) return [{ severity: 'error', message: `vtctldclient: ${verb} ${words[0]} is not modelled; there are: ${Object.keys(actions).join(', ')}` }]
    return words.length >= known.words ? absentNames(this.cluster, words, flags) : [{ severity: 'error', message: `vtctldclient: ${verb} needs ${known.words} argument${known.words === 1 ? '' : 's'}: ${known.usage}` }]
  }

  latencyUs(called: Call): Us {
    return this.cluster.kubernetes.drawUs('apiCallSeconds', called.key, called.nth)
  }

  readonly intent = (argv: readonly string[]): Intent => (acts(parse(argv)) ? 'acts' : 'reads')

  look(called: Call): Look | undefined {
    const parsed = this.parsed(called)
    const actions = ACTIONS[parsed.verb]
    if (acts(parsed)) return undefined
    if (parsed.verb.startsWith('Validate')) return this.validated(parsed)
    // Lag and progress change by themselves.
    const moves = parsed.verb === 'ShardReplicationPositions' || actions !== undefined
    const output = this.guarded(() => this.read(parsed))
    return { output, afterUs: 0, stableUntilUs: moves ? this.cluster.now : NEVER }
  }

  /** What the records say against one another, and the tablets (rule VT-VALIDATE-1); who is silent is waited for. */
  private validated({ verb, words: [name = ''], flags }: Parsed): Look {
    const { world } = this.cluster
    const ping = flags.get('ping-tablets') === 'true'
    let shards: Iterable<Shard> = []
    const output = this.guarded(() => {
      let invalid: Invalid | undefined
      if (verb === 'ValidateShard') {
        const shard = this.shard(name)
        shards = [shard]
        invalid = validateShard(shard, ping)
      } else if (verb === 'ValidateKeyspace') {
        const keyspace = this.keyspace(name)
        shards = keyspace.shards
        invalid = validateKeyspace(keyspace, ping)
      } else {
        shards = [...world.keyspaces.values()].flatMap((keyspace) => keyspace.shards)
        invalid = validate(world.keyspaces.values(), ping)
      }
      if (invalid !== undefined) throw new Refusal(invalid.error, `Validation results:\n${invalid.text}`)
      return `Validation${verb === 'Validate' ? '' : ` of ${name}`} complete; no issues found.\n`
    })
    return { output, afterUs: ping && anySilent(shards) ? REMOTE_OPERATION_US : 0, stableUntilUs: ping ? world.sim.now : NEVER }
  }

  *run(called: Call): Process<Output> {
    const parsed = this.parsed(called)
    try {
      return yield* this.act(parsed)
    } catch (error) {
      if (error instanceof Refusal || error instanceof WorkflowError) return failed(`${error.message}\n`)
      throw error
    }
  }

  private parsed(called: Call): Parsed {
    const parsed = parse(called.argv)
    if (VERBS[parsed.verb] === undefined) throw new UnsupportedError(`vtctldclient ${parsed.verb} is not modelled`, SUPPORTED)
    if (parsed.problem !== undefined) throw new UnsupportedError(`vtctldclient: ${parsed.problem}`, [(VERBS[parsed.verb] as Verb).usage])
    return parsed
  }

  private guarded(read: () => string): Output {
    const { world } = this.cluster
    // vtctld itself reads the topo server.
    if (!world.topoUp) return failed('rpc error: code = DeadlineExceeded desc = context deadline exceeded\n')
    try {
      return ok(read())
    } catch (error) {
      if (error instanceof Refusal) return failed(`${error.message}\n`, 1, error.out)
      if (error instanceof WorkflowError) return failed(`${error.message}\n`)
      throw error
    }
  }

  // ── what only reads ────────────────────────────────────────────────────────────────────────────────────────────────────────────

  private read({ verb, words, flags }: Parsed): string {
    const { world } = this.cluster
    switch (verb) {
      case 'GetTablets':
        return getTablets(world, flags, alias => this.tablet(alias))
      case 'GetTablet':
        return `${JSON.stringify(tabletJson(this.tablet(words[0] ?? '')), undefined, 2)}\n`
      case 'GetShard': {
        const shard = this.shard(words[0] ?? '')
        const [start = '', end = ''] = shard.range.split('-')
        return `${JSON.stringify({ keyspace: shard.keyspace.name, name: shard.range, shard: { primary_alias: shard.primary === undefined ? null : aliasJson(shard.primary), primary_term_start_time: timeJson(shard.termStartUs), key_range: { start, end }, is_primary_serving: true, ...(shard.denies ? { tablet_controls: [{ tablet_type: 1, cells: [], denied_tables: ['/.*/'] }] } : {}) } }, undefined, 2)}\n`
      }
      case 'GetKeyspaces':
        return `${JSON.stringify([...world.keyspaces.values()].map(keyspaceJson), undefined, 2)}\n`
      case 'GetKeyspace':
        return `${JSON.stringify(keyspaceJson(this.keyspace(words[0] ?? '')), undefined, 2)}\n`
      case 'GetCellInfoNames':
        return Array.from({ length: world.options.cells }, (_, i) => `${cellName(i, world.options)}\n`).join('')
      case 'FindAllShardsInKeyspace': {
        const keyspace = this.keyspace(words[0] ?? '')
        return `${JSON.stringify(Object.fromEntries(keyspace.shards.map(s => [s.range, { keyspace: keyspace.name, name: s.range, shard: { primary_alias: s.primary === undefined ? null : aliasJson(s.primary) } }])), undefined, 2)}\n`
      }
      case 'ShardReplicationPositions':
        return this.shard(words[0] ?? '').tablets.map(t => `${awk(t)} ${t.answers ? `MySQL56/${gtidOf(t)}` : '<err>'} ${Math.floor(t.lagSeconds)}\n`).join('')
      case 'GetBackups':
        this.shard(words[0] ?? '')
        return backupsOf(this.shard(words[0] ?? ''), flags.get('limit'))
      case 'PingTablet': {
        const tablet = this.tablet(words[0] ?? '')
        if (!tablet.answers) throw new Refusal(`rpc error: code = Unavailable desc = connection error: ${tablet.alias}`)
        return ''
      }
      case 'MoveTables':
        return showMove(world, this.workflow(words, flags))
      case 'Workflow': {
        const keyspace = this.keyspace(flags.get('keyspace') ?? '')
        return `${JSON.stringify(world.workflows.all.filter(workflow => !workflow.ended && workflow.target === keyspace).map(({ name }) => name))}\n`
      }
      case 'VDiff':
        return showDiff(world, this.workflow(words, flags))
      default:
        throw new Error(`vitess: ${verb} does not only read`)
    }
  }

  // ── what acts ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  private *act({ verb, words, flags }: Parsed): Process<Output> {
    const { cluster } = this
    const { world } = cluster
    switch (verb) {
      case 'PlannedReparentShard':
      case 'EmergencyReparentShard': {
        const shard = this.shard(words[0] ?? '')
        const newPrimary = flags.has('new-primary') ? this.tablet(flags.get('new-primary') as string) : undefined
        const expected = flags.has('expected-primary') ? this.tablet(flags.get('expected-primary') as string) : undefined
        const waitReplicasUs = this.duration(flags, 'wait-replicas-timeout') ?? world.options.waitReplicasSeconds * SECOND
        let gone = false
        const common = { by: 'vtctld', newPrimary, expected, waitReplicasUs, promoter: 'operator' as const, cancelled: () => gone }
        const work =
          verb === 'PlannedReparentShard'
            ? plannedReparent(shard, { ...common, avoid: flags.has('avoid-primary') ? this.tablet(flags.get('avoid-primary') as string) : undefined, tolerableLagUs: this.duration(flags, 'tolerable-replication-lag'), crossCell: flags.get('allow-cross-cell-promotion') === 'true' })
            : emergencyReparent(shard, { ...common, ignore: (flags.get('ignore-replicas') ?? '').split(',').filter(a => a !== '').map(a => this.tablet(a)), waitForAll: flags.get('wait-for-all-tablets') === 'true', sameCell: flags.get('prevent-cross-cell-promotion') === 'true' })
        // It runs in vtctld; who interrupts the client cancels it, and it ends in good order.
        const task = world.sim.spawn(work)
        try {
          const result = (yield task) as Reparented | undefined
          return reported(verb, shard, result)
        } finally {
          gone = true
        }
      }
      case 'ChangeTabletType':
        return yield* changeType(this.tablet(words[0] ?? ''), words[1] ?? '', flags.get('dry-run') === 'true')
      case 'StopReplication':
      case 'StartReplication':
        return yield* setReplication(this.tablet(words[0] ?? ''), verb === 'StartReplication')
      case 'Backup':
        return yield* backUp(cluster.tablets, this.tablet(words[0] ?? ''), flags.get('allow-primary') === 'true')
      case 'BackupShard':
        return yield* backUpShard(cluster.tablets, this.shard(words[0] ?? ''), flags.get('allow-primary') === 'true')
      case 'RefreshState': {
        const tablet = this.tablet(words[0] ?? '')
        if (!(yield* call(tablet, 'vtctld'))) throw new Refusal(`rpc error: code = Unavailable desc = ${tablet.alias} did not answer`)
        if (tablet === tablet.shard.primary && world.topoUp) tablet.shard.readRecord()
        return ok(`Refreshed state on ${tablet.alias}\n`)
      }
      case 'RefreshStateByShard':
        return yield* refreshShard(world, this.shard(words[0] ?? ''))
      case 'SetShardTabletControl':
        return yield* setTabletControl(world, this.shard(words[0] ?? ''), (words[1] ?? '').toLowerCase(), flags)
      case 'ReparentTablet':
        return yield* reparentTablet(this.tablet(words[0] ?? ''))
      case 'SetKeyspaceDurabilityPolicy':
        return yield* setDurabilityPolicy(world, this.keyspace(words[0] ?? ''), flags.get('durability-policy') ?? 'none')
      case 'ApplySchema':
        return yield* applySchema(world, words[0] ?? '', flags)
      case 'ApplyRoutingRules':
        return yield* applyRoutingRules(world, flags.get('rules') ?? '')
      case 'RestoreFromBackup':
        return yield* restoreFromBackup(cluster.tablets, this.tablet(words[0] ?? ''))
      case 'MoveTables': {
        let gone = false
        const task = world.sim.spawn(actOnMove(world, this.workflow(words, flags), () => gone))
        try {
          return ((yield task) as Output | undefined) ?? failed('rpc error: code = Canceled desc = context canceled\n')
        } finally {
          gone = true
        }
      }
      case 'VDiff':
        return actOnDiff(world, this.workflow(words, flags), `vdiff-${++this.diffs}`)
      default:
        throw new Error(`vitess: ${verb} has no effect`)
    }
  }

  private diffs = 0

  private workflow([action = '', ...rest]: readonly string[], flags: ReadonlyMap<string, string>): WorkflowCall {
    return { action: action.toLowerCase(), rest, flags, timeoutUs: this.duration(flags, 'timeout'), maxLagUs: this.duration(flags, 'max-replication-lag-allowed') }
  }

  private duration(flags: ReadonlyMap<string, string>, name: string): Us | undefined {
    const text = flags.get(name)
    if (text === undefined) return undefined
    const us = parseDurationUs(text)
    if (us === undefined) throw new Refusal(`invalid argument "${text}" for "--${name}" flag: time: invalid duration`)
    return us
  }

  private tablet(alias: string): Tablet {
    const dash = alias.lastIndexOf('-')
    const uid = Number(alias.slice(dash + 1))
    // The number may be written without its zeros.
    const tablet = this.cluster.world.byAlias.get(dash < 0 || !Number.isInteger(uid) ? alias : `${alias.slice(0, dash)}-${String(uid).padStart(10, '0')}`)
    if (tablet === undefined) throw new Refusal(`rpc error: code = Unknown desc = node doesn't exist: tablets/${alias}/Tablet`)
    return tablet
  }

  private keyspace(name: string): Keyspace {
    const keyspace = this.cluster.world.keyspaces.get(name)
    if (keyspace === undefined) throw new Refusal(`rpc error: code = Unknown desc = node doesn't exist: keyspaces/${name}/Keyspace`)
    return keyspace
  }

  private shard(path: string): Shard {
    const [keyspace, range = ''] = path.split('/')
    const shard = this.cluster.world.byPath.get(path)
    if (shard === undefined) throw new Refusal(`rpc error: code = Unknown desc = node doesn't exist: keyspaces/${keyspace}/shards/${range}/Shard`)
    return shard
  }
}

function reported(verb: string, shard: Shard, result: Reparented | undefined): Output {
  if (result === undefined) return failed('rpc error: code = Canceled desc = context canceled\n')
  if (result.error !== undefined) return failed(`rpc error: code = Unknown desc = ${result.error}\n`)
  return ok(`${verb === 'PlannedReparentShard' ? 'successfully reparented' : 'emergency reparented'} ${shard.path} to ${result.primary?.alias ?? ''}\n`)
}

function keyspaceJson({ name, durabilityPolicy }: Keyspace): { readonly name: string; readonly keyspace: { readonly durability_policy: string } } {
  return { name, keyspace: { durability_policy: durabilityPolicy } }
}

/** Only the keyspace's record (rule VT-DUR-1); an operator whose cluster object says otherwise writes back what that says (rule VT-DUR-2). */
function* setDurabilityPolicy(world: World, keyspace: Keyspace, text: string): Process<Output> {
  const policy = POLICIES.find(one => one === text)
  if (policy === undefined) throw new Refusal(`rpc error: code = InvalidArgument desc = durability policy <${text}> is not a valid policy. Please register it as a policy first`)
  yield world.rpcUs(`vtctld/${keyspace.name}`)
  if (!world.topoUp) throw new Refusal('rpc error: code = DeadlineExceeded desc = context deadline exceeded')
  recordPolicy(world, keyspace, policy, 'vtctldclient')
  world.kubernetes.controllers.enqueue('VitessCluster', world.options.name)
  return ok(`${JSON.stringify({ keyspace: { durability_policy: policy } }, undefined, 2)}\n`)
}

export { acquire, ADMIN_PLACE }
