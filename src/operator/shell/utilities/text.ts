import type { Utility } from '../utilities.ts'
import { ARCHIVE_UTILITIES } from './archive.ts'
import { AWK } from './awk/awk.ts'
import { BC } from './bc.ts'
import { GREP } from './grep.ts'
import { JQ } from './jq/jq.ts'
import { LINE_UTILITIES } from './lines.ts'
import { SMALL_UTILITIES } from './small.ts'
import { SED } from './sed.ts'
import { SORT_UTILITIES } from './sort.ts'

/** Programs that make a text of a text. */
export const TEXT_UTILITIES: readonly Utility[] = [...GREP, ...LINE_UTILITIES, ...SORT_UTILITIES, SED, ...AWK, BC, JQ, ...ARCHIVE_UTILITIES, ...SMALL_UTILITIES]
