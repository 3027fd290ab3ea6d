import { ArithmeticError } from './arithmetic.ts'
import { SharedMap } from './shared.ts'

/** A variable's value and marks. Replaced, never changed in place, but for its array, which belongs to one shell. */
export interface Variable {
  value: string | undefined
  /** Holes are unset elements. */
  list: (string | undefined)[] | undefined
  map: Map<string, string> | undefined
  exported: boolean
  readonly: boolean
  integer: boolean
  letters: 'lower' | 'upper' | undefined
  reference: boolean
  /** Who may change the array in place. */
  owner: object
}

const MOST_ELEMENTS = 1_000_000

/** The variables of one shell: the globals, and a layer for each function that is running. */
export class Variables {
  /** Replaced when the shell is copied: from then on nothing that both see is changed in place. */
  private owner: object = {}

  /**
   * @param exports names that were ever exported, in this shell or one it comes from: a superset of the environment's
   * @param known the environment as it was asked for last. The same object as long as it says the same: programs remember what they made of it
   */
  constructor(
    private readonly layers: SharedMap<Variable>[] = [new SharedMap()],
    private readonly exports = new Set<string>(),
    private known: Readonly<Record<string, string>> | undefined = undefined,
  ) {}

  /** A copy for a subshell. Layers and arrays are shared until one side changes them. */
  copy(): Variables {
    const layers: SharedMap<Variable>[] = []
    for (const layer of this.layers) layers.push(layer.copy())
    this.owner = {}
    return new Variables(layers, this.exports, this.known)
  }

  /** The subshell that these are of has ended. */
  release(): void {
    for (const layer of this.layers) layer.release()
  }

  pushLayer(): void {
    this.layers.push(new SharedMap())
  }

  /** @returns whether it held IFS */
  popLayer(): boolean {
    return this.layers.pop()?.has('IFS') === true
  }

  get inFunction(): boolean {
    return this.layers.length > 1
  }

  find(name: string): Variable | undefined {
    for (let i = this.layers.length - 1; i >= 0; i--) {
      const found = (this.layers[i] as SharedMap<Variable>).get(name)
      if (found !== undefined) return found
    }
    return undefined
  }

  /** The variable meant: a reference leads on. */
  private resolve(name: string): string {
    let at = name
    for (let i = 0; i < 8; i++) {
      const variable = this.find(at)
      if (variable?.reference !== true || variable.value === undefined || variable.value === '') return at
      at = variable.value
    }
    return at
  }

  get(name: string): string | undefined {
    const found = this.find(name)
    if (found === undefined) return undefined
    if (found.reference && found.value !== undefined) return this.get(this.resolve(name))
    if (found.list !== undefined) return found.list[0]
    if (found.map !== undefined) return found.map.get('0')
    return found.value
  }

  isSet(name: string): boolean {
    return this.get(name) !== undefined
  }

  variable(name: string): Variable | undefined {
    return this.find(this.resolve(name))
  }

  /** Sets a plain value. @returns why not, if the variable is read-only */
  set(name: string, value: string, evaluate?: (text: string) => string): boolean {
    const target = this.resolve(name)
    for (let i = this.layers.length - 1; i >= 0; i--) {
      const layer = this.layers[i] as SharedMap<Variable>
      const found = layer.get(target)
      if (found === undefined) continue
      if (found.readonly) return false
      if (found.list !== undefined || found.map !== undefined) return this.setElement(target, '0', value, evaluate)
      layer.set(target, { ...found, value: this.shaped(found, value, evaluate) })
      return true
    }
    ;(this.layers[0] as SharedMap<Variable>).set(target, plain(value, this.owner))
    return true
  }

  private shaped(variable: Variable, value: string, evaluate: ((text: string) => string) | undefined): string {
    if (variable.integer && evaluate !== undefined) return evaluate(value)
    if (variable.letters === 'lower') return value.toLowerCase()
    return variable.letters === 'upper' ? value.toUpperCase() : value
  }

  /** Sets an element; makes a list of a variable that is no array. `key` is a number for a list. */
  setElement(name: string, key: string, value: string, evaluate?: (text: string) => string): boolean {
    const target = this.resolve(name)
    const found = this.find(target)
    if (found?.readonly === true) return false
    const own = this.own(target, found)
    const text = this.shaped(own, value, evaluate)
    if (own.map !== undefined) own.map.set(key, text)
    else {
      own.list ??= own.value === undefined ? [] : [own.value]
      own.value = undefined
      let i = Number(key)
      if (i < 0) i += own.list.length
      if (i < 0 || i >= MOST_ELEMENTS) throw new ArithmeticError('bad array subscript', key)
      own.list[i] = text
    }
    return true
  }

  /** The elements of an array, replaced as a whole. */
  setArray(name: string, list: (string | undefined)[] | undefined, map: Map<string, string> | undefined): boolean {
    const target = this.resolve(name)
    const found = this.find(target)
    if (found?.readonly === true) return false
    const own = this.own(target, found)
    own.value = undefined
    own.list = list
    own.map = map
    return true
  }

