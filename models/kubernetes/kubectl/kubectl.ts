import { NEVER, parseDurationUs, type Process, SECOND, type Us } from '../../../src/kernel/index.ts'
import { type Call, type Command, failed, type Finding, type Intent, type Look, type Output, type Overlay, UnsupportedError } from '../../../src/operator/command.ts'
import { rememberedByWords } from '../../../src/operator/remembered.ts'
import type { Kubernetes } from '../kubernetes.ts'
import { type Arguments, type FlagSpec, GLOBAL_FLAGS, parseArguments, REAL_GLOBAL_FLAGS } from './arguments.ts'
import { absentNames } from './absent.ts'
import { apply, create, replace } from './apply.ts'
import { config } from './config.ts'
import { cp } from './cp.ts'
import { deleteVerb } from './delete.ts'
import { describe } from './describe.ts'
import { drain, uncordon, cordon } from './drain.ts'
import { exec, execLatencyUs } from './exec.ts'
import { get, watches } from './get.ts'
import { JsonPathError } from './jsonpath.ts'
import { checkKinds } from './manifests.ts'
import { annotate, label, taint } from './label.ts'
import { auth, clusterInfo, logs, top, version } from './misc.ts'
import { patch } from './patch.ts'
import { rollout } from './rollout.ts'
import { run } from './run.ts'
import { scale } from './scale.ts'
import { set } from './set.ts'
import { CliError, type Context, type Verb } from './verb.ts'
import { wait } from './wait.ts'

export const VERBS: readonly Verb[] = [annotate, apply, auth, clusterInfo, config, cordon, cp, create, deleteVerb, describe, drain, exec, get, label, logs, patch, replace, rollout, run, scale, set, taint, top, uncordon, version, wait]

interface Invocation {
  readonly verb: Verb
  readonly args: Arguments
}

interface UnknownVerb {
  readonly unknown: string
}

/** Of verbs that runbooks use why they are not here, and what does the same. */
const INSTEAD: Readonly<Record<string, string>> = {
  'port-forward': ': a rehearsal has no local ports; run the client in a pod with `kubectl exec`, or on the workstation by the name of the Service',
  diff: ': what it prints hangs on defaults that the API server fills in; `kubectl apply --dry-run=server -f …` says which objects would change',
  events: '; `kubectl get events` prints them',
  debug: ': ephemeral containers are not modelled; `kubectl exec` reaches the container itself',
  kustomize: ': render it before, and apply the files with `-f`',
  edit: ': nobody sits at an editor; `kubectl patch` makes the same change',
  attach: '; `kubectl logs` and `kubectl exec` reach the container',
  proxy: ': a rehearsal has no local ports; `kubectl get --raw` is not modelled either',
}

const BY_NAME = new Map(VERBS.map(v => [v.name, v]))

/** The `kubectl` of an operator's workstation. */
export class Kubectl implements Command {
  readonly name = 'kubectl'
  readonly summary = 'reads and changes the objects of the cluster'

  constructor(private readonly kube: Kubernetes) {}

  check(argv: readonly string[]): readonly Finding[] {
    const invocation = parse(argv)
    if ('unknown' in invocation) return invocation.unknown.includes('${') ? [] : [{ severity: 'error', message: invocation.unknown }]
    const { verb, args } = invocation
    const findings: Finding[] = []
    // What the real tool refuses is no error of the input: it is what the rehearsal is to show.
    if (args.problem?.startsWith('invalid argument ') === true) findings.push({ severity: 'error', message: `kubectl ${verb.name} fails: ${args.problem}`, refused: true })
    else if (args.problem !== undefined) findings.push({ severity: refusedByKubectl(invocation) ? 'warning' : 'error', message: withSupported(unknownFlag(invocation), verb) ?? `kubectl ${verb.name} fails: ${args.problem}` })
    for (const message of verb.check?.(args, this.kube) ?? []) findings.push({ severity: 'error', message })
    for (const message of verb.warnings?.(args, this.kube) ?? []) findings.push({ severity: 'warning', message, refused: true })
    if (args.problem === undefined) findings.push(...absentNames(this.kube, verb.name, args))
    for (const file of verb.files?.(args) ?? []) findings.push({ severity: 'error', message: `\`-f ${file}\`: a step has no files: pass the objects on standard input with \`-f -\`, or write a shell script`, file })
    return findings
  }

