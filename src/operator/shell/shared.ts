/** A map that a subshell has from its parent until one of the two changes it: forking costs nothing, as it should. */
export class SharedMap<V> {
  /** @param users how many have this very map: whoever changes it while there are others makes one of his own */
  constructor(
    private map = NOTHING as Map<string, V>,
    private users: { count: number } = NOBODYS,
  ) {}

  copy(): SharedMap<V> {
    this.users.count += 1
    return new SharedMap(this.map, this.users)
  }

  /** A subshell has ended and reads no more: whoever shared with it alone need not copy. */
  release(): void {
    this.users.count -= 1
    this.map = NOTHING as Map<string, V>
    this.users = NOBODYS
  }

  get size(): number {
    return this.map.size
  }

  get(name: string): V | undefined {
    return this.map.get(name)
  }

  has(name: string): boolean {
    return this.map.has(name)
  }

  keys(): Iterable<string> {
    return this.map.keys()
  }

  entries(): Iterable<[string, V]> {
    return this.map.entries()
  }

  clear(): void {
    this.release()
  }

  set(name: string, value: V): void {
    this.own().set(name, value)
  }

  delete(name: string): void {
    if (this.map.has(name)) this.own().delete(name)
  }

  private own(): Map<string, V> {
    if (this.users.count > 1) {
      this.users.count -= 1
      this.users = { count: 1 }
      this.map = this.map.size === 0 ? new Map<string, V>() : new Map(this.map)
    }
    return this.map
  }
}

// Shared by all that are empty, so never written.
const NOTHING = new Map<string, never>()
const NOBODYS = { count: Number.POSITIVE_INFINITY }
