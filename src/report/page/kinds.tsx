/** Names of faults wherever the page writes one: each leads to what it means. */
import { createContext, type JSX } from 'preact'
import { useContext } from 'preact/hooks'
import type { PageData } from '../view/page.ts'

/** What each kind that the page names means, and how its name is found in prose. */
export interface Kinds {
  readonly meanings: ReadonlyMap<string, string>
  readonly named: RegExp | undefined
}

export const KindsContext = createContext<Kinds>({ meanings: new Map(), named: undefined })

export function kindsOf({ faults }: PageData): Kinds {
  // The longest first. One that is a word of everyday language is a name only behind “fault” or before its target.
  const names = faults.map(({ kind }) => (kind.includes('-') ? kind : `(?<=\\bfault )${kind}|${kind}(?= of \\w+:)`)).sort((a, b) => b.length - a.length)
  return { meanings: new Map(faults.map(({ kind, means }) => [kind, means])), named: names.length === 0 ? undefined : new RegExp(`(?<![\\w-])(${names.join('|')})(?![\\w-])`) }
}

/** The name of a kind, which leads to what it means. */
export function FaultKind({ kind }: { readonly kind: string }): JSX.Element {
  const means = useContext(KindsContext).meanings.get(kind)
  return means === undefined ? <>{kind}</> : <a class="kind" href={`#fault-${kind}`} title={means.replaceAll('`', '')}>{kind}</a>
}

/** Prose in which faults are named. */
export function Prose({ text }: { readonly text: string }): JSX.Element {
  const { named } = useContext(KindsContext)
  return named === undefined ? <>{text}</> : <>{text.split(named).map((part, i) => (i % 2 === 1 ? <FaultKind key={i} kind={part} /> : part))}</>
}
