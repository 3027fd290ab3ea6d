import { UnsupportedError } from '../../../src/operator/command.ts'

/** A piece of psql input: SQL up to a semicolon, or a backslash command. */
export type Piece =
  /** `expanded`: it ended in `\gx`. `into`: its one row goes into variables (`\gset`, with a prefix of their names), or its cells are statements to run (`\gexec`). `line` is the line it ends on. */
  | { readonly is: 'sql'; readonly text: string; readonly line: number; readonly expanded: boolean; readonly into?: 'variables' | 'statements'; readonly prefix?: string }
  | { readonly is: 'meta'; readonly name: string; readonly args: readonly string[]; readonly line: number }

/** Puts psql's variables into SQL: `:name`, `:'name'` as a literal, `:"name"` as an identifier. Unknown ones stay as they are. */
function interpolated(reference: string, variables: ReadonlyMap<string, string>): string {
  const asked = /^:\{\?(\w+)\}$/.exec(reference)
  if (asked !== null) return variables.has(asked[1] as string) ? 'TRUE' : 'FALSE'
  const [, quote = '', name = ''] = /^:(['"]?)(\w+)\1$/.exec(reference) ?? []
  const value = variables.get(name)
  if (value === undefined) return reference
  return quote === "'" ? `'${value.replaceAll("'", "''")}'` : quote === '"' ? `"${value.replaceAll('"', '""')}"` : value
}

// In this order: text in which nothing is looked for, then variables, then what ends a piece.
const TOKEN = /--[^\n]*|\/\*|[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|(\$(?:[A-Za-z_]\w*)?\$)|::|:=|:\{\?\w+\}|:'\w+'|:"\w+"|:\w+|\\;|\\[^\s\\]+|[();]|\n|[A-Za-z_][\w$]*|[\s\S]/y

/**
 * Splits input into pieces as psql does: at semicolons outside quotes, comments and parentheses; a backslash begins a command that goes
 * on to the end of the line. Lazily, because a command may set a variable that the next piece uses.
 */
export function* pieces(input: string, variables: ReadonlyMap<string, string>): Generator<Piece> {
  let [text, depth, line] = ['', 0, 1]
  const piece = (expanded = false): Piece | undefined => {
    const whole = text.trim()
    text = ''
    depth = 0
    return whole === '' ? undefined : { is: 'sql', text: whole, line, expanded }
  }
  for (let position = 0; position < input.length; ) {
    TOKEN.lastIndex = position
    const [token, dollar] = TOKEN.exec(input) as RegExpExecArray
    position += token.length
    if (token.startsWith('--')) continue
    if (token === '/*' || dollar !== undefined) {
      const end = endOfQuote(input, position, dollar)
      if (dollar !== undefined) text += token + input.slice(position, end)
      line += newlines(input.slice(position, end))
      position = end
      continue
    }
    if (token === '\\;') {
      text += ';'
    } else if (token.startsWith('\\') && token.length > 1) {
      const stop = endOfLine(input, position)
      const [args, used] = metaArguments(input.slice(position, stop), variables)
      position += used
      const name = token.slice(1)
      if (name === 'gset' || name === 'gexec') {
        const sql = piece()
        if (sql?.is === 'sql') yield { ...sql, into: name === 'gset' ? 'variables' : 'statements', ...(args[0] === undefined ? {} : { prefix: args[0] }) }
      } else if (name === 'g' || name === 'gx') {
        if (args.length > 0) throw new UnsupportedError(`\\${name} with an argument is not modelled`, ['\\g', '\\gx'])
        const sql = piece(name === 'gx')
        if (sql !== undefined) yield sql
      } else yield { is: 'meta', name, args, line }
    } else if (token === ';' && depth === 0) {
      text += token
      const sql = piece()
      if (sql !== undefined && sql.is === 'sql' && sql.text !== ';') yield sql
    } else {
      if (token === '(') depth++
      else if (token === ')') depth = Math.max(0, depth - 1)
      line += newlines(token)
      text += token.startsWith(':') && token !== '::' && token !== ':=' && token !== ':' ? interpolated(token, variables) : token === '\n' && text.trim() === '' ? '' : token
    }
  }
  const rest = piece()
  if (rest !== undefined) yield rest
}

const newlines = (text: string): number => text.split('\n').length - 1

function endOfLine(input: string, from: number): number {
  const index = input.indexOf('\n', from)
  return index < 0 ? input.length : index
}

/** The end of a comment (they nest) or of a dollar-quoted text. */
function endOfQuote(input: string, from: number, dollar: string | undefined): number {
  if (dollar !== undefined) {
    const index = input.indexOf(dollar, from)
    return index < 0 ? input.length : index + dollar.length
  }
  let depth = 1
  let position = from
  while (position < input.length && depth > 0) {
    if (input.startsWith('*/', position)) depth--
    else if (input.startsWith('/*', position)) depth++
    else {
      position++
      continue
    }
    position += 2
  }
  return position
}

/** A word in which variables may stand anywhere. */
function withVariables(word: string, variables: ReadonlyMap<string, string>): string {
  if (word.startsWith('`')) throw new UnsupportedError('a command in backquotes in psql is not modelled', [':variables', 'texts'])
  return word.replace(/:\{\?\w+\}|:'\w+'|:"\w+"|(?<!:):\w+/g, reference => interpolated(reference, variables))
}

/** The arguments of a backslash command, up to the end of the line or the next backslash. */
function metaArguments(rest: string, variables: ReadonlyMap<string, string>): readonly [readonly string[], number] {
  const args: string[] = []
  const word = /\s*(?:'((?:[^'\\]|\\.|'')*)'|"([^"]*)"|(\\\\)|([^\s\\]+))/y
  let used = 0
  for (;;) {
    word.lastIndex = used
    const match = word.exec(rest)
    if (match === null) break
    const [, single, double, separator, bare] = match
    used = word.lastIndex
    if (separator !== undefined) break
    args.push(single?.replace(/\\n/g, '\n').replace(/\\t/g, '\t').replace(/''/g, "'") ?? double ?? withVariables(bare as string, variables))
  }
  return [args, rest.slice(used).startsWith('\\') ? used : rest.length]
}
