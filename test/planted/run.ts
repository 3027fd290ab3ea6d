/** `npm run planted`: looks for the defects whose id begins so (all of them without a word), keeps what came of it, writes the table. */
import { writeFileSync } from 'node:fs'
import { isSource } from './defect.ts'
import { families } from './families.ts'
import { lookFor } from './look.ts'
import { mutate } from './mutate.ts'
import { findingsOf, keep, TABLE, tablePage } from './record.ts'

/** @param args `--table` only writes the table; `--missing` leaves out what was found before; else beginnings of ids. @returns the exit code: 1 when one was not found */
export async function main(args: readonly string[]): Promise<number> {
  const words = args.filter(arg => !arg.startsWith('--'))
  let missed = 0
  for (const family of args.includes('--table') ? [] : families) {
    const known = args.includes('--missing') ? findingsOf(family) : {}
    for (const defect of family.defects) {
      if (words.length > 0 && !words.some(word => defect.id.startsWith(word))) continue
      if (known[defect.id]?.found) continue
      const finding = isSource(defect) ? await mutate(defect) : lookFor(defect)
      if (!finding.found) missed += 1
      console.log(`${finding.found ? 'found    ' : 'NOT FOUND'} ${defect.id}: ${finding.how} (after ${finding.after})`)
      keep(family, { [defect.id]: finding })
    }
  }
  writeFileSync(TABLE, tablePage())
  return missed > 0 ? 1 : 0
}
