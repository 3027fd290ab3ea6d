import type { Disk } from '../command.ts'

/** The files that a script may touch: a workstation's live in memory, a container's are supplied by its model. Paths are absolute. */
export interface Files {
  /** Undefined when there is no such file. */
  read(path: string): string | undefined
  /** Undefined on success, else the reason as the system gives it (`Permission denied`, `No space left on device`). */
  write(path: string, text: string): string | undefined
  remove(path: string): string | undefined
  /** `d` for a directory, `f` for a file, undefined for neither. */
  kind(path: string): 'f' | 'd' | undefined
  append?(path: string, text: string): string | undefined
  makeDirectory?(path: string): string | undefined
  /** The names in a directory, sorted. */
  list?(path: string): readonly string[]
  executable?(path: string): boolean
  setExecutable?(path: string, on: boolean): void
}

/** `a/../b/./c` without the detours, absolute. */
export function absolute(path: string, from: string): string {
  const pieces: string[] = []
  for (const piece of (path.startsWith('/') ? path : `${from}/${path}`).split('/')) {
    if (piece === '..') pieces.pop()
    else if (piece !== '' && piece !== '.') pieces.push(piece)
  }
  return `/${pieces.join('/')}`
}

/** Files as a program finds them that was started in a folder. */
export class FolderDisk implements Disk {
  constructor(
    private readonly files: Files,
    private readonly folder: string,
  ) {}

  read(path: string): string | undefined {
    return this.files.read(absolute(path, this.folder))
  }

  write(path: string, text: string): string | undefined {
    return this.files.write(absolute(path, this.folder), text)
  }

  list(path: string): readonly string[] | undefined {
    const whole = absolute(path, this.folder)
    return this.files.kind(whole) === 'd' ? (this.files.list?.(whole) ?? []) : undefined
  }

  makeDirectory(path: string): string | undefined {
    return this.files.makeDirectory?.(absolute(path, this.folder))
  }
}

const CAPACITY = 64_000_000

/** Directories that every image and workstation has. */
const COMMON = ['/', '/tmp', '/home', '/root', '/dev', '/dev/shm', '/etc', '/mnt', '/opt', '/run', '/srv', '/var', '/var/lib', '/var/tmp', '/var/log', '/var/run', '/usr', '/usr/bin', '/usr/local', '/usr/local/bin', '/usr/share', '/bin']

/** A workstation's disk: what the scenario mounts, and what the script writes during one rehearsal; or a container's, with what is mounted there. */
export class MemoryFiles implements Files {
  private readonly texts: Map<string, string>
  private readonly directories = new Set<string>(COMMON)
  private readonly runnable = new Set<string>()
  private used = 0

  /** @param also directories beside those that are everywhere */
  constructor(mounted: ReadonlyMap<string, string> = new Map(), also: readonly string[] = []) {
    this.texts = new Map(mounted)
    for (const [path, text] of mounted) {
      this.used += text.length
      this.addParents(path)
      if (text.startsWith('#!')) this.runnable.add(path)
    }
    for (const path of also) {
      this.addParents(path)
      this.directories.add(path)
    }
  }

  private addParents(path: string): void {
    for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) this.directories.add(path.slice(0, at))
  }

  read(path: string): string | undefined {
    return this.texts.get(path)
  }

  write(path: string, text: string): string | undefined {
    if (this.directories.has(path)) return 'Is a directory'
    const parent = path.slice(0, path.lastIndexOf('/')) || '/'
    if (!this.directories.has(parent)) return this.texts.has(parent) ? 'Not a directory' : 'No such file or directory'
    const used = this.used - (this.texts.get(path)?.length ?? 0) + text.length
    if (used > CAPACITY) return 'No space left on device'
    this.used = used
    this.texts.set(path, text)
    return undefined
  }

  append(path: string, text: string): string | undefined {
    return this.write(path, (this.texts.get(path) ?? '') + text)
  }

  remove(path: string): string | undefined {
    if (this.directories.has(path)) {
      const below = `${path === '/' ? '' : path}/`
      for (const name of this.texts.keys()) if (name.startsWith(below)) this.texts.delete(name)
      for (const name of this.directories) if (name.startsWith(below) || name === path) this.directories.delete(name)
      this.directories.add('/')
      return undefined
    }
    this.used -= this.texts.get(path)?.length ?? 0
    this.texts.delete(path)
    this.runnable.delete(path)
    return undefined
  }

  kind(path: string): 'f' | 'd' | undefined {
    if (this.directories.has(path)) return 'd'
    return this.texts.has(path) ? 'f' : undefined
  }

  makeDirectory(path: string): string | undefined {
    if (this.kind(path) !== undefined) return 'File exists'
    if (!this.directories.has(path.slice(0, path.lastIndexOf('/')) || '/')) return 'No such file or directory'
    this.directories.add(path)
    return undefined
  }

  list(path: string): readonly string[] {
    const below = path === '/' ? '/' : `${path}/`
    const names = new Set<string>()
    for (const name of [...this.texts.keys(), ...this.directories]) {
      if (name.startsWith(below) && name.length > below.length) names.add((name.slice(below.length).split('/')[0]) as string)
    }
    return [...names].sort()
  }

  executable(path: string): boolean {
    return this.runnable.has(path)
  }

  setExecutable(path: string, on: boolean): void {
    if (on) this.runnable.add(path)
    else this.runnable.delete(path)
  }
}
