// Draws what a terminal shows (text with colour codes, on standard input) as an SVG picture for the README.
//   FORCE_COLOR=1 npx proofroll run postgres-ferris-wheel/quick | node scripts/terminal-svg.mjs "title" > docs/picture.svg
const COLORS = { 31: '#f47067', 32: '#57ab5a', 33: '#c69026', 34: '#539bf5', 35: '#b083f0', 36: '#39c5cf', 90: '#768390' }
const WIDTH = 8.43
const HEIGHT = 19
const PAD = 18
const TOP = 46

let input = ''
for await (const chunk of process.stdin) input += chunk
const lines = input.replace(/\s+$/, '').split('\n')
const columns = Math.max(80, ...lines.map(line => line.replace(/\u001b\[[0-9;]*m/g, '').length))
// Blanks that no renderer folds: browsers no longer keep others, whatever xml:space says.
const escape = text => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll(' ', '\u00a0')

function spans(line) {
  let style = ''
  let column = 0
  let out = ''
  for (const part of line.split(/(\u001b\[[0-9;]*m)/)) {
    const code = /^\u001b\[([0-9;]*)m$/.exec(part)
    if (code !== null) {
      for (const n of code[1].split(';').map(Number)) {
        if (n === 0 || n === 39) style = style.replace(/fill="[^"]*" ?/, '')
        if (n === 0 || n === 22) style = style.replace(/font-weight="700" ?/, '').replace(/opacity="0.65" ?/, '')
        if (n === 1) style += 'font-weight="700" '
        if (n === 2) style += 'opacity="0.65" '
        if (COLORS[n] !== undefined) style += `fill="${COLORS[n]}" `
      }
    } else if (part !== '') {
      // Every run of text is placed on the grid, so that columns stay columns in any monospaced font.
      out += `<tspan x="${(PAD + column * WIDTH).toFixed(2)}" textLength="${(part.length * WIDTH).toFixed(2)}" lengthAdjust="spacingAndGlyphs" ${style}>${escape(part)}</tspan>`
      column += part.length
    }
  }
  return out
}

const width = Math.ceil(columns * WIDTH + 2 * PAD)
const height = TOP + lines.length * HEIGHT + PAD
const title = escape(process.argv[2] ?? '')
const dots = ['#f47067', '#c69026', '#57ab5a'].map((fill, i) => `<circle cx="${PAD + 6 + i * 18}" cy="20" r="6" fill="${fill}"/>`).join('')
process.stdout.write(`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${title.replaceAll('"', '&quot;')}">
<rect width="${width}" height="${height}" rx="8" fill="#1c2128"/>${dots}
<text x="${width / 2}" y="25" text-anchor="middle" fill="#768390" font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="13">${title}</text>
<g fill="#d1d7e0" font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="14">
${lines.map((line, i) => `<text y="${TOP + i * HEIGHT + 12}">${spans(line)}</text>`).join('\n')}
</g></svg>
`)
