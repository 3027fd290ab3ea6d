import { ok } from '../../../src/operator/command.ts'
import { CliError, type Verb } from './verb.ts'

const KNOWN = ['current-context', 'use-context', 'get-contexts', 'get-clusters']

/** The workstation's kubeconfig: one cluster, one context, both of the cluster's name. */
export const config: Verb = {
  name: 'config',
  summary: 'which cluster kubectl talks to',
  flags: { output: 'text', 'no-headers': 'optional' },
  check(args) {
    const [what = ''] = args.positional
    const output = args.flags.get('output')
    if (!KNOWN.includes(what) && !what.includes('${')) return [`kubectl config ${what} is not modelled; there are: ${KNOWN.join(', ')}`]
    if (what === 'get-contexts' && output !== 'name') return ['kubectl config get-contexts is modelled with `-o name` alone']
    return []
  },
  look(c) {
    const name = c.kube.options.clusterName
    const [what = '', wanted] = c.args.positional
    if (what === 'current-context' || what === 'get-contexts') return ok(`${name}\n`)
    if (what === 'get-clusters') return ok(`NAME\n${name}\n`)
    if (wanted !== name) throw new CliError(`error: no context exists with the name: "${wanted ?? ''}"`)
    return ok(`Switched to context "${name}".\n`)
  },
}
