/** Scenarios in code on the toy engine, and a folder of one's own for the files of failures. */
import type { Engine } from '../../src/engine.ts'
import { run, runbook, scenario, sleep, type OwnScenario, type ScenarioInCode } from '../../src/vitest.ts'
import { temporaryFolder } from '../folder.ts'
import { toy } from '../toy/engine.ts'

export const engines: readonly Engine[] = [toy as unknown as Engine]

/** Promotes before it stops: two leaders, and lost writes. */
export const careless = runbook({
  title: 'Swap',
  steps: [run('promote m-1', { id: 'promote' }), run('route m-1', { id: 'route' }), run('stop m-0', { id: 'remove' })],
})

/** Stops the old leader before the new one is promoted, and brings everyone to the new version. */
export const careful = runbook({
  title: 'Stop, then promote',
  steps: [
    run('pause', { id: 'pause' }),
    run(['stop m-1', 'start m-1 v2', 'stop m-2', 'start m-2 v2'], { id: 'replace' }),
    sleep('20s', { id: 'settle' }),
    run('stop m-0', { id: 'stop' }),
    run(['promote m-1', 'follow m-2 m-1', 'route m-1'], { id: 'promote' }),
    run('resume', { id: 'resume' }),
    run(['follow m-0 m-1', 'start m-0 v2'], { id: 'return' }),
  ],
})

/** A scenario on the toy: careful, unless something else is said. */
export function onToy(more: ScenarioInCode = {}): OwnScenario {
  return scenario({ name: 'swap', document: { cluster: { engine: 'toy' }, load: { writesPerSecond: 100 }, deadline: '1h' }, runbook: careful, engines, ...more })
}

/** Makes an empty folder and goes there. */
export function enterFolder(): string {
  const folder = temporaryFolder()
  process.chdir(folder)
  return folder
}
