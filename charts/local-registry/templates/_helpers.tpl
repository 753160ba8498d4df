{{/*
Labels of an object. Give it `root`, and the object's `name` if it belongs to one. What an interrupted hook leaves behind is found by the
label `local-registry-hosting/hook`. Selectors and pods have their own labels, without the chart's version: an upgrade of the chart alone
must not roll pods, and a selector can never be changed.
*/}}
{{- define "local-registry.labels" -}}
{{- with .name -}}
app.kubernetes.io/name: {{ . }}
{{ if or (hasPrefix "local-registry-uninstall" .) (eq . "local-registry-node-clean-up") -}}
local-registry-hosting/hook: uninstall
{{ end -}}
{{ end -}}
app.kubernetes.io/part-of: local-registry
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* Which policies for pods this release has, with a comma after each, or nothing. */}}
{{- define "local-registry.workloads" -}}
{{- if .Values.workloads.enabled }}
{{- if ne .Values.workloads.namespaces "labelled" }}workloads,{{ end }}
{{- if ne .Values.workloads.namespaces "annotated" }}labelled,{{ end }}
{{- end }}
{{- end }}

{{/*
The policies of this release, as `local-registry-sync` names them, with a comma after each; or nothing. Where there is one, there are
the sync job and `check`.
*/}}
{{- define "local-registry.policies" -}}
{{- if .Values.policy.enabled }}{{ if .Values.policy.namespaced }}{{ .Release.Namespace }}/{{ end }}local-registry,{{ end }}
{{- range include "local-registry.workloads" . | splitList "," | compact }}local-registry-{{ . }},{{ end }}
{{- end }}

{{/* An argument for each of them. */}}
{{- define "local-registry.policy-arguments" -}}
{{- range include "local-registry.policies" . | trimSuffix "," | splitList "," }}
- --policy={{ . }}
{{- end }}
{{- end }}

{{/*
The guards of this release, with a comma after each, or nothing. Builds have two. Who asks for guards by name gets those of Builds
without a policy, too.
*/}}
{{- define "local-registry.guards" -}}
{{- $asked := .Values.guard.enabled -}}
{{- if ternary $asked (not .Values.policy.namespaced) (kindIs "bool" $asked) -}}
{{- if or .Values.policy.enabled (kindIs "bool" $asked) }}images,inherited,{{ end }}
{{- include "local-registry.workloads" . }}
{{- end -}}
{{- end }}

{{/* Whether the sync job keeps the field in Shipwright's CRDs: `true`, or nothing. It is for the whole cluster. */}}
{{- define "local-registry.crds" -}}
{{- if and .Values.policy.enabled .Values.sync.crds (not .Values.policy.namespaced) }}true{{ end }}
{{- end }}

{{/* Whether this release has `check`: `true`, or nothing. It looks at the whole cluster, so it does not belong to one namespace. */}}
{{- define "local-registry.checks" -}}
{{- if and (include "local-registry.policies" .) (not .Values.policy.namespaced) }}true{{ end }}
{{- end }}

{{/* Whether `check` runs pods of its own: `true`, or nothing. */}}
{{- define "local-registry.check-pulls" -}}
{{- if and .Values.check.pull (include "local-registry.checks" .) }}true{{ end }}
{{- end }}

{{/* Whether `check` pushes by a token of its own account: `true`, or nothing. */}}
{{- define "local-registry.check-token" -}}
{{- $pushes := and (include "local-registry.check-pulls" .) (include "local-registry.tokens" .) }}
{{- if and $pushes (not (include "local-registry.credentials" .)) }}true{{ end }}
{{- end }}

{{/* Whose namespace has the account of `check`. */}}
{{- define "local-registry.check-namespace" -}}
{{- if include "local-registry.checks" . }}{{ .Release.Namespace }}
{{- else }}{{ .Values.check.namespace | default .Release.Namespace }}{{ end }}
{{- end }}

{{/*
The name of an object which other releases would share, from `root` and `name`: of one for the whole cluster, or one in a namespace of
others. Each namespace may have a policy of its own. No other name has a dot in it.
*/}}
{{- define "local-registry.wide-name" -}}
{{ .name }}{{ if .root.Values.policy.namespaced }}.{{ .root.Release.Namespace }}{{ end }}
{{- end }}

