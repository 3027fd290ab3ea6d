/** Beyond this many the memory starts over: texts with values woven in would fill it in a long campaign. */
const LIMIT = 5_000

/**
 * `read`, remembering what it made of an argument vector: the same vector is read once, and a command line whose variables have the same
 * values is the same vector in every rehearsal (see `fillWords`). For a pure `read` whose answers nobody changes.
 */
export function rememberedByWords<T extends object>(read: (argv: readonly string[]) => T): (argv: readonly string[]) => T {
  const known = new WeakMap<readonly string[], T>()
  return argv => {
    let answer = known.get(argv)
    if (answer === undefined) {
      answer = read(argv)
      known.set(argv, answer)
    }
    return answer
  }
}

/** The same for a text. */
export function rememberedByText<T extends object>(read: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>()
  return text => {
    let answer = known.get(text)
    if (answer === undefined) {
      answer = read(text)
      if (known.size >= LIMIT) known.clear()
      known.set(text, answer)
    }
    return answer
  }
}
