/** The page's program: brings to life what the file already shows. */
import { hydrate } from 'preact'
import type { PageData } from '../view/page.ts'
import { App } from './app.tsx'

const root = document.getElementById('app')
const data = JSON.parse(document.getElementById('data')?.textContent ?? 'null') as PageData | null
if (root !== null && data !== null) hydrate(<App data={data} />, root)
