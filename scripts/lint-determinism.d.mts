export interface Finding {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly what: string
  readonly instead: string
}
export const GUARDED: readonly string[]
export function lint(sources: ReadonlyMap<string, string>): Finding[]
export function filesOf(paths: readonly string[]): string[]
