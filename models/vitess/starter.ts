/** A commented starter scenario and runbook for `proofroll init vitess`. */
export const starter: Readonly<Record<string, string>> = {}
