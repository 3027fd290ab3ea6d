/**
 * `curl` of the operator's workstation: to the health endpoints that a model serves, and to nothing else. There is no network in a rehearsal.
 * Messages and exit codes are curl's own: 6 no such host, 7 refused, 22 an error status with -f, 28 timed out (curl(1), EXIT CODES).
 */
import { NEVER, type Process, SECOND, type Us } from '../../src/kernel/index.ts'
import { type Call, type Command, type Finding, type Look, type Output, UnsupportedError } from '../../src/operator/command.ts'
import { rememberedByWords } from '../../src/operator/remembered.ts'
import type { Kubernetes } from './kubernetes.ts'
import type { PodView } from './pod.ts'

/** What a server says to `GET path`. */
export interface Served {
  readonly status: number
  readonly body: string
}

/** What listens on a port of a pod and answers there; undefined = nothing listens. `unknown` = it listens, but what it would say there is not modelled. */
export type Serves = (pod: PodView, port: number, path: string) => Served | 'unknown' | undefined

interface Asked {
  readonly url: URL | undefined
  readonly written: string
  readonly silent: boolean
  readonly showError: boolean
  readonly fail: boolean
  readonly head: boolean
  readonly output: string | undefined
  readonly format: string
  readonly maxUs: Us
  readonly connectUs: Us
  readonly retries: number
  readonly retryDelayUs: Us | undefined
  readonly retryRefused: boolean
  /** Something is handed over: a POST and the like. */
  readonly posts: boolean
  readonly problem: string | undefined
}

const VALUED: Readonly<Record<string, string>> = { '-o': 'output', '--output': 'output', '-w': 'format', '--write-out': 'format', '-m': 'max', '--max-time': 'max', '--connect-timeout': 'connect', '--retry': 'retry', '--retry-delay': 'delay', '-X': 'method', '--request': 'method', '-H': 'header', '--header': 'header', '--url': 'url' , '-d': 'data', '--data': 'data', '--data-raw': 'data', '--data-binary': 'data', '--data-urlencode': 'data', '--data-ascii': 'data', '--json': 'data', '-F': 'data', '--form': 'data', '-u': 'user', '--user': 'user', '-A': 'agent', '--user-agent': 'agent' }
const SWITCHES: Readonly<Record<string, string>> = { s: 'silent', S: 'showError', f: 'fail', k: 'insecure', L: 'location', I: 'head', '-silent': 'silent', '-show-error': 'showError', '-fail': 'fail', '-insecure': 'insecure', '-location': 'location', '-head': 'head', '-retry-connrefused': 'retryRefused' }
const SUPPORTED = '-s -S -f -k -L -I -o FILE -w FORMAT -m/--max-time SECONDS --connect-timeout SECONDS --retry N --retry-delay SECONDS --retry-connrefused -H HEADER -u USER -X GET|HEAD; -X POST|PUT|PATCH|DELETE and -d DATA to what is outside the cluster'

const parse = rememberedByWords((argv): Asked => {
  const values = new Map<string, string>()
  const on = new Set<string>()
  const urls: string[] = []
  let problem: string | undefined
  for (let i = 1; i < argv.length; i++) {
    const word = argv[i] as string
    if (!word.startsWith('-') || word === '-') {
      urls.push(word)
      continue
    }
    if (word.startsWith('--')) {
      if (VALUED[word] !== undefined) values.set(VALUED[word] as string, argv[++i] ?? '')
      else if (SWITCHES[word.slice(1)] !== undefined) on.add(SWITCHES[word.slice(1)] as string)
      else problem ??= `the option \`${word}\``
      continue
    }
    for (let at = 1; at < word.length; at++) {
      const letter = `-${word[at]}`
      if (VALUED[letter] !== undefined) {
        values.set(VALUED[letter] as string, at + 1 < word.length ? word.slice(at + 1) : (argv[++i] ?? ''))
        break
      }
      if (SWITCHES[word[at] as string] !== undefined) on.add(SWITCHES[word[at] as string] as string)
      else problem ??= `the option \`${letter}\``
    }
  }
  const method = values.get('method') ?? (values.has('data') ? 'POST' : 'GET')
  if (!['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'].includes(method)) problem ??= `\`-X ${method}\``
  const named = values.get('url')
  if (named !== undefined) urls.push(named)
  if (urls.length > 1) problem ??= 'more than one URL'
  const written = urls[0] ?? ''
  const seconds = (name: string): Us | undefined => (values.has(name) ? Math.round(Number(values.get(name)) * SECOND) : undefined)
  return {
    url: urlOf(written), written, silent: on.has('silent'), showError: on.has('showError'), fail: on.has('fail'), head: on.has('head') || method === 'HEAD', output: values.get('output'), format: values.get('format') ?? '',
    maxUs: seconds('max') || NEVER, connectUs: seconds('connect') || CONNECT_US, retries: Number(values.get('retry') ?? 0), retryDelayUs: seconds('delay'), retryRefused: on.has('retryRefused'), posts: method !== 'GET' && method !== 'HEAD', problem,
  }
})

