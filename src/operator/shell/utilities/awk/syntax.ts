/** An awk program as a tree. */
export type Expression =
  | { readonly is: 'number'; readonly value: number }
  | { readonly is: 'string'; readonly value: string }
  | { readonly is: 'regexp'; readonly re: RegExp }
  | { readonly is: 'variable'; readonly name: string }
  | { readonly is: 'element'; readonly name: string; readonly index: readonly Expression[] }
  | { readonly is: 'field'; readonly of: Expression }
  | { readonly is: 'assign'; readonly operator: string; readonly to: Expression; readonly value: Expression }
  | { readonly is: 'step'; readonly to: Expression; readonly by: number; readonly before: boolean }
  | { readonly is: 'unary'; readonly operator: string; readonly of: Expression }
  | { readonly is: 'binary'; readonly operator: string; readonly left: Expression; readonly right: Expression }
  | { readonly is: 'and' | 'or'; readonly left: Expression; readonly right: Expression }
  | { readonly is: 'ternary'; readonly test: Expression; readonly yes: Expression; readonly no: Expression }
  | { readonly is: 'match'; readonly negated: boolean; readonly left: Expression; readonly right: Expression }
  | { readonly is: 'in'; readonly index: readonly Expression[]; readonly name: string }
  | { readonly is: 'call'; readonly name: string; readonly args: readonly Expression[] }
  | { readonly is: 'group'; readonly of: Expression }
  | { readonly is: 'getline'; readonly into: Expression | undefined }

export type Statement =
  | { readonly is: 'expression'; readonly of: Expression }
  | { readonly is: 'print'; readonly args: readonly Expression[]; readonly format: boolean; readonly to: { readonly append: boolean; readonly file: Expression } | undefined }
  | { readonly is: 'if'; readonly test: Expression; readonly yes: Statement; readonly no: Statement | undefined }
  | { readonly is: 'while'; readonly test: Expression; readonly body: Statement; readonly first: boolean }
  | { readonly is: 'for'; readonly first: Statement | undefined; readonly test: Expression | undefined; readonly next: Statement | undefined; readonly body: Statement }
  | { readonly is: 'for-in'; readonly name: string; readonly array: string; readonly body: Statement }
  | { readonly is: 'block'; readonly list: readonly Statement[] }
  | { readonly is: 'next' | 'break' | 'continue' }
  | { readonly is: 'exit' | 'return'; readonly value: Expression | undefined }
  | { readonly is: 'delete'; readonly name: string; readonly index: readonly Expression[] | undefined }

export interface Rule {
  readonly from: Expression | undefined
  readonly to: Expression | undefined
  /** Undefined: print the record. */
  readonly body: Statement | undefined
}

export interface Program {
  readonly begin: readonly Statement[]
  readonly rules: readonly Rule[]
  readonly end: readonly Statement[]
  readonly functions: ReadonlyMap<string, { readonly parameters: readonly string[]; readonly body: Statement }>
}

/** What is wrong with a program, in awk's words. */
export class AwkError extends Error {}
