/** What is known to be safe beside a command of a MongoDB script. Each is tried out before it is offered; none knows the script. */
import type { SafeLines, Typed } from '../../src/engine.ts'
import { asCalled, podCommand, poll } from '../kubernetes/index.ts'
import type { MongodbOptions } from './options.ts'

const ask = (pod: string, js: string): string => `"$(kubectl exec ${pod} -- mongosh --quiet --eval '${js}')"`
const LEADS = 'db.hello().isWritablePrimary'
/** Every member is there, and less than 10 s behind the primary; without one this fails. */
const IN_STEP = '(m => m.every(x => [1, 2, 7].includes(x.state)) && m.every(x => x.state === 7 || m.find(y => y.state === 1).optimeDate - x.optimeDate < 10000))(rs.status().members)'

/** Lines that are safe beside a command of a MongoDB script (see `Engine.safeBeside`): wait until the members are in step, ask who leads, step down first. */
export function safeBeside(options: MongodbOptions, typed: Typed): readonly SafeLines[] {
  const command = podCommand(typed)
  if (command === undefined) return []
  const members = Array.from({ length: options.members }, (_, i) => `${options.name}-${i}`).join(' ')
  /** Until somebody leads; a member that is away is passed over. */
  const led = (indent: string): string[] => ['for _ in $(seq 120); do', `  for _pod in ${members}; do`, `    [ ${ask('$_pod', LEADS)} = true ] && break 2`, '  done 2> /dev/null', '  sleep 1', 'done'].map(line => `${indent}${line}`)
  const found: SafeLines[] = []
  if (command.verb === 'delete') {
    const { pod, bare } = command
    found.push(
      { does: 'make sure that it does not lead', where: 'before', lines: [`[ ${ask(pod, LEADS)} = false ] || exit 1`] },
      { does: 'wait until every member is there and less than 10 s behind', where: 'before', lines: [poll(`[ ${ask(pod, IN_STEP)} = true ]`, 600)] },
      {
        does: 'step it down, if it leads, and wait until another one does',
        where: 'before',
        lines: [
          `if [ ${ask(pod, LEADS)} = true ]; then`,
          `  ${poll(`kubectl exec ${pod} -- mongosh --quiet --eval 'rs.stepDown(120, 30)'`, 20)}`,
          ...led('  '),
          'fi',
        ],
      },
      { does: 'wait until it is Ready again', where: 'after', lines: [`kubectl wait --for=condition=Ready pod/${/[$`]/.test(bare) ? `"${bare}"` : bare} --timeout=600s`] },
      { does: 'wait until it is a secondary, or leads', where: 'after', lines: [poll(`[ ${ask(pod, '[1, 2].includes(rs.status().myState)')} = true ]`, 600)] },
      { does: 'wait until somebody leads', where: 'after', lines: led('') },
    )
  }
  if (/\b(?:stepDown|replSetStepDown)\b/.test(typed.words.join(' '))) found.push({ does: 'wait until somebody leads', where: 'after', lines: led('') })
  return asCalled(command.kubectl, found)
}
