/** `getParameter` and `setParameter`: what a process was told beside its configuration, until it ends (rule MG-PARAM-1). */
import { UnsupportedError } from '../../src/operator/command.ts'
import { type Refused, refuse } from './errors.ts'
import type { MongodbOptions } from './options.ts'

interface Parameter {
  readonly initial: boolean | number | ((options: MongodbOptions) => boolean | number)
}

/** Those that change what a rehearsal shows, then those that change nothing of it. Source: parameters documentation, defaults of 7.0. */
const PARAMETERS: Readonly<Record<string, Parameter>> = {
  enableElectionHandoff: { initial: o => o.electionHandoff },
  enableFlowControl: { initial: true },
  flowControlTargetLagSeconds: { initial: o => o.flowControlTargetLagSeconds },
  shutdownTimeoutMillisForSignaledShutdown: { initial: o => o.shutdownTimeoutSeconds * 1000 },
  logLevel: { initial: 0 },
  quiet: { initial: false },
  notablescan: { initial: false },
  ttlMonitorEnabled: { initial: true },
  ttlMonitorSleepSecs: { initial: 60 },
  cursorTimeoutMillis: { initial: 600_000 },
  transactionLifetimeLimitSeconds: { initial: 60 },
}

const NAMES = [...Object.keys(PARAMETERS), 'featureCompatibilityVersion (getParameter)']

export class ServerParameters {
  /** Profiling level: said, not simulated. */
  profiling = 0
  private readonly told = new Map<string, boolean | number>()

  constructor(private readonly options: MongodbOptions) {}

  get electionHandoff(): boolean {
    return this.value('enableElectionHandoff') === true
  }

  get flowControl(): boolean {
    return this.value('enableFlowControl') === true
  }

  get flowControlTargetLagSeconds(): number {
    return this.value('flowControlTargetLagSeconds') as number
  }

  get shutdownTimeoutSeconds(): number {
    return (this.value('shutdownTimeoutMillisForSignaledShutdown') as number) / 1000
  }

  /** @throws UnsupportedError for a parameter that the model does not know: whether the server has one of that name it cannot say */
  value(name: string): boolean | number {
    const told = this.told.get(name)
    if (told !== undefined) return told
    const parameter = Object.hasOwn(PARAMETERS, name) ? PARAMETERS[name] : undefined
    if (parameter === undefined) throw new UnsupportedError(`the parameter ${name} of mongod is not modelled`, NAMES)
    return typeof parameter.initial === 'function' ? parameter.initial(this.options) : parameter.initial
  }

  /** The answer of `setParameter`: what the first of them was. */
  set(values: Readonly<Record<string, unknown>>): Refused | { readonly was: boolean | number } {
    const entries = Object.entries(values).map(([name, value]) => [name, numberOf(value), this.value(name)] as const)
    const [first] = entries
    if (first === undefined) return refuse('BadValue', 'no option found to set, use help:true to see options ')
    for (const [name, value, old] of entries) {
      const wanted = typeof old === 'boolean' ? typeof value === 'boolean' || typeof value === 'number' : typeof value === 'number' && value >= 0
      if (!wanted) return refuse('BadValue', `Invalid value for parameter ${name}: ${JSON.stringify(value)}`)
    }
    for (const [name, value, old] of entries) this.told.set(name, typeof old === 'boolean' ? value === true || (typeof value === 'number' && value !== 0) : (value as number))
    return { was: first[2] }
  }
}

function numberOf(value: unknown): unknown {
  return value !== null && typeof value === 'object' && '$long' in value ? Number((value as { readonly $long: number }).$long) : value
}
