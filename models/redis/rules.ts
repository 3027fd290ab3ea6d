import type { Rule } from '../../src/engine.ts'

/** Every rule of the Redis model. README.md prints this list; a test keeps the two, and the comments that cite it, equal. */
const rule = (id: string, statement: string, source: string, test: string): Rule => ({ id, statement, source, test: `test/redis/${test}.test.ts` })

export const rules: readonly Rule[] = []
void rule
