/**
 * A program on standard input: the shell reads it as if it were typed. Each statement is evaluated by itself, its value is printed, an error is printed
 * and passed over, and mongosh shows its prompt before every line, terminal or not (https://github.com/tpope/vim-dadbod/issues/130); the status is 0.
 * Here it becomes one text for the interpreter, in which marks stand where prompts belong.
 */
import { syntaxError } from './interpreter.ts'

/** Where a prompt belongs in the output; what follows up to the end of the line says what the server was. */
const MARK = '\u0001'

/** One line or several that make a statement: as the shell does, lines are added until they do. */
export function statements(text: string): readonly string[] {
  const found: string[] = []
  let open = ''
  for (const line of text.split('\n')) {
    if (open === '' && /^\s*(?:\/\/.*)?$/.test(line)) continue
    open = open === '' ? line : `${open}\n${line}`
    if (HELPER.test(open) || syntaxError(open) === undefined) {
      found.push(open)
      open = ''
    }
  }
  // What never became whole is an error when the input ends.
  if (open !== '') found.push(open)
  return found
}

/** `use admin`, `show dbs`: words of the shell itself. */
const HELPER = /^\s*(use|show|exit|quit|it|help)\b(?:\s+([\w-]+))?\s*;?\s*$/

/** What of a program on standard input the shell could not do: one phrase each. */
export function unreadable(text: string): readonly string[] {
  return statements(text).flatMap(statement => {
    const helper = HELPER.exec(statement)
    if (helper !== null) return ['use', 'exit', 'quit'].includes(helper[1] as string) ? [] : [`\`${statement.trim()}\` is not modelled on standard input`]
    const wrong = syntaxError(statement)
    return wrong === undefined ? [] : [`in \`${statement}\`: SyntaxError: ${wrong}`]
  })
}

/** @param prompts whether the shell shows prompts (mongosh; the old shell does not when nobody types) */
export function typedIn(text: string, prompts: boolean): string {
  const prompt = prompts ? `try { print('${MARK}' + ((h) => (h.setName || '') + ' ' + (h.isWritablePrimary ? 'primary' : h.secondary ? 'secondary' : 'other') + ' ')(db.hello()) + db.getName()) } catch (_) { print('${MARK}  ' + db.getName()) }\n` : ''
  return `${statements(text).map(statement => `${prompt}${attempt(statement)}`).join('\n')}\n${prompt}undefined`
}

function attempt(statement: string): string {
  const caught = 'catch (e) { if (e instanceof Error) __failed(e); else throw e }'
  const helper = HELPER.exec(statement)
  if (helper?.[1] === 'use') return `db = db.getSiblingDB('${helper[2] ?? 'test'}'); print('switched to db ${helper[2] ?? 'test'}')`
  if (helper?.[1] === 'exit' || helper?.[1] === 'quit') return 'quit(0)'
  // Names declared at the top are known to what follows: `var` leaves the block that catches errors.
  const declared = statement.replace(/^(\s*)(?:const|let)(?=\s)/, '$1var')
  if (/^\s*(?:async\s+)?function\b|^\s*class\b/.test(statement)) return statement
  const expression = statement.trim().replace(/;+$/, '')
  if (declared === statement && !/^\s*[{]/.test(statement) && syntaxError(`(${expression}\n)`) === undefined) return `try { ((v) => { if (v !== undefined) print(v) })((${expression}\n)) } ${caught}`
  return `try { ${declared}\n } ${caught}`
}

/** The output with prompts where marks stood. @param direct whether one member was addressed, not the set */
export function withPrompts(out: string, direct: boolean): string {
  return out.replace(new RegExp(`${MARK}(\\S*) (\\S*) (\\S*)\\n`, 'g'), (_, set: string, state: string, db: string) => `${set === '' ? '' : `${set} [${direct ? 'direct: ' : ''}${state}] `}${db}> `)
}
