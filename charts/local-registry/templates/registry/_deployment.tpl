{{/*
A Deployment of the registry, from `root` and `collecting`: the usual one, or one that has no pods but during a garbage collection by
schedule, and takes no writes. The same Services lead to the pods of both.
*/}}
{{- define "local-registry.registry.deployment" -}}
{{- $registry := .root.Values.registry -}}
{{- $readsOnly := or .collecting (eq (include "local-registry.registry.reads-only" .root) "true") -}}
{{- $s3 := eq $registry.storage.type "s3" }}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ ternary "registry-collecting" "registry" .collecting }}
  namespace: {{ .root.Release.Namespace | quote }}
  labels:
    {{- include "local-registry.labels" (dict "root" .root "name" "registry") | nindent 4 }}
    {{- if $registry.auth.enabled }}
    local-registry-hosting/auth: htpasswd
    {{- else if $registry.tenants.enabled }}
    local-registry-hosting/auth: token
    {{- end }}
    {{- if $s3 }}
    local-registry-hosting/storage: s3
    {{- end }}
    {{- if $registry.tls.enabled }}
    local-registry-hosting/tls: {{ ternary "cert-manager" "secret" $registry.tls.certManager }}
    {{- end }}
spec:
  {{- if $s3 }}
  replicas: {{ ternary 0 2 .collecting }}
  strategy:
    type: RollingUpdate
    rollingUpdate:
      maxUnavailable: 0
      maxSurge: 1
  {{- else }}
  replicas: {{ ternary 0 1 .collecting }}
  # Two pods must not write into the same volume.
  strategy:
    type: Recreate
  {{- end }}
  selector:
    matchLabels:
      app.kubernetes.io/name: registry
      {{- if .collecting }}
      local-registry-hosting/collecting: "true"
      {{- end }}
  template:
    metadata:
      labels:
        app.kubernetes.io/name: registry
        app.kubernetes.io/part-of: local-registry
        {{- if .collecting }}
        local-registry-hosting/collecting: "true"
        {{- end }}
      annotations:
        # Nothing reads the configuration again: a change of it rolls the registry.
        checksum/config: {{ .root.Files.Get "files/registry/config.yml" | sha256sum }}
    spec:
      {{- with include "local-registry.pull-secrets" .root }}
      {{- . | nindent 6 }}
      {{- end }}
      automountServiceAccountToken: false
      # Otherwise the Service `registry` would give the container variables such as REGISTRY_PORT, and the registry
      # takes every variable that begins with REGISTRY_ for its configuration.
      enableServiceLinks: false
      {{- include "local-registry.registry.place" .root | nindent 6 }}
      {{- if not $readsOnly }}
      # A garbage collection removes what an upload has just brought. So a registry that takes writes and a garbage
      # collection never run at the same time on any Linux node: the scheduler lets the later one wait.
      # A registry that takes none, by `registry.garbageCollection.enabled` or `registry.readOnly`, has no such rule.
      affinity:
        podAntiAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
            - topologyKey: kubernetes.io/os
              labelSelector:
                matchLabels:
                  app.kubernetes.io/name: registry-garbage-collection
        {{- if and (include "local-registry.garbage-collection.schedule" .root) (not $s3) }}
        # After a garbage collection, the other Deployment's pod still has the volume, which can be mounted on one node at a time.
        podAffinity:
          preferredDuringSchedulingIgnoredDuringExecution:
            - weight: 100
              podAffinityTerm:
                topologyKey: kubernetes.io/hostname
                labelSelector:
                  matchLabels:
                    local-registry-hosting/collecting: "true"
        {{- end }}
      {{- else if and .collecting (not $s3) }}
      # The volume can be mounted on one node at a time. Where no pod has it, this one may be anywhere.
      affinity:
        podAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
            - topologyKey: kubernetes.io/hostname
              labelSelector:
                matchLabels:
                  app.kubernetes.io/name: registry
      {{- end }}
      {{- if $s3 }}
      topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: kubernetes.io/hostname
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels:
              app.kubernetes.io/name: registry
      {{- end }}
      securityContext:
        {{- include "local-registry.registry.pod-security" .root | nindent 8 }}
      terminationGracePeriodSeconds: 80
      containers:
        {{- include "local-registry.registry.container" (dict "root" .root "name" "registry" "readsOnly" $readsOnly) | nindent 8 }}
        {{- if include "local-registry.registry.asks" .root }}
        # Nodes pull from it without a password. It takes no writes.
        {{- include "local-registry.registry.container" (dict "root" .root "name" "read-only") | nindent 8 }}
        {{- end }}
      volumes:
        - name: config
          configMap:
            name: registry-config
        {{- with include "local-registry.registry.storage-volume" .root }}
        {{- . | nindent 8 }}
        {{- end }}
        {{- if $registry.auth.enabled }}
        # Without this Secret or its key the pod does not start. Otherwise the registry would make up a user.
        - name: auth
          secret:
            secretName: {{ $registry.auth.secret | quote }}
            items:
              - {key: htpasswd, path: htpasswd}
        {{- end }}
        {{- if include "local-registry.tokens" .root }}
        # The public key alone. The pod waits until the token server has made it.
        - name: tokens
          secret:
            secretName: registry-token
            items:
              - {key: jwks.json, path: jwks.json}
        {{- end }}
        {{- if $registry.tls.enabled }}
        - name: tls
          secret:
            secretName: {{ $registry.tls.secret | quote }}
        {{- end }}
{{- end }}