const POST_INSIDE = 'posting to what runs in the cluster is not modelled; there are the tools for it: kubectl, patronictl and the like'

/** What Linux tries before a connection that nobody answers is given up. */
const CONNECT_US = 130 * SECOND
const ROUND_TRIP_US = 2_000

function urlOf(written: string): URL | undefined {
  try {
    return new URL(/^[a-z]+:\/\//i.test(written) ? written : `http://${written}`)
  } catch {
    return undefined
  }
}

type Answer = { readonly is: 'served'; readonly served: Served } | { readonly is: 'failed'; readonly code: 3 | 6 | 7 | 28; readonly words: string; readonly afterUs: Us }

/** @param inside the container it is run in; else it is the workstation's */
export function curl(kube: Kubernetes, serves: Serves, inside?: { readonly place: () => string; readonly pod: PodView }): Command {
  const place = inside?.place ?? ((): string => 'operator')
  const ask = (asked: Asked): Answer => {
    const { url } = asked
    if (url === undefined) return { is: 'failed', code: 3, words: 'URL using bad/illegal format or missing URL', afterUs: 0 }
    const host = url.hostname
    if (asked.posts) {
      // A webhook takes what it is given: nothing in the cluster hangs on it (rule K8S-CURL-2).
      if (outside(host, kube)) return { is: 'served', served: { status: 200, body: '' } }
      throw new UnsupportedError(`curl: ${POST_INSIDE}`, [SUPPORTED])
    }
    const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80))
    const refused = (): Answer => ({ is: 'failed', code: 7, words: `Failed to connect to ${host} port ${port} after 0 ms: Couldn't connect to server`, afterUs: 0 })
    const silent = (): Answer => ({ is: 'failed', code: 28, words: asked.maxUs < asked.connectUs ? `Connection timed out after ${Math.round(asked.maxUs / 1000)} milliseconds` : `Failed to connect to ${host} port ${port} after ${Math.round(asked.connectUs / 1000)} ms: Timeout was reached`, afterUs: Math.min(asked.maxUs, asked.connectUs) })
    if (host === kube.options.clusterName) return apiServer(port, url.pathname, refused, silent)
    const here = host === 'localhost' || host.startsWith('127.') || host === inside?.pod.name
    // Nothing listens on the workstation itself.
    if (here && inside === undefined) return refused()
    const pod = here ? inside?.pod : podAt(host)
    if (pod === undefined) return { is: 'failed', code: 6, words: `Could not resolve host: ${host}`, afterUs: 0 }
    if (pod === 'no-endpoints') return refused()
    const machine = pod.node === undefined ? undefined : kube.machines.get(pod.node)
    if (machine === undefined || !machine.up || (!here && !kube.network.connected(place(), pod.node as string))) return silent()
    const served = pod.containerState === 'running' ? serves(pod, port, url.pathname) : undefined
    if (served === 'unknown') throw new UnsupportedError(`curl: what ${host}:${port} says at ${url.pathname} is not modelled`, ['its health endpoint'])
    return served === undefined ? refused() : { is: 'served', served }
  }
  const apiServer = (port: number, path: string, refused: () => Answer, silent: () => Answer): Answer => {
    if (port !== 443) return refused()
    if (!kube.network.connected(place(), 'control-plane')) return silent()
    if (!kube.apiUp) return refused()
    if (/^\/(?:healthz|livez|readyz)$/.test(path)) return { is: 'served', served: { status: 200, body: 'ok' } }
    return { is: 'served', served: { status: 403, body: `{\n  "kind": "Status",\n  "apiVersion": "v1",\n  "metadata": {},\n  "status": "Failure",\n  "message": "forbidden: User \\"system:anonymous\\" cannot get path \\"${path}\\"",\n  "reason": "Forbidden",\n  "details": {},\n  "code": 403\n}` } }
  }
  const podAt = (host: string): PodView | 'no-endpoints' | undefined => {
    if (/^\d+\.\d+\.\d+\.\d+$/.test(host)) return kube.pods().find(pod => pod.podIP === host)
    const found = kube.resolve(host)
    if (found === undefined) return undefined
    return found.is === 'pod' ? found.pod : (kube.endpoints(found.service)[0] ?? 'no-endpoints')
  }
  const print = (asked: Asked, answer: Answer, call: Call): Output => {
    const status = answer.is === 'served' ? answer.served.status : 0
    const failed = answer.is === 'failed' ? answer.code : asked.fail && status >= 400 ? 22 : 0
    const body = answer.is === 'served' && failed === 0 && !asked.head ? answer.served.body : ''
    if (asked.output !== undefined && asked.output !== '/dev/null' && failed === 0) {
      if (call.disk === undefined) throw new UnsupportedError('curl -o FILE: a step has no files', ['-o /dev/null'])
      call.disk.write(asked.output, body)
    }
    const words = answer.is === 'failed' ? answer.words : `The requested URL returned error: ${status}`
    const written = asked.format.replace(/%\{(?:http_code|response_code)\}/g, String(status).padStart(3, '0')).replace(/\\n/g, '\n').replace(/\\t/g, '\t')
    return { out: (asked.output === undefined ? (asked.head && answer.is === 'served' && failed === 0 ? `HTTP/1.1 ${status}\r\n\r\n` : body) : '') + written, err: failed !== 0 && (!asked.silent || asked.showError) ? `curl: (${failed}) ${words}\n` : '', code: failed }
  }
  /** Curl tries again what may pass: no answer in time, a busy server, and (if told to) a refused connection. */
  const mayPass = (asked: Asked, answer: Answer): boolean => (answer.is === 'failed' ? answer.code === 28 || (asked.retryRefused && answer.code === 7) : [408, 429, 500, 502, 503, 504].includes(answer.served.status))
  return {
    name: 'curl',
    summary: 'asks the health endpoints that a model serves',
    check(argv): readonly Finding[] {
      const asked = parse(argv)
      const error = (message: string): Finding[] => [{ severity: 'error', message }]
      if (asked.problem !== undefined) return error(`curl: ${asked.problem} is not modelled; supported: ${SUPPORTED}. For what is outside the cluster (a webhook, say) write under \`commands\` in the scenario what it answers`)
      if (asked.written.includes('${')) return []
      if (asked.url === undefined) return error(`curl: \`${asked.written}\` is no URL`)
      const host = asked.url.hostname
      if (asked.posts) return outside(host, kube) ? [{ severity: 'warning', message: `curl ${asked.written}: what is outside the cluster is taken to accept it at once (status 200, an empty answer). Say otherwise under \`commands\` in the scenario` }] : error(`curl ${asked.written}: ${POST_INSIDE}`)
      if (outside(host, kube)) return error(`curl ${asked.written}: there is no network in a rehearsal: only what runs in the cluster can be asked. A command of your own can be added to the scenario under \`commands\``)
      const unknown = /\$|%\{(?!http_code|response_code)/.exec(asked.format)
      return unknown === null ? [] : error(`curl -w '${asked.format}': only %{http_code} and %{response_code} are modelled`)
    },
    readsInput: () => false,
    latencyUs: () => ROUND_TRIP_US,
    look(call): Look | undefined {
      const asked = asking(call.argv)
      if (asked.retries > 0 || (asked.output !== undefined && asked.output !== '/dev/null')) return undefined
      const answer = ask(asked)
      return { output: print(asked, answer, call), afterUs: answer.is === 'failed' ? answer.afterUs : 0, stableUntilUs: kube.sim.now }
    },
    *run(call): Process<Output> {
      const asked = asking(call.argv)
      for (let tried = 0; ; tried++) {
        const answer = ask(asked)
        if (answer.is === 'failed' && answer.afterUs > 0) yield answer.afterUs
        if (tried >= asked.retries || !mayPass(asked, answer)) return print(asked, answer, call)
        // 1 s, then twice as long each time, ten minutes at most.
        yield asked.retryDelayUs ?? Math.min(600, 1 << Math.min(tried, 10)) * SECOND
      }
    },
  }
}

function asking(argv: readonly string[]): Asked {
  const asked = parse(argv)
  if (asked.problem !== undefined) throw new UnsupportedError(`curl: ${asked.problem} is not modelled`, SUPPORTED.split(' '))
  return asked
}

/** A name that nothing in a cluster can have. */
function outside(host: string, kube: Kubernetes): boolean {
  if (host === kube.options.clusterName || !host.includes('.') || /^(?:10|127|172|192)\.\d/.test(host)) return false
  const [first = '', second = ''] = host.split('.')
  if (/\.svc(?:\.cluster\.local)?$/.test(host) || kube.resolve(host) !== undefined) return false
  return kube.store.get('Service', kube.key(second, kube.options.namespace)) === undefined && kube.store.get('Service', kube.key(first, second)) === undefined
}
