/** What `proofroll init postgres` writes. */
export const starter: Readonly<Record<string, string>> = {}
