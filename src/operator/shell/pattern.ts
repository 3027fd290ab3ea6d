/** Shell patterns as regular expressions. */

const SPECIAL = /[\\^$.*+?()[\]{}|/-]/g

/** A text of which no character is special in a regular expression. */
export const escapeRegExp = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')

/** A text of which no character is special in a pattern. */
export const escapePattern = (text: string): string => text.replace(/[\\*?[\]()|@!+]/g, '\\$&')

/** Whether a text without quotes has pattern characters. */
export const hasPattern = (text: string): boolean => /[*?[]|[@!+?*]\(/.test(text)

/** The POSIX character classes, as the inside of a JavaScript class. ASCII, as in the C locale. */
export const CLASSES: Readonly<Record<string, string>> = {
  alpha: 'A-Za-z', digit: '0-9', alnum: 'A-Za-z0-9', upper: 'A-Z', lower: 'a-z', space: ' \\t\\n\\r\\f\\v', blank: ' \\t', xdigit: '0-9A-Fa-f', word: '\\w',
  punct: '!-\\/:-@\\[-`{-~', cntrl: '\\x00-\\x1f\\x7f', print: ' -~', graph: '!-~',
}

const cache = new Map<string, RegExp>()

/** The whole text has to match. @param extended `@(a|b)` and its like mean something: after `shopt -s extglob`, and always between `[[` and `]]` */
export function patternRegExp(pattern: string, insensitive: boolean, extended: boolean): RegExp {
  return cached(`^(?:${patternSource(pattern, false, extended)})$`, insensitive ? 'isu' : 'su')
}

/** A compiled expression, made once for each text. */
export function cached(source: string, flags: string): RegExp {
  const key = `${flags}/${source}`
  let known = cache.get(key)
  if (known === undefined) {
    if (cache.size > 2_000) cache.clear()
    known = new RegExp(source, flags)
    cache.set(key, known)
  }
  return known
}

/**
 * The source of a JavaScript expression (with the flag `s`) for a shell pattern.
 * @param lazy as short as possible instead of as long as possible; @param extended see {@link patternRegExp}; @param path `*` and `?` do not cross a `/`
 */
export function patternSource(pattern: string, lazy: boolean, extended: boolean, path = false): string {
  let source = ''
  const any = path ? '[^/]' : '[^]'
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i] as string
    if (extended && '?*+@!'.includes(c) && pattern[i + 1] === '(') {
      const end = closing(pattern, i + 1)
      if (end > 0) {
        const alternatives = split(pattern.slice(i + 2, end)).map(p => patternSource(p, lazy, true, path)).join('|')
        if (c === '!') {
          // Anything that is none of the alternatives, up to where the rest of the pattern matches.
          source += `(?:(?!(?:${alternatives})(?:${patternSource(pattern.slice(end + 1), lazy, true, path)})$)${any}*?)`
        } else source += `(?:${alternatives})${c === '@' ? '' : c}`
        i = end
        continue
      }
    }
    if (c === '\\') source += i + 1 < pattern.length ? (pattern[++i] as string).replace(SPECIAL, '\\$&') : '\\\\'
    else if (c === '*') source += `${any}*${lazy ? '?' : ''}`
    else if (c === '?') source += any
    else if (c === '[') {
      const bracket = readBracket(pattern, i)
      if (bracket === undefined) source += '\\['
      else {
        source += bracket.source
        i = bracket.end
      }
    } else source += escapeRegExp(c)
  }
  return source
}

function closing(pattern: string, open: number): number {
  let depth = 0
  for (let i = open; i < pattern.length; i++) {
    if (pattern[i] === '\\') i += 1
    else if (pattern[i] === '(') depth += 1
    else if (pattern[i] === ')' && --depth === 0) return i
  }
  return -1
}

function split(text: string): string[] {
  const parts = ['']
  let depth = 0
  for (let i = 0; i < text.length; i++) {
    const c = text[i] as string
    if (c === '\\') {
      parts[parts.length - 1] += c + (text[++i] ?? '')
      continue
    }
    if (c === '(') depth += 1
    if (c === ')') depth -= 1
    if (c === '|' && depth === 0) parts.push('')
    else parts[parts.length - 1] += c
  }
  return parts
}

