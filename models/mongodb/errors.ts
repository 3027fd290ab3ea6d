/** Errors of the server as its clients print them. */

/** Codes of error names. Source: src/mongo/base/error_codes.yml. */
const CODES: Readonly<Record<string, number>> = {
  BadValue: 2,
  Unauthorized: 13,
  IllegalOperation: 20,
  AlreadyInitialized: 23,
  CommandNotFound: 59,
  NotYetInitialized: 94,
  NodeNotFound: 74,
  WriteConcernFailed: 64,
  InvalidReplicaSetConfig: 93,
  NewReplicaSetConfigurationIncompatible: 103,
  ConfigurationInProgress: 109,
  NotSecondary: 95,
  ConflictingOperationInProgress: 117,
  ExceededTimeLimit: 262,
  NotWritablePrimary: 10107,
  InterruptedDueToReplStateChange: 11602,
  NotPrimaryNoSecondaryOk: 13435,
  CommandFailed: 125,
  NoReplicationEnabled: 76,
}

/** The answer `{ok: 0, …}` of a command. */
export interface Refused {
  readonly ok: 0
  readonly errmsg: string
  readonly code: number
  readonly codeName: string
}

export function refuse(codeName: string, errmsg: string, code = CODES[codeName] ?? 0): Refused {
  return { ok: 0, errmsg, code, codeName }
}