{{/*
The objects of a guard's file, `root` and `file`, with the chart's labels. `check` reads the same files: what is in the cluster has to
be what they say.
*/}}
{{- define "local-registry.guard" -}}
{{- range $text := splitList "\n---\n" (.root.Files.Get .file) }}
{{- $object := fromYaml $text }}
{{- $labels := include "local-registry.labels" (dict "root" $.root "name" "local-registry-guard") | fromYaml }}
{{- $_ := set $object.metadata "labels" $labels }}
{{- if and (eq $.root.Values.guard.action "warn") (hasKey $object.spec "validationActions") }}
{{- $_ := set $object.spec "validationActions" (list "Warn") }}
{{- end }}
---
{{ toYaml $object }}
{{- end }}
{{- end }}

{{/* Patterns of hosts as a list of regular expressions in CEL. `*` stands for any characters but `:`. */}}
{{- define "local-registry.host-patterns" -}}
{{- $patterns := list }}
{{- range . }}
{{- $patterns = append $patterns (printf "^%s$" (regexQuoteMeta . | replace `\*` `[^:]*`)) }}
{{- end }}
{{- toJson $patterns }}
{{- end }}

{{/* What a pod of this project's program is, beside its containers: it needs nothing of its node. */}}
{{- define "local-registry.pod" -}}
nodeSelector:
  kubernetes.io/os: linux
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  seccompProfile:
    type: RuntimeDefault
{{- with include "local-registry.pull-secrets" . }}
{{ . }}
{{- end }}
{{- end }}

{{/*
When what a program keeps has to be removed, as the event of a hook; or nothing. From `root`, the name of what is `kept`, whether this
release `keeps` it, and whether it `stays` where the release does not: an upgrade removes it, too, and knows by the program's `account`, by
default that of the sync job, what that has kept until now.
*/}}
{{- define "local-registry.before-it-goes" -}}
{{- if .keeps -}}
pre-delete
{{- else if and .root.Release.IsUpgrade (not .stays) -}}
{{- with lookup "v1" "ServiceAccount" .root.Release.Namespace (.account | default "local-registry-sync") -}}
{{- $own := printf "%s/%s" $.root.Release.Namespace $.root.Release.Name -}}
{{- $kept := dig "metadata" "annotations" (printf "local-registry-hosting/keeps-%s" $.kept) "" . -}}
{{- if and $kept (eq (include "local-registry.owner" .) $own) -}}pre-upgrade{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* Annotations of a hook, from its `event` and `weight`. One that fails stays. */}}
{{- define "local-registry.hook" -}}
helm.sh/hook: {{ .event }}
helm.sh/hook-weight: {{ .weight | quote }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end }}

{{/* Annotations of what a hook needs, from its `event` and `weight`. Helm removes it with the hook, also with one that fails. */}}
{{- define "local-registry.right-of-a-hook" -}}
{{ include "local-registry.hook" . }},hook-failed
{{- end }}

{{/*
A Job that Helm waits for, from `root`, its `name`, `event`, `weight` and `arguments`; its `namespace` and `account` where they are not the
release's and the Job's own. If it fails, it stays, for who looks why. It has time for two tries. It does not tolerate what a node has
whose kubelet is gone: its pod would wait there for ever.
*/}}
{{- define "local-registry.hook-job" -}}
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .name }}
  namespace: {{ .namespace | default .root.Release.Namespace | quote }}
  labels:
    {{- include "local-registry.labels" (dict "root" .root "name" .name) | nindent 4 }}
  annotations:
    {{- include "local-registry.hook" . | nindent 4 }}
    # Helm shows what a Job that fails has printed.
    helm.sh/hook-output-log-policy: hook-failed
