/** Replies of a server, and how redis-cli prints them. Source: redis-cli.c cliFormatReplyRaw, cliFormatReplyTTY; recordings in test/redis/recordings. */

export type Reply = string | number | null | readonly Reply[] | { readonly status: string } | { readonly error: string } | { readonly text: string }

export const OK: Reply = { status: 'OK' }

export function isError(reply: Reply): reply is { readonly error: string } {
  return reply !== null && typeof reply === 'object' && 'error' in reply
}

/** As redis-cli prints when its output is no terminal. `text` replies (INFO, CLUSTER NODES) end as they are. */
export function raw(reply: Reply): string {
  return reply !== null && typeof reply === 'object' && 'text' in reply ? reply.text : `${flat(reply)}\n`
}

function flat(reply: Reply): string {
  if (reply === null) return ''
  if (typeof reply === 'string') return reply
  if (typeof reply === 'number') return String(reply)
  if ('status' in reply) return reply.status
  if ('error' in reply) return `${reply.error}\n`
  if ('text' in reply) return reply.text
  return reply.map(flat).join('\n')
}

/** As it prints on a terminal, or with --no-raw. */
export function formatted(reply: Reply, prefix = ''): string {
  if (reply === null) return '(nil)\n'
  if (typeof reply === 'string') return `"${quoted(reply)}"\n`
  if (typeof reply === 'number') return `(integer) ${reply}\n`
  if ('status' in reply) return `${reply.status}\n`
  if ('error' in reply) return `(error) ${reply.error}\n`
  if ('text' in reply) return reply.text
  if (reply.length === 0) return '(empty array)\n'
  const width = String(reply.length).length
  const inner = `${prefix}${' '.repeat(width + 2)}`
  return reply.map((item, i) => `${i === 0 ? '' : prefix}${String(i + 1).padStart(width)}) ${formatted(item, inner)}`).join('')
}

function quoted(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\r', '\\r').replaceAll('\n', '\\n')
}
