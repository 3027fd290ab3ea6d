/** What of the shell's vocabulary is modelled, for those who check a runbook without running it. */
const RS = new Set(['status', 'conf', 'config', 'isMaster', 'hello', 'initiate', 'stepDown', 'freeze', 'reconfig', 'add', 'addArb', 'remove', 'printSecondaryReplicationInfo', 'printReplicationInfo', 'printSlaveReplicationInfo', 'slaveOk', 'secondaryOk'])
export const COMMANDS = new Set([
  'replSetGetStatus', 'replSetGetConfig', 'replSetInitiate', 'replSetStepDown', 'replSetStepUp', 'replSetFreeze', 'replSetReconfig', 'hello', 'isMaster', 'ismaster', 'ping', 'buildInfo', 'buildinfo', 'serverStatus',
  'getParameter', 'setParameter', 'setFeatureCompatibilityVersion', 'shutdown', 'getDefaultRWConcern', 'setDefaultRWConcern', 'replSetGetRBID',
])

/** Calls that no model answers, each in a phrase that says what there is. */
export function unmodelled(source: string): readonly string[] {
  const found: string[] = []
  for (const [, name] of source.matchAll(/\brs\.(\w+)\s*\(/g)) if (!RS.has(name as string)) found.push(`rs.${name}() is not modelled; there are: ${[...RS].join(', ')}`)
  for (const [, name] of source.matchAll(/(?:adminCommand|runCommand)\(\s*\{?\s*["']?(\w+)/g)) if (!COMMANDS.has(name as string)) found.push(`the command ${name} is not modelled; there are: ${[...COMMANDS].join(', ')}`)
  return found
}