spec:
  backoffLimit: 1
  activeDeadlineSeconds: 240
  template:
    metadata:
      labels:
        app.kubernetes.io/name: {{ .name }}
        app.kubernetes.io/part-of: local-registry
    spec:
      serviceAccountName: {{ .account | default .name }}
      restartPolicy: Never
      {{- include "local-registry.pod" .root | nindent 6 }}
      tolerations:
        - {key: node-role.kubernetes.io/control-plane, operator: Exists, effect: NoSchedule}
      containers:
        - name: {{ first .arguments }}
          image: {{ include "local-registry.image" .root }}
          args:
            {{- toYaml .arguments | nindent 12 }}
          resources:
            requests: {cpu: 5m, memory: 16Mi}
            limits: {cpu: 200m, memory: 32Mi}
          securityContext:
            {{- include "local-registry.restricted-container" .root | nindent 12 }}
{{- end }}

{{/* Arguments about the cluster that every command has. */}}
{{- define "local-registry.cluster-arguments" -}}
{{- if ne .Values.policy.server.namespace "kubewarden" }}
- --kubewarden-namespace={{ .Values.policy.server.namespace }}
{{- end }}
{{- if ne .Values.clusterDomain "cluster.local" }}
- --cluster-domain={{ .Values.clusterDomain }}
{{- end }}
{{- end }}

{{/* The container of the sync job, `watches` or not. */}}
{{- define "local-registry.sync-container" -}}
- name: sync
  image: {{ include "local-registry.image" .root }}
  args:
    {{- include "local-registry.policy-arguments" .root | trim | nindent 4 }}
    {{- if include "local-registry.crds" .root }}
    - --crds
    {{- end }}
    {{- if .watches }}
    - --watch
    - --listen=0.0.0.0:8080
    {{- end }}
    - --log-format=json
    {{- if .root.Values.alias.enabled }}
    - --alias
    {{- end }}
    {{- with include "local-registry.cluster-arguments" .root | trim }}
    {{- . | nindent 4 }}
    {{- end }}
    {{- range .root.Values.sync.allowHosts }}
    - {{ printf "--allow-host=%s" . | quote }}
    {{- end }}
  {{- if .watches }}
  ports:
    - name: http
      containerPort: 8080
  livenessProbe:
    httpGet: {path: /healthz, port: http}
  readinessProbe:
    httpGet: {path: /readyz, port: http}
  {{- end }}
  resources:
    {{- with .root.Values.sync.resources }}
    {{- toYaml . | nindent 4 }}
    {{- else }}
    requests: {cpu: 5m, memory: 16Mi}
    limits: {cpu: 200m, memory: 32Mi}
    {{- end }}
  securityContext:
    {{- include "local-registry.restricted-container" . | nindent 4 }}
{{- end }}

{{/* Whether the agents are installed: `true`, or nothing. */}}
{{- define "local-registry.nodes" -}}
{{- if kindIs "bool" .Values.nodes.enabled }}
{{- if .Values.nodes.enabled }}true{{ end }}
{{- else if .Values.registry.enabled }}true{{ end }}
{{- end }}

{{/* The ConfigMap with the certificate authority that nodes trust, if there is one. */}}
{{- define "local-registry.nodes.ca" -}}
{{- if .Values.nodes.ca.configMap }}
{{- .Values.nodes.ca.configMap }}
{{- else if and .Values.registry.enabled .Values.registry.tls.enabled }}registry-ca{{ end }}
{{- end }}

{{/*
Whether who pushes has to say who they are: `true`, or nothing. Where it is so, deleting is allowed to whoever may, and nodes pull from a
second container, which asks nobody.
*/}}
{{- define "local-registry.registry.asks" -}}
{{- if or .Values.registry.auth.enabled .Values.registry.tenants.enabled }}true{{ end }}
{{- end }}

{{/* Whether the registry takes tokens of the token server: `true`, or nothing. */}}
{{- define "local-registry.tokens" -}}
{{- if and .Values.registry.enabled .Values.registry.tenants.enabled }}true{{ end }}
{{- end }}

{{/* Whether credentials are kept in labelled namespaces: `true`, or nothing. */}}
{{- define "local-registry.credentials" -}}
{{- if and (include "local-registry.tokens" .) .Values.registry.tenants.credentials.enabled }}true{{ end }}
{{- end }}

{{/* Whether old images are deleted by a schedule: `true`, or nothing. */}}
{{- define "local-registry.prune" -}}
{{- if and .Values.registry.enabled .Values.registry.prune.enabled }}true{{ end }}
{{- end }}

