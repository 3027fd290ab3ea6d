/** Methods of a database in mongosh that are not here: any other name is that of a collection. */
export const NOT_HERE: ReadonlySet<string> = new Set('aggregate changeUserPassword cloneDatabase commandHelp createCollection createEncryptedCollection createRole createUser createView disableFreeMonitoring dropAllRoles dropAllUsers dropDatabase dropRole dropUser enableFreeMonitoring getCollectionInfos getCollectionNames getLastError getLastErrorObj getLogComponents getRole getRoles getUser getUsers grantPrivilegesToRole grantRolesToRole grantRolesToUser hostInfo killOp listCommands printCollectionStats printShardingStatus revokeRolesFromUser rotateCertificates stats updateUser watch'.split(' '))

/** What of the shell's vocabulary is modelled, for those who check a runbook without running it. */
const RS = new Set(['status', 'conf', 'config', 'isMaster', 'hello', 'initiate', 'stepDown', 'freeze', 'reconfig', 'add', 'addArb', 'remove', 'printSecondaryReplicationInfo', 'printReplicationInfo', 'printSlaveReplicationInfo', 'slaveOk', 'secondaryOk'])
export const COMMANDS = new Set([
  'replSetGetStatus', 'replSetGetConfig', 'replSetInitiate', 'replSetStepDown', 'replSetStepUp', 'replSetFreeze', 'replSetReconfig', 'replSetResizeOplog', 'hello', 'isMaster', 'ismaster', 'ping', 'buildInfo', 'buildinfo', 'serverStatus',
  'getParameter', 'setParameter', 'setFeatureCompatibilityVersion', 'shutdown', 'getDefaultRWConcern', 'setDefaultRWConcern', 'replSetGetRBID', 'fsync', 'fsyncUnlock', 'currentOp', 'getCmdLineOpts', 'logRotate', 'profile',
])
/** Writes that a person makes: what stands in documents is not simulated, so nothing can be read back. */
export const WRITES = ['insertOne', 'insertMany', 'updateOne', 'replaceOne', 'deleteOne', 'updateMany', 'deleteMany'] as const

const DATABASE = String.raw`\bdb(?:\.getS(?:ibling|ister)DB\([^()]*\))?`

/** Calls that no model answers, each in a phrase that says what there is. */
export function unmodelled(source: string): readonly string[] {
  const found: string[] = []
  for (const [, name] of source.matchAll(new RegExp(`${DATABASE}\\.(\\w+)\\s*\\(`, 'g'))) if (NOT_HERE.has(name as string)) found.push(`db.${name}() is not modelled`)
  for (const [, collection, method] of source.matchAll(new RegExp(`${DATABASE}\\.(\\w+(?:\\.\\w+)*|getCollection\\([^()]*\\))\\.(\\w+)\\s*\\(`, 'g'))) {
    if ((WRITES as readonly string[]).includes(method as string) || method === 'getName' || (collection === 'oplog.rs' && method === 'stats')) continue
    found.push(`db.${collection}.${method}() is not modelled: what stands in documents is not simulated; there are: ${WRITES.join(', ')}`)
  }
  for (const [, name] of source.matchAll(/\brs\.(\w+)\s*\(/g)) if (!RS.has(name as string) && !/oplog\.rs\.stats/.test(source)) found.push(`rs.${name}() is not modelled; there are: ${[...RS].join(', ')}`)
  for (const [, name] of source.matchAll(/(?:adminCommand|runCommand)\(\s*\{?\s*["']?(\w+)/g)) if (!COMMANDS.has(name as string)) found.push(`the command ${name} is not modelled; there are: ${[...COMMANDS].join(', ')}`)
  return found
}
