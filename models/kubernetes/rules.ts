/** Every rule of this model: what it claims, where that comes from, and the test that holds it. README.md prints this list; a test keeps the two equal. */

interface Claim {
  readonly id: string
  readonly statement: string
  readonly source: string
  readonly test: string
}

const rule = (id: string, statement: string, source: string, test: string): Claim => ({ id: `K8S-${id}`, statement, source, test: `test/kubernetes/${test}.test.ts` })

const DOCS = 'kubernetes.io'

export const kubernetesRules: readonly Claim[] = [
  rule('POD-1', 'A pod becomes Running after scheduling, attaching, pulling, init containers and container start, in this order; only the kubelet of its node brings it up.', `${DOCS} pod-lifecycle`, 'pod'),
  rule('POD-2', 'Deleting a pod sends its image’s STOPSIGNAL (after preStop), SIGKILL when the grace period is over (30 s, or the pod’s, or the caller’s); the object is gone only when nothing of it is left on the machine.', `${DOCS} pod-lifecycle`, 'pod'),
  rule('POD-3', 'A second deletion can shorten the grace period, never lengthen it.', 'pkg/kubelet pod_workers.go', 'pod'),
  rule('POD-4', 'A container that ends is restarted by its restart policy: at once, then after 10 s, 20 s, … 5 min; ten minutes of running start the back-off afresh.', `${DOCS} pod-lifecycle`, 'pod'),
  rule('POD-5', 'Force deletion removes the object at once; the kubelet stops the process about 2 s after it hears of it, or runs it on for as long as it cannot hear: two processes of one name.', `${DOCS} force-delete-stateful-set-pod; pkg/kubelet minimumGracePeriodInSeconds`, 'pod'),
  rule('POD-6', 'An image that the node has is not pulled again (IfNotPresent); a moved tag changes only what is pulled later. An unknown image is ImagePullBackOff; of a repository that is known every tag that names a version is taken to exist, also under the same last name in another registry (a mirror).', `${DOCS} images`, 'pod'),
  rule('POD-7', 'A failing init container keeps the pod from starting and is retried with back-off.', `${DOCS} init-containers`, 'pod'),
  rule('POD-8', 'A machine that loses power gives its processes no chance; when it is back, pods still bound to it start again, deleted ones are gone.', `${DOCS} nodes`, 'node'),
  rule('PROBE-1', 'Ready is what probes saw: true at the successThreshold-th success, false at the failureThreshold-th failure in a row (period 10 s, 1 and 3). Without a probe, running is Ready. Ready says nothing about role or data.', `${DOCS} configure-liveness-readiness-startup-probes`, 'readiness'),
  rule('STATEFULSET-1', 'Pods have ordinals and keep name and volume: a deleted pod comes back under its name with its old disk.', `${DOCS} statefulset`, 'statefulset'),
  rule('STATEFULSET-2', 'OrderedReady creates from ordinal 0 up, each after all before it are Ready; Parallel creates all at once.', `${DOCS} statefulset`, 'statefulset'),
  rule('STATEFULSET-3', 'Scaling down removes the highest ordinal first, each after its successors are gone and (OrderedReady) all pods are Ready.', `${DOCS} statefulset`, 'statefulset'),
  rule('STATEFULSET-4', 'A template change with RollingUpdate replaces every pod, highest ordinal to 0, one at a time, each Ready before the next; pod management policy does not matter.', `${DOCS} statefulset`, 'statefulset'),
  rule('STATEFULSET-5', 'With partition p only ordinals ≥ p are updated; a deleted pod below p comes back at the old revision.', `${DOCS} statefulset`, 'statefulset'),
  rule('STATEFULSET-6', 'With OnDelete nothing is restarted; a deleted pod comes back at the new revision.', `${DOCS} statefulset`, 'statefulset'),
  rule('STATEFULSET-7', 'Replicas and template patched together with partition 0: missing pods are created at the new revision, the others roll once all are Ready.', 'pkg/controller/statefulset/stateful_set_utils.go newVersionedStatefulSetPod', 'statefulset'),
  rule('STATEFULSET-8', 'A rollout whose pod never becomes Ready is stuck, and reverting the template does not help: the bad pod must be deleted by hand.', 'kubernetes/kubernetes#67250', 'statefulset'),
  rule('CLAIM-1', 'A claim outlives its pod: scaling down keeps it, scaling up again revives its data.', `${DOCS} statefulset`, 'volume'),
  rule('CLAIM-2', 'A deleted claim stays Terminating while a pod uses it; then its disk is destroyed.', `${DOCS} persistent-volumes (storage object in use protection)`, 'volume'),
  rule('DEPLOYMENT-1', 'A Deployment surges by maxSurge (25 %) and keeps all but maxUnavailable (25 %) available while it rolls; Recreate stops all old pods first.', `${DOCS} deployment`, 'workloads'),
  rule('DEPLOYMENT-2', 'A paused Deployment keeps its number of pods as they were and rolls nothing; a change of its template waits for resume, and its rollout status waits with it.', `${DOCS} deployment (pausing and resuming a rollout)`, 'workloads'),
  rule('JOB-1', 'A Job runs its pod until it succeeds or the back-off limit is passed; only success sets completionTime.', `${DOCS} job`, 'workloads'),
  rule('SCHEDULE-1', 'A pod goes to a Ready, schedulable node that fits nodeSelector, affinity, taints, capacity and the zone of its disks; else it is Pending, and its message counts the reasons.', `${DOCS} kube-scheduler`, 'scheduler'),
  rule('SCHEDULE-2', 'A zone-bound (LRS) disk attaches only in its zone: “volume node affinity conflict”.', 'AKS upgrade-options', 'scheduler'),
  rule('VOLUME-1', 'A pod that returns to the node of its disk only mounts it; on another node the disk is detached and attached first: median 60 s, 95th percentile 8 min.', 'Azure/AKS#2936, #477, #4170', 'volume'),
  rule('VOLUME-2', 'A disk leaves a healthy node only when no pod there uses it (Multi-Attach error until then); an unhealthy node loses it 6 min after it was wanted elsewhere, at once with the out-of-service taint or when the Node is deleted.', `${DOCS} node-shutdown`, 'volume'),
  rule('VOLUME-3', 'ReadWriteOnce lets several pods of one node use a disk at once; ReadWriteOncePod does not.', 'KEP-2485', 'volume'),
  rule('SERVICE-1', 'Endpoints are the Ready, not terminating pods that all pairs of the selector match; publishNotReadyAddresses takes the others too. A selector that nothing matches has no endpoints.', `${DOCS} service`, 'service'),
  rule('SERVICE-2', 'The data plane follows 0.2–2 s after the API; changes until then are caught together. Established connections are not touched.', `${DOCS} virtual-ips; kubernetes/kubernetes#100698`, 'service'),
  rule('SERVICE-3', 'A pod of a headless Service has a name only while it is among the endpoints.', `${DOCS} dns-pod-service`, 'service'),
  rule('SERVICE-4', 'While kube-proxy and cluster DNS hear of nothing, Services and names lead where they led. A successor of the same name has another address, and nobody answers at the old one.', `${DOCS} virtual-ips; kubernetes/kubernetes#100698`, 'service'),
  rule('CONFIG-1', 'A changed ConfigMap reaches a mounted volume after the sync period and the cache lifetime (0–120 s), with what is current then: what was replaced before is never seen.', `${DOCS} configure-pod-configmap`, 'config'),
  rule('CONFIG-2', 'A subPath mount never follows.', `${DOCS} configure-pod-configmap`, 'config'),
  rule('CONFIG-3', 'Environment variables are fixed when the container starts.', `${DOCS} configure-pod-configmap`, 'config'),
  rule('NODE-1', 'A silent node is Ready=Unknown after 50 s and up to one poll of 5 s; its pods then count as not Ready, and run on if only the network is cut.', `${DOCS} nodes`, 'node'),
  rule('NODE-2', '300 s later its pods are deleted, and stay Terminating until the node returns, the Node is deleted, or they are force-deleted; StatefulSets make no replacement until then.', `${DOCS} nodes; force-delete-stateful-set-pod`, 'node'),
  rule('NODE-3', 'A returning kubelet is heard within 10 s and does what it missed: stops deleted pods, reports the others.', `${DOCS} nodes`, 'node'),
  rule('NODE-4', 'A slowed machine starts containers by its factor more slowly, and what computes in them is slower by it; probes, heartbeats and grace periods keep their time.', 'judgement', 'node'),
  rule('NODE-5', 'A wrong clock of a node shows in what its kubelet reports (startedAt). Age, deletion and the node lease do not depend on it: they go by the clock of the control plane.', 'pkg/controller/nodelifecycle node_lifecycle_controller.go (probeTimestamp)', 'node'),
  rule('API-1', 'While the API server is away, kubectl fails, no controller acts, no node is found missing, and containers run on.', 'judgement', 'node'),
  rule('CONTROLLER-1', 'Without kube-controller-manager the API answers and nothing is reconciled: no pod is made or replaced, no endpoint follows, no disk is attached or detached, no node is found missing. Afterwards everything is looked at afresh.', `${DOCS} components; kube-controller-manager`, 'node'),
  rule('PDB-1', 'An eviction is refused when it would leave fewer healthy pods than the budget wants; deletion ignores budgets.', `${DOCS} disruptions`, 'drain'),
  rule('PDB-2', 'A budget with maxUnavailable 0 refuses every eviction of what it selects; an empty selector is every pod of its namespace.', `${DOCS} configure-pdb`, 'drain'),
  rule('EVICT-1', 'Under node pressure the kubelet ends a pod past every budget, with 1 s of grace at a hard threshold; the node takes no new pod until the condition is gone.', `${DOCS} node-pressure-eviction; pkg/kubelet eviction_manager.go immediateEvictionGracePeriodSeconds`, 'drain'),
  rule('DRAIN-1', 'kubectl drain cordons, evicts all pods at once, retries refused ones every 5 s for ever (or --timeout), waits until they are gone, and leaves the node cordoned.', 'kubectl drain --help', 'drain'),
  rule('DRAIN-2', 'drain refuses to begin with DaemonSet pods, emptyDir volumes or bare pods unless --ignore-daemonsets, --delete-emptydir-data, --force are given.', 'kubectl drain --help', 'drain'),
  rule('PATCH-1', 'Strategic and merge patches merge maps: keys stay unless set to null. JSON patch replaces. Only the strategic one merges lists by key.', `${DOCS} update-api-object-kubectl-patch; facts [E-14]`, 'patch'),
  rule('SET-1', 'kubectl set image, env and resources change the pod template alone: a rollout follows as the update strategy has it; a container that does not exist is an error; what changes nothing is passed over in silence.', 'kubectl set --help', 'set'),
  rule('SET-2', 'kubectl set selector replaces the selector of a Service whole; labels that are not named again are gone.', 'kubectl set selector --help', 'set'),
  rule('KUBECTL-1', 'get with a selector that matches nothing prints “No resources found” on stderr and exits 0; a named object that is missing is NotFound, exit 1.', 'kubectl', 'kubectl'),
  rule('KUBECTL-2', 'A jsonpath field that is missing prints nothing, exit 0; an index out of bounds is an error.', 'kubectl (allow-missing-template-keys)', 'kubectl'),
  rule('KUBECTL-3', 'get -w never returns.', 'kubectl', 'kubectl'),
  rule('KUBECTL-4', 'delete waits until the very object is gone; wait returns at once when the condition holds already, fails at once when the object is absent, and waits for a successor of the same name.', 'kubectl; facts/redis-mongo.md K01', 'kubectl'),
  rule('APPLY-1', 'Objects come from files, folders or standard input. A kind in a version that the cluster does not serve is “no matches for kind”; apply creates or configures, create refuses what exists, replace and delete what does not.', 'kubectl; kubernetes.io deprecation-guide', 'manifests'),
  rule('GET-1', '--sort-by orders numbers by size and texts naturally; --field-selector knows few fields and refuses the others; --raw of the health paths says ok while the API server answers.', 'kubectl; kubernetes.io field-selectors', 'manifests'),
  rule('CURL-1', 'curl reaches what listens in the cluster and nothing else: 6 no such host, 7 refused, 22 an error status with -f, 28 no answer in time; --retry waits 1 s, then twice as long each time.', 'curl(1)', 'curl'),
  rule('EVENT-1', 'Scheduler, kubelets and the node controller tell of pods and nodes in Events, which are kept for an hour; an eviction that the API server grants tells of nothing but the deletion.', 'kube-apiserver --event-ttl; pkg/kubelet/events/event.go', 'events'),
  rule('EXEC-1', 'exec runs inside the container as the image’s user, gives the inner exit code and says so on stderr; it needs a running container and a kubelet that the control plane reaches; it ends with 137 when the container ends.', 'kubectl', 'kubectl'),
  rule('EXEC-2', 'With -i (exec, run) kubectl copies its own input to the container as soon as that is reached, read there or not: inside a `while read` loop it takes the rest of the list.', 'client-go remotecommand v2.go copyStdin', 'stdin'),
  rule('AKS-1', 'A pool upgrade renews every node of the pool that is not at the version, one batch at a time: cordon, drain, reimage (4–20 min), uncordon; with surge extra nodes come first and go last.', 'AKS upgrade-aks-node-pools-rolling', 'aks'),
  rule('AKS-2', 'A drain that lasts longer than 30 min fails the operation; the node stays cordoned, the rest stays old, a second upgrade goes on from there.', 'AKS upgrade-aks-node-pools-rolling', 'aks'),
  rule('AKS-3', 'A pool cannot be newer than the control plane, nothing can be downgraded, the control plane moves one minor at a time, one operation at a time.', 'AKS upgrade-aks-control-plane, upgrade-node-pools', 'aks'),
  rule('AKS-4', 'An operation goes on when the asking az is gone.', 'AKS', 'aks'),
  rule('COST-1', 'A node costs from joining to deletion; node time is counted as an integer.', 'facts/vitess-bluegreen.md §5', 'aks'),
]
