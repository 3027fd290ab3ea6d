/** A map that a subshell has from its parent until one of the two changes it: forking costs nothing, as it should. */
export class SharedMap<V> {
  constructor(
    private map = NOTHING as Map<string, V>,
    private shared = true,
  ) {}

  copy(): SharedMap<V> {
    this.shared = true
    return new SharedMap(this.map)
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
    this.map = NOTHING as Map<string, V>
    this.shared = true
  }

  set(name: string, value: V): void {
    this.own().set(name, value)
  }

  delete(name: string): void {
    if (this.map.has(name)) this.own().delete(name)
  }

  private own(): Map<string, V> {
    if (this.shared) {
      this.map = new Map(this.map)
      this.shared = false
    }
    return this.map
  }
}

// Shared by all that are empty, so never written.
const NOTHING = new Map<string, never>()
