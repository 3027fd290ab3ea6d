import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Stage, UnknownVariableError, fillWords, parseCommandLines } from '../../src/operator/index.ts'
import { rememberedByText, rememberedByWords } from '../../src/operator/remembered.ts'

const TEXTS = ['psql -h ${a} -c "select ${b}"', 'say ${a} ${b} "${a}${b}"', 'say x${a}y', 'say "${b}"', 'say plain']
const stageOf = (text: string): Stage => parseCommandLines(text)[0]?.stages[0] as Stage

test('a line filled in from memory is the line filled in afresh, and the same values give the same vector', () => {
  const stages = TEXTS.map(stageOf)
  const given = fc.option(fc.constantFrom('', 'a', 'a b', ' b', '1:a', '\0', 'a\0', '0:1:a'), { nil: undefined })
  fc.assert(fc.property(fc.integer({ min: 0, max: TEXTS.length - 1 }), given, given, (i, a, b) => {
    const lookup = (name: string): string | undefined => (name === 'a' ? a : b)
    const fill = (stage: Stage): readonly string[] | string => {
      try {
        return fillWords(stage, lookup)
      } catch (error) {
        if (error instanceof UnknownVariableError) return error.variable
        throw error
      }
    }
    expect(fill(stages[i] as Stage)).toEqual(fill(stageOf(TEXTS[i] as string)))
    expect(fill(stages[i] as Stage)).toBe(fill(stages[i] as Stage))
  }), { numRuns: 500 })
})

test('what was read in a vector or a text is read once, and what failed is read again', () => {
  let reads = 0
  const read = (words: readonly string[] | string): { length: number } => {
    reads += 1
    if (words.length === 0) throw new Error('nothing')
    return { length: words.length }
  }
  const [byWords, byText] = [rememberedByWords(read), rememberedByText(read)]
  const vector = ['a', 'b']
  expect([byWords(vector), byWords(vector), byText('abc'), byText('abc')].map(({ length }) => length)).toEqual([2, 2, 3, 3])
  expect(reads).toBe(2)
  for (let i = 0; i < 2; i++) expect(() => byText('')).toThrow('nothing')
  expect(reads).toBe(4)
})