/** A bracket expression that begins at `open`, as a JavaScript class; undefined if it is not closed. */
export function readBracket(pattern: string, open: number): { source: string; end: number } | undefined {
  let i = open + 1
  let source = ''
  const negated = pattern[i] === '!' || pattern[i] === '^'
  if (negated) i += 1
  let first = true
  for (; i < pattern.length; i++) {
    const c = pattern[i] as string
    if (c === ']' && !first) return { source: `[${negated ? '^' : ''}${source}]`, end: i }
    first = false
    if (c === '[' && pattern[i + 1] === ':') {
      const named = /^\[:(\w+):\]/.exec(pattern.slice(i))
      if (named !== null) {
        source += CLASSES[named[1] as string] ?? ''
        i += named[0].length - 1
        continue
      }
    }
    if (c === '\\' && i + 1 < pattern.length) source += (pattern[++i] as string).replace(/[\\\]^[-]/g, '\\$&')
    else if (c === '-' && source !== '' && pattern[i + 1] !== ']') source += '-'
    else source += c.replace(/[\\\]^[-]/g, '\\$&')
  }
  return undefined
}

/** A POSIX regular expression as the source of a JavaScript one: extended, or basic where `+ ? | ( ) { }` are plain unless escaped. */
export function posixSource(pattern: string, extended: boolean): string {
  let source = ''
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i] as string
    if (c === '[') {
      const bracket = posixBracket(pattern, i)
      if (bracket !== undefined) {
        source += bracket.source
        i = bracket.end
        continue
      }
      source += '\\['
    } else if (c === '\\' && i + 1 < pattern.length) {
      const next = pattern[++i] as string
      if ('+?|(){}'.includes(next)) source += extended ? `\\${next}` : next
      else if (next === '<') source += '\\b(?=\\w)'
      else if (next === '>') source += '\\b(?<=\\w)'
      else if (next === '`') source += '^'
      else if (next === "'") source += '$'
      else if (/[wWsSbB1-9]/.test(next)) source += `\\${next}`
      else source += escapeRegExp(next)
    } else if (!extended && '+?|(){}'.includes(c)) source += `\\${c}`
    else if (!extended && c === '*' && (source === '' || /(?:^|[^\\])(?:\(|\||\^)$/.test(source))) source += '\\*'
    else if (!extended && c === '^' && source !== '' && !/(?:\(|\|)$/.test(source)) source += '\\^'
    else if (!extended && c === '$' && i + 1 < pattern.length && !/^\\[)|]/.test(pattern.slice(i + 1))) source += '\\$'
    else if (extended && c === '{' && !/^\{\d*,?\d*\}/.test(pattern.slice(i))) source += '\\{'
    // Any character at all: JavaScript's own leaves out the carriage return, with which redis-cli ends each line of INFO.
    else source += c === '/' ? '\\/' : c === '.' ? '[^]' : c
  }
  return source
}

/** As {@link readBracket}, but a backslash is a plain character and `!` does not negate. */
function posixBracket(pattern: string, open: number): { source: string; end: number } | undefined {
  const negated = pattern[open + 1] === '^'
  let source = ''
  for (let i = open + (negated ? 2 : 1), first = true; i < pattern.length; i++, first = false) {
    const c = pattern[i] as string
    if (c === ']' && !first) return { source: `[${negated ? '^' : ''}${source}]`, end: i }
    const named = c === '[' ? /^\[([:.=])(.+?)\1\]/.exec(pattern.slice(i)) : null
    if (named !== null) {
      source += named[1] === ':' ? (CLASSES[named[2] as string] ?? '') : escapeRegExp(named[2] as string)
      i += named[0].length - 1
    } else if (c === '-' && source !== '' && pattern[i + 1] !== ']') source += '-'
    else source += c.replace(/[\\\]^[-]/g, '\\$&')
  }
  return undefined
}

/** A POSIX regular expression as JavaScript's. */
export function posixRegExp(pattern: string, extended: boolean, flags: string): RegExp {
  return new RegExp(posixSource(pattern, extended), flags)
}
