import type { Rule } from '../../src/engine.ts'

export const rules: readonly Rule[] = []
