export const starter: Readonly<Record<string, string>> = {}
