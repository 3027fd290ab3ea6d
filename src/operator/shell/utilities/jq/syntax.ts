export type Json = null | boolean | number | string | readonly Json[] | JsonObject
export interface JsonObject {
  readonly [key: string]: Json
}

/** A jq filter as a tree. */
export type Filter =
  | { readonly is: 'identity' }
  | { readonly is: 'recurse' }
  | { readonly is: 'literal'; readonly value: Json }
  | { readonly is: 'text'; readonly parts: readonly (string | Filter)[]; readonly format: string | undefined }
  | { readonly is: 'format'; readonly name: string }
  | { readonly is: 'index'; readonly of: Filter; readonly by: Filter }
  | { readonly is: 'slice'; readonly of: Filter; readonly from: Filter | undefined; readonly to: Filter | undefined }
  | { readonly is: 'each'; readonly of: Filter }
  | { readonly is: 'try'; readonly body: Filter; readonly otherwise: Filter | undefined }
  | { readonly is: 'pipe' | 'comma' | 'alternative' | 'and' | 'or'; readonly left: Filter; readonly right: Filter }
  | { readonly is: 'binary'; readonly operator: string; readonly left: Filter; readonly right: Filter }
  | { readonly is: 'negate'; readonly of: Filter }
  | { readonly is: 'update'; readonly operator: string; readonly path: Filter; readonly value: Filter }
  | { readonly is: 'array'; readonly of: Filter | undefined }
  | { readonly is: 'object'; readonly entries: readonly { readonly key: Filter; readonly value: Filter | undefined }[] }
  | { readonly is: 'if'; readonly test: Filter; readonly yes: Filter; readonly no: Filter | undefined }
  | { readonly is: 'reduce'; readonly source: Filter; readonly pattern: Pattern; readonly first: Filter; readonly next: Filter }
  | { readonly is: 'foreach'; readonly source: Filter; readonly pattern: Pattern; readonly first: Filter; readonly next: Filter; readonly emit: Filter | undefined }
  | { readonly is: 'as'; readonly source: Filter; readonly patterns: readonly Pattern[]; readonly body: Filter }
  | { readonly is: 'variable'; readonly name: string }
  | { readonly is: 'call'; readonly name: string; readonly args: readonly Filter[] }
  | { readonly is: 'define'; readonly name: string; readonly parameters: readonly string[]; readonly body: Filter; readonly rest: Filter }
  | { readonly is: 'label'; readonly name: string; readonly body: Filter }
  | { readonly is: 'break'; readonly name: string }

export type Pattern =
  | { readonly is: 'name'; readonly name: string }
  | { readonly is: 'array'; readonly items: readonly Pattern[] }
  | { readonly is: 'object'; readonly entries: readonly { readonly key: Filter; readonly name: string | undefined; readonly value: Pattern | undefined }[] }

/** The program is no jq. */
export class JqSyntaxError extends Error {}

/** An error raised while a filter runs; `value` is what `catch` gets. */
export class JqError extends Error {
  constructor(readonly value: Json) {
    super(typeof value === 'string' ? value : JSON.stringify(value))
  }
}
