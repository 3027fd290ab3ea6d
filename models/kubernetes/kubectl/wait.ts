import { type Process, SECOND, type Us } from '../../../src/kernel/index.ts'
import type { Output } from '../../../src/operator/command.ts'
import { until } from './exec.ts'
import { findAll } from './jsonpath.ts'
import { type Found, find, qualified } from './resources.ts'
import { durationOf } from './values.ts'
import { CliError, type Context, resourceLabel, targets, unknownTypes, type Verb } from './verb.ts'

const WEEK_US = 7 * 24 * 3600 * SECOND

export const wait: Verb = {
  name: 'wait',
  summary: 'waits for a condition on objects',
  flags: { for: 'text', timeout: 'duration', selector: 'text', all: 'optional', output: 'text', 'all-namespaces': 'switch' },

  check(args, kube) {
    const out = unknownTypes(args, kube)
    const what = args.flags.get('for')
    if (what !== undefined && !what.includes('${') && !/^(delete|create|condition=.+|jsonpath=.+)$/is.test(what)) out.push(`kubectl wait --for=${what}: unrecognized condition; supported: condition=NAME[=VALUE], delete, create, jsonpath='{PATH}'=VALUE`)
    return out
  },

  intent: () => 'waits',

  *run(c): Process<Output> {
    const what = c.args.flags.get('for') ?? ''
    const deadline = c.kube.sim.now + timeoutOf(c)
    if (/^create$/i.test(what)) return yield* awaitCreation(c, deadline)
    const deletion = /^delete$/i.test(what)
    const { found, missing } = targets(c)
    // An object that is not there is an error at once, unless its absence is what is waited for.
    if (missing.length > 0 && !deletion) throw missing[0] as CliError
    if (found.length === 0) {
      if (deletion) return { out: '', err: '', code: 0 }
      throw new CliError('error: no matching resources found')
    }
    let out = ''
    let err = ''
    for (const f of found) {
      const met = deletion ? gone(c, f) : condition(c, f, what)
      const done = yield* until(c.kube, deadline - c.kube.sim.now, () => (met() ? true : undefined))
      if (done) out += `${qualified(f.type, f.name)} condition met\n`
      else err += `error: timed out waiting for the condition on ${resourceLabel(f)}\n`
    }
    return { out, err, code: err === '' ? 0 : 1 }
  },
}

function timeoutOf(c: Context): Us {
  const text = c.args.flags.get('timeout')
  if (text === undefined) return 30 * SECOND
  if (text.startsWith('-')) return WEEK_US
  return durationOf(text, 0)
}

/** Gone means: that very object. A successor of the same name is another one. */
function gone(c: Context, f: Found): () => boolean {
  if (f.type.kind === 'Pod') {
    const pod = c.kube.pods$.get(f.key)
    return () => pod === undefined || pod.removed
  }
  const uid = f.json().metadata.uid
  return () => find(c.kube, f.type, f.name, f.namespace)?.json().metadata.uid !== uid
}

/** The condition on whatever bears that name at the moment: a pod that is re-created while one waits is waited for. */
function condition(c: Context, f: Found, what: string): () => boolean {
  const now = () => find(c.kube, f.type, f.name, f.namespace)
  const named = /^condition=([^=]+)(?:=(.*))?$/is.exec(what)
  if (named !== null) {
    const type = (named[1] as string).toLowerCase()
    const status = (named[2] ?? 'true').toLowerCase()
    if (f.type.kind === 'Pod' && type === 'ready') return () => c.kube.pods$.get(f.key)?.ready === (status === 'true')
    return () => {
      const conditions = (now()?.json().status?.conditions ?? []) as { type: string; status: string }[]
      return conditions.some(k => k.type.toLowerCase() === type && k.status.toLowerCase() === status)
    }
  }
  const path = /^jsonpath='?(\{.*\}|[^=]*?)'?(?:=(.*))?$/s.exec(what)
  if (path === null) throw new CliError(`error: unrecognized condition: ${JSON.stringify(what)}`)
  const wanted = path[2]?.replace(/^'(.*)'$/, '$1')
  return () => {
    const object = now()
    if (object === undefined) return false
    const values = findAll(path[1] as string, object.json())
    return wanted === undefined ? values.length > 0 : values.length === 1 && String(values[0]) === wanted
  }
}

function* awaitCreation(c: Context, deadline: Us): Process<Output> {
  const look = () => {
    const { found, missing } = targets(c)
    return missing.length === 0 && found.length > 0 ? found : undefined
  }
  const found = yield* until(c.kube, deadline - c.kube.sim.now, look)
  if (found === undefined) return { out: '', err: `error: timed out waiting for the condition on ${c.args.positional.join('/')}\n`, code: 1 }
  return { out: found.map(f => `${qualified(f.type, f.name)} condition met\n`).join(''), err: '', code: 0 }
}
