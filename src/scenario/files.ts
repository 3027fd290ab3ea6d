import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, posix, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { problemAt, ScenarioError } from './error.ts'
import type { ScenarioSource } from './scenario.ts'
import { listWords, nearest } from './spelling.ts'

/** The files of one scenario by their path relative to it; remembers every text it handed out. */
export interface SourceFiles {
  /** The scenario file itself. */
  readonly main: string
  /** What {@link SourceFiles.read} gave so far, the main file excepted. */
  readonly used: Record<string, string>
  /** A file as the user would name it, for messages. */
  shown(path: string): string
  read(path: string): string | undefined
  /** Files in the folder of `path`, to suggest one. */
  beside(path: string): readonly string[]
}

/** The folder of the package: it holds `scenarios/` and `package.json`, whether this runs from `src` or from `dist/src`. */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder)
    if (parent === folder) throw new Error('scenario: no package.json above this module; the package is incomplete')
    folder = parent
  }
  return folder
}

/** The names of the built-in scenarios (`postgres-ferris-wheel/fenced`), sorted. */
export function builtInScenarios(root = packageRoot()): readonly string[] {
  const folder = join(root, 'scenarios')
  if (!existsSync(folder)) return []
  const groups = readdirSync(folder).filter(name => statSync(join(folder, name)).isDirectory())
  return groups.flatMap(group => readdirSync(join(folder, group)).filter(isScenarioFile).map(file => `${group}/${file.replace(/\.ya?ml$/, '')}`)).sort()
}

function isScenarioFile(file: string): boolean {
  return /\.ya?ml$/.test(file) && !/\.runbook\.ya?ml$/.test(file) && !file.startsWith('_')
}

/** Finds a scenario by built-in name or by path. @throws ScenarioError naming what is nearest in spelling */
export function findScenario(nameOrPath: string, root = packageRoot()): { readonly name: string; readonly path: string } {
  const direct = resolve(nameOrPath)
  if (existsSync(direct) && statSync(direct).isFile()) {
    const inside = relative(join(root, 'scenarios'), direct)
    return { name: withoutExtension(inside.startsWith('..') ? nameOrPath : inside), path: direct }
  }
  for (const extension of ['.yaml', '.yml', '']) {
    const path = join(root, 'scenarios', `${nameOrPath}${extension}`)
    if (existsSync(path) && statSync(path).isFile()) return { name: withoutExtension(nameOrPath), path }
  }
  if (existsSync(direct) && statSync(direct).isDirectory()) throw new ScenarioError([problemAt(nameOrPath, 'this is a folder: leave the name out, or name a scenario file')])
  if (/^[./~]|\.(?:ya?ml|sh|bash)$/.test(nameOrPath)) throw new ScenarioError([problemAt(nameOrPath, 'there is no such file', ...besides(nameOrPath))])
  const names = builtInScenarios(root)
  const near = nearest(nameOrPath, names) ?? names.find(name => name.includes(nameOrPath))
  const group = names.filter(name => name.startsWith(`${nameOrPath.split('/')[0] ?? ''}/`))
  const help = [...(near === undefined ? [] : [`did you mean \`${near}\`?`]), ...(group.length === 0 ? [] : [`in that group there are: ${listWords(group)}`]), 'name a scenario file, or a built-in scenario: `proofroll list` names them']
  throw new ScenarioError([problemAt(nameOrPath, 'there is no such scenario', ...help)])
}

/** Which file may have been meant by one that is not there. */
function besides(path: string): readonly string[] {
  const folder = dirname(path)
  if (!existsSync(folder)) return [`there is no folder \`${folder}\``]
  const files = readdirSync(folder).filter(file => isScenarioFile(file) || /\.(?:sh|bash)$/.test(file)).map(file => (folder === '.' ? file : join(folder, file))).sort()
  if (files.length === 0) return [`in ${folder === '.' ? 'this folder' : `\`${folder}\``} there is no scenario and no script; \`proofroll init\` writes one to start from, \`proofroll list\` names the built-in ones`]
  const near = nearest(path.replace(/^\.\//, ''), files)
  return [...(near === undefined ? [] : [`did you mean \`${near}\`?`]), `there are: ${listWords(files)}`, '`proofroll list` names the built-in scenarios']
}

/** Files on disk, beside the scenario at `path`. */
export function diskFiles(path: string): SourceFiles {
  const folder = dirname(resolve(path))
  const used: Record<string, string> = {}
  const main = path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf(sep)) + 1)
  return {
    main,
    used,
    shown: name => shorter(join(folder, name)),
    read(name) {
      const file = join(folder, name)
      if (!existsSync(file) || !statSync(file).isFile()) return undefined
      const text = readFileSync(file, 'utf8')
      if (name !== main) used[name] = text
      return text
    },
    beside(name) {
      const inside = join(folder, posix.dirname(name))
      return existsSync(inside) ? readdirSync(inside).map(file => posix.join(posix.dirname(name), file)) : []
    },
  }
}

/** Texts over the files of a folder. The scenario itself is among the texts. */
export function filesOver({ name, folder, yaml, files }: { readonly name: string; readonly folder: string; readonly yaml: string; readonly files: Readonly<Record<string, string>> }): SourceFiles {
  const main = `${posix.basename(name)}.yaml`
  const disk = diskFiles(join(folder, main))
  return {
    ...disk,
    shown: path => (path === main || path in files ? `${path} (in code)` : disk.shown(path)),
    read(path) {
      if (path === main) return yaml
      const text = files[path]
      if (text === undefined) return disk.read(path)
      disk.used[path] = text
      return text
    },
    beside: path => [...Object.keys(files), ...disk.beside(path)],
  }
}

/** Files of a self-contained source (a counterexample file). */
export function sourceFiles(source: ScenarioSource): SourceFiles {
  const main = `${posix.basename(source.name)}.yaml`
  const used: Record<string, string> = {}
  return {
    main,
    used,
    shown: name => posix.join(posix.dirname(source.name), name),
    read(name) {
      const text = name === main ? source.yaml : source.files[name]
      if (text !== undefined && name !== main) used[name] = text
      return text
    },
    beside: () => Object.keys(source.files),
  }
}

/** A path named in `from`, relative to the scenario. */
export function pathFrom(from: string, named: string): string {
  return posix.normalize(posix.join(posix.dirname(from), named))
}

/** Says that a file does not exist, and which one may have been meant. */
export function missingFile(files: SourceFiles, path: string, wanted: RegExp): readonly string[] {
  const candidates = files.beside(path).filter(file => wanted.test(file))
  const near = nearest(path, candidates)
  return [...(near === undefined ? [] : [`did you mean \`${near}\`?`]), candidates.length > 0 ? `there are: ${listWords(candidates)}` : 'paths are relative to the file that names them']
}

function shorter(path: string): string {
  const short = relative(process.cwd(), path)
  return short.startsWith(`..${sep}..`) || short === '' ? path : short
}

function withoutExtension(path: string): string {
  return path.replace(/\.ya?ml$/, '').split(sep).join('/').replace(/^\.\//, '')
}