{{/* Where clients ask for a token. The registry gives this URL to everybody whom it refuses. */}}
{{- define "local-registry.tokens.realm" -}}
{{- with .Values.registry.tenants.realm }}{{ . }}{{ else -}}
{{ ternary "https" "http" .Values.registry.tls.enabled }}://registry-token.{{ .Release.Namespace }}.svc.{{ .Values.clusterDomain }}:5001/token
{{- end }}
{{- end }}

{{/* Whether the registry takes no writes: `true` or `false`. */}}
{{- define "local-registry.registry.reads-only" -}}
{{ or .Values.registry.readOnly .Values.registry.garbageCollection.enabled }}
{{- end }}

{{/* Whether garbage is collected by a schedule: `true`, or nothing. */}}
{{- define "local-registry.garbage-collection.schedule" -}}
{{- if and .Values.registry.enabled .Values.registry.garbageCollection.schedule }}true{{ end }}
{{- end }}

{{/*
When garbage is collected. While the registry takes no writes for another reason, nothing may be removed: a backup is made perhaps. The
history of a CronJob is short, since each Job of it keeps its pods.
*/}}
{{- define "local-registry.garbage-collection.when" -}}
schedule: {{ .Values.registry.garbageCollection.schedule | quote }}
suspend: {{ include "local-registry.registry.reads-only" . }}
concurrencyPolicy: Forbid
startingDeadlineSeconds: 600
successfulJobsHistoryLimit: 1
failedJobsHistoryLimit: 1
{{- end }}

{{/* What the pods of the garbage collection are. */}}
{{- define "local-registry.garbage-collection.pod" -}}
{{- $registry := .Values.registry -}}
{{- $s3 := eq $registry.storage.type "s3" -}}
metadata:
  labels:
    # A registry that takes writes keeps pods with this label away: see deployment.yaml.
    app.kubernetes.io/name: registry-garbage-collection
    app.kubernetes.io/part-of: local-registry
spec:
  {{- with include "local-registry.pull-secrets" . }}
  {{- . | nindent 2 }}
  {{- end }}
  restartPolicy: Never
  automountServiceAccountToken: false
  enableServiceLinks: false
  {{- include "local-registry.registry.place" . | nindent 2 }}
  {{- if not $s3 }}
  # The volume can be mounted on one node at a time.
  affinity:
    podAffinity:
      requiredDuringSchedulingIgnoredDuringExecution:
        - topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels:
              app.kubernetes.io/name: registry
  {{- end }}
  securityContext:
    {{- include "local-registry.registry.pod-security" . | nindent 4 }}
  {{- if not $s3 }}
  initContainers:
    # One entry that a crash left empty ends the garbage collection, which does not say where. So find them before. With a bucket
    # there are no files to look at: docs/registry.md says how to find them there.
    - name: repair
      image: {{ include "local-registry.image" . }}
      args: [repair, --storage=/var/lib/registry]
      resources:
        requests: {cpu: 50m, memory: 16Mi}
        limits: {memory: 64Mi}
      securityContext:
        {{- include "local-registry.restricted-container" . | nindent 8 }}
      volumeMounts:
        - {name: storage, mountPath: /var/lib/registry}
  {{- end }}
  containers:
    - name: garbage-collection
      image: {{ include "local-registry.registry.image" . }}
      # Never with --delete-untagged: it removes images that only a digest names, and so what an index consists of.
      command: [/bin/registry, garbage-collect, /etc/distribution/config.yml]
      env:
        {{- include "local-registry.registry.storage-variables" . | nindent 8 }}
        - {name: OTEL_TRACES_EXPORTER, value: none}
      {{- if $s3 }}
      envFrom:
        - secretRef:
            name: {{ $registry.storage.s3.secret | quote }}
      {{- end }}
      resources:
        {{- with $registry.resources }}
        {{- toYaml . | nindent 8 }}
        {{- else }}
        requests: {cpu: 50m, memory: 64Mi}
        limits: {memory: 512Mi}
        {{- end }}
      securityContext:
        {{- include "local-registry.restricted-container" . | nindent 8 }}
      volumeMounts:
        - {name: config, mountPath: /etc/distribution, readOnly: true}
        {{- if not $s3 }}
        - {name: storage, mountPath: /var/lib/registry}
        {{- end }}
  volumes:
    - name: config
      configMap:
        name: registry-garbage-collection
    {{- with include "local-registry.registry.storage-volume" . }}
    {{- . | nindent 4 }}
    {{- end }}
{{- end }}

