export { parseLsn, print, printLsn } from './convert.ts'
export { printInterval, printTimestamp } from './datetime.ts'
export {
  type Described, EFFECT_FUNCTIONS, type Effect, type EffectResult, type FunctionSignature, HOST_FUNCTIONS, type NewColumn, type Perform, type SqlHost,
} from './host.ts'
export { Numeric } from './numeric.ts'
export {
  type Answer, catalogsRead, compile, ConnectionLost, EffectError, type EffectStatement, type QueryStatement, type Statement, type StatementResult, unmodelledFunctions,
} from './statement.ts'
export { applyToTables, type Table, type Tables } from './tables.ts'
export {
  type Column, type Interval, isPrintedRight, type Notice, type PgType, type Relation, SqlError, SqlSyntaxError, type Value,
} from './types.ts'
