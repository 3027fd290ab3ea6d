import { expect, test } from 'vitest'
import { GoTemplateError, parseGoTemplate, printGoTemplate } from '../../models/kubernetes/kubectl/gotemplate.ts'

const list = {
  items: [
    { metadata: { name: 'pg-0', labels: { app: 'pg', 'a.b/c': 'x' } }, spec: { containers: [{ name: 'postgres', image: 'postgres:15.4' }] }, status: { conditions: [{ type: 'Ready', status: 'True' }] } },
    { metadata: { name: 'pg-1' }, spec: { containers: [] }, status: {} },
  ],
}

// The answers are those of Go's text/template (pkg.go.dev/text/template) as kubectl calls it.
test.each([
  ['{{range .items}}{{.metadata.name}}{{"\\n"}}{{end}}', 'pg-0\npg-1\n'],
  ['{{(index .items 0).metadata.name}} {{(index (index .items 0).spec.containers 0).image}}', 'pg-0 postgres:15.4'],
  ['{{index .items 0 "metadata" "name"}}', 'pg-0'],
  ['{{range $i, $p := .items}}{{if $i}},{{end}}{{$i}}={{$p.metadata.name}}{{end}}', '0=pg-0,1=pg-1'],
  ['{{range .items}}{{with .metadata.labels}}{{.app}}{{else}}none{{end}};{{end}}', 'pg;none;'],
  ['{{len .items}} {{eq (len .items) 2}} {{if and (gt (len .items) 1) (not false)}}many{{else}}few{{end}}', '2 true many'],
  ['{{range .items}}{{range .status.conditions}}{{if eq .type "Ready"}}{{.status}}{{end}}{{else}}-{{end}}{{"\\t"}}{{end}}', 'True\t-\t'],
  ['{{.nothing}} {{.items | len | printf "%03d"}}', '<no value> 002'],
  ['a {{- /* gone */ -}} b', 'ab'],
  ['{{$x := "1"}}{{range .items}}{{$x = .metadata.name}}{{end}}{{$x}}', 'pg-1'],
  ['{{range $k, $v := (index .items 0).metadata.labels}}{{$k}}:{{$v}} {{end}}', 'a.b/c:x app:pg '],
  ['{{index (index .items 0).metadata.labels "a.b/c"}} {{"cGc=" | base64decode}}', 'x pg'],
  ['{{if .a}}1{{else if .items}}2{{else}}3{{end}}', '2'],
  ['{{(index .items 0).metadata.labels}}', 'map[a.b/c:x app:pg]'],
])('%s', (template, shown) => {
  expect(printGoTemplate(template, list)).toBe(shown)
})

test.each(['{{range .items}}', '{{.a', '{{foo .a}}', '{{end}}', '{{template "x"}}'])('is refused: %s', template => {
  expect(() => parseGoTemplate(template)).toThrow(GoTemplateError)
})

test.each(['{{index .items 7}}', '{{.items.metadata}}'])('fails: %s', template => {
  expect(() => printGoTemplate(template, list)).toThrow(GoTemplateError)
})
