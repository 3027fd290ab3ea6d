export declare const STUBS: readonly string[]
export declare function readSnippets(text: string): { name: string; script: string }[]
export declare function askBash(script: string, stubs?: readonly string[], reply?: string): { out: string; err: string; code: number; calls: string[][] }
