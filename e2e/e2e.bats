#!/usr/bin/env bats
# Runs the annotated module and the shipped manifests in kwctl, as a policy server would: `make e2e-kwctl`. kwctl exits
# 0 for rejections, too, so every test looks at the answer.

bats_require_minimum_version 1.5.0

setup() {
  cd "$BATS_TEST_DIRNAME/.."
  export RUST_BACKTRACE=0
  SETTINGS='{"host": "kind-registry:5000", "insecure": true}'
  # How the policy changes an embedded specification whose output is team/app:v1.
  INJECTED='[
    {"op": "replace", "path": "/spec/build/spec/output/image", "value": "kind-registry:5000/team/app:v1"},
    {"op": "add", "path": "/spec/build/spec/output/insecure", "value": true}
  ]'
}

# Writes the request of a BuildRun that names the Build `hello`, changed by a jq filter.
request() {
  jq ".request | $1" examples/buildrun-request.json > "$BATS_TEST_TMPDIR/request.json"
}

# Sends the request to the policy of a module or manifest. `$output` is the answer.
ask() {
  run --separate-stderr kwctl run "$@" --request-path "$BATS_TEST_TMPDIR/request.json"
  [ "$status" -eq 0 ] || { echo "kwctl: $stderr"; return 1; }
}

ask_module() {
  ask annotated-policy.wasm --settings-json "$SETTINGS" "$@"
}

# Writes a shipped manifest with the built module, and with settings if there are any.
manifest() {
  sed "s#module: \"\"#module: file://$PWD/annotated-policy.wasm#" "$1" > "$BATS_TEST_TMPDIR/policy.yaml"
  if [ -n "${2:-}" ]; then
    echo "  settings: $2" >> "$BATS_TEST_TMPDIR/policy.yaml"
  fi
  grep --quiet 'module: file://' "$BATS_TEST_TMPDIR/policy.yaml"
}

# Sends the request to the manifest's policy. The policy must look nothing up: the recorded session is empty.
ask_manifest() {
  echo '[]' > "$BATS_TEST_TMPDIR/session.yaml"
  ask "$BATS_TEST_TMPDIR/policy.yaml" --replay-host-capabilities-interactions "$BATS_TEST_TMPDIR/session.yaml"
}

# Asserts that a jq expression about the answer holds.
answer() {
  jq --exit-status "$1" <<< "$output" > /dev/null || { echo "expected $1, found: $output"; return 1; }
}

# Asserts that the answer's patch is this JSON. The order of its operations does not matter.
patch() {
  answer '.allowed and .patchType == "JSONPatch"'
  jq --exit-status --argjson expected "$1" '.patch | @base64d | fromjson | sort_by(.path) == ($expected | sort_by(.path))' \
    <<< "$output" > /dev/null || { echo "expected $1, found: $(jq --raw-output '.patch | @base64d' <<< "$output")"; return 1; }
}

# Writes the cluster's answer to the lookup of the Build. kwctl replays it only for exactly this request.
session() {
  cat > "$BATS_TEST_TMPDIR/session.yaml" << EOF
- type: Exchange
  request: |
    !KubernetesGetResource
    api_version: shipwright.io/v1beta1
    kind: Build
    name: hello
    namespace: team
    disable_cache: true
    field_masks:
    - spec.output.image
    - spec.output.insecure
    - spec.output.local
    - spec.output.pushSecret
    - spec.paramValues
    - spec.source.ociArtifact.image
    - spec.source.ociArtifact.local
  response:
    type: $1
    $2
EOF
}

replay() {
  ask_module --allow-context-aware --replay-host-capabilities-interactions "$BATS_TEST_TMPDIR/session.yaml"
}

embedded() {
  request "($1) as \$output | .object.spec = {build: {spec: {strategy: {name: \"buildah\"}, output: \$output}}}"
}

@test "an image that is not local passes as it is" {
  embedded '{image: "docker.io/team/app:v1"}'
  ask_module
  answer '.allowed and .patch == null'
}

@test "a local image gets the registry in front" {
  embedded '{image: "team/app:v1", local: true}'
  ask_module
  patch "$INJECTED"
}

