import type { Rule } from '../../src/engine.ts'

/** Every rule of the PostgreSQL and PgBouncer models. README.md prints this list; a test keeps the two equal. */
const postgresRules: readonly Rule[] = []


export const rules: readonly Rule[] = postgresRules
