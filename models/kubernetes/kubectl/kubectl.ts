import type { Finding } from '../../../src/operator/command.ts'
import { type Call, type Command, type Look, ok, type Output } from '../../../src/operator/command.ts'
import type { Process, Us } from '../../../src/kernel/index.ts'
import type { Kubernetes } from '../kubernetes.ts'

export class Kubectl implements Command {
  readonly name = 'kubectl'
  readonly summary = ''
  constructor(readonly kube: Kubernetes) {}
  check(): readonly Finding[] { return [] }
  latencyUs(): Us { return 0 }
  look(_call: Call): Look | undefined { return undefined }
  *run(): Process<Output> { return ok() }
}
