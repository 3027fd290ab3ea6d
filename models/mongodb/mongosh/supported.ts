/** Methods of a database in mongosh that are not here: any other name is that of a collection. */
export const NOT_HERE: ReadonlySet<string> = new Set('aggregate changeUserPassword cloneDatabase commandHelp createCollection createEncryptedCollection createRole createUser createView currentOp disableFreeMonitoring dropAllRoles dropAllUsers dropDatabase dropRole dropUser enableFreeMonitoring fsyncLock fsyncUnlock getCollectionInfos getCollectionNames getLastError getLastErrorObj getLogComponents getProfilingStatus getRole getRoles getUser getUsers grantPrivilegesToRole grantRolesToRole grantRolesToUser hostInfo killOp listCommands logout printCollectionStats printShardingStatus revokeRolesFromUser rotateCertificates serverCmdLineOpts setLogLevel setProfilingLevel stats updateUser watch'.split(' '))

/** What of the shell's vocabulary is modelled, for those who check a runbook without running it. */
const RS = new Set(['status', 'conf', 'config', 'isMaster', 'hello', 'initiate', 'stepDown', 'freeze', 'reconfig', 'add', 'addArb', 'remove', 'printSecondaryReplicationInfo', 'printReplicationInfo', 'printSlaveReplicationInfo', 'slaveOk', 'secondaryOk'])
export const COMMANDS = new Set([
  'replSetGetStatus', 'replSetGetConfig', 'replSetInitiate', 'replSetStepDown', 'replSetStepUp', 'replSetFreeze', 'replSetReconfig', 'hello', 'isMaster', 'ismaster', 'ping', 'buildInfo', 'buildinfo', 'serverStatus',
  'getParameter', 'setParameter', 'setFeatureCompatibilityVersion', 'shutdown', 'getDefaultRWConcern', 'setDefaultRWConcern', 'replSetGetRBID',
])

/** Calls that no model answers, each in a phrase that says what there is. */
export function unmodelled(source: string): readonly string[] {
  const found: string[] = []
  for (const [, name] of source.matchAll(/\bdb(?:\.getS(?:ibling|ister)DB\([^()]*\))?\.(\w+)\s*\(/g)) if (NOT_HERE.has(name as string)) found.push(`db.${name}() is not modelled`)
  for (const [, name] of source.matchAll(/\brs\.(\w+)\s*\(/g)) if (!RS.has(name as string)) found.push(`rs.${name}() is not modelled; there are: ${[...RS].join(', ')}`)
  for (const [, name] of source.matchAll(/(?:adminCommand|runCommand)\(\s*\{?\s*["']?(\w+)/g)) if (!COMMANDS.has(name as string)) found.push(`the command ${name} is not modelled; there are: ${[...COMMANDS].join(', ')}`)
  return found
}
