/** What was found, kept beside the lists (`results/<family>.json`) and shown as a table (`docs/planted-defects.md`). */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Defect, type Family, type Finding, isSource } from './defect.ts'
import { families } from './families.ts'

const ROOT = new URL('../../', import.meta.url)
const fileOf = (name: string): string => fileURLToPath(new URL(`test/planted/results/${name}.json`, ROOT))
export const TABLE = fileURLToPath(new URL('docs/planted-defects.md', ROOT))

/** The findings of a family by id; empty when none was looked for yet. */
export function findingsOf({ name }: Family): Record<string, Finding> {
  return existsSync(fileOf(name)) ? (JSON.parse(readFileSync(fileOf(name), 'utf8')) as Record<string, Finding>) : {}
}

/** Adds findings to a family's, in the order of its list; those of defects that are gone are dropped. One line each, so that two people's do not clash. */
export function keep(family: Family, findings: Readonly<Record<string, Finding>>): void {
  const all = { ...findingsOf(family), ...findings }
  const lines = family.defects.flatMap(({ id }) => (all[id] === undefined ? [] : [`  ${JSON.stringify(id)}: ${JSON.stringify(all[id])}`]))
  writeFileSync(fileOf(family.name), `{\n${lines.join(',\n')}\n}\n`)
}

/** All defects with what became of them. */
export function everything(): { readonly family: Family; readonly defect: Defect; readonly finding: Finding | undefined }[] {
  return families.flatMap(family => {
    const findings = findingsOf(family)
    return family.defects.map(defect => ({ family, defect, finding: findings[defect.id] }))
  })
}

/** The page for people. */
export function tablePage(): string {
  const all = everything()
  const of = (source: boolean) => all.filter(({ defect }) => isSource(defect) === source)
  const found = (some: typeof all): string => `${some.filter(({ finding }) => finding?.found).length} of ${some.length}`
  const runs = of(false).flatMap(({ finding }) => (finding?.found ? [finding.after] : [])).sort((a, b) => a - b)
  return `# Planted defects

What somebody might get wrong, put in on purpose: does Proofroll find it? ${found(all)} are found: ${found(of(false))} defects of runbooks by rehearsals
(half of them within ${runs[Math.floor((runs.length - 1) / 2)] ?? 0}, the last after ${runs.at(-1) ?? 0}), ${found(of(true))} defects of Proofroll's own models, checks and machinery by its tests.

A runbook's defect is planted in a corrected runbook, which holds without it. It is found when a check, an objective or a floor of a campaign is
violated: first 20 rehearsals without faults, then up to two faults at random, at most 10,000 in all, or the cells of the sweep in their order. The
figure is the number of rehearsals until the first that shows it. A defect of our own source is found when a test of the rule or the part fails; the
figure is the number of that test.

Written by \`npm run planted\` from [test/planted](../test/planted/README.md), where an engine adds its own.
${families.map(sectionOf).join('')}`
}

function sectionOf(family: Family): string {
  const findings = findingsOf(family)
  const rows = family.defects.map(defect => {
    const { id, what } = defect
    const finding = findings[id]
    const only = 'kinds' in defect && defect.kinds !== undefined && finding?.how.startsWith('without') !== true ? ` (looked for under ${defect.kinds.join(', ')} only)` : ''
    const why = 'why' in defect ? defect.why : undefined
    const cells = finding === undefined ? ['not looked for yet', ''] : [`${finding.found ? '' : '**not found** '}${finding.how}${only}${finding.found || why === undefined ? '' : `; ${why}`}`, String(finding.after)]
    return `| \`${id}\` | ${[what, ...cells].map(text => text.replaceAll('|', '\\|')).join(' | ')} |\n`
  })
  return `\n## ${family.title}\n\n| id | what is wrong | found by | after |\n|---|---|---|---|\n${rows.join('')}`
}
