/** Hash slots: CRC16 of a key, and the contiguous ranges that the shards begin with (rule RD-SLOT-1). */
import { SLOTS } from './names.ts'

/** CRC16-XMODEM (polynomial 0x1021, no reflection): `123456789` → 0x31C3. Source: cluster-spec, appendix A. */
export function crc16(text: string): number {
  let crc = 0
  for (const byte of utf8(text)) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff
  }
  return crc
}

function utf8(text: string): number[] {
  const bytes: number[] = []
  for (const character of text) {
    const c = character.codePointAt(0) as number
    if (c < 0x80) bytes.push(c)
    else if (c < 0x800) bytes.push(0xc0 | (c >> 6), 0x80 | (c & 63))
    else if (c < 0x10000) bytes.push(0xe0 | (c >> 12), 0x80 | ((c >> 6) & 63), 0x80 | (c & 63))
    else bytes.push(0xf0 | (c >> 18), 0x80 | ((c >> 12) & 63), 0x80 | ((c >> 6) & 63), 0x80 | (c & 63))
  }
  return bytes
}

/** The slot of a key: of its hash tag, if it has a non-empty one. */
export function keySlot(key: string): number {
  const open = key.indexOf('{')
  const close = open < 0 ? -1 : key.indexOf('}', open + 1)
  return crc16(close > open + 1 ? key.slice(open + 1, close) : key) % SLOTS
}

/** First and last slot of each shard, as `redis-cli --cluster create` deals them out: 0–5460, 5461–10922, 10923–16383 for three. */
export function slotRanges(shards: number): (readonly [number, number])[] {
  const ranges: [number, number][] = []
  const each = SLOTS / shards
  let first = 0
  for (let i = 0; i < shards; i++) {
    const last = i === shards - 1 ? SLOTS - 1 : Math.max(first, Math.round(each * (i + 1)) - 1)
    ranges.push([first, last])
    first = last + 1
  }
  return ranges
}

/** The slot in the middle of the i-th of `n` equal parts of a range: it stands for the key share that the part is. */
export function shareSlot([first, last]: readonly [number, number], i: number, n: number): number {
  return first + Math.floor(((2 * i + 1) * (last - first + 1)) / (2 * n))
}

/** Which range a slot lies in. */
export function rangeOf(ranges: readonly (readonly [number, number])[], slot: number): number {
  return ranges.findIndex(([first, last]) => slot >= first && slot <= last)
}
