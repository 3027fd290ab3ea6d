/** Places in a history are told in the words of the engine's own field, and nothing above the models knows them. */
import { expect, test } from 'vitest'
import { engines } from '../../models/index.ts'
import { PLAIN_HISTORY } from '../../src/engine.ts'
import { Simulation } from '../../src/kernel/index.ts'

test('each engine has its own words, with both numbers in them', () => {
  const words = engines.map((engine) => {
    const { history = PLAIN_HISTORY } = engine.build(new Simulation({ seed: 'words' }), engine.options.parse({ engine: engine.name }) as never).truth
    return [engine.name, history.line, history.place(2, 4096)]
  })
  expect(words).toEqual([
    ['postgres', 'timeline', 'LSN 0/1000 of timeline 2'],
    ['redis', 'config epoch', 'replication offset 4096 of config epoch 2'],
    ['mongodb', 'term', 'oplog byte 4096 of term 2'],
    ['couchdb', '', 'byte 4096 of its changes'],
    ['memcached', '', 'byte 4096 of what was written'],
    ['vitess', 'primary term', 'binary log byte 4096 of primary term 2'],
    ['application', '', 'byte 4096 of what was written'],
  ])
})
