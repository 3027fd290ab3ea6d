/** How effects end. */
import type { SqlSession } from './sessions.ts'
import type { EffectResult } from './sql/host.ts'
import type { Notice, Value } from './sql/types.ts'

export const done = (value: Value = null): EffectResult => ({ is: 'ok', value })
export const error = (state: string, message: string, more: { detail?: string; hint?: string } = {}): EffectResult => ({ is: 'error', state, message, ...more })

/** How a session ends that the server closed: its last word is sent if it could still speak. */
export function lost(session: SqlSession, notices: readonly Notice[] = []): EffectResult {
  const fatal = session.ended?.startsWith('57P01 ') ? session.ended.slice(6) : undefined
  if (fatal === undefined && notices.length === 0 && session.server.shutdownMode === 'immediate' && session.ended !== undefined) return { is: 'lost', notices: [{ severity: 'WARNING', message: 'terminating connection due to immediate shutdown command' }] }
  return fatal === undefined || notices.length > 0 ? { is: 'lost', notices } : { is: 'lost', fatal }
}
