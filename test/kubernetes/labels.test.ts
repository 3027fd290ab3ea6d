/** Selectors: what a label's index finds is what a look at every object would find, whatever came, went and was labelled anew. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { list, resourceType, selectorMatches } from '../../models/kubernetes/kubectl/resources.ts'
import { cluster, shell } from './cluster.ts'

const NAMES = ['a', 'b', 'c', 'd']
const SELECTORS = ['tier=1', 'tier=2', 'tier==1,side=x', 'tier!=1', 'tier', '!tier', 'side in (x,y)', 'tier=1,side!=x', 'tier=', 'none=1', 'tier=1,side=x,tier=2']

const change = fc.oneof(
  fc.record({ is: fc.constant('create' as const), name: fc.constantFrom(...NAMES), labels: fc.dictionary(fc.constantFrom('tier', 'side'), fc.constantFrom('1', '2', 'x', '')) }),
  fc.record({ is: fc.constant('delete' as const), name: fc.constantFrom(...NAMES) }),
  fc.record({ is: fc.constant('label' as const), name: fc.constantFrom(...NAMES), word: fc.constantFrom('tier=1', 'tier=2', 'side=x', 'tier-', 'side-') }),
)

test.each(['pod', 'configmap'] as const)('%s: an indexed selector finds what looking at all would', kind => {
  fc.assert(
    fc.property(fc.array(fc.record({ change, ask: fc.constantFrom(...SELECTORS) }), { maxLength: 25 }), steps => {
      const c = cluster(2)
      c.kube.begin()
      const type = resourceType(kind)
      if (type === undefined) throw new Error(kind)
      const all = () => list(c.kube, type, 'default')
      for (const { change: { is, name, ...more }, ask } of steps) {
        const there = all().some(found => found.name === name)
        if (is === 'create' && !there && 'labels' in more) {
          if (kind === 'pod') c.kube.pods$.create({ name, namespace: 'default', labels: more.labels, spec: { containers: [{ name: 'main', image: 'toy:1' }] } })
          else c.kube.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels: more.labels } })
        }
        if (is === 'delete' && there) shell(c, `kubectl delete ${kind} ${name}${kind === 'pod' ? ' --grace-period=0 --force' : ''}`)
        if (is === 'label' && there && 'word' in more) shell(c, `kubectl label ${kind} ${name} ${more.word} --overwrite`)
        for (const selector of [ask, 'tier=1']) expect(list(c.kube, type, 'default', selector).map(found => found.name)).toEqual(all().filter(found => selectorMatches(selector, found.labels)).map(found => found.name))
      }
    }),
    { numRuns: 60 },
  )
})

test('a label that was there already is not a change, of a pod as of any object', () => {
  const c = cluster(1)
  c.kube.pods$.create({ name: 'a', namespace: 'default', labels: { tier: '1' }, spec: { containers: [{ name: 'main', image: 'toy:1' }] } })
  c.kube.begin()
  expect(shell(c, 'kubectl label pod a tier=1')).toMatchObject({ code: 0, out: 'pod/a not labeled\n' })
  expect(shell(c, 'kubectl label pod a tier=2')).toMatchObject({ code: 1 })
  expect(shell(c, 'kubectl label pod a tier=2 --overwrite')).toMatchObject({ code: 0, out: 'pod/a labeled\n' })
  expect(shell(c, 'kubectl annotate pod a why=because')).toMatchObject({ code: 0, out: 'pod/a annotated\n' })
  expect(shell(c, 'kubectl get pods -l tier=2 -o custom-columns=N:.metadata.name,T:.metadata.labels.tier,W:.metadata.annotations.why --no-headers').out).toBe('a   2   because\n')
  expect(shell(c, 'kubectl get pods -l tier=1').out).toBe('')
})
