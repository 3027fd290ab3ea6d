import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** The folder with the documents whose scripts are test input; undefined where it is not at hand. */
export const DOCS = process.env['PROOFROLL_DOCS']

export interface Block {
  readonly file: string
  /** The line of the document that is the block's first. */
  readonly line: number
  readonly script: string
}

/** The fenced shell blocks of every document in `PROOFROLL_DOCS`, without their indentation; none, with a message, if it is not set. */
export function shellBlocks(): Block[] {
  if (DOCS === undefined || !existsSync(DOCS)) {
    console.warn('PROOFROLL_DOCS is not set to a folder with the documents: their scripts are not run')
    return []
  }
  const blocks: Block[] = []
  for (const file of readdirSync(DOCS).filter(f => f.endsWith('.txt') || f.endsWith('.md')).sort()) {
    const lines = readFileSync(join(DOCS, file), 'utf8').split('\n')
    for (let i = 0; i < lines.length; i++) {
      const fence = /^( *)```(?:bash|sh|shell)\s*$/.exec(lines[i] as string)
      if (fence === null) continue
      const end = lines.findIndex((line, j) => j > i && line.trim() === '```')
      const indent = (fence[1] as string).length
      blocks.push({ file, line: i + 2, script: `${lines.slice(i + 1, end).map(line => (line.slice(0, indent).trim() === '' ? line.slice(indent) : line)).join('\n')}\n` })
      i = end
    }
  }
  return blocks
}
