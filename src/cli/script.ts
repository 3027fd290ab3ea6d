/** `proofroll run ./upgrade.sh --cluster postgres`: a scenario around shell scripts. */
import { existsSync, statSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
import { type Scenario, findScenario, loadScenarioWritten } from '../scenario/index.ts'
import { type Context, UsageError } from './context.ts'
import type { RawOptions } from './options.ts'

/** The scenario in which these scripts, run in order as one, are rehearsed. @param called its name; else that of the first script @throws UsageError, ScenarioError */
export function scriptScenario(scripts: readonly string[], options: RawOptions, context: Context, called?: string): Scenario {
  const engines = context.engines.map((engine) => engine.name)
  const { cluster } = options
  if (cluster === undefined) throw new UsageError(`${scripts[0]}: a script runs on a cluster: add \`--cluster ENGINE\` (${engines.join(', ')}), or \`--cluster SCENARIO\` for the cluster and load of a scenario`)
  const folder = dirname(resolve(scripts[0] as string))
  const inFolder = (file: string): string => {
    const path = resolve(file)
    if (!existsSync(path) || !statSync(path).isFile()) throw new UsageError(`${file}: there is no such file`)
    return `./${relative(folder, path).split('\\').join('/')}`
  }
  let name = called ?? (scripts[0] as string).replace(/^.*\//, '').replace(/\.(?:sh|bash)$/, '')
  const lines = ['format: 1', `runbook: ${JSON.stringify(scripts.map(inFolder))}`]
  if (engines.includes(cluster)) lines.push(`cluster: { engine: ${cluster} }`)
  else {
    const path = relative(folder, findScenario(cluster).path).split('\\').join('/')
    lines.push(`extends: ${JSON.stringify(`./${path}`)}`)
    // `upgrade.sh` beside `upgrade.yaml`: what is written here would have that file's name, and extend itself.
    if (path === `${name}.yaml`) name = `${name}.sh`
  }
  if (!lines.some((line) => line.startsWith('extends'))) lines.push('deadline: 4h')
  const { start } = options
  if (start !== undefined) {
    if (!start.startsWith('after:')) throw new UsageError(`--start ${start}: write \`--start after:FILE\``)
    lines.push(`start: ${JSON.stringify(inFolder(start.slice('after:'.length)))}`)
  }
  return loadScenarioWritten({ name, folder, yaml: `${lines.join('\n')}\n`, files: {} }, context.engines, { set: options.set ?? {} })
}
