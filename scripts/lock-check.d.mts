export function missing(lock: unknown): string[]
