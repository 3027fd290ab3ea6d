import { type Command, ok } from '../../../src/operator/command.ts'
import type { Kubernetes } from '../kubernetes.ts'

export function az(_kube: Kubernetes): Command {
  return { name: 'az', summary: '', check: () => [], latencyUs: () => 0, look: () => undefined, *run() { return ok() } }
}
