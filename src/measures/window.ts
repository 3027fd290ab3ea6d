/** A stretch of time in which something was so. Half-open: `toUs` is the first instant at which it no longer was. */
import type { Us } from '../kernel/index.ts'

export interface Window {
  readonly fromUs: Us
  readonly toUs: Us
  /** Still so when the horizon ended: the true end is later than `toUs`. */
  readonly open: boolean
}

/** Collects the windows in which a condition held, from its changes. */
export class Switch<Detail = undefined> {
  private sinceUs: Us | undefined
  private detail: Detail | undefined
  private readonly closed: (Window & { readonly detail: Detail })[] = []

  get on(): boolean {
    return this.sinceUs !== undefined
  }

  /** The condition is `on` from `nowUs`; `detail` describes the window and is kept from its first instant. */
  set(nowUs: Us, on: boolean, detail: Detail): void {
    if (on === this.on) return
    if (on) {
      this.sinceUs = nowUs
      this.detail = detail
      return
    }
    if (nowUs > (this.sinceUs as Us)) this.closed.push({ fromUs: this.sinceUs as Us, toUs: nowUs, open: false, detail: this.detail as Detail })
    this.sinceUs = undefined
  }

  /** All windows up to `nowUs`, a running one cut there and flagged `open` (even when it is as long as nothing). */
  windows(nowUs: Us): readonly (Window & { readonly detail: Detail })[] {
    if (this.sinceUs === undefined) return this.closed
    return [...this.closed, { fromUs: this.sinceUs, toUs: nowUs, open: true, detail: this.detail as Detail }]
  }
}

/** Sum of the lengths of windows that do not overlap, in µs. */
export function lengthUs(windows: readonly Window[]): Us {
  let sum = 0
  for (const window of windows) sum += window.toUs - window.fromUs
  return sum
}

/** The stretches in which at least one of the windows held, in order: what several key shares have together. */
export function unite(windows: readonly Window[]): readonly Window[] {
  const united: { fromUs: Us; toUs: Us; open: boolean }[] = []
  for (const { fromUs, toUs, open } of windows.toSorted((a, b) => a.fromUs - b.fromUs)) {
    const last = united.at(-1)
    if (last === undefined || last.toUs < fromUs) united.push({ fromUs, toUs, open })
    else if (toUs >= last.toUs) {
      last.open = toUs > last.toUs ? open : last.open || open
      last.toUs = toUs
    }
  }
  return united
}

/** How much of `window` falls into [fromUs, toUs), in µs. */
export function overlapUs(window: Window, fromUs: Us, toUs: Us): Us {
  return Math.max(0, Math.min(window.toUs, toUs) - Math.max(window.fromUs, fromUs))
}

/** The windows cut to [fromUs, toUs); what lies outside is dropped. */
export function clip<W extends Window>(windows: readonly W[], fromUs: Us, toUs: Us): readonly W[] {
  const kept: W[] = []
  for (const window of windows) {
    const from = Math.max(window.fromUs, fromUs)
    const to = Math.min(window.toUs, toUs)
    if (to > from || (window.open && to === from)) kept.push(from === window.fromUs && to === window.toUs ? window : { ...window, fromUs: from, toUs: to })
  }
  return kept
}

/** Whether any window covers the instant. */
export function covers(windows: readonly Window[], atUs: Us): boolean {
  for (const window of windows) if (atUs >= window.fromUs && (atUs < window.toUs || window.open)) return true
  return false
}
