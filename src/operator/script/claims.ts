/**
 * `# proofroll: claims caught-up($candidate)` above a guard of a script: what passing it asserts about the truth, in the words of a gate's `claims`.
 * To the shell it is a comment. Variables are those of the script when it comes to the guard.
 */
import { readClaim, type WrittenClaim } from '../claims.ts'
import type { ScriptFinding } from '../shell/check.ts'
import type { Script } from '../shell/syntax.ts'
import type { Decisions } from './decisions.ts'

/** What a text says of its guards, by the line that each stands on; and what is wrong with it. */
export function claimsIn(text: string): { readonly byLine: ReadonlyMap<number, readonly WrittenClaim[]>; readonly problems: readonly { readonly line: number; readonly message: string }[] } {
  const byLine = new Map<number, WrittenClaim[]>()
  const problems: { line: number; message: string }[] = []
  if (!text.includes('proofroll:')) return { byLine, problems }
  let waiting: WrittenClaim[] = []
  text.split('\n').forEach((written, i) => {
    const line = i + 1
    const said = /^\s*#\s*proofroll:\s*(.*?)\s*$/.exec(written)?.[1]
    if (said !== undefined) {
      const claims = /^claims\s+(.+)$/.exec(said)?.[1]
      if (claims === undefined) problems.push({ line, message: `behind \`# proofroll:\` stands \`claims\` and what the guard below asserts, as in \`# proofroll: claims caught-up($candidate)\`; this says \`${said}\`` })
      // Several stand one behind the other: commas inside brackets part arguments.
      for (const each of (claims ?? '').split(/,(?![^(]*\))/).filter(one => one.trim() !== '')) {
        const { problem, ...claim } = readClaim(each.trim())
        if (problem !== undefined) problems.push({ line, message: problem })
        else waiting.push(claim)
      }
    } else if (!/^\s*(?:#.*)?$/.test(written) && waiting.length > 0) {
      byLine.set(line, waiting)
      waiting = []
    }
  })
  return { byLine, problems }
}

/** What is wrong with what a script says of its guards. */
export function claimFindings(script: Script, decisions: Decisions): ScriptFinding[] {
  const { byLine, problems } = claimsIn(script.text)
  const guarded = new Set<number>()
  for (const node of decisions.byNode.keys()) guarded.add(node.line)
  const loose = [...byLine.keys()].filter(line => !guarded.has(line)).map(line => ({ line, message: 'what `# proofroll: claims` says above this line goes nowhere: a claim is made by a guard that can stop the script, or waits (`… || exit 1`, `if …; then exit 1; fi`, `until …; do sleep 5; done`)' }))
  return [...problems, ...loose].map(({ line, message }) => ({ severity: 'error', line, rule: 'claims', message }))
}
