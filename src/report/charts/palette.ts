/** Colours for charts and page: Okabe and Ito's, which people with any common colour blindness can tell apart. Colour never says anything alone. */

export interface Theme {
  readonly text: string
  readonly muted: string
  readonly grid: string
  readonly background: string
  readonly blue: string
  readonly orange: string
  readonly green: string
  readonly red: string
  readonly purple: string
  readonly sky: string
  readonly yellow: string
  readonly grey: string
}

export const LIGHT: Theme = {
  text: '#1b1f24', muted: '#57606a', grid: '#d8dee4', background: '#ffffff',
  blue: '#0072b2', orange: '#d55e00', green: '#00795a', red: '#b3261e', purple: '#a4457f', sky: '#56b4e9', yellow: '#e69f00', grey: '#8b949e',
}
export const DARK: Theme = {
  text: '#e6edf3', muted: '#9aa5b1', grid: '#30363d', background: '#0d1117',
  blue: '#3d93da', orange: '#ff8c42', green: '#35c19a', red: '#ff7b72', purple: '#d896c0', sky: '#b5e0ff', yellow: '#f0b429', grey: '#6e7681',
}

/** Versions in the order in which they are met: the old pale, the new full, then others. Amber and red are kept for what waits and what is wrong. */
export function versionColours(theme: Theme): readonly string[] {
  return [theme.sky, theme.blue, theme.purple, theme.green, theme.orange]
}