  checkText(argv: readonly string[], file: string, text: string): readonly Finding[] {
    const invocation = parse(argv)
    if ('unknown' in invocation || !['apply', 'create', 'replace'].includes(invocation.verb.name)) return []
    return checkKinds(invocation.args, file, text, this.kube).map(message => ({ severity: 'error', message }))
  }

  /** Without -i nothing reaches the container; a program that reads nothing does not mind. */
  deaf(argv: readonly string[]): string | undefined {
    const invocation = parse(argv)
    return 'unknown' in invocation || invocation.verb !== exec || invocation.args.flags.has('stdin') ? undefined : '`kubectl exec` without `-i` passes no standard input on: the program in the container reads nothing'
  }

  /** A program in a container with `-i`, manifests by `-f -`. */
  readsInput(argv: readonly string[]): boolean {
    const invocation = parse(argv)
    if ('unknown' in invocation) return true
    const { flags, repeated } = invocation.args
    const stdin = flags.has('stdin') && flags.get('stdin') !== 'false'
    return stdin || [...flags.values(), ...[...repeated.values()].flat()].some(value => value === '-' || value === '/dev/stdin' || value.includes('/dev/fd/'))
  }

  streams(argv: readonly string[]): boolean {
    const invocation = parse(argv)
    if ('unknown' in invocation) return false
    return (invocation.verb === get && watches(invocation.args)) || (invocation.verb === logs && ['', 'true'].includes(invocation.args.flags.get('follow') ?? 'false'))
  }

  intent(argv: readonly string[]): Intent | undefined {
    const invocation = parse(argv)
    if ('unknown' in invocation) return undefined
    const { verb, args } = invocation
    if (verb.intent !== undefined) return verb.intent(args, this.kube)
    return verb.run === undefined ? 'reads' : verb.look === undefined ? 'acts' : undefined
  }

  latencyUs(call: Call): Us {
    const invocation = parse(call.argv)
    if (!('unknown' in invocation) && invocation.verb === exec && invocation.args.problem === undefined) return execLatencyUs(this.context(call, invocation.args))
    return Math.round(this.kube.drawUs('apiCallSeconds', call.key, call.nth) * this.kube.apiFactor)
  }

  layOver(programs: readonly Overlay[]): void {
    this.kube.overlays = [...this.kube.overlays, ...programs]
  }

  look(call: Call): Look | undefined {
    const { verb, args } = this.invocation(call)
    if (args.problem !== undefined) return still(failed(`error: ${args.problem}\nSee 'kubectl ${verb.name} --help' for usage.\n`))
    const away = this.unreachable(args)
    if (away !== undefined) return away
    try {
      const seen = verb.look?.(this.context(call, args))
      return seen === undefined || 'output' in seen ? seen : still(seen)
    } catch (error) {
      return still(asOutput(error))
    }
  }

  *run(call: Call): Process<Output> {
    const { verb, args } = this.invocation(call)
    if (verb.run === undefined) throw new Error(`kubectl ${verb.name} neither looks nor runs: ${call.argv.join(' ')}`)
    try {
      return yield* verb.run(this.context(call, args))
    } catch (error) {
      return asOutput(error)
    }
  }

  /** The API server cannot be reached from here: kubectl's words for it, after the time that it takes. */
  private unreachable(args: Arguments): Look | undefined {
    if (!this.kube.network.connected('operator', 'control-plane')) {
      const asked = parseDurationUs(args.flags.get('request-timeout') ?? '')
      return { output: failed('Unable to connect to the server: dial tcp 20.50.1.1:443: i/o timeout\n'), afterUs: asked || this.kube.options.connectTimeoutSeconds * SECOND, stableUntilUs: NEVER }
    }
    if (!this.kube.apiUp) return still(failed(`The connection to the server ${this.kube.options.clusterName}:443 was refused - did you specify the right host or port?\n`))
    return undefined
  }