  /** A variable that this shell may change in place. */
  private own(name: string, found: Variable | undefined): Variable {
    if (found !== undefined && found.owner === this.owner) return found
    const own: Variable = found === undefined ? plain(undefined, this.owner) : { ...found, list: found.list?.slice(), map: found.map === undefined ? undefined : new Map(found.map), owner: this.owner }
    for (let i = this.layers.length - 1; i >= 0; i--) {
      const layer = this.layers[i] as SharedMap<Variable>
      if (i > 0 && !layer.has(name)) continue
      layer.set(name, own)
      break
    }
    return own
  }

  /** Declares a variable in this function's layer (or, at the top, globally). */
  declareLocal(name: string): void {
    const layer = this.layers[this.layers.length - 1] as SharedMap<Variable>
    if (!layer.has(name)) layer.set(name, plain(undefined, this.owner))
  }

  /** Changes marks of a variable, which comes into being without a value if there is none. */
  mark(name: string, marks: Partial<Pick<Variable, 'exported' | 'readonly' | 'integer' | 'letters' | 'reference'>>): void {
    const target = marks.reference === undefined ? this.resolve(name) : name
    if (marks.exported === true) this.exports.add(target)
    Object.assign(this.own(target, this.find(target)), marks)
  }

  /** Makes an array of a variable. */
  makeArray(name: string, kind: 'list' | 'map'): void {
    const own = this.own(this.resolve(name), this.find(this.resolve(name)))
    if (kind === 'map') own.map ??= new Map()
    else if (own.list === undefined) {
      own.list = own.value === undefined ? [] : [own.value]
      own.value = undefined
    }
  }

  unset(name: string): boolean {
    for (let i = this.layers.length - 1; i >= 0; i--) {
      const layer = this.layers[i] as SharedMap<Variable>
      const found = layer.get(name)
      if (found === undefined) continue
      if (found.readonly) return false
      // A local stays, without a value, so that the global of that name does not show through.
      if (i > 0) layer.set(name, plain(undefined, this.owner))
      else layer.delete(name)
      return true
    }
    return true
  }

  unsetElement(name: string, key: string): void {
    const target = this.resolve(name)
    const found = this.find(target)
    if (found === undefined || (found.list === undefined && found.map === undefined)) return
    const own = this.own(target, found)
    if (own.map !== undefined) own.map.delete(key)
    else if (own.list !== undefined) {
      const i = Number(key) < 0 ? Number(key) + own.list.length : Number(key)
      delete own.list[i]
      while (own.list.length > 0 && own.list[own.list.length - 1] === undefined) own.list.length -= 1
    }
  }

  /** Keys of an array in bash's order: numbers ascending; for a map the order of its hash table. */
  keys(name: string): string[] {
    const found = this.variable(name)
    if (found?.list !== undefined) return Object.keys(found.list)
    if (found?.map !== undefined) return inHashOrder([...found.map.keys()])
    return found?.value === undefined ? [] : ['0']
  }

  values(name: string): string[] {
    const found = this.variable(name)
    if (found?.list !== undefined) return found.list.filter(v => v !== undefined)
    if (found?.map !== undefined) return inHashOrder([...found.map.keys()]).map(k => (found.map as Map<string, string>).get(k) as string)
    return found?.value === undefined ? [] : [found.value]
  }

  element(name: string, key: string): string | undefined {
    const found = this.variable(name)
    if (found?.map !== undefined) return found.map.get(key)
    const i = Number(key)
    if (found?.list !== undefined) return found.list[i < 0 ? i + found.list.length : i]
    return i === 0 || i === -1 ? found?.value : undefined
  }

  isMap(name: string): boolean {
    return this.variable(name)?.map !== undefined
  }

  isArray(name: string): boolean {
    const found = this.variable(name)
    return found?.map !== undefined || found?.list !== undefined
  }

  /** Every name with a variable, sorted. */
  names(): string[] {
    return [...new Set(this.layers.flatMap(layer => [...layer.keys()]))].sort()
  }

  /** The environment that programs get. */
  environment(): Readonly<Record<string, string>> {
    const { known } = this
    let same = known !== undefined
    let count = 0
    for (const name of this.exports) {
      const variable = this.find(name)
      if (variable?.exported !== true || variable.value === undefined) continue
      count += 1
      if (known?.[name] !== variable.value) same = false
    }
    if (same && known !== undefined && Object.keys(known).length === count) return known
    const env: Record<string, string> = {}
    for (const name of this.exports) {
      const variable = this.find(name)
      if (variable?.exported === true && variable.value !== undefined) env[name] = variable.value
    }
    this.known = env
    return env
  }
}

function plain(value: string | undefined, owner: object): Variable {
  return { value, list: undefined, map: undefined, exported: false, readonly: false, integer: false, letters: undefined, reference: false, owner }
}

/** bash keeps a map in 1,024 buckets by FNV-1 of the key; a bucket's newest key comes first. */
function inHashOrder(keys: readonly string[]): string[] {
  const bucket = (key: string): number => {
    let hash = 2166136261
    for (const byte of utf8(key)) hash = (Math.imul(hash, 16777619) ^ byte) >>> 0
    return hash & 1023
  }
  const placed = keys.map((key, i) => ({ key, i, bucket: bucket(key) }))
  return placed.sort((a, b) => a.bucket - b.bucket || b.i - a.i).map(p => p.key)
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}
