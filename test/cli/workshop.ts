/** A folder of one's own with a scenario on the toy engine, and the command line run in it. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Context } from '../../src/cli/context.ts'
import { main } from '../../src/cli/program.ts'
import type { Engine } from '../../src/engine.ts'
import { temporaryFolder } from '../folder.ts'
import { toy } from '../toy/engine.ts'

export const engine: Engine = {
  ...(toy as unknown as Engine),
  rules: [{ id: 'TOY-ACK-1', statement: 'An asynchronous leader acknowledges before any follower has the write.', source: 'made up', test: 'test/toy/toy.test.ts' }],
  starter: { 'toy.yaml': 'format: 1\n', 'toy.runbook.yaml': 'format: 1\n' },
}

export const SWAP = `format: 1
title: Swap the leader without a fence
cluster: { engine: toy }
load: { writesPerSecond: 1000 }
runbook: ./swap.runbook.yaml
claims: { writeDowntimeSeconds: 30, lostAcknowledgedWrites: 0 }
objectives:
  - { measure: lostAcknowledgedWrites, at: max, max: 0 }
deadline: 1h
`
export const SWAP_RUNBOOK = `format: 1
title: Swap
steps:
  - { id: promote, title: Promote the second member, run: promote m-1 }
  - { id: route, title: Send clients to it, run: route m-1 }
  - { id: remove, title: Stop the old leader, run: stop m-0 }
`
/** Stops the old leader before the new one is promoted, and brings everyone to the new version. */
export const FENCED = `format: 1
title: Stop, then promote
cluster: { engine: toy }
runbook:
  - { id: pause, title: Hold the clients, run: pause }
  - { id: replace, title: Replace the standbys, run: [stop m-1, start m-1 v2, stop m-2, start m-2 v2] }
  - { id: settle, title: Let them catch up, sleep: 20s }
  - { id: stop, title: Stop the old leader, run: stop m-0 }
  - { id: promote, title: Promote, run: [promote m-1, follow m-2 m-1, route m-1] }
  - { id: resume, title: Let the clients go on, run: resume }
  - { id: return, title: The old leader comes back as a follower, run: [follow m-0 m-1, start m-0 v2] }
objectives:
  - { measure: lostAcknowledgedWrites, at: max, max: 0 }
deadline: 1h
`

/** Makes an empty folder and goes there. */
export function enterFolder(files: Readonly<Record<string, string>>): string {
  const folder = temporaryFolder()
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    writeFileSync(join(folder, file), text)
  }
  process.chdir(folder)
  return folder
}

/** Runs one command line as a process would, without colour, 80 columns wide. */
export async function proofroll(argv: readonly string[], more: Partial<Context> = {}): Promise<{ code: number; out: string; err: string }> {
  let out = ''
  let err = ''
  const code = await main(argv, {
    engines: [engine],
    out: (text) => (out += text),
    err: (text) => (err += text),
    screen: { columns: 80, colour: false, unicode: true },
    watched: false,
    ...more,
  })
  return { code, out, err }
}

/** A message without the line breaks that the screen asked for. */
export function oneLine(text: string): string {
  return text.trim().replace(/\s+/g, ' ')
}
