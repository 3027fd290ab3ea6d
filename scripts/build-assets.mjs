#!/usr/bin/env node
/**
 * Builds what a report needs and a consumer must not have to build: the chart renderer in one file (chartjs-node-canvas asks for a package that
 * is compiled on installation, and npm's overrides do not reach a consumer, so it is bundled over `vendor/canvas`), the fonts, and the page.
 *
 * usage: node scripts/build-assets.mjs      writes dist/assets
 */
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const OUT = join(ROOT, 'dist/assets')

/** chartjs-node-canvas requires afresh from the disk; in one file there is nothing to require afresh. */
const bundledRequire = {
  name: 'bundled-require',
  load: id => (/chartjs-node-canvas[\\/]dist[\\/]freshRequire\.js$/.test(id) ? "exports.freshRequire = name => { if (name !== 'canvas') throw new Error(`charts: ${name} is not in this file`); return require('canvas') }" : undefined),
}

async function bundle(input, file, options = {}, output = {}) {
  const build = await rolldown({ input: join(ROOT, input), cwd: ROOT, ...options })
  await build.write({ file: join(OUT, file), minify: true, ...output })
  await build.close()
}

mkdirSync(OUT, { recursive: true })
await bundle('src/report/charts/renderer.cjs', 'charts.cjs', { platform: 'node', external: [/^@napi-rs\/canvas/], plugins: [bundledRequire] }, { format: 'cjs' })
const jsx = { transform: { jsx: { runtime: 'automatic', importSource: 'preact' } } }
await bundle('src/report/page/main.tsx', 'page.js', { platform: 'browser', ...jsx }, { format: 'iife' })
await bundle('src/report/page/render.tsx', 'render.mjs', { platform: 'node', ...jsx }, { format: 'esm' })
writeFileSync(join(OUT, 'page.css'), readFileSync(join(ROOT, 'src/report/page/style.css'), 'utf8').replace(/\/\*[^]*?\*\//g, '').replace(/\s*\n\s*/g, '\n').trim())
const fonts = join(ROOT, 'node_modules/@fontsource/dejavu-sans')
copyFileSync(join(fonts, 'files/dejavu-sans-latin-400-normal.woff2'), join(OUT, 'dejavu-sans.woff2'))
copyFileSync(join(fonts, 'files/dejavu-sans-latin-700-normal.woff2'), join(OUT, 'dejavu-sans-bold.woff2'))
const licences = ['@fontsource/dejavu-sans', 'chart.js', 'chartjs-node-canvas', 'chartjs-chart-matrix', 'preact'].map(name => {
  const folder = join(ROOT, 'node_modules', name)
  const file = ['LICENSE', 'LICENSE.md', 'license'].map(each => join(folder, each)).find(each => existsSync(each))
  return `${name} ${JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).version}\n\n${file === undefined ? 'MIT' : readFileSync(file, 'utf8')}`
})
writeFileSync(join(OUT, 'LICENSES.txt'), licences.join('\n\n---\n\n'))
