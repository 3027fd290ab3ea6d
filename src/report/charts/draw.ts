/** Charts as PNG and SVG files, drawn by chartjs-node-canvas with the font of this package, so that they look alike on a machine without fonts. */
import type { ChartConfiguration } from 'chart.js'
import { assetPath, requireAsset } from '../assets.ts'
import { FONT_NAME, type NamedChart } from './common.ts'

interface NodeCanvas {
  registerFont(path: string, options: { family: string; weight?: string }): void
  renderToBuffer(config: ChartConfiguration): Promise<Buffer>
  renderToBufferSync(config: ChartConfiguration, type: string): Buffer
}

interface Renderer {
  readonly ChartJSNodeCanvas: new (options: { width: number; height: number; type?: 'svg' }) => NodeCanvas
}

/** Pixels a unit of length: sharp on a slide. */
const PIXEL_RATIO = 2

/** @throws Error when this platform has no canvas; the message says so */
export async function drawPng({ width, height, config }: NamedChart): Promise<Buffer> {
  return canvasFor(width, height).renderToBuffer({ ...config, options: { ...config.options, devicePixelRatio: PIXEL_RATIO } } as ChartConfiguration)
}

export function drawSvg({ width, height, config }: NamedChart): string {
  return canvasFor(width, height, 'svg').renderToBufferSync(config, 'image/svg+xml').toString('utf8').replaceAll(/font-family="[^"]*"/g, 'font-family="DejaVu Sans, Verdana, sans-serif"')
}

function canvasFor(width: number, height: number, type?: 'svg'): NodeCanvas {
  const { ChartJSNodeCanvas } = requireAsset<Renderer>('charts.cjs')
  const canvas = new ChartJSNodeCanvas({ width, height, ...(type === undefined ? {} : { type }) })
  canvas.registerFont(assetPath('dejavu-sans.woff2'), { family: FONT_NAME })
  canvas.registerFont(assetPath('dejavu-sans-bold.woff2'), { family: FONT_NAME, weight: 'bold' })
  return canvas
}
