import { Simulation } from '../../src/kernel/index.ts'
import { type Command, CommandRegistry, type Output, scriptPlan } from '../../src/operator/index.ts'
import type { Decisions } from '../../src/operator/script/decisions.ts'
import { GuardKeeper } from '../../src/operator/script/guarding.ts'
import type { Script } from '../../src/operator/shell/syntax.ts'
import { MemoryFiles, ScriptRun, ScriptSyntaxError, type Watcher, parseScript } from '../../src/operator/shell/index.ts'

export interface Answer {
  readonly out: string
  readonly err: string
  readonly code: number
  readonly calls: readonly (readonly string[])[]
}

/** The stubs of `scripts/record-bash.mjs`, as commands of a registry. */
export function stubRegistry(names: readonly string[], calls: string[][], reply = ''): CommandRegistry {
  const stub = (name: string): Command => ({
    name,
    summary: 'takes its arguments down',
    check: () => [],
    latencyUs: () => 1_000,
    look: () => undefined,
    streams: () => name === 'tick',
    readsInput: () => name === 'swallow',
    *run(call) {
      calls.push([...call.argv])
      const rest = call.argv.slice(1)
      if (name === 'tick') {
        for (let i = 1; i <= Number(rest[0]); i++) {
          yield 50_000
          if (call.emit?.(`tick ${i}\n`) === false) return { out: '', err: '', code: 141 }
        }
        return { out: '', err: '', code: 0 }
      }
      yield 1_000
      const answer: Output = { out: '', err: '', code: 0 }
      if (name === 'fail') return { ...answer, code: Number(rest[0] ?? 0) }
      if (name === 'say') return { ...answer, out: `${rest.join('\n')}\n` }
      if (name === 'swallow') return { ...answer, out: call.stdin === '' ? '' : `${call.stdin.replace(/\n$/, '').split('\n').map(l => `< ${l}`).join('\n')}\n` }
      return reply === '' ? answer : { ...answer, out: `${reply}\n` }
    },
  })
  return new CommandRegistry('the test').register(...names.map(stub))
}

/** Runs a script in the simulated shell, as the recorder ran it in bash. @param options `followed`: with somebody who follows its decisions and waves none through */
export function askShell(script: string, names: readonly string[], options: { readonly watcher?: Watcher; readonly followed?: boolean; readonly missing?: 'unsupported' | 'not-found'; readonly reply?: string } = {}): Answer & { readonly atUs: number } {
  const sim = new Simulation({ seed: '1' })
  const calls: string[][] = []
  let out = ''
  let err = ''
  const files = new MemoryFiles(new Map([['/root/snippet.sh', script]]))
  const sink = (add: (text: string) => void): { write(text: string): boolean } => ({ write: text => (add(text), true) })
  const registry = stubRegistry(names, calls, options.reply)
  let nth = 0
  const host = { sim, registry, files, key: 'test', user: 'root', hostname: 'box', epochSeconds: 1_700_000_000, missing: options.missing ?? 'not-found' } as const
  let parsed
  let watcher = options.watcher
  try {
    if (options.followed === true) {
      const plan = scriptPlan([{ file: 'snippet.sh', text: script }])
      parsed = plan.script?.scripts[0] as Script
      const keeper = new GuardKeeper(sim, parsed, false, plan.script?.decisions as Decisions, { visits: new Map(), guard: () => undefined })
      watcher = { issue: (_node, argv) => ({ argv, key: 'test', nth: ++nth, registry, ticket: nth }), returned: (_node, _issue, output, shell) => keeper.returned(output, shell), decider: keeper, ran: keeper.ran.bind(keeper) }
    } else parsed = parseScript(script, 'snippet.sh')
  } catch (error) {
    if (!(error instanceof ScriptSyntaxError)) throw error
    return { out, err: error.message, code: 2, calls, atUs: 0 }
  }
  const run = new ScriptRun(watcher === undefined ? host : { ...host, watcher }, parsed, { name: 'snippet.sh', env: { HOME: '/root', PATH: '/usr/bin:/bin', LC_ALL: 'C.UTF-8' }, cwd: '/root', out: sink(t => (out += t)), err: sink(t => (err += t)) })
  const task = sim.spawn(run.run())
  sim.run()
  return { out, err, code: (task.result as number | undefined) ?? -1, calls, atUs: sim.now }
}
