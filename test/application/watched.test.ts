/** Through the command line: a script that watches a canary by its alerts, and a canary that is watched by its own analysis. */
import { afterAll, expect, test } from 'vitest'
import { engines } from '../../models/index.ts'
import { enterFolder, proofroll } from '../cli/workshop.ts'
import { removeFolders } from '../folder.ts'

afterAll(removeFolders)

/** A build of which a fifth of the answers are errors, on one pod of six. */
const scenario = (rule: string, analysis = ''): string => `format: 1
title: A canary that is watched
cluster:
  engine: application
  database: { name: blue-db, members: 1, service: database, serviceSelects: app, targetImage: null, targetKubernetesVersion: null, green: { name: green-db, replicas: 1, readOnly: false }, pooler: false }
  canary: [{ setWeight: 20 }, { pause: { duration: 3m } }, ${analysis}{ setWeight: 50 }, { pause: { duration: 2m } }]
  image: webapp:1
  builds: { webapp:2: { errorP: 0.2 } }
  monitoring: { enabled: true, rules: [${rule}] }
load: { writesPerSecond: 500 }
runbook: ./watch.sh
deadline: 2h
`
const WATCH = `set -euo pipefail
kubectl argo rollouts set image webapp webapp=webapp:2
for i in $(seq 1 60); do
  firing=$(curl -s http://prometheus:9090/api/v1/alerts | jq '[.data.alerts[] | select(.labels.alertname == "Errors" and .state == "firing")] | length')
  if [ "$firing" -gt 0 ]; then
    kubectl argo rollouts abort webapp
    exit 0
  fi
  case "$(kubectl argo rollouts status webapp --watch=false || true)" in
    Healthy) echo "everybody has it" >&2; exit 4 ;;
    Degraded*Failed*) echo "taken back by itself" >&2; exit 5 ;;
  esac
  sleep 15
done
`
const run = async (rule: string, analysis?: string): Promise<{ readonly code: number; readonly out: string }> => {
  enterFolder({ 'watched.yaml': scenario(rule, analysis), 'watch.sh': WATCH })
  const { code, out } = await proofroll(['run', 'watched.yaml', '--runs', '2', '--faults', '0'], { engines })
  return { code, out: out.replace(/\s+/g, ' ') }
}
const ratio = (by: string): string => `sum ${by} (rate(http_requests_total{code="500"}[2m])) / sum ${by} (rate(http_requests_total[2m])) > 0.15`

test('an alert for each version takes the canary back; one over all pods, and one that waits ten minutes, let everybody have it', async () => {
  expect(await run(`{ alert: Errors, expr: '${ratio('by (version)')}', forSeconds: 30 }`)).toMatchObject({ code: 0 })
  for (const rule of [`{ alert: Errors, expr: '${ratio('')}', forSeconds: 60 }`, `{ alert: Errors, expr: '${ratio('by (version)')}', forSeconds: 600 }`]) {
    const { code, out } = await run(rule)
    expect([code, out]).toEqual([1, expect.stringMatching(/ended with status 4 .*everybody has it/)])
  }
})

test('its own analysis takes it back, if it looks at the canary alone', async () => {
  const analysis = (of: string): string => `{ analysis: { query: 'sum(rate(http_requests_total{code="500"${of}}[2m])) / sum(rate(http_requests_total{${of.replace(',', '')}}[2m]))', successCondition: 'result[0] < 0.1' } }, `
  const alone = await run('', analysis(',version="2"'))
  expect([alone.code, alone.out]).toEqual([1, expect.stringMatching(/ended with status 5 .*taken back by itself/)])
  expect((await run('', analysis(''))).out).toMatch(/ended with status 4 .*everybody has it/)
})

test('what cannot be read is said with its place, and nothing runs', async () => {
  enterFolder({ 'watched.yaml': scenario("{ alert: Errors, expr: 'topk(1, up)' }"), 'watch.sh': WATCH })
  const { code, err } = await proofroll(['run', 'watched.yaml', '--runs', '2'], { engines })
  expect([code, err.replace(/\s+/g, ' ')]).toEqual([2, expect.stringMatching(/monitoring.*the function topk\(\) is not modelled/)])
})