{{/* A hash of that, since a Job cannot be changed. */}}
{{- define "local-registry.garbage-collection.made-of" -}}
{{ include "local-registry.garbage-collection.pod" . | sha256sum | trunc 16 }}
{{- end }}

{{/* The name of a Service of this release, `root` and `service`, with its port, as pods and nodes call it. */}}
{{- define "local-registry.host" -}}
{{ printf "%s.%s.svc.%s:5000" .service .root.Release.Namespace .root.Values.clusterDomain }}
{{- end }}

{{/* An image of this project, from `root` and the `image`'s values. */}}
{{- define "local-registry.own-image" -}}
{{- with .image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default (printf "v%s" $.root.Chart.AppVersion) }}
{{- end -}}
{{- end -}}
{{- end }}

{{/* The image of this project's program. */}}
{{- define "local-registry.image" -}}
{{ include "local-registry.own-image" (dict "root" . "image" .Values.image) }}
{{- end }}

{{/* The registry's image. */}}
{{- define "local-registry.registry.image" -}}
{{- with .Values.registry.image -}}
{{ .repository }}{{ with .tag }}:{{ . }}{{ end }}{{ with .digest }}@{{ . }}{{ end }}
{{- end -}}
{{- end }}

{{/* What every pod of this chart has: who may pull its images. */}}
{{- define "local-registry.pull-secrets" -}}
{{- with .Values.imagePullSecrets -}}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* What a container may do that needs nothing of its node. */}}
{{- define "local-registry.restricted-container" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* The same user for the registry and its garbage collection, since both write the same files. */}}
{{- define "local-registry.registry.pod-security" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{/* Where the pods of the registry and of its garbage collection may run. */}}
{{- define "local-registry.registry.place" -}}
nodeSelector:
  {{- toYaml (merge (dict "kubernetes.io/os" "linux") .Values.registry.nodeSelector) | nindent 2 }}
{{- with .Values.registry.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* The claim of the volume with the images. */}}
{{- define "local-registry.registry.claim" -}}
{{ .Values.registry.storage.volume.existingClaim | default "registry" }}
{{- end }}

{{/*
Variables that say where the images are. The registry reads the value of each as YAML, so what a user writes is in quotes of its own:
a bucket may have a number for its name.
*/}}
{{- define "local-registry.registry.storage-variables" -}}
{{- if eq .Values.registry.storage.type "s3" -}}
{{- with .Values.registry.storage.s3 -}}
- {name: REGISTRY_STORAGE_S3_BUCKET, value: {{ .bucket | quote | squote }}}
- {name: REGISTRY_STORAGE_S3_REGION, value: {{ .region | quote | squote }}}
{{- with .endpoint }}
- {name: REGISTRY_STORAGE_S3_REGIONENDPOINT, value: {{ . | quote | squote }}}
- {name: REGISTRY_STORAGE_S3_FORCEPATHSTYLE, value: "true"}
{{- end }}
{{- end }}
{{- else -}}
- {name: REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY, value: /var/lib/registry}
{{- end }}
{{- end }}

{{/* The volume with the images, for a pod that has one. */}}
{{- define "local-registry.registry.storage-volume" -}}
{{- if eq .Values.registry.storage.type "volume" -}}
- name: storage
  persistentVolumeClaim:
    claimName: {{ include "local-registry.registry.claim" . | quote }}
{{- else if eq .Values.registry.storage.type "none" -}}
# Everything is gone with the pod.
- name: storage
  emptyDir: {}
{{- end }}
{{- end }}

{{/*
What a NetworkPolicy opens towards the API server: DNS, and its ports. A NetworkPolicy cannot name the API server, so these are its usual
ones: 443 at its Service; behind that, 6443 on KinD, kubeadm and OpenShift, 8443 on minikube, 16443 on microk8s.
*/}}
{{- define "local-registry.api-server-egress" -}}
egress:
  - ports:
      - {protocol: UDP, port: 53}
      - {protocol: TCP, port: 53}
  - ports:
      - {protocol: TCP, port: 443}
      - {protocol: TCP, port: 6443}
      - {protocol: TCP, port: 8443}
      - {protocol: TCP, port: 16443}
{{- end }}

{{/* Whom a NetworkPolicy lets read metrics. */}}
{{- define "local-registry.from-prometheus" -}}
from:
  - namespaceSelector:
      matchLabels:
        kubernetes.io/metadata.name: {{ .Values.monitoring.prometheus.namespace | quote }}
    podSelector:
      matchLabels:
        {{- toYaml (.Values.monitoring.prometheus.podLabels | default (dict "app.kubernetes.io/name" "prometheus")) | nindent 8 }}
{{- end }}

{{/* What a NetworkPolicy opens towards the bucket: DNS, and the bucket's ports. */}}
{{- define "local-registry.registry.storage-egress" -}}
egress:
  - ports:
      - {protocol: UDP, port: 53}
      - {protocol: TCP, port: 53}
  - ports:
      {{- range .Values.registry.storage.s3.ports }}
      - {protocol: TCP, port: {{ int . }}}
      {{- end }}
{{- end }}

{{/*
A container of the registry, from `root` and `name`: `registry`, which takes writes or `readsOnly`; or `read-only`, which takes none and
asks for no password. Both have the same image, storage and certificate.
*/}}
{{- define "local-registry.registry.container" -}}
{{- $registry := .root.Values.registry -}}
{{- $main := eq .name "registry" -}}
{{- $s3 := eq $registry.storage.type "s3" -}}
- name: {{ .name }}
  image: {{ include "local-registry.registry.image" .root }}
  command: [/bin/registry, serve, /etc/distribution/config.yml]
  env:
    {{- include "local-registry.registry.storage-variables" .root | nindent 4 }}
    {{- if $s3 }}
    # A replica can finish an upload that began at another one only if both have the same secret. So a pod does not start
    # without it.
    - name: REGISTRY_HTTP_SECRET
      valueFrom:
        secretKeyRef: {name: {{ $registry.storage.s3.secret | quote }}, key: REGISTRY_HTTP_SECRET}
    {{- end }}
    - {name: OTEL_TRACES_EXPORTER, value: none}
    # As JSON: the registry does not start with REGISTRY_STORAGE_MAINTENANCE_READONLY_ENABLED.
    {{- if $main }}
    - {name: REGISTRY_STORAGE_MAINTENANCE_READONLY, value: '{"enabled":{{ .readsOnly }}}'}
    {{- if $registry.auth.enabled }}
    - {name: REGISTRY_AUTH_HTPASSWD_REALM, value: local-registry}
    - {name: REGISTRY_AUTH_HTPASSWD_PATH, value: /auth/htpasswd}
    {{- end }}
    {{- if include "local-registry.tokens" .root }}
    {{- $host := include "local-registry.host" (dict "root" .root "service" "registry") }}
    # The registry asks nobody: a token says by itself what it is for, and this key says whose it is. As with the storage, values are
    # YAML.
    - {name: REGISTRY_AUTH_TOKEN_REALM, value: {{ include "local-registry.tokens.realm" .root | quote | squote }}}
    - {name: REGISTRY_AUTH_TOKEN_SERVICE, value: {{ $host | quote | squote }}}
    - {name: REGISTRY_AUTH_TOKEN_ISSUER, value: local-registry-sync}
    - {name: REGISTRY_AUTH_TOKEN_JWKS, value: /tokens/jwks.json}
    - {name: REGISTRY_AUTH_TOKEN_SIGNINGALGORITHMS, value: "[ES256]"}
    {{- end }}
    {{- if or (include "local-registry.registry.asks" .root) $registry.delete }}
    - {name: REGISTRY_STORAGE_DELETE_ENABLED, value: "true"}
    {{- end }}
    {{- else }}
    - {name: REGISTRY_STORAGE_MAINTENANCE_READONLY, value: '{"enabled":true}'}
    - {name: REGISTRY_STORAGE_MAINTENANCE_UPLOADPURGING, value: '{"enabled":false}'}
    - {name: REGISTRY_HTTP_ADDR, value: ":5001"}
    - {name: REGISTRY_HTTP_DEBUG_ADDR, value: ":5003"}
    {{- end }}
    {{- if $registry.tls.enabled }}
    - {name: REGISTRY_HTTP_TLS_CERTIFICATE, value: /tls/tls.crt}
    - {name: REGISTRY_HTTP_TLS_KEY, value: /tls/tls.key}
    {{- end }}
  {{- if $s3 }}
  envFrom:
    - secretRef:
        name: {{ $registry.storage.s3.secret | quote }}
  {{- end }}
  ports:
    - {name: {{ .name }}, containerPort: {{ ternary 5000 5001 $main }}}
    - {name: {{ ternary "metrics" "metrics-r-o" $main }}, containerPort: {{ ternary 5002 5003 $main }}}
  # A restart does not help a registry whose storage is ill, so only its port has to be open.
  livenessProbe:
    tcpSocket: {port: {{ .name }}}
    periodSeconds: 20
  # Answers 503 while the storage is ill.
  readinessProbe:
    httpGet: {path: /, port: {{ .name }}, scheme: {{ ternary "HTTPS" "HTTP" $registry.tls.enabled }}}
    periodSeconds: 5
  lifecycle:
    # The Service still leads here for this time, so that pushes can go on while the nodes learn of the change.
    preStop:
      sleep: {seconds: 10}
  resources:
    {{- with $registry.resources }}
    {{- toYaml . | nindent 4 }}
    {{- else }}
    requests: {cpu: 50m, memory: 64Mi}
    {{- if $s3 }}
    # Eight pushes at a time took 340 MiB, since each one keeps parts of its upload in memory.
    {{- end }}
    limits: {memory: {{ ternary "1Gi" "512Mi" $s3 }}}
    {{- end }}
  securityContext:
    {{- include "local-registry.restricted-container" . | nindent 4 }}
  volumeMounts:
    - {name: config, mountPath: /etc/distribution, readOnly: true}
    {{- if not $s3 }}
    - {name: storage, mountPath: /var/lib/registry{{ if not $main }}, readOnly: true{{ end }}}
    {{- end }}
    {{- if and $main $registry.auth.enabled }}
    - {name: auth, mountPath: /auth, readOnly: true}
    {{- end }}
    {{- if and $main (include "local-registry.tokens" .root) }}
    - {name: tokens, mountPath: /tokens, readOnly: true}
    {{- end }}
    {{- if $registry.tls.enabled }}
    - {name: tls, mountPath: /tls, readOnly: true}
    {{- end }}
{{- end }}

{{/*
Where a node's container runtime has its files. `config` is the folder of containerd's configuration, which the agent only reads, and
`files` the folder that it writes.
*/}}
{{- define "local-registry.nodes.runtime" -}}
{{- if eq .Values.nodes.runtime "containerd" -}}
config: /etc/containerd
configFile: config.toml
files: /etc/containerd/certs.d
{{- else if or (eq .Values.nodes.runtime "k3s") (eq .Values.nodes.runtime "rke2") -}}
config: /var/lib/rancher/{{ .Values.nodes.runtime }}/agent/etc/containerd
configFile: config.toml
files: /var/lib/rancher/{{ .Values.nodes.runtime }}/agent/etc/containerd/certs.d
filesAreRemoved: true
{{- else if eq .Values.nodes.runtime "microk8s" -}}
config: /var/snap/microk8s/current/args
configFile: containerd.toml
files: /var/snap/microk8s/current/args/certs.d
{{- else -}}
files: /etc/containers/registries.conf.d
{{- end }}
{{- end }}

{{/* The Helm release that an object of the cluster belongs to, as `namespace/name`, or nothing. */}}
{{- define "local-registry.owner" -}}
{{- if eq (dig "metadata" "labels" "app.kubernetes.io/managed-by" "" .) "Helm" -}}
{{- $annotations := dig "metadata" "annotations" dict . -}}
{{- with index $annotations "meta.helm.sh/release-name" -}}
{{ index $annotations "meta.helm.sh/release-namespace" }}/{{ . }}
{{- end }}
{{- end }}
{{- end }}
