import { test } from 'vitest'
import { goodRehearser } from '../campaign/fakes.ts'
import { renderStory } from '../../src/report/story.ts'
import { renderSummary } from '../../src/report/summary.ts'
import { PLAIN } from '../../src/report/text.ts'
import { fakeCampaign } from './fixture.ts'

test('preview', () => {
  const { result, stories } = fakeCampaign(300, 2)
  const out = [...renderSummary(result, PLAIN), '', ...renderStory(stories[0]!, PLAIN), '', '====', ...renderStory(stories.at(-1)!, { ...PLAIN, unicode: false }), '=====', ...renderSummary(fakeCampaign(500, 0, goodRehearser).result, PLAIN)]
  process.stdout.write('\n' + out.join('\n') + '\n')
  process.stdout.write('too long: ' + JSON.stringify(out.filter((l) => l.length > 80)) + '\n')
})
