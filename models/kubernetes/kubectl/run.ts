import { type Process, SECOND } from '../../../src/kernel/index.ts'
import { failed, type Output } from '../../../src/operator/command.ts'
import { ClientProgram } from '../client.ts'
import type { Container } from '../handle.ts'
import type { PodSpec } from '../objects.ts'
import { checkInPods, takeInput, until } from './exec.ts'
import { CliError, type Verb } from './verb.ts'

export const run: Verb = {
  name: 'run',
  summary: 'runs a program of an image in a pod of its own',
  flags: { image: 'text', rm: 'optional', stdin: 'optional', tty: 'optional', restart: 'text', env: 'text', command: 'optional', labels: 'text', quiet: 'switch', 'pod-running-timeout': 'text' },

  check(args, kube) {
    const image = args.flags.get('image')
    if (image === undefined) return ['kubectl run: --image is required']
    if (!image.includes('${') && kube.imageNamed(image) === undefined) return [`the image \`${image}\` is not modelled; there are: ${[...kube.images.keys()].join(', ')}`]
    const inner = args.rest ?? args.positional.slice(1)
    return inner.length === 0 || inner[0]?.includes('${') ? [] : checkInPods(kube, kube.pods$.list().filter(pod => pod.image === image), inner)
  },

  *run(c): Process<Output> {
    const { args, kube } = c
    const name = args.positional[0]
    if (name === undefined) throw new CliError('error: NAME is required for run')
    const on = (flag: string) => args.flags.has(flag) && args.flags.get(flag) !== 'false'
    if (on('rm') && !on('stdin') && !on('tty')) throw new CliError('error: --rm should only be used for attached containers')
    const key = kube.key(name, c.namespace)
    if (kube.pods$.get(key) !== undefined) throw new CliError(`Error from server (AlreadyExists): pods "${name}" already exists`)
    const restartPolicy = (args.flags.get('restart') ?? 'Always') as 'Always' | 'OnFailure' | 'Never'
    const env = (args.repeated.get('env') ?? []).map(e => ({ name: e.slice(0, e.indexOf('=')), value: e.slice(e.indexOf('=') + 1) }))
    const argv = [...(args.rest ?? args.positional.slice(1))]
    const spec: PodSpec = { containers: [{ name, image: args.flags.get('image') ?? '', env, ...(on('command') ? { command: argv } : { args: argv }) }], restartPolicy }
    const pod = kube.pods$.create({ name, namespace: c.namespace, labels: { run: name, ...labelsOf(args.flags.get('labels')) }, spec })
    if (!on('stdin') && !on('tty')) return { out: `pod/${name} created\n`, err: '', code: 0 }
    const attached = yield* until(kube, 60 * SECOND, () => (pod.worker?.handle !== undefined ? (pod.worker.handle as Container) : pod.removed ? null : undefined))
    const finish = (result: Output): Output => {
      if (!on('rm')) return result
      kube.pods$.delete(pod)
      return { ...result, out: `${result.out}pod "${name}" deleted\n` }
    }
    if (!attached) return finish(failed('error: timed out waiting for the condition\n'))
    takeInput(c)
    const program = attached.imageUsed.program
    yield* until(kube, Number.POSITIVE_INFINITY, () => (attached.running ? undefined : true))
    const output = program instanceof ClientProgram ? program.output : undefined
    const code = restartPolicy === 'Never' ? (output?.code ?? pod.exitCode) : 0
    const err = code === 0 ? '' : `pod ${c.namespace}/${name} terminated (Error)\n`
    return finish({ out: output?.out ?? '', err: `${output?.err ?? ''}${err}`, code })
  },
}

function labelsOf(text: string | undefined): Record<string, string> {
  const out: Record<string, string> = {}
  for (const pair of text?.split(',') ?? []) out[pair.slice(0, pair.indexOf('='))] = pair.slice(pair.indexOf('=') + 1)
  return out
}
