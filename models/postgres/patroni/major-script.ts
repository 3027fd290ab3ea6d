/** Spilo's script as somebody starts it by hand: `kubectl exec POD -- python3 /scripts/inplace_upgrade.py MEMBERS`. Source: postgres-operator administrator.md. */
import type { Process } from '../../../src/kernel/index.ts'
import { type Command, failed, type Finding, type Output } from '../../../src/operator/command.ts'
import type { World } from '../world.ts'
import { InplaceUpgrade } from './major.ts'

const SCRIPT = '/scripts/inplace_upgrade.py'

/** python3 of a member's container: it knows that script alone, and an image that is no Spilo has none. */
export function upgradeScript(world: World, pod: string): readonly Command[] {
  const spilo = world.patroni?.options.spilo
  if (spilo === undefined || spilo === false) return []
  const check = (argv: readonly string[]): Finding[] => (argv[1] === SCRIPT && argv.length === 3 && /^(\d+|\$\{\w+\})$/.test(argv[2] as string) ? [] : [{ severity: 'error', message: `python3: ${SCRIPT} MEMBERS is modelled, and nothing else` }])
  return [{
    name: 'python3',
    summary: `${SCRIPT} MEMBERS: the in-place major upgrade`,
    check,
    latencyUs: () => 500_000,
    look: () => undefined,
    *run({ argv }): Process<Output> {
      const agent = world.patroni?.agents.get(pod)
      if (agent === undefined) return failed('')
      const outcome = yield agent.start(new InplaceUpgrade(agent, spilo, Number(argv[2])).run())
      const { ok, log } = (outcome ?? { ok: false, log: [] }) as { readonly ok: boolean; readonly log: readonly string[] }
      return { out: '', err: log.map(line => `inplace_upgrade ${line}\n`).join(''), code: ok ? 0 : 1 }
    },
  }]
}
