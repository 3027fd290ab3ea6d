/** Objects by the value of a label: of a fleet only those are looked at that a selector can mean. */
import type { Labels } from './objects.ts'

/**
 * The index of one kind of object. A label is indexed from the first time that somebody selects by it, and kept up from then on: labels that
 * nobody asks for cost nothing.
 */
export class LabelIndex<T> {
  private readonly byLabel = new Map<string, Map<string, Set<T>>>()

  /** @param all every object there is now @param labelsOf the labels of one, as they are when it is added and until it is removed */
  constructor(
    private readonly all: () => Iterable<T>,
    private readonly labelsOf: (object: T) => Labels,
  ) {}

  /** The objects whose label `key` is `value`, in no order that means anything. */
  with(key: string, value: string): ReadonlySet<T> {
    let values = this.byLabel.get(key)
    if (values === undefined) {
      this.byLabel.set(key, (values = new Map()))
      for (const object of this.all()) put(values, this.labelsOf(object)[key], object)
    }
    return values.get(value) ?? NOBODY
  }

  /** An object is there, or has its labels again after {@link remove}. */
  add(object: T): void {
    for (const [key, values] of this.byLabel) put(values, this.labelsOf(object)[key], object)
  }

  /** An object goes away, or is about to get other labels. */
  remove(object: T): void {
    for (const [key, values] of this.byLabel) {
      const value = this.labelsOf(object)[key]
      if (value !== undefined) values.get(value)?.delete(object)
    }
  }
}

const NOBODY: ReadonlySet<never> = new Set<never>()

function put<T>(values: Map<string, Set<T>>, value: string | undefined, object: T): void {
  if (value === undefined) return
  const set = values.get(value)
  if (set === undefined) values.set(value, new Set([object]))
  else set.add(object)
}