@test "a local image that names a registry is rejected with its path" {
  embedded '{image: "docker.io/team/app:v1", local: true}'
  ask_module
  answer '.allowed == false and .patch == null and .status.code == 400'
  answer '.status.message | startswith("spec.build.spec.output.image: `docker.io/team/app:v1` names the registry `docker.io`")'
}

@test "invalid settings are reported" {
  embedded '{image: "team/app:v1", local: true}'
  run --separate-stderr kwctl run annotated-policy.wasm --settings-json '{"host": "kind-registry"}' \
    --request-path "$BATS_TEST_TMPDIR/request.json"
  [ "$status" -ne 0 ] || answer '.allowed == false'
  [[ "$stderr$output" == *'settings.host: `kind-registry` has neither a dot nor a port'* ]]
}

@test "a run gets the output of the Build that it names" {
  request '.object.spec = {build: {name: "hello"}}'
  session Success \
    "payload: '{\"apiVersion\": \"shipwright.io/v1beta1\", \"kind\": \"Build\", \"spec\": {\"output\": {\"image\": \"team/hello:v1\", \"local\": true}}}'"
  replay
  patch '[{"op": "add", "path": "/spec/output", "value": {"image": "kind-registry:5000/team/hello:v1", "insecure": true}}]'
}

@test "a run of a Build that does not exist is rejected" {
  request '.object.spec = {build: {name: "hello"}}'
  session Error \
    "message: Cannot find shipwright.io/v1beta1/Build named 'hello' inside of namespace 'Some(\"team\")'"
  replay
  answer '.allowed == false and .status.code == 404'
  answer '.status.message | startswith("spec.build.name: ")'
}

@test "a run that names a Build is rejected if the policy may not read Builds" {
  request '.object.spec = {build: {name: "hello"}}'
  ask_module
  answer '.allowed == false and .status.code == 500'
  answer '.status.message | contains("contextAwareResources")'
}

@test "the shipped policy injects the host that the sync job sets" {
  manifest charts/local-registry/files/policies/builds.yaml "$SETTINGS"
  embedded '{image: "team/app:v1", local: true}'
  ask_manifest
  patch "$INJECTED"
}

@test "the shipped policy rejects a local image before a registry is declared" {
  manifest charts/local-registry/files/policies/builds.yaml
  embedded '{image: "team/app:v1", local: true}'
  ask_manifest
  answer '.allowed == false and .status.code == 400'
  answer '.status.message | contains("this cluster declares no local registry")'
}

