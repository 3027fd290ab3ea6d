/**
 * Properties are tried on the same cases every time, so that a change is judged by what it changed and not by the day's luck.
 * To look further: `FC_SEED=$RANDOM npx vitest run`, and write what it finds down as an example.
 */
import fc from 'fast-check'
import { afterAll } from 'vitest'
import { removeFolders } from './folder.ts'

const seed = Number(process.env.FC_SEED ?? 20_261_120)
fc.configureGlobal({ ...fc.readConfigureGlobal(), seed })

afterAll(removeFolders)
