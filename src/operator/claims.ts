/** What passing a gate of a runbook, or a guard of a script, asserts about the truth: read in one way for both. */
import { nearestOf } from './source.ts'

/** What may be claimed, and how many arguments that takes. */
export const CLAIMS: Readonly<Record<string, number>> = { 'caught-up': 1, writable: 1, 'one-leader': 0, fenced: 1, 'on-version': 2 }

/** A claim as it is written: its arguments may hold variables. */
export interface WrittenClaim {
  readonly name: string
  readonly args: readonly string[]
}

/** Reads `caught-up(pg-1)`. @returns the claim, and what is wrong with it if something is */
export function readClaim(text: string): WrittenClaim & { readonly problem?: string } {
  const match = /^\s*([\w-]+)\s*(?:\((.*)\))?\s*$/.exec(text)
  const name = match?.[1] ?? text
  const args = match?.[2] === undefined || match[2].trim() === '' ? [] : match[2].split(',').map(arg => arg.trim())
  const wanted = CLAIMS[name]
  if (wanted === undefined) {
    const nearest = nearestOf(name, Object.keys(CLAIMS))
    return { name, args, problem: `unknown claim \`${text}\`${nearest === undefined ? '' : `; did you mean \`${nearest}\`?`} A gate may claim ${Object.keys(CLAIMS).join(', ')}` }
  }
  return args.length === wanted ? { name, args } : { name, args, problem: `the claim \`${name}\` takes ${wanted} argument(s), \`${text}\` has ${args.length}` }
}
