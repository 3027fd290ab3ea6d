import type { Output } from './command.ts'

/** How programs begin a line that tells of an error. */
const ERROR_LINE = /^\s*(?:\(error\)|-?(?:error|err|fatal|panic)\b|[\w./-]+: (?:error|fatal)\b|[\w.]*(?:Error|Exception)\b ?:)/i

/** Whether what a program printed is an error by its own words, whatever status it gave. */
export function tellsError({ out, err }: Pick<Output, 'out' | 'err'>): boolean {
  return ERROR_LINE.test(firstLine(err)) || ERROR_LINE.test(firstLine(out))
}

/** The first line that is not blank; empty when there is none. */
export function firstLine(text: string): string {
  return text.split('\n').find(line => line.trim() !== '')?.trim() ?? ''
}
