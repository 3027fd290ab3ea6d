/** Faults in words, and the list of what each kind is. */
import type { JSX } from 'preact'
import { useContext } from 'preact/hooks'
import type { PageData } from '../view/page.ts'
import { FaultKind, KindsContext } from './kinds.tsx'
import { Section, Words } from './parts.tsx'

/** A fault in words, of which the first is its kind: that leads to what the kind means. @param whole with the meaning behind it, as text */
export function Fault({ words, whole = false }: { readonly words: string; readonly whole?: boolean }): JSX.Element {
  const kind = kindOf(words)
  const means = useContext(KindsContext).meanings.get(kind)
  return means === undefined ? <>{words}</> : <><FaultKind kind={kind} />{words.slice(kind.length)}{whole ? <span class="note means"> <Words text={means} /></span> : null}</>
}

/** The kind of a fault in words. */
export function kindOf(words: string): string {
  return /^[\w-]+/.exec(words)?.[0] ?? ''
}

/** Several, with what stands between them. */
export function Faults({ all }: { readonly all: readonly string[] }): JSX.Element {
  return <>{all.map((words, i) => <span key={i}>{i === 0 ? '' : '; '}<Fault words={words} /></span>)}</>
}

/** What the faults are that the page names. */
export function FaultList({ faults }: Pick<PageData, 'faults'>): JSX.Element | null {
  if (faults.length === 0) return null
  return (
    <Section id="faults" title="What the faults are">
      <dl class="kinds">{faults.map(({ kind, means }) => <div key={kind} id={`fault-${kind}`}><dt><code>{kind}</code></dt><dd><Words text={means} /></dd></div>)}</dl>
    </Section>
  )
}
