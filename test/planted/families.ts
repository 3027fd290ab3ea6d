import type { Family } from './defect.ts'
import { checks } from './lists/checks.ts'
import { harness } from './lists/harness.ts'
import { kubernetesRules } from './lists/kubernetes-rules.ts'
import { memcachedRolling, memcachedRules } from './lists/memcached.ts'
import { mongodbCascade } from './lists/mongodb-cascade.ts'
import { mongodbRules } from './lists/mongodb-rules.ts'
import { postgresBlueGreen, postgresLogicalRules } from './lists/postgres-blue-green.ts'
import { postgresOperator, postgresPatroniRules } from './lists/postgres-patroni.ts'
import { postgresQuorum } from './lists/postgres-quorum.ts'
import { postgresRotation } from './lists/postgres-rotation.ts'
import { postgresRules } from './lists/postgres-rules.ts'
import { postgresSchema, postgresSchemaRules } from './lists/postgres-schema.ts'
import { postgresWheel } from './lists/postgres-wheel.ts'
import { redisRolling } from './lists/redis-rolling.ts'
import { redisRules } from './lists/redis-rules.ts'

/** All planted defects. An engine adds its families here: one of its runbooks, one of its rules. */
export const families: readonly Family[] = [postgresBlueGreen, postgresLogicalRules, postgresWheel, postgresQuorum, postgresRotation, redisRolling, postgresRules, postgresSchema, postgresSchemaRules, postgresOperator, postgresPatroniRules, redisRules, kubernetesRules, mongodbCascade, mongodbRules, memcachedRolling, memcachedRules, checks, harness]
