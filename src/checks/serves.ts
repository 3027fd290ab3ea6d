/**
 * serves-at-end: violated when a fresh client of any log cannot write after the settling.
 * Causes: removed-leader (the runbook took the serving leader away and nobody leads), no-leader (a fault did, or nobody ever led),
 * read-only-route (the way in ends at a member that only reads), ack-hang (a leader is reached that acknowledges nothing),
 * no-endpoint (a leader could serve, but no way leads there).
 */
import { Chain, clock, fail, pass, plural } from './chain.ts'
import type { Check, Facts } from './facts.ts'

const ID = 'serves-at-end'

export const servesAtEnd: Check = {
  id: ID,
  judge(facts) {
    const broken = facts.fresh.find(({ found }) => !found.ok)
    if (broken === undefined || broken.found.ok) {
      const leaders = facts.fresh.flatMap(({ found }) => (found.ok ? found.leaders : []))
      return pass(ID, `a fresh client of ${plural(facts.fresh.length, 'log')} can write (${leaders.join(', ')})`)
    }
    const { cause, chain } = explain(facts, broken.found.why)
    return fail(ID, `a fresh client of ${broken.log} cannot write: ${broken.found.why}`, cause, chain)
  },
}

function explain(facts: Facts, why: string): { cause: string; chain: Chain } {
  const { horizon, writeOutages } = facts.recording
  const chain = new Chain(facts).add(horizon.endUs, `after the settling a fresh client cannot write: ${why}`)
  const open = writeOutages.filter(o => o.open).sort((a, b) => a.fromUs - b.fromUs)[0]
  if (open !== undefined) chain.add(open.fromUs, `${open.cohort} has not written since ${clock(facts, open.fromUs)}`, { inStep: true })
  const leaders = facts.members.filter(m => m.running && m.role === 'leader')
  if (leaders.length === 0) {
    chain.add(horizon.endUs, `no running member leads (${facts.members.map(m => `${m.name}: ${m.running ? m.role : 'down'}`).join(', ')})`)
    const departure = facts.departures.at(-1)
    if (departure === undefined) return { cause: 'no-leader', chain: chain.faultsOn(facts.members.map(m => m.name), horizon.endUs) }
    chain.departure(departure)
    return { cause: departure.cause === 'runbook' ? 'removed-leader' : 'no-leader', chain: chain.faultsOn([departure.member], horizon.endUs) }
  }
  const able = leaders.filter(m => facts.couldAcknowledge.includes(m.name))
  if (able.length === 0) {
    const names = leaders.map(m => m.name).join(' and ')
    const healthy = facts.members.filter(m => m.role === 'follower' && m.attached).length
    chain.add(horizon.endUs, `${names} ${leaders.length === 1 ? 'leads' : 'lead'} but can acknowledge nothing: ${plural(healthy, 'follower')} attached`, { node: leaders[0]?.name })
    return { cause: 'ack-hang', chain: lastChange(facts, chain, leaders.map(m => m.name)) }
  }
  const names = able.map(m => m.name)
  chain.add(horizon.endUs, `${names.join(' and ')} could acknowledge a write, but the way in does not lead there`, { node: names[0] })
  const readOnly = facts.clients.some(c => c.state === 'readOnly') || /read.?only/i.test(why)
  return { cause: readOnly ? 'read-only-route' : 'no-endpoint', chain: lastChange(facts, chain, names) }
}

/** The last thing that changed who leads: a promotion of one of these, or a departure. */
function lastChange(facts: Facts, chain: Chain, leaders: readonly string[]): Chain {
  const promotion = facts.promotions.filter(p => leaders.includes(p.member)).at(-1)
  const departure = facts.departures.at(-1)
  if (promotion !== undefined) chain.promotion(promotion)
  if (departure !== undefined) chain.departure(departure)
  return chain.faultsOn(leaders, facts.recording.horizon.endUs)
}
