import { NEVER, type Us } from './time.ts'

/** Names one scheduled event; stays safe to cancel after the event has run. */
export type TimerId = number

const GENERATION = 16_777_216

/**
 * The pending events, earliest first; events of the same instant in the order in which they were scheduled.
 * A binary heap over typed arrays; cancelling marks the slot and costs O(1), amortised: when more than half of a large heap is cancelled it is rebuilt
 * without them, so that timers set far ahead and taken back (every retransmission) do not pile up.
 */
export class EventQueue {
  private capacity = 256
  private size = 0
  private sequence = 0
  private live = 0
  private heapTime = new Float64Array(this.capacity)
  private heapSequence = new Float64Array(this.capacity)
  private heapSlot = new Int32Array(this.capacity)
  private slotGeneration = new Int32Array(this.capacity)
  private slotLive = new Uint8Array(this.capacity)
  private slotKind = new Int32Array(this.capacity)
  private slotA = new Float64Array(this.capacity)
  private slotB: unknown[] = []
  /** The top has been taken out and its place not filled yet: what is pushed next goes there, which saves one walk through the heap. */
  private hole = false
  private free: number[] = []
  private used = 0

  /** What the last {@link pop} took out. */
  time: Us = 0
  kind = 0
  a = 0
  b: unknown = undefined

  /** The number of events that are scheduled and not cancelled. */
  get length(): number {
    return this.live
  }

  push(time: Us, kind: number, a: number, b: unknown): TimerId {
    if (this.size === this.capacity && !this.hole) this.grow()
    const slot = this.free.length > 0 ? (this.free.pop() as number) : this.used++
    const generation = (this.slotGeneration[slot] as number) + 1
    this.slotGeneration[slot] = generation
    this.slotLive[slot] = 1
    this.slotKind[slot] = kind
    this.slotA[slot] = a
    this.slotB[slot] = b
    this.live += 1
    if (this.hole) {
      this.hole = false
      this.siftDown(time, this.sequence++, slot)
    } else this.siftUp(this.size++, time, this.sequence++, slot)
    return generation * GENERATION + slot
  }

  /** Takes an event back. False when it has run or was cancelled before. */
  cancel(timer: TimerId): boolean {
    const slot = timer % GENERATION
    if (this.slotLive[slot] !== 1 || this.slotGeneration[slot] !== (timer - slot) / GENERATION) return false
    this.slotLive[slot] = 0
    this.slotB[slot] = undefined
    this.live -= 1
    if (this.size > 1024 && this.live * 2 < this.size) {
      if (this.hole) this.fillHole()
      this.compact()
    }
    return true
  }

  /** The number of heap places in use, cancelled events included: a test holds it proportional to {@link length}. */
  get places(): number {
    return this.size
  }

  /** The instant of the earliest event, or NEVER. */
  peekTime(): Us {
    this.dropCancelled()
    return this.size === 0 ? NEVER : (this.heapTime[0] as number)
  }

  /** Takes the earliest event out into `time`, `kind`, `a`, `b`. False when nothing is pending. */
  pop(): boolean {
    this.dropCancelled()
    if (this.size === 0) return false
    const slot = this.heapSlot[0] as number
    this.time = this.heapTime[0] as number
    this.kind = this.slotKind[slot] as number
    this.a = this.slotA[slot] as number
    this.b = this.slotB[slot]
    this.slotLive[slot] = 0
    this.slotB[slot] = undefined
    this.live -= 1
    this.free.push(slot)
    this.hole = true
    return true
  }

  private dropCancelled(): void {
    if (this.hole) this.fillHole()
    while (this.size > 0 && this.slotLive[this.heapSlot[0] as number] === 0) {
      this.free.push(this.heapSlot[0] as number)
      this.fillHole()
    }
  }

  private fillHole(): void {
    this.hole = false
    const last = --this.size
    if (last > 0) this.siftDown(this.heapTime[last] as number, this.heapSequence[last] as number, this.heapSlot[last] as number)
  }

  /** Throws the cancelled events out. The order of the others hangs on (time, sequence) alone, so it stays. */
  private compact(): void {
    const { heapTime, heapSequence, heapSlot, slotLive } = this
    const before = this.size
    this.size = 0
    for (let i = 0; i < before; i++) {
      const slot = heapSlot[i] as number
      if (slotLive[slot] === 1) this.siftUp(this.size++, heapTime[i] as number, heapSequence[i] as number, slot)
      else this.free.push(slot)
    }
  }

  private siftUp(start: number, time: Us, sequence: number, slot: number): void {
    let i = start
    while (i > 0) {
      const parent = (i - 1) >> 1
      const parentTime = this.heapTime[parent] as number
      if (parentTime < time || (parentTime === time && (this.heapSequence[parent] as number) < sequence)) break
      this.heapTime[i] = parentTime
      this.heapSequence[i] = this.heapSequence[parent] as number
      this.heapSlot[i] = this.heapSlot[parent] as number
      i = parent
    }
    this.heapTime[i] = time
    this.heapSequence[i] = sequence
    this.heapSlot[i] = slot
  }

  private siftDown(time: Us, sequence: number, slot: number): void {
    const { heapTime, heapSequence, heapSlot, size } = this
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= size) break
      let childTime = heapTime[child] as number
      const right = child + 1
      if (right < size) {
        const rightTime = heapTime[right] as number
        if (rightTime < childTime || (rightTime === childTime && (heapSequence[right] as number) < (heapSequence[child] as number))) {
          child = right
          childTime = rightTime
        }
      }
      if (time < childTime || (time === childTime && sequence < (heapSequence[child] as number))) break
      heapTime[i] = childTime
      heapSequence[i] = heapSequence[child] as number
      heapSlot[i] = heapSlot[child] as number
      i = child
    }
    heapTime[i] = time
    heapSequence[i] = sequence
    heapSlot[i] = slot
  }

  private grow(): void {
    this.capacity *= 2
    this.heapTime = enlarge(this.heapTime, new Float64Array(this.capacity))
    this.heapSequence = enlarge(this.heapSequence, new Float64Array(this.capacity))
    this.heapSlot = enlarge(this.heapSlot, new Int32Array(this.capacity))
    this.slotGeneration = enlarge(this.slotGeneration, new Int32Array(this.capacity))
    this.slotLive = enlarge(this.slotLive, new Uint8Array(this.capacity))
    this.slotKind = enlarge(this.slotKind, new Int32Array(this.capacity))
    this.slotA = enlarge(this.slotA, new Float64Array(this.capacity))
  }
}

function enlarge<A extends Float64Array | Int32Array | Uint8Array>(from: A, to: A): A {
  to.set(from)
  return to
}
