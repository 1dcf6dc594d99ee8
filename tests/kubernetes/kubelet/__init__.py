"""A kubelet's rules for the life of a pod, with processes as containers.

What it models, and from where (KEP-753; Kubernetes 1.37, pkg/kubelet):

- init containers start one after another; one with `restartPolicy: Always` (a sidecar) lets the next start once its
  startup probe has succeeded, or at once without one (kuberuntime_container.go, computeInitContainerActions)
- the application's containers start after all of these, in their order; each waits for the postStart hook of the one
  before it, which no document promises (kuberuntime_manager.go, SyncPod, and startContainer)
- a container that ends is started again by the pod's `restartPolicy`, a sidecar always: at once the first time, then
  after 10 s, 20 s and so on up to five minutes (kuberuntime_manager.go, doBackOff)
- a startup or liveness probe that fails `failureThreshold` times in a row has the container stopped, and started again;
  liveness is asked only after the startup probe's success; both end with the pod's deletion (prober/worker.go)
- when every application container has ended for good, the sidecars are stopped, the last one first; the pod has
  succeeded if the application's exit codes are 0, whatever the sidecars' are (kubelet_pods.go, getPhase)
- a pod that is deleted has `terminationGracePeriodSeconds`: its application containers get SIGTERM at once, each
  sidecar after those and after the sidecars that follow it, with what is left of the time and at least 2 s; then comes
  SIGKILL
  (kuberuntime_termination_order.go; kuberuntime_container.go, killContainer)

What it does not: images (the caller says what each one runs), users and security contexts, memory limits, preStop
hooks, and readiness, on which nothing here depends.
"""
