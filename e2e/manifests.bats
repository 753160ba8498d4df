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

@test "the manifests equal those of deploy and of the chart, and name module and image by digest" {
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
  for preset in $PRESETS; do
    "$HELM" template local-registry charts/local-registry --namespace local-registry \
      --values "charts/presets/$preset.yaml" > "$BATS_TEST_TMPDIR/tags.yaml"
    # The hash of what the garbage collection is made of has the digest in it.
    sed "s#\(image: .*\)@$IMAGE_DIGEST\$#\1:v$VERSION#" "target/manifests/local-registry-$preset.yaml" |
      diff --ignore-matching-lines='/made-of: ' "$BATS_TEST_TMPDIR/tags.yaml" -
  done
  package="target/chart/local-registry-$VERSION.tgz"
  [ "$("$HELM" show values "$package" | sed -n 's/^  digest: //p' | head -1)" = "$IMAGE_DIGEST" ]
  diff <("$HELM" show values "$package" | sed "s/^  digest: $IMAGE_DIGEST/  digest: \"\"/") <("$HELM" show values charts/local-registry)
  [ "$(ls target/manifests | wc -l)" -eq "$(wc -w <<< "$FOLDERS $PRESETS")" ]
}

# Whoever deletes what is in them must not delete the images.
@test "files that are applied over the one of the registry have neither the namespace nor the claim of the images" {
  kinds() {
    "$HELM" template local-registry charts/local-registry --namespace local-registry --values "charts/presets/$1.yaml" |
      KUBECONFIG=/dev/null "$KUBECTL" annotate --local --filename - --output jsonpath='{.kind} {.metadata.name}{"\n"}' a=b \
        > "$BATS_TEST_TMPDIR/$1"
    grep --quiet --line-regexp 'Deployment registry' "$BATS_TEST_TMPDIR/$1"
  }
  kinds registry
  for object in 'PersistentVolumeClaim registry' 'Namespace local-registry'; do
    grep --quiet --line-regexp "$object" "$BATS_TEST_TMPDIR/registry"
    for preset in registry-gc registry-monitoring; do
      kinds "$preset"
      run grep --line-regexp "$object" "$BATS_TEST_TMPDIR/$preset"
      [ "$status" -eq 1 ] || { echo "$preset: $output"; return 1; }
    done
  done
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
