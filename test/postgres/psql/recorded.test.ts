/**
 * The real psql 15 against a real server is the oracle: both streams and the exit status must be its bytes.
 * `record.mjs` made the recordings; a case of {@link UNSUPPORTED} must say that it is not modelled, never answer something else.
 */
import { describe, expect, it } from 'vitest'
import { UnsupportedError } from '../../../src/operator/command.ts'
import { cases, recorded, runCase } from './world.ts'

const UNSUPPORTED: Readonly<Record<string, string>> = {
  c119: 'HTML', c179: 'functions that are not modelled, whether PostgreSQL has them or not', c282: 'window functions', c328: 'the type time', c329: 'the type bit', c330: 'powers of numeric',
}

describe(`psql, byte for byte (${recorded.recordedWith})`, () => {
  for (const [i, one] of cases.entries()) {
    const wanted = recorded.cases[i]
    it(`${one.id} ${one.argv.slice(1).join(' ')}${one.stdin === undefined ? '' : ` << ${JSON.stringify(one.stdin)}`}`, () => {
      if (one.id in UNSUPPORTED) expect(() => runCase(one)).toThrow(UnsupportedError)
      else expect(runCase(one).output).toEqual({ out: wanted?.out, err: wanted?.err, code: wanted?.code })
    })
  }
})
