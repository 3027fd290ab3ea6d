/** Saves that somebody asks for, and what INFO says of them (rule RD-PERSIST-6). */
import { expect, test } from 'vitest'
import { Stage } from './stage.ts'

const info = (stage: Stage, pod: string, field: string): string => new RegExp(`^${field}:(.*)$`, 'm').exec(stage.cli(pod, 'info persistence').replaceAll('\r', ''))?.[1] ?? ''

test('BGSAVE answers at once, is in progress as long as it writes, and moves LASTSAVE when it is done; a second one is refused (RD-PERSIST-6)', () => {
  const stage = new Stage({ datasetMB: 1000, save: '' })
  const before = stage.cli('redis-0', 'lastsave').trim()
  expect(stage.cli('redis-0', 'bgsave').trim()).toBe('Background saving started')
  expect(info(stage, 'redis-0', 'rdb_bgsave_in_progress')).toBe('1')
  expect(stage.cli('redis-0', 'bgsave').trim()).toBe('ERR Background save already in progress')
  expect(stage.cli('redis-0', 'save').trim()).toBe('ERR Background save already in progress')
  expect(stage.cli('redis-0', 'lastsave').trim()).toBe(before)
  stage.until(() => stage.server('redis-0').savingSinceUs === undefined, 60)
  expect(info(stage, 'redis-0', 'rdb_bgsave_in_progress')).toBe('0')
  expect(Number(stage.cli('redis-0', 'lastsave'))).toBeGreaterThan(Number(before))
  expect(info(stage, 'redis-0', 'rdb_last_save_time')).toBe(stage.cli('redis-0', 'lastsave').trim())
  expect(stage.server('redis-0').dir.rdb?.sizeMB).toBe(1000)
})

test('what a kill finds on the volume: the save that was done, not the one under way (RD-PERSIST-6)', () => {
  const left = (wait: boolean): boolean => {
    const stage = new Stage({ datasetMB: 1000, save: '' })
    const lsn = (): number => stage.server('redis-1').copy?.position('receive').lsn ?? Number.NaN
    const before = lsn()
    stage.cli('redis-1', 'bgsave')
    const after = lsn()
    if (wait) stage.until(() => stage.server('redis-1').savingSinceUs === undefined, 60)
    const { dir } = stage.server('redis-1')
    stage.strike('process-kill', 'member:redis-1', 1)
    const at = dir.rdb?.parts[0]?.position.lsn ?? Number.NaN
    return at >= before && at <= after && at > 0
  }
  expect(left(true)).toBe(true)
  expect(left(false)).toBe(false)
})

test('SAVE keeps everybody waiting (RD-PERSIST-6)', () => {
  const stage = new Stage({ datasetMB: 1000, save: '' })
  const from = stage.sim.now
  expect(stage.cli('redis-0', 'save').trim()).toBe('OK')
  expect(stage.sim.now - from).toBeGreaterThan(1_000_000)
})

test('INFO memory is about the data; sections that are not here are named, in a check', () => {
  const stage = new Stage({ datasetMB: 512 })
  const text = stage.cli('redis-0', 'info memory').replaceAll('\r', '')
  expect(Number(/^used_memory:(\d+)$/m.exec(text)?.[1])).toBeGreaterThan(512_000_000)
  expect(text).toMatch(/^used_memory_human:\d{3}\.\d\dM$/m)
  const check = (section: string): string[] => stage.cluster.commands.check(['kubectl', 'exec', 'redis-0', '--', 'redis-cli', 'info', section]).map(({ message }) => message)
  expect(check('memory')).toEqual([])
  expect(check('nosuch')).toEqual([])
  expect(check('clients')).toEqual([])
  expect(check('cpu')[0]).toContain("INFO's section `cpu` is not modelled")
})