# Writes the request of a pod with one container, whose annotation has this value.
pod() {
  request ".kind = {group: \"\", version: \"v1\", kind: \"Pod\"} | .resource = {group: \"\", version: \"v1\", resource: \"pods\"}
    | del(.requestKind, .requestResource)
    | .object = {apiVersion: \"v1\", kind: \"Pod\",
      metadata: {name: \"app\", namespace: \"team\", annotations: {\"$1\": \"$2\"}},
      spec: {containers: [{name: \"app\", image: \"team/app:v1\"}]}}"
}

@test "the shipped policy for workloads puts the host of the nodes in front of the containers that a pod names" {
  manifest charts/local-registry/files/policies/workloads.yaml '{"host": "kind-registry:5000", "runtimeHost": "localhost:5001"}'
  pod local-registry-hosting/containers app
  ask_manifest
  patch '[{"op": "replace", "path": "/spec/containers/0/image", "value": "localhost:5001/team/app:v1"}]'
  pod local-registry-hosting/other app
  ask_manifest
  answer '.allowed and .patch == null'
}

@test "the shipped policy for labelled namespaces needs no annotation" {
  manifest charts/local-registry/files/policies/labelled.yaml
  # Its settings come last.
  echo '    runtimeHost: localhost:5001' >> "$BATS_TEST_TMPDIR/policy.yaml"
  pod local-registry-hosting/other app
  ask_manifest
  patch '[{"op": "replace", "path": "/spec/containers/0/image", "value": "localhost:5001/team/app:v1"}]'
}

@test "the shipped policy for workloads rejects a name that no container has, with its path" {
  manifest charts/local-registry/files/policies/workloads.yaml '{"runtimeHost": "localhost:5001"}'
  pod local-registry-hosting/containers ap
  ask_manifest
  answer '.allowed == false and .status.code == 400'
  answer '.status.message | startswith("metadata.annotations[local-registry-hosting/containers]: no container is named `ap`")'
}

@test "the shipped policy for workloads resolves a Knative revision if pods and nodes have one host" {
  for host in kind-registry:5000 localhost:5001; do
    manifest charts/local-registry/files/policies/workloads.yaml "{\"host\": \"kind-registry:5000\", \"runtimeHost\": \"$host\"}"
    pod local-registry-hosting/containers app
    jq '.kind = {group: "serving.knative.dev", version: "v1", kind: "Revision"}
      | .resource = {group: "serving.knative.dev", version: "v1", resource: "revisions"}
      | .object.apiVersion = "serving.knative.dev/v1" | .object.kind = "Revision"' \
      "$BATS_TEST_TMPDIR/request.json" > "$BATS_TEST_TMPDIR/revision.json"
    mv "$BATS_TEST_TMPDIR/revision.json" "$BATS_TEST_TMPDIR/request.json"
    ask_manifest
    if [ "$host" = kind-registry:5000 ]; then
      patch '[{"op": "replace", "path": "/spec/containers/0/image", "value": "kind-registry:5000/team/app:v1"}]'
    else
      answer '.allowed == false and (.status.message | contains("to declare one name for both"))'
    fi
  done
}

@test "the policy for one namespace looks nothing up" {
  manifest charts/local-registry/files/policies/namespaced.yaml
  grep --quiet 'lookupBuilds: false' "$BATS_TEST_TMPDIR/policy.yaml"
  request '.object.spec = {build: {name: "hello"}}'
  ask_manifest
  answer '.allowed and .patch == null and (.warnings | length) == 1'
}

@test "kwctl shows the module's metadata and usage" {
  run --separate-stderr kwctl inspect annotated-policy.wasm --output yaml
  [ "$status" -eq 0 ]
  for line in 'mutating: true' 'backgroundAudit: false' 'executionMode: kubewarden-wapc' '- kubernetes/get_resource'; do
    [[ "$output" == *"$line"* ]] || { echo "no '$line' in: $output"; return 1; }
  done
  run --separate-stderr kwctl inspect annotated-policy.wasm
  [[ "$output" == *'Local registries for Shipwright'* && "$output" == *'lookupBuilds'* ]]
  # kwctl warns if the module uses a capability that the metadata does not declare, or the reverse.
  run --separate-stderr kwctl annotate policy.wasm --metadata-path policy-metadata/metadata.yml \
    --output-path "$BATS_TEST_TMPDIR/annotated.wasm"
  [ "$status" -eq 0 ]
  [[ "$stderr$output" != *'host capabilities'* ]]
}

@test "Artifact Hub's package has what kwctl writes, and what the project adds" {
  make --silent artifacthub
  run --separate-stderr yq --output-format json target/artifacthub/artifacthub-pkg.yml
  [ "$status" -eq 0 ]
  answer '.name == "local-registry" and .annotations["kubewarden/mutation"] == "true" and (.install | contains("kwctl pull"))'
  answer '[.containersImages[].name] == ["policy", "local-registry-sync"]'
  answer '.version as $version | .containersImages | all(.image | endswith(":v" + $version))'
  answer '[.containersImages[].image | split("/")[:-1]] | unique | length == 1'
  answer '(.recommendations | length) == 2 and (.screenshots | length) == 1'
  local picture
  picture=$(jq --raw-output '.screenshots[0].url | sub(".*/raw/v[0-9.]+/"; "")' <<< "$output")
  [ -f "$picture" ] || { echo "no $picture"; return 1; }
  # Every item of the changelog's newest section, with a kind that Artifact Hub knows.
  answer ".changes | length == $(awk '/^## / { part++ } part == 1 && /^- /' CHANGELOG.md | wc -l)"
  answer '.changes | all(.kind | IN("added", "changed", "deprecated", "removed", "fixed", "security"))'
  answer '.changes | all(.description | length > 10 and (contains("\n") or contains("  ") | not))'
}
