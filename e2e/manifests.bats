#!/usr/bin/env bats
# Checks the manifests of a release, which `make manifests` renders: `make check-manifests`.

bats_require_minimum_version 1.5.0

MODULE_DIGEST=sha256:$(printf '0123456789abcdef%.0s' 1 2 3 4)
IMAGE_DIGEST=sha256:$(printf 'fedcba9876543210%.0s' 1 2 3 4)
PROMOTE_DIGEST=sha256:$(printf '0011223344556677%.0s' 1 2 3 4)

setup() {
  cd "$BATS_TEST_DIRNAME/.."
}

render() {
  run --separate-stderr make --silent manifests "MODULE_DIGEST=$1" "IMAGE_DIGEST=$2" "PROMOTE_DIGEST=${3-$PROMOTE_DIGEST}"
}

@test "the manifests equal those of deploy, and name module and image by digest" {
  render "$MODULE_DIGEST" "$IMAGE_DIGEST"
  [ "$status" -eq 0 ] || { echo "$stderr"; return 1; }
  for folder in $FOLDERS; do
    name=local-registry-${folder//\//-}
    "$KUBECTL" kustomize "deploy/$folder" > "$BATS_TEST_TMPDIR/tags.yaml"
    sed "s#\(module: .*\)@$MODULE_DIGEST\$#\1:v$VERSION#; s#\(image: .*\)@$IMAGE_DIGEST\$#\1:v$VERSION#
      s#\(image: .*\)@$PROMOTE_DIGEST\$#\1:v$VERSION#" \
      "target/manifests/${name%-.}.yaml" | diff "$BATS_TEST_TMPDIR/tags.yaml" -
  done
  [ "$(grep --count "module: .*@$MODULE_DIGEST$" target/manifests/local-registry.yaml)" -eq 1 ]
  [ "$(grep --count "image: .*@$IMAGE_DIGEST$" target/manifests/local-registry.yaml)" -eq 1 ]
  [ "$(ls target/manifests | wc -l)" -eq "$(wc -w <<< "$FOLDERS")" ]
}

@test "an invalid digest is refused with the name of its variable" {
  for digest in '' sha256: v0.1.0 "${MODULE_DIGEST%?}" "${MODULE_DIGEST}0" "${MODULE_DIGEST^^}" "${MODULE_DIGEST#sha256:}" \
    "sha512:${MODULE_DIGEST#sha256:}" "$MODULE_DIGEST " "$MODULE_DIGEST"$'\n'"$MODULE_DIGEST"; do
    render "$digest" "$IMAGE_DIGEST"
    [ "$status" -ne 0 ]
    [[ "$stderr" == "make manifests: MODULE_DIGEST: \`$digest\` is not a digest;"* ]] || { echo "$stderr"; return 1; }
    render "$MODULE_DIGEST" "$digest"
    [ "$status" -ne 0 ]
    [[ "$stderr" == "make manifests: IMAGE_DIGEST: \`$digest\` is not a digest;"* ]] || { echo "$stderr"; return 1; }
    render "$MODULE_DIGEST" "$IMAGE_DIGEST" "$digest"
    [ "$status" -ne 0 ]
    [[ "$stderr" == "make manifests: PROMOTE_DIGEST: \`$digest\` is not a digest;"* ]] || { echo "$stderr"; return 1; }
  done
}

# Renders a folder with components, in this order: rendered FOLDER COMPONENT…
rendered() {
  local overlay="$BATS_TEST_TMPDIR/overlay" up
  mkdir -p "$overlay"
  up=$(realpath --relative-to="$overlay" .)
  printf '%s\n' 'kind: Kustomization' 'sortOptions: {order: legacy}' "resources: [$up/$1]" components: \
    "${@/#/- $up/}" | sed "\#^- $up/$1\$#d" > "$overlay/kustomization.yaml"
  "$KUBECTL" kustomize "$overlay"
}

# Fails if another number of lines ends so: expect NUMBER FILE END
expect() {
  local found
  found=$(grep --count -- "$3\$" "$2") || true
  [ "$found" -eq "$1" ] || { echo "$2: $3: $found times, and not $1"; return 1; }
}

@test "the registry's components combine in any set and order" {
  repository=$PWD
  cd "$BATS_TEST_TMPDIR"
  for order in s3 auth tls s3,auth auth,s3 s3,tls tls,s3 auth,tls tls,auth \
    s3,auth,tls s3,tls,auth auth,s3,tls auth,tls,s3 tls,s3,auth tls,auth,s3; do
    (cd "$repository" && rendered deploy/registry $(printf 'deploy/registry/%s ' ${order//,/ })) > "$order.yaml"

    # With auth there are two containers, one for each of the two Services. All of them have TLS, or none, and the same storage.
    servers=1 tls=0 secured=0 bucket=0 volume=1
    [[ $order != *auth* ]] || servers=2
    [[ $order != *tls* ]] || tls=$servers secured=2
    [[ $order != *s3* ]] || bucket=$servers volume=0
    expect 2 "$order.yaml" 'appProtocol: https\?'
    expect $secured "$order.yaml" 'appProtocol: https'
    expect $((servers - 1)) "$order.yaml" 'targetPort: read-only'
    for line in 'scheme: HTTPS' 'value: /tls/tls.key' 'mountPath: /tls'; do
      expect $tls "$order.yaml" "$line"
    done
    for line in '- secretRef:' 'key: REGISTRY_HTTP_SECRET'; do
      expect $bucket "$order.yaml" "$line"
    done
    for line in 'value: /var/lib/registry' 'mountPath: /var/lib/registry'; do
      expect $((servers * volume)) "$order.yaml" "$line"
    done
    expect $volume "$order.yaml" 'kind: PersistentVolumeClaim'

    # Another order of the same components only changes the order of lists.
    set=$(tr , '\n' <<< "$order" | sort | tr '\n' +)
    sort "$order.yaml" > sorted
    [ -e "$set" ] || cp sorted "$set"
    diff "$set" sorted
  done
}

@test "the policies for workloads join each set with a sync job for the whole cluster" {
  overlay="$BATS_TEST_TMPDIR/workloads.yaml"
  for folder in deploy deploy/sync deploy/sync-cronjob; do
    for policies in component labelled "component labelled" "labelled component"; do
      rendered "$folder" $(printf 'deploy/workloads/%s ' $policies) > "$overlay"
      for policy in ${policies/component/workloads}; do
        expect 1 "$overlay" "- --policy=local-registry-$policy"
        expect 1 "$overlay" "^  - local-registry-$policy"
        expect 1 "$overlay" "^  - clusterwide-local-registry-$policy"
        expect 1 "$overlay" "^  - local-registry-$policy-guard"
        expect 1 "$overlay" "^  name: local-registry-$policy"
      done
      expect 0 "$overlay" 'module: ""'
    done
  done
  rendered deploy deploy/workloads/component > "$overlay"
  diff <(sort "$overlay") <("$KUBECTL" kustomize deploy/workloads | sort)
}

@test "the alias joins each set with a sync job for the whole cluster" {
  overlay="$BATS_TEST_TMPDIR/alias.yaml"
  for set in deploy deploy/sync deploy/sync-cronjob; do
    for components in deploy/alias 'deploy/alias deploy/workloads/component' 'deploy/workloads/component deploy/alias'; do
      rendered "$set" $components > "$overlay"
      expect 1 "$overlay" '        - --alias'
      expect 5 "$overlay" '^  name: local-registry-sync-alias'
    done
  done
}

@test "a component fails without what it changes" {
  for component in deploy/registry/{s3,auth,tls,gc/s3} deploy/nodes/{k3s,rke2,microk8s,cri-o}; do
    run rendered deploy/policy "$component"
    [[ "$status" -ne 0 && "$output" == *'no matches for Id'* ]] || { echo "$component: $output"; return 1; }
  done
}

@test "the agent's folders are mounted, with each container runtime" {
  nodes="$BATS_TEST_TMPDIR/nodes.yaml"
  for component in '' deploy/nodes/{k3s,rke2,microk8s,cri-o}; do
    rendered deploy/nodes $component > "$nodes"
    folders=$(sed -n 's/^ *- --\(certs-dir\|registries-dir\)=//p; s#^ *- --containerd-config=\(.*\)/[^/]*$#\1#p' "$nodes")
    [ -n "$folders" ]
    for folder in $folders; do
      # A folder above it will do.
      until grep --quiet "mountPath: /host$folder\$" "$nodes"; do
        folder=$(dirname "$folder")
        [ "$folder" != / ] || { echo "$component: $folders"; return 1; }
      done
      expect 1 "$nodes" " path: $folder"
    done
    [ -z "$component" ] || expect 0 "$nodes" ' path: /etc/containerd.*'
  done
}

@test "the example's certificate has the addresses of both Services" {
  example="$BATS_TEST_TMPDIR/example.yaml"
  "$KUBECTL" kustomize examples/registry > "$example"
  addresses=$(sed -n 's/^  clusterIP: //p' "$example" | sort)
  [ "$(wc -w <<< "$addresses")" -eq 2 ]
  diff <(echo "$addresses") <(sed -n '/ipAddresses:/,/issuerRef:/s/^  - //p' "$example" | sort)
}

@test "the example of a promotion mounts its files where they are read" {
  example="$BATS_TEST_TMPDIR/promotion.yaml"
  "$KUBECTL" kustomize examples/promotion > "$example"
  name=$(sed -n '/kind: ConfigMap/,/^---/s/^  name: //p' "$example")
  [[ "$name" == local-registry-promote-* ]]
  # The name of a generated ConfigMap has a hash, in the pod, too.
  [ "$(grep --count " name: $name\$" "$example")" -eq 2 ]
  for file in manifests/team/promoter-manifest.yaml images/team/images.yaml; do
    [ -f "examples/promotion/$file" ]
    expect 1 "$example" " path: $file"
  done
}
