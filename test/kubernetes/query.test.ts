import { expect, test } from 'vitest'
import { search, unsearchable } from '../../models/kubernetes/az/query.ts'

const cluster = { name: 'aks', n: 3, agentPoolProfiles: [{ name: 'a', count: 2, tags: ['x'] }, { name: 'b', count: 0, tags: [] }] }

// Answers of jmespath.org.
test.each([
  ['name', 'aks'],
  ['agentPoolProfiles[0].name', 'a'],
  ['agentPoolProfiles[-1].name', 'b'],
  ['agentPoolProfiles[].name', ['a', 'b']],
  ["agentPoolProfiles[?name=='b'].count", [0]],
  ["agentPoolProfiles[?name=='b'].count | [0]", 0],
  ["agentPoolProfiles[?name=='zz'] | [0].name", null],
  ['agentPoolProfiles[?count>`0`].name', ['a']],
  ["agentPoolProfiles[?name=='a' || count==`0`].name", ['a', 'b']],
  ['agentPoolProfiles[].{n:name,c:count}', [{ n: 'a', c: 2 }, { n: 'b', c: 0 }]],
  ['agentPoolProfiles[*].[name,count]', [['a', 2], ['b', 0]]],
  ['length(agentPoolProfiles)', 2],
  ['nothing.at.all', null],
  ['nothing[].x', null],
  ['agentPoolProfiles[].tags[]', ['x']],
  ['[name,n]', ['aks', 3]],
])('%s', (query, found) => {
  expect(search(cluster, query)).toEqual(found)
})

test('what is not modelled is named, and nothing else', () => {
  expect(unsearchable('sum(a[].b)')).toContain('`--query sum(a[].b)` is not modelled')
  expect(unsearchable("agentPoolProfiles[?name=='x'].provisioningState | [0]")).toBeUndefined()
})
