/** Checksums of files and pipes, byte for byte those of the real programs: `md5sum`, `sha…sum`, `cksum`, `sum` of what is written in UTF-8; `cmp`. */
import { createHash } from 'node:crypto'
import type { Utility, UtilityCall } from '../utilities.ts'
import { type Output, UnsupportedError, answer, failed, inputs, linesOf, ok, options } from './options.ts'

const LONG = { check: 'c', binary: 'b', text: 't', zero: 'z', tag: 'tag', quiet: 'quiet', status: 'status', strict: 'strict', warn: 'w', 'ignore-missing': 'ignore-missing' } as const

/** A program of the family of `md5sum`. */
const hashing = (name: string, algorithm: string): Utility => ({
  name,
  run(call): Output {
    const { on, rest } = options(call.argv, 'cbtzw', '', LONG)
    const digest = (text: string): string => createHash(algorithm).update(text, 'utf8').digest('hex')
    if (on.has('c')) return check(call, name, digest, on, rest)
    const { texts, err } = inputs(call, rest)
    const line = (file: string, text: string): string => (on.has('tag') ? `${algorithm.toUpperCase()} (${file}) = ${digest(text)}` : `${digest(text)} ${on.has('b') ? '*' : ' '}${file}`)
    return answer(texts.map(each => `${line(each.name, each.text)}${on.has('z') ? '\0' : '\n'}`).join(''), err)
  },
})

/** `-c`: whether files have the sums that a list says. */
function check(call: UtilityCall, name: string, digest: (text: string) => string, on: ReadonlyMap<string, string>, lists: readonly string[]): Output {
  const { texts, err: missing } = inputs(call, lists)
  let out = ''
  let err = missing
  let bad = missing !== ''
  for (const list of texts) {
    const counts = { wrong: 0, unread: 0, malformed: 0, good: 0, seen: 0 }
    for (const line of linesOf(list.text)) {
      const parts = /^([0-9a-fA-F]{32,128}) [ *](.+)$/.exec(line)
      if (parts === null) {
        counts.malformed += 1
        continue
      }
      counts.seen += 1
      const [, sum = '', file = ''] = parts
      const text = call.read(file)
      if (text === undefined) {
        if (on.has('ignore-missing')) continue
        err += `${name}: ${file}: No such file or directory\n`
        if (!on.has('status')) out += `${file}: FAILED open or read\n`
        counts.unread += 1
      } else if (digest(text) === sum.toLowerCase()) {
        counts.good += 1
        if (!on.has('status') && !on.has('quiet')) out += `${file}: OK\n`
      } else {
        if (!on.has('status')) out += `${file}: FAILED\n`
        counts.wrong += 1
      }
    }
    const shown = list.name === '-' ? "'standard input'" : list.name
    if (counts.seen === 0) {
      err += `${name}: ${shown}: no properly formatted checksum lines found\n`
      bad = true
      continue
    }
    const warn = (n: number, one: string, many: string): string => (n === 0 || on.has('status') ? '' : `${name}: WARNING: ${n} ${n === 1 ? one : many}\n`)
    err += warn(counts.malformed, 'line is improperly formatted', 'lines are improperly formatted') + warn(counts.unread, 'listed file could not be read', 'listed files could not be read') + warn(counts.wrong, 'computed checksum did NOT match', 'computed checksums did NOT match')
    if (on.has('ignore-missing') && counts.good === 0 && counts.wrong === 0) {
      if (!on.has('status')) err += `${name}: ${shown}: no file was verified\n`
      bad = true
    }
    if (counts.wrong > 0 || counts.unread > 0 || (on.has('strict') && counts.malformed > 0)) bad = true
  }
  return { out, err, code: bad ? 1 : 0 }
}

const POLYNOMIAL = 0x04c11db7
const table = Uint32Array.from({ length: 256 }, (_, n) => {
  let crc = n << 24
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x80000000 ? (crc << 1) ^ POLYNOMIAL : crc << 1
  return crc >>> 0
})

/** The CRC of POSIX: over the bytes, then over their number. */
function posixCrc(bytes: Uint8Array): number {
  let crc = 0
  const feed = (byte: number): void => {
    crc = ((crc << 8) ^ (table[((crc >>> 24) ^ byte) & 255] as number)) >>> 0
  }
  for (const byte of bytes) feed(byte)
  for (let length = bytes.length; length > 0; length = Math.floor(length / 256)) feed(length & 255)
  return ~crc >>> 0
}

const cksum: Utility = {
  name: 'cksum',
  run(call): Output {
    const { rest } = options(call.argv, '')
    const { texts, err } = inputs(call, rest)
    return answer(texts.map(({ name, text }) => {
      const bytes = Buffer.from(text, 'utf8')
      return `${posixCrc(bytes)} ${bytes.length}${rest.length === 0 ? '' : ` ${name}`}\n`
    }).join(''), err)
  },
}

/** Bytes that differ: the first one, or nothing but the status (`-s`). */
const cmp: Utility = {
  name: 'cmp',
  run(call): Output {
    const { on, rest } = options(call.argv, 's', '', { silent: 's', quiet: 's' })
    if (rest.length === 0) return failed("cmp: missing operand after 'cmp'\ncmp: Try 'cmp --help' for more information.\n", 2)
    if (rest.length > 2) throw new UnsupportedError('`cmp` with offsets', ['cmp FILE FILE'])
    const [a = '', b = '-'] = rest
    const texts = [a, b].map(file => call.read(file))
    const missing = [a, b].find((_f, i) => texts[i] === undefined)
    if (missing !== undefined) return failed(on.has('s') ? '' : `cmp: ${missing}: No such file or directory\n`, 2)
    const [left, right] = texts.map(text => Buffer.from(text as string, 'utf8')) as [Buffer, Buffer]
    if (left.equals(right)) return ok()
    let at = 0
    while (at < left.length && at < right.length && left[at] === right[at]) at += 1
    if (on.has('s')) return failed('', 1)
    const line = (upTo: number): number => left.subarray(0, upTo).filter(byte => byte === 10).length
    if (at < left.length && at < right.length) return { out: `${a} ${b} differ: byte ${at + 1}, line ${line(at) + 1}\n`, err: '', code: 1 }
    const shorter = left.length < right.length ? a : b
    if (at === 0) return failed(`cmp: EOF on ${shorter} which is empty\n`, 1)
    return failed(`cmp: EOF on ${shorter} after byte ${at}, ${left[at - 1] === 10 ? `line ${line(at)}` : `in line ${line(at) + 1}`}\n`, 1)
  },
}

export const SUM_UTILITIES: readonly Utility[] = [hashing('md5sum', 'md5'), hashing('sha1sum', 'sha1'), hashing('sha224sum', 'sha224'), hashing('sha256sum', 'sha256'), hashing('sha384sum', 'sha384'), hashing('sha512sum', 'sha512'), cksum, cmp]
