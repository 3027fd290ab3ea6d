/**
 * Records what real bash does with the snippets of `test/shell/snippets.txt`: standard output, standard error, exit status, and the argument
 * vector of every command, taken down by stubs on PATH. The shell of `src/operator/shell` is held against the recording, so that the tests
 * need no bash; where one is, `PROOFROLL_BASH=1 npx vitest run test/shell` asks it afresh.
 *
 *   node scripts/record-bash.mjs            writes test/shell/bash.json
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Commands that only take down their arguments. `fail N` has that status, `say X` prints, `swallow` prints its input back, marked, `tick N` prints a line each 50 ms. */
export const STUBS = ['kubectl', 'psql', 'az', 'helm', 'curl', 'redis-cli', 'mongosh', 'vtctldclient', 'patronictl', 'pg_ctl', 'etcdctl', 'pgbench', 'mysql', 'velero', 'docker', 'argocd', 'istioctl', 'node', 'python', 'python3', 'aws', 'gcloud', 'fail', 'say', 'swallow', 'mongo', 'pg_dump', 'go', 'npm', 'dig', 'nc', 'openssl', 'terraform', 'flux', 'ab', 'wrk', 'sysbench', 'zone', 'kubeadm', 'systemctl', 'apt-get', 'tick']

const STUB = `#!/bin/bash
{ printf '%s' "\${0##*/}"; for a in "$@"; do printf '\\x1f%s' "$a"; done; printf '\\x1e'; } >> "$STUB_LOG"
case "\${0##*/}" in
  fail) exit "$1" ;;
  say) printf '%s\\n' "$@" ;;
  tick) for ((i = 1; i <= $1; i++)); do sleep 0.05; printf 'tick %s\\n' "$i"; done ;;
  swallow) while IFS= read -r l; do printf '< %s\\n' "$l"; done ;;
  *) [ -z "$STUB_REPLY" ] || printf '%s\\n' "$STUB_REPLY" ;;
esac
`

/** The snippets of a text: each begins with a line \`### name\`. */
export function readSnippets(text) {
  return text.split(/^### /m).slice(1).map(piece => {
    const end = piece.indexOf('\n')
    return { name: piece.slice(0, end).trim(), script: piece.slice(end + 1) }
  })
}

/** Asks real bash. @param stubs the commands that are only taken down; add `sleep` for scripts that wait long; @param reply what the others print */
export function askBash(script, stubs = STUBS, reply = '') {
  const folder = mkdtempSync(join(tmpdir(), 'proofroll-bash-'))
  try {
    const bin = join(folder, 'bin')
    const work = join(folder, 'work')
    mkdirSync(bin)
    mkdirSync(work)
    for (const name of stubs) {
      writeFileSync(join(bin, name), STUB)
      chmodSync(join(bin, name), 0o755)
    }
    writeFileSync(join(work, 'snippet.sh'), script)
    const log = join(folder, 'log')
    const run = spawnSync('/bin/bash', ['snippet.sh'], { cwd: work, env: { PATH: `${bin}:/usr/bin:/bin`, HOME: '/root', LC_ALL: 'C.UTF-8', TZ: 'UTC', STUB_LOG: log, STUB_REPLY: reply }, encoding: 'utf8', timeout: 20_000, stdio: ['ignore', 'pipe', 'pipe'] })
    const calls = existsSync(log) ? readFileSync(log, 'utf8').split('\x1e').slice(0, -1).map(line => line.split('\x1f')) : []
    return { out: run.stdout, err: run.stderr.replaceAll(work, '/root'), code: run.status ?? 128 + (constants.signals[run.signal] ?? 0), calls }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function main() {
  const here = fileURLToPath(new URL('../test/shell/', import.meta.url))
  const snippets = readSnippets(readFileSync(join(here, 'snippets.txt'), 'utf8'))
  const version = spawnSync('/bin/bash', ['-c', 'echo $BASH_VERSION'], { encoding: 'utf8' }).stdout.trim()
  const answers = Object.fromEntries(snippets.map(s => [s.name, askBash(s.script)]))
  writeFileSync(join(here, 'bash.json'), `${JSON.stringify({ bash: version, answers }, null, 1)}\n`)
  console.log(`${snippets.length} snippets recorded with bash ${version}`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main()
