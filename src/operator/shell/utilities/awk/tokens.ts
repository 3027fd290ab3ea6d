import { AwkError } from './syntax.ts'

export type Token = { readonly is: 'number' | 'string' | 'regexp' | 'name' | 'function' | 'keyword' | 'operator' | 'newline' | 'end'; readonly text: string }

const KEYWORDS = new Set(['BEGIN', 'END', 'function', 'func', 'if', 'else', 'while', 'do', 'for', 'in', 'next', 'nextfile', 'exit', 'return', 'delete', 'print', 'printf', 'getline', 'break', 'continue'])
const OPERATOR = /\*\*=|\*\*|\+\+|--|\+=|-=|\*=|\/=|%=|\^=|==|<=|>=|!=|!~|&&|\|\||>>|[-+*/%^!<>|?:~$=,;(){}[\]]/y

/** The tokens of a program. @throws AwkError */
export function tokenize(source: string): Token[] {
  const tokens: Token[] = []
  let i = 0
  const last = (): Token | undefined => tokens[tokens.length - 1]
  while (i < source.length) {
    const c = source[i] as string
    if (c === '\\' && /^\\\r?\n/.test(source.slice(i))) i += source[i + 1] === '\r' ? 3 : 2
    else if (c === '\n') {
      tokens.push({ is: 'newline', text: '\n' })
      i += 1
    } else if (/\s/.test(c)) i += 1
    else if (c === '#') while (i < source.length && source[i] !== '\n') i += 1
    else if (c === '"') {
      let j = i + 1
      while (j < source.length && source[j] !== '"') j += source[j] === '\\' ? 2 : 1
      if (j >= source.length) throw new AwkError('non-terminated string')
      tokens.push({ is: 'string', text: unescape(source.slice(i + 1, j)) })
      i = j + 1
    } else if (c === '/' && !divides(last())) {
      let j = i + 1
      let bracket = false
      while (j < source.length && (source[j] !== '/' || bracket)) {
        if (source[j] === '\\') j += 1
        else if (source[j] === '[') bracket = true
        else if (source[j] === ']' && source[j - 1] !== '[') bracket = false
        j += 1
      }
      tokens.push({ is: 'regexp', text: source.slice(i + 1, j).replaceAll('\\/', '/') })
      i = j + 1
    } else {
      const number = /^(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)/.exec(source.slice(i))
      const name = /^[A-Za-z_]\w*/.exec(source.slice(i))
      if (number !== null) {
        tokens.push({ is: 'number', text: number[0] })
        i += number[0].length
      } else if (name !== null) {
        const text = name[0]
        i += text.length
        tokens.push({ is: KEYWORDS.has(text) ? 'keyword' : source[i] === '(' ? 'function' : 'name', text })
      } else {
        OPERATOR.lastIndex = i
        const operator = OPERATOR.exec(source)
        if (operator === null) throw new AwkError(`unexpected character '${c}'`)
        tokens.push({ is: 'operator', text: operator[0] })
        i += operator[0].length
      }
    }
  }
  tokens.push({ is: 'end', text: '' })
  return tokens
}

/** Whether a `/` after this token divides. */
const divides = (token: Token | undefined): boolean => token !== undefined && (['number', 'string', 'name'].includes(token.is) || [')', ']', '$', '++', '--'].includes(token.text))

function unescape(text: string): string {
  return text.replace(/\\([0-7]{1,3}|.)/gs, (all, c: string) => (/^[0-7]+$/.test(c) ? String.fromCharCode(Number.parseInt(c, 8)) : (({ n: '\n', t: '\t', r: '\r', '"': '"', '\\': '\\', '/': '/', a: '\x07', b: '\b', f: '\f', v: '\v' } as Record<string, string>)[c] ?? all)))
}
