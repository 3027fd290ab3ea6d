import type { Utility } from '../utilities.ts'
import { DATE_UTILITIES } from './date.ts'
import { FILE_UTILITIES } from './files.ts'
import { RUNNING_UTILITIES } from './running.ts'
import { SUM_UTILITIES } from './sums.ts'
import { TEXT_UTILITIES } from './text.ts'

const all: readonly Utility[] = [...TEXT_UTILITIES, ...FILE_UTILITIES, ...RUNNING_UTILITIES, ...DATE_UTILITIES, ...SUM_UTILITIES]

export const UTILITIES: ReadonlyMap<string, Utility> = new Map(all.map(utility => [utility.name, utility]))
