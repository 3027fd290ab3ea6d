/** Health endpoints of vttablets and vtgates (rule VT-HEALTH-1). */
import { expect, it } from 'vitest'
import { Lab } from './lab.ts'

it('VT-HEALTH-1: a healthy tablet says ok, one that does not replicate 500, a stopped one refuses; a vtgate says ok', () => {
  const lab = new Lab({ vtorc: false }, {})
  const ip = (pod: string): string => lab.cluster.kubernetes.pod(pod)?.podIP ?? ''
  const ask = (pod: string) => lab.run(`curl -s -o /dev/null -w %{http_code} http://${ip(pod)}:15000/debug/health`)
  expect(lab.run(`curl -s http://${ip(lab.primary.pod)}:15000/debug/health`)).toMatchObject({ out: 'ok', code: 0 })
  lab.strike('standby-diverged', `member:${lab.tablet(2).pod}`)
  lab.wait(60)
  expect(ask(lab.tablet(2).pod)).toMatchObject({ out: '500', code: 0 })
  expect(lab.run(`curl -sf http://${ip(lab.tablet(2).pod)}:15000/debug/health`).code).toBe(22)
  const gate = lab.cluster.kubernetes.pods().find(pod => pod.name.includes('vtgate'))?.name ?? ''
  expect(ask(gate).out).toBe('200')
  lab.strike('process-kill', `member:${lab.tablet(1).pod}`, 0, 60_000_000)
  expect(ask(lab.tablet(1).pod)).toMatchObject({ out: '000', code: 7 })
})
