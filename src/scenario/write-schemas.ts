/** Writes `schemas/*.json` of the package anew: `npm run schemas`. An entry point, so it may know the list of engines. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { engines } from '../../models/index.ts'
import { packageRoot } from './files.ts'
import { schemaFiles } from './schemas.ts'

const folder = join(packageRoot(), 'schemas')
mkdirSync(folder, { recursive: true })
for (const [name, content] of Object.entries(schemaFiles(engines))) writeFileSync(join(folder, name), content)
