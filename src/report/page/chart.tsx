/** A Chart.js chart in the page: the same configurations as the files. */
import { Chart, type ChartConfiguration, Filler, Legend, LinearScale, LineController, LineElement, PointElement, ScatterController, Title, Tooltip } from 'chart.js'
import type { JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'

let registered = false

function register(): void {
  if (registered) return
  Chart.register(Filler, Legend, LinearScale, LineController, LineElement, PointElement, ScatterController, Title, Tooltip)
  registered = true
}

/** @param alt what a reader who cannot see it must know @param deps when it is drawn anew */
export function ChartFigure({ make, alt, height, deps }: { readonly make: () => ChartConfiguration; readonly alt: string; readonly height: number; readonly deps: readonly unknown[] }): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null)
  useEffect(() => {
    if (canvas.current === null) return
    register()
    const config = make()
    const chart = new Chart(canvas.current, { ...config, options: { ...config.options, responsive: true, maintainAspectRatio: false } } as ChartConfiguration)
    return () => chart.destroy()
  }, deps)
  return <div class="chart" style={{ height: `${height}px` }}><canvas ref={canvas} role="img" aria-label={alt} /></div>
}
