import type { Family, SourceDefect } from '../defect.ts'

const rule = (id: string, what: string, file: string, find: string, replace: string, ...tests: string[]): SourceDefect => ({ id: `rule-k8s-${id}`, what, patches: [{ file: `models/kubernetes/${file}`, find, replace }], tests: tests.map(name => `test/kubernetes/${name}.test.ts`) })

export const kubernetesRules: Family = {
  name: 'kubernetes-rules',
  title: 'Rules of the Kubernetes model',
  defects: [
    rule('statefulset-2-not-in-order', 'pods are made without waiting for those before them', 'statefulset.ts', 'if (monotonic && !this.available(pod, key, spec.minReadySeconds ?? 0)) return false', 'void monotonic', 'statefulset'),
    rule('statefulset-3-lowest-first', 'scaling down removes the lowest ordinal first', 'statefulset.ts', 'condemned.sort((a, b) => ordinalOf(b) - ordinalOf(a))', 'condemned.sort((a, b) => ordinalOf(a) - ordinalOf(b))', 'statefulset'),
    rule('statefulset-4-all-at-once', 'a roll does not wait for the pod before', 'statefulset.ts', '      if (!pod.healthy) return\n', '', 'statefulset'),
    rule('statefulset-5-partition-ignored', 'a partition holds nothing back', 'statefulset.ts', 'ordinal >= partition; ordinal--', 'ordinal >= 0 * partition; ordinal--', 'statefulset'),
    rule('statefulset-6-ondelete-rolls', 'OnDelete restarts pods by itself', 'statefulset.ts', "    if (spec.updateStrategy?.type === 'OnDelete') return\n", '', 'statefulset'),
    rule('service-1-any-pair', 'a Service takes pods that are not Ready', 'services.ts', '((pod.ready && !pod.terminating) ||', '(!pod.terminating ||', 'service'),
    rule('service-1-terminating', 'a Service keeps pods that end', 'services.ts', '((pod.ready && !pod.terminating) ||', '(pod.ready ||', 'service'),
    rule('service-2-at-once', 'the data plane follows in the same instant', 'services.ts', 'if (this.kube.booting) return this.apply(key, route)', 'if (key.length > 0) return this.apply(key, route)', 'service'),
    rule('service-4-not-held', 'endpoints follow while the data plane hears nothing', 'services.ts', 'if (this.holds > 0) {', 'if (this.holds > 99) {', 'service', 'node'),
    rule('probe-1-threshold', 'a pod is not Ready at the first failure', 'readiness.ts', 'this.failures = probe.failureThreshold ?? 3', 'this.failures = 1', 'readiness'),
    rule('probe-1-streak', 'failures need not come in a row', 'readiness.ts', 'this.streak = this.streakOf === this.truth ? this.streak + seen : seen', 'this.streak = this.streak + seen', 'readiness'),
    rule('pod-4-never-afresh', 'a back-off never starts afresh', 'backoff.ts', 'ranUs >= backOffResetSeconds * SECOND ? 1 : this.crashes + 1', 'ranUs < 0 * backOffResetSeconds ? 1 : this.crashes + 1', 'pod'),
    rule('controller-1-not-afresh', 'controllers that are back look at nothing by themselves', 'controllers.ts', '      for (const kind of this.actions.keys()) for (const [key] of this.kube.store.entries(kind)) this.enqueue(kind, key)\n      this.kube.volumes', '      this.kube.volumes', 'node'),
    rule('deployment-3-oldest-first', 'of pods that are Ready the oldest leaves first', 'deployment.ts', 'b.readyChangedUs - a.readyChangedUs', 'a.readyChangedUs - b.readyChangedUs', 'workloads'),
    rule('deployment-3-newest-revision', 'a rollout takes the newest of the old revisions first', 'deployment.ts', '|| age(a) - age(b))', '|| age(b) - age(a))', 'workloads'),
  ],
}