  private context(call: Call, args: Arguments): Context {
    return { kube: this.kube, call, args, namespace: args.flags.get('namespace') ?? this.kube.options.namespace }
  }

  private invocation(call: Call): Invocation {
    const invocation = parse(call.argv)
    if ('unknown' in invocation) throw new UnsupportedError(invocation.unknown, [...BY_NAME.keys()])
    const unknown = unknownFlag(invocation)
    if (unknown !== undefined) throw new UnsupportedError(unknown, flagNames(invocation.verb))
    return invocation
  }

}

/** Global flags may come before the verb. */
const parse = rememberedByWords((argv): Invocation | UnknownVerb => {
  const words = argv.slice(1)
  let at = 0
  while (at < words.length && (words[at] as string).startsWith('-')) at += (words[at] as string).includes('=') ? 1 : 2
  const name = words[at] ?? ''
  const verb = BY_NAME.get(name)
  if (verb === undefined) return { unknown: `the verb \`kubectl ${name}\` is not modelled${INSTEAD[name ?? ''] ?? ''}; there are: ${[...BY_NAME.keys()].join(', ')}` }
  return { verb, args: parseArguments([...words.slice(0, at), ...words.slice(at + 1)], flagsOf(verb), verb.letters) }
})

const flagSpecs = new Map<Verb, FlagSpec>()

/** What the flags of a verb take, the global ones included. */
function flagsOf(verb: Verb): FlagSpec {
  let spec = flagSpecs.get(verb)
  if (spec === undefined) flagSpecs.set(verb, (spec = { ...GLOBAL_FLAGS, ...verb.flags }))
  return spec
}

function still(output: Output): Look {
  return { output, afterUs: 0, stableUntilUs: NEVER }
}

function asOutput(error: unknown): Output {
  if (error instanceof CliError) return failed(`${error.message}\n`, error.code)
  if (error instanceof JsonPathError) return failed(`error: ${error.message}\n`)
  throw error
}

function flagNames(verb: Verb): string[] {
  return [...Object.keys(verb.flags), ...Object.keys(GLOBAL_FLAGS)].map(f => `--${f}`)
}

const UNKNOWN_FLAG = /^unknown (?:flag: --(.+)|shorthand flag: '(.+)' in .+)$/

/** A flag that no real kubectl has: where the list is known it says so itself, with status 1 (kubernetes#20898). */
function refusedByKubectl({ verb, args }: Invocation): boolean {
  const name = UNKNOWN_FLAG.exec(args.problem ?? '')?.[1]
  return name !== undefined && verb.realFlags !== undefined && !verb.realFlags.includes(name) && !REAL_GLOBAL_FLAGS.has(name)
}

/** What is said of a flag of the real kubectl that is not modelled: passed over in silence, its step would fail in every run. */
function unknownFlag(invocation: Invocation): string | undefined {
  const { verb, args } = invocation
  const flag = UNKNOWN_FLAG.exec(args.problem ?? '')
  if (flag === null || refusedByKubectl(invocation)) return undefined
  // The commonest way to come by one.
  const inside = verb === exec && args.rest === undefined ? '; what the container is to run stands behind ` -- `' : ''
  const kustomize = flag[1] === 'kustomize' || flag[2] === 'k' ? ': nothing here renders a kustomization; render it before (`kustomize build`), and apply the files with `-f`' : ''
  return `the flag \`${flag[1] === undefined ? (flag[2]?.length === 1 ? `-${flag[2]}` : `--${flag[2]}`) : `--${flag[1]}`}\` of kubectl ${verb.name} is not modelled${inside}${kustomize}`
}

function withSupported(complaint: string | undefined, verb: Verb): string | undefined {
  return complaint === undefined ? undefined : `${complaint}; supported: ${flagNames(verb).join(', ')}`
}
