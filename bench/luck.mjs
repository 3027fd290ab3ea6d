/** Exponential samples of mean 1, cheap and the same for all contenders. */
export function exp1(seed = 7) {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    return -Math.log(((state >>> 0) + 1) / 4294967297)
  }
}
