import type { Engine } from '../src/engine.ts'
import { application } from './application/index.ts'
import { couchdb } from './couchdb/index.ts'
import { memcached } from './memcached/index.ts'
import { mongodb } from './mongodb/index.ts'
import { postgres } from './postgres/index.ts'
import { redis } from './redis/index.ts'
import { vitess } from './vitess/index.ts'

/** The one list of engines. A new engine is a new folder here and one line in this list. */
export const engines: readonly Engine[] = [postgres as unknown as Engine, redis as unknown as Engine, mongodb as unknown as Engine, couchdb as unknown as Engine, memcached as unknown as Engine, vitess as unknown as Engine, application as unknown as Engine]
