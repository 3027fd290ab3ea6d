/**
 * The page in a real browser: from a file, with the network off. It needs Chromium (Debian: `apt-get install chromium`, or CHROMIUM=/path/to/it).
 * Where there is none, nothing is looked at, and that is said.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Browser, type Page, chromium } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { renderPage } from '../../src/report/html.ts'
import { renderJUnit } from '../../src/report/junit.ts'
import { chromeTrace } from '../../src/report/trace.ts'
import { main } from '../../src/cli/program.ts'
import { SWAP, SWAP_RUNBOOK, engine, enterFolder } from '../cli/workshop.ts'
import { EVIL, dataOf, empty, fleet, hostile, long, many, passing, withTwin } from './pages.ts'

const executable = [process.env['CHROMIUM'], '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((file) => file !== undefined && existsSync(file))
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** Registered only where it can be looked at: a test that is skipped says nothing. */
function inBrowser(executablePath: string): void {
  let browser: Browser
  let folder: string
  const pages: Record<string, string> = {}
  const home = process.cwd()

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
    folder = mkdtempSync(join(tmpdir(), 'proofroll-pages-'))
    for (const [name, all] of Object.entries({ empty: [empty()], hostile: [hostile()], many: [many()], passing: [passing()], long: [long()], twin: [withTwin()], fleet: [fleet()] })) {
      pages[name] = join(folder, `${name}.html`)
      writeFileSync(pages[name], await renderPage(dataOf(all)))
    }
    const workshop = enterFolder({ 'swap.yaml': SWAP, 'swap.runbook.yaml': SWAP_RUNBOOK })
    await main(['run', 'swap.yaml', '--runs', '20', '--report', 'out', '--quiet'], { engines: [engine], enginesModule: new URL('../toy/engine.ts', import.meta.url).href, out: () => {}, err: () => {}, watched: false })
    pages['failing'] = join(workshop, 'out/index.html')
    process.chdir(home)
  })

  afterAll(async () => {
    await browser.close()
    rmSync(folder, { recursive: true, force: true })
    rmSync(join(pages['failing'] as string, '../..'), { recursive: true, force: true })
  })

  /** Opens a page without a network; whatever it complains about fails the test. */
  async function open(name: string, options: { width?: number; dark?: boolean; hash?: string } = {}): Promise<{ page: Page; faults: string[]; close(): Promise<void> }> {
    const context = await browser.newContext({ viewport: { width: options.width ?? 1280, height: 900 }, colorScheme: options.dark === true ? 'dark' : 'light', offline: true })
    const page = await context.newPage()
    const faults: string[] = []
    page.on('console', (message) => ['error', 'warning'].includes(message.type()) && faults.push(message.text()))
    page.on('pageerror', (error) => faults.push(error.message))
    page.on('request', (request) => request.url().startsWith('file:') || faults.push(`asked for ${request.url()}`))
    await page.goto(`${pathToFileURL(pages[name] as string).href}${options.hash ?? ''}`)
    await page.waitForFunction(() => document.documentElement.dataset['scheme'] !== undefined)
    return { page, faults, close: () => context.close() }
  }

  test('every sort of page opens from a file without a complaint, narrow and wide, light and dark', async () => {
    for (const name of Object.keys(pages)) {
      for (const [width, dark] of name === 'failing' || name === 'hostile' ? ([[360, false], [1600, true]] as const) : ([[360, true]] as const)) {
        const { page, faults, close } = await open(name, { width, dark })
        expect([name, width, faults]).toEqual([name, width, []])
        expect([name, width, await page.evaluate(() => document.documentElement.scrollWidth)]).toEqual([name, width, width])
        await close()
      }
    }
  })

  test('names that mean harm do nothing', async () => {
    const { page, close } = await open('hostile')
    expect(await page.title()).toContain(EVIL.slice(0, 40))
    expect(await page.locator('h1').textContent()).toContain('</script>')
    expect(await page.locator('img').count()).toBe(0)
    await close()
  })

  test('100,000 events: dragging along the timeline and zooming keep up', async () => {
    const { page, faults, close } = await open('long')
    const ms = await page.evaluate(async () => {
      const frame = (): Promise<void> => new Promise((resolve) => requestAnimationFrame(() => resolve()))
      const input = document.querySelector<HTMLInputElement>('.scrubber input')!
      const took: number[] = []
      for (let i = 0; i < 60; i++) {
        const start = performance.now()
        input.value = String(Math.round((Number(input.max) * i) / 60))
        input.dispatchEvent(new Event('input', { bubbles: true }))
        await frame()
        await frame()
        took.push(performance.now() - start)
      }
      return took.sort((a, b) => a - b)[30] as number
    })
    for (let i = 0; i < 4; i++) await page.getByRole('button', { name: 'Zoom in' }).first().click()
    const frames = await page.evaluate(async () => {
      const frame = (): Promise<number> => new Promise((resolve) => requestAnimationFrame(resolve))
      const track = document.querySelector<HTMLElement>('.viewer .track')!
      const took: number[] = []
      let before = await frame()
      for (let i = 0; i < 90; i++) {
        // Along the timeline at sixteen times its width, and down the page over it.
        track.scrollLeft = ((track.scrollWidth - track.clientWidth) * i) / 90
        scrollBy(0, 8)
        const now = await frame()
        took.push(now - before)
        before = now
      }
      took.sort((a, b) => a - b)
      return { median: took[45] as number, late: took[85] as number }
    })
    expect(frames.median).toBeLessThan(60)
    // Two frames are 33 ms; the rest is room for a busy machine.
    expect(ms).toBeLessThan(250)
    if (process.env['PROOFROLL_FIGURES'] !== undefined) console.log(`a move of the scrubber: ${ms.toFixed(0)} ms; a frame of scrolling at 16x: median ${frames.median.toFixed(0)} ms, 95 % below ${frames.late.toFixed(0)} ms`)
    expect(faults).toEqual([])
    await close()
  })

  test('the scrubber tells the cluster at each instant, by keyboard too; where it goes wrong is one key away', async () => {
    const { page, faults, close } = await open('failing')
    const output = page.locator('.scrubber output').first()
    const range = page.locator('.scrubber input').first()
    await page.getByRole('button', { name: /Jump to where it goes wrong/ }).first().press('Enter')
    const atError = await output.textContent()
    expect(page.url()).toMatch(/#swap\/1@[\d.]+$/)
    await range.focus()
    await page.keyboard.press('Home')
    expect(await output.textContent()).toMatch(/^0\.0s/)
    const before = await page.locator('.cluster tbody').first().textContent()
    await page.keyboard.press('End')
    expect(await output.textContent()).not.toBe(atError)
    expect(await page.locator('.cluster tbody').first().textContent()).not.toBe(before)
    const caption = await page.locator('.cluster caption').first().textContent()
    await page.keyboard.press('ArrowLeft')
    expect(await page.locator('.cluster caption').first().textContent()).not.toBe(caption)
    expect(faults).toEqual([])
    await close()
  })

  test('after a click into the chart arrow keys move on; the thumb stands over the cursor; what was clicked far away shows the timeline, and its step is marked', async () => {
    const { page, close } = await open('failing')
    const chart = page.locator('.viewer .track svg').first()
    await chart.scrollIntoViewIfNeeded()
    const box = (await chart.boundingBox())!
    await chart.click({ position: { x: box.width * 0.6, y: 60 } })
    const at = page.url()
    await page.keyboard.press('ArrowRight')
    expect(page.url()).not.toBe(at)
    const [thumb, cursor] = await page.evaluate(() => {
      const input = document.querySelector<HTMLInputElement>('.scrubber input')!
      const { left, width } = input.getBoundingClientRect()
      const line = document.querySelector('.cursor line')!.getBoundingClientRect()
      return [left + 8 + ((width - 16) * Number(input.value)) / Number(input.max), line.left]
    })
    expect(Math.abs(thumb - cursor)).toBeLessThan(3)
    await page.locator('.tree-table tbody tr td a').last().click()
    expect(await page.evaluate(() => { const { top, bottom } = document.querySelector('.viewer .lanes')!.getBoundingClientRect(); return top >= 0 && bottom <= innerHeight })).toBe(true)
    expect(await page.locator('.tree-table tr.here').count()).toBeGreaterThan(0)
    await close()
  })

  test('the name of a fault leads to what it means, by keyboard; an instant of a standstill moves the timeline', async () => {
    const { page, faults, close } = await open('twin')
    const kind = page.locator('a.kind').first()
    const name = await kind.textContent()
    expect((await kind.getAttribute('title'))!.length).toBeGreaterThan(20)
    await kind.press('Enter')
    expect(await page.locator(`#fault-${name}`).evaluate((element) => element.getBoundingClientRect().top < innerHeight)).toBe(true)
    expect(faults).toEqual([])
    await close()
    const other = await open('fleet')
    const clause = other.page.locator('.standstills .chain a', { hasText: '2.0s' }).first()
    await other.page.locator('.standstills summary', { hasText: 'from 2.0s' }).first().evaluate((summary) => { (summary.parentElement as HTMLDetailsElement).open = true })
    await clause.click()
    expect(await other.page.locator('.scrubber output').first().textContent()).toMatch(/^2\.0s/)
    await other.close()
  })

  test('clauses of the chain lead to their instants, and an address opens one', async () => {
    const { page, close } = await open('failing')
    await page.locator('.chain a').last().click()
    const words = await page.locator('.scrubber output').first().textContent()
    const hash = new URL(page.url()).hash
    await close()
    const again = await open('failing', { hash })
    await again.page.waitForFunction((wanted) => document.querySelector('.scrubber output')?.textContent === wanted, words)
    await again.close()
  })

  test('a click into the chart of the nearest other rehearsal moves the instant in both, and says what is so there', async () => {
    const { page, close } = await open('twin')
    const chart = page.locator('.twin .track svg').nth(1)
    await chart.scrollIntoViewIfNeeded()
    const box = (await chart.boundingBox())!
    const before = await page.locator('.twin .now-words').allTextContents()
    expect(before.length).toBe(2)
    await chart.click({ position: { x: box.width * 0.8, y: 30 } })
    expect(await page.locator('.twin .now-words').allTextContents()).not.toEqual(before)
    expect(page.url()).toMatch(/#.+\/1@[\d.]+$/)
    expect(await page.locator('.twin .cursor').count()).toBe(2)
    await close()
  })

  test('a figure of the worst leads to its rehearsal, whose clauses and steps move its own timeline', async () => {
    const { page, faults, close } = await open('twin')
    await page.locator('td.figure a[href*="/w"]').first().click()
    await page.waitForFunction(() => { const { top } = document.querySelector('.worst h3')!.getBoundingClientRect(); return top >= 0 && top < innerHeight })
    const output = page.locator('.worst .scrubber output')
    const at = await output.textContent()
    await page.locator('.worst .tree-table tbody tr td a').last().click()
    expect(await output.textContent()).not.toBe(at)
    expect(page.url()).toMatch(/\/w\d@[\d.]+$/)
    expect(faults).toEqual([])
    await close()
  })

  test('on paper no timeline is cut in two: one that is taller than a sheet is drawn smaller', async () => {
    const { page, close } = await open('fleet')
    await page.getByRole('button', { name: 'All 52 members' }).click()
    const lanes = page.locator('.lanes').first()
    const height = (): Promise<number> => lanes.evaluate((each) => each.getBoundingClientRect().height)
    expect(await height()).toBeGreaterThan(1300)
    await page.emulateMedia({ media: 'print' })
    expect(await height()).toBeLessThan(950)
    expect(await lanes.evaluate((each) => getComputedStyle(each).breakInside)).toBe('avoid')
    await close()
  })

  test('the second of several failures can be chosen', async () => {
    const { page, close } = await open('many')
    await page.locator('.choice a').nth(1).click()
    expect(await page.locator('.choice a[aria-current]').textContent()).toContain('cause-1')
    expect(page.url()).toMatch(/\/2$/)
    await close()
  })

  test('the reader may turn it dark; paper is light and has no buttons', async () => {
    const { page, close } = await open('failing')
    const ground = (): Promise<string> => page.evaluate(() => getComputedStyle(document.body).backgroundColor)
    expect(await ground()).toBe('rgb(255, 255, 255)')
    await page.getByRole('button', { name: 'Dark' }).click()
    await page.waitForFunction(() => document.documentElement.dataset['scheme'] === 'dark')
    expect(await ground()).toBe('rgb(13, 17, 23)')
    await page.emulateMedia({ media: 'print' })
    await page.waitForFunction(() => document.documentElement.dataset['scheme'] === 'light')
    expect(await ground()).toBe('rgb(255, 255, 255)')
    expect(await page.locator('.tools').first().isVisible()).toBe(false)
    expect((await page.pdf({ format: 'A4' })).length).toBeGreaterThan(20_000)
    await close()
  })

  test('JUnit is well formed, whatever names say, and its counts are those of its cases', async () => {
    const { page, close } = await open('empty')
    for (const { result } of [hostile(), many(), passing(), empty()]) {
      const [faults, counts] = await page.evaluate((xml) => {
        const parsed = new DOMParser().parseFromString(xml, 'application/xml')
        const allowed: Record<string, string[]> = { testsuites: ['testsuite'], testsuite: ['properties', 'testcase'], properties: ['property'], testcase: ['failure', 'skipped'], failure: [], skipped: [], property: [] }
        const strange = [...parsed.querySelectorAll('*')].filter((element) => element.tagName === 'parsererror' || (element.parentElement !== null && allowed[element.parentElement.tagName]?.includes(element.tagName) !== true)).map(({ tagName }) => tagName)
        const suites = [...parsed.querySelectorAll('testsuite')].map((suite) => ['tests', 'failures', 'skipped'].map((name) => Number(suite.getAttribute(name)) - suite.querySelectorAll(name === 'tests' ? 'testcase' : name === 'failures' ? 'failure' : 'testcase > skipped').length))
        return [strange, suites] as const
      }, renderJUnit([result]))
      expect(faults).toEqual([])
      expect(counts).toEqual([[0, 0, 0]])
    }
    await close()
  })

  // Perfetto's own page needs a network. The engine behind the Performance panel is in Chromium itself, and is as strict about what makes a stack.
  test('the trace is read by Chromium’s own trace engine: every process by its name, every span in the stack of its thread', async () => {
    const context = await browser.newContext({ offline: true })
    const page = await context.newPage()
    const faults: string[] = []
    page.on('pageerror', (error) => faults.push(error.message))
    await page.goto('devtools://devtools/bundled/devtools_app.html?panel=timeline')
    for (const told of [hostile(), many()]) {
      const { traceEvents } = chromeTrace(told.rehearsals[0]!, { seed: '1' })
      await page.evaluate((events) => { Object.assign(globalThis, { events }) }, traceEvents)
      // As text: the module is the browser's, and no bundler is to look for it.
      const read = await page.evaluate(`(async () => {
        const { Processor } = await import('devtools://devtools/bundled/models/trace/trace.js')
        const engine = Processor.TraceProcessor.createWithAllHandlers()
        await engine.parse(events, { isFreshRecording: false, isCPUProfile: false, metadata: {} })
        const { Meta, Renderer } = engine.data
        const threads = [...Renderer.processes.values()].flatMap(({ threads }) => [...threads.values()])
        return { generic: Meta.traceIsGeneric, processes: [...Meta.processNames.values()].map(({ args }) => args.name), spans: threads.reduce((sum, { entries }) => sum + entries.length, 0), stacked: threads.every(({ tree }) => tree !== undefined && tree.roots.size > 0) }
      })()`)
      expect(read).toEqual({ generic: true, processes: ['operator', 'faults', 'clients', 'members', 'measured', 'events'], spans: traceEvents.filter(({ ph }) => ph === 'X').length, stacked: true })
    }
    expect(faults).toEqual([])
    await context.close()
  })

  test('charts are drawn', async () => {
    const { page, close } = await open('failing')
    const ink = await page.locator('canvas').first().evaluate((canvas: HTMLCanvasElement) => {
      const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height)
      let blue = 0
      for (let i = 0; i < data.length; i += 4) if (data[i + 2]! > data[i]! + 60) blue += 1
      return blue
    })
    expect(ink).toBeGreaterThan(500)
    await close()
  })

  test('axe finds no fault that is serious, light or dark', async () => {
    for (const [name, dark] of [['failing', false], ['failing', true], ['passing', false]] as const) {
      const { page, close } = await open(name, { dark })
      await page.evaluate(axe)
      const found = await page.evaluate(async () => {
        const { violations } = await (globalThis as unknown as { axe: { run(): Promise<{ violations: { id: string; impact: string; nodes: { html: string; failureSummary?: string }[] }[] }> } }).axe.run()
        return violations.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ html, failureSummary }) => `${html.slice(0, 160)} (${failureSummary ?? ''})`).join(' | ')}`)
      })
      expect([name, dark, found]).toEqual([name, dark, []])
      await close()
    }
  })
}

// oxlint-disable-next-line vitest/no-conditional-tests -- said, not skipped
if (executable !== undefined) {
  describe('the page in a browser', () => {
    inBrowser(executable)
  })
} else {
  test('there is no Chromium here, so the page was not opened in a browser', () => {
    console.warn('no Chromium: the page was not opened in a browser (apt-get install chromium, or CHROMIUM=/path)')
    expect(executable).toBeUndefined()
  })
}
