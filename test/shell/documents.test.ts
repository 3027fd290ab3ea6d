/** The documents' own scripts, unchanged, against real bash: every command's argument vector, output, errors and status. */
import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { STUBS, askBash } from '../../scripts/record-bash.mjs'
import { shellBlocks } from './documents.ts'
import { askShell } from './harness.ts'

const blocks = shellBlocks()
const hasBash = spawnSync('/bin/bash', ['--version']).status === 0
const names = [...STUBS, 'sleep']

describe.runIf(blocks.length > 0 && hasBash)('the scripts of the documents do what they do in bash', () => {
  test('there are as many as the documents have', () => {
    expect(blocks.length).toBeGreaterThanOrEqual(19)
  })

  for (const reply of ['', '2', 'True']) {
    test.each(blocks)(`$file:$line, its commands printing ${JSON.stringify(reply)}`, ({ script }) => {
      const { out, err, code, calls } = askShell(script, names, { reply })
      expect({ out, err, code, calls }).toEqual(askBash(script, names, reply))
    })
  }
})

// Vitest wants a test where the documents are not at hand.
test.runIf(blocks.length === 0)('the documents are not at hand', () => {
  expect(blocks).toEqual([])
})
