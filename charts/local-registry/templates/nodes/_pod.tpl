{{/*
The pods of the agents, from `root`, their `name` and `tolerations`, and `cleanUp`: whether they remove the agents' files instead of
keeping them.
*/}}
{{- define "local-registry.nodes.pod" -}}
{{- $nodes := .root.Values.nodes }}
{{- $cleanUp := .cleanUp }}
{{- $runtime := include "local-registry.nodes.runtime" .root | fromYaml }}
{{- /* What is removed needs no certificate. */}}
{{- $ca := ternary "" (include "local-registry.nodes.ca" .root) $cleanUp }}
{{- $host := include "local-registry.host" (dict "root" .root "service" "registry") }}
metadata:
  labels:
    app.kubernetes.io/name: {{ .name }}
    app.kubernetes.io/part-of: local-registry
spec:
  {{- with include "local-registry.pull-secrets" .root }}
  {{- . | nindent 2 }}
  {{- end }}
  serviceAccountName: local-registry-node
  {{- if $cleanUp }}
  # Nothing is asked of the cluster, and no agent may run on the same node: it would write the files again.
  automountServiceAccountToken: false
  affinity:
    podAntiAffinity:
      requiredDuringSchedulingIgnoredDuringExecution:
        - topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels:
              app.kubernetes.io/name: local-registry-node
  {{- end }}
  priorityClassName: local-registry-node
  enableServiceLinks: false
  nodeSelector:
    kubernetes.io/os: linux
  {{- with .tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  # The folders belong to root. Without capabilities, root may write there and nowhere that is not mounted.
  securityContext:
    runAsUser: 0
    runAsGroup: 0
    seccompProfile:
      type: RuntimeDefault
    # On nodes with SELinux, an ordinary container may not write into a hostPath. Other nodes ignore it.
    seLinuxOptions:
      type: spc_t
  terminationGracePeriodSeconds: 10
  containers:
    - name: node
      image: {{ include "local-registry.image" .root }}
      args:
        - node
        - --runtime={{ ternary "cri-o" "containerd" (eq $nodes.runtime "cri-o") }}
        - --host-root=/host
        {{- if eq $nodes.runtime "cri-o" }}
        - --registries-dir={{ $runtime.files }}
        {{- else }}
        - --certs-dir={{ $runtime.files }}
        - --containerd-config={{ $runtime.config }}/{{ $runtime.configFile }}
        {{- end }}
        - --listen=0.0.0.0:8080
        - --log-format=json
        {{- if ne .root.Values.clusterDomain "cluster.local" }}
        - --cluster-domain={{ .root.Values.clusterDomain }}
        {{- end }}
        {{- if ne (int $nodes.resync) 60 }}
        - --resync={{ int $nodes.resync }}
        {{- end }}
        {{- if and .root.Values.registry.enabled (include "local-registry.registry.asks" .root) (not (hasKey $nodes.addresses $host)) }}
        # Nodes pull without a password.
        - --address={{ $host }}={{ include "local-registry.host" (dict "root" .root "service" "registry-read-only") }}
        {{- end }}
        {{- range $name, $address := $nodes.addresses }}
        - {{ printf "--address=%s=%s" $name $address | quote }}
        {{- end }}
        {{- range $nodes.allowHosts }}
        - {{ printf "--allow-host=%s" . | quote }}
        {{- end }}
        {{- if $ca }}
        - --ca=/ca/ca.crt
        {{- end }}
        {{- if $cleanUp }}
        - --clean-up
        {{- end }}
      env:
        - name: LOCAL_REGISTRY_SYNC_NODE_NAME
          valueFrom:
            fieldRef: {fieldPath: spec.nodeName}
      ports:
        - name: http
          containerPort: 8080
      livenessProbe:
        httpGet: {path: /healthz, port: http}
      readinessProbe:
        httpGet: {path: /readyz, port: http}
      resources:
        requests: {cpu: 5m, memory: 8Mi}
        limits: {cpu: 200m, memory: 32Mi}
      securityContext:
        {{- include "local-registry.restricted-container" .root | nindent 8 }}
      volumeMounts:
        {{- if $runtime.filesAreRemoved }}
        # The distribution removes the folder certs.d when it starts. A mount of that folder alone would then lead to a removed
        # one, so the pod mounts the folder above it.
        - {name: config, mountPath: /host{{ $runtime.config }}}
        {{- else }}
        {{- with $runtime.config }}
        - {name: config, mountPath: /host{{ . }}, readOnly: true}
        {{- end }}
        - {name: registries, mountPath: /host{{ $runtime.files }}}
        {{- end }}
        {{- if $ca }}
        - {name: ca, mountPath: /ca, readOnly: true}
        {{- end }}
  volumes:
    {{- with $runtime.config }}
    # Does the runtime use the files at all?
    - name: config
      hostPath: {path: {{ . }}, type: DirectoryOrCreate}
    {{- end }}
    {{- if not $runtime.filesAreRemoved }}
    - name: registries
      hostPath: {path: {{ $runtime.files }}, type: DirectoryOrCreate}
    {{- end }}
    {{- if $ca }}
    # Without this ConfigMap the agent does not start: a node that does not know the CA would pull nothing.
    - name: ca
      configMap:
        name: {{ $ca | quote }}
        items:
          - {key: ca.crt, path: ca.crt}
    {{- end }}
{{- end }}
