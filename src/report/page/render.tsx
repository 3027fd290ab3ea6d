/** The page's text, made where the report is made. */
import { render } from 'preact-render-to-string'
import type { PageData } from '../view/page.ts'
import { App } from './app.tsx'

export function renderApp(data: PageData): string {
  return render(<App data={data} />)
}
