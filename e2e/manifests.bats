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

# What the chart of the sources renders with a preset: template PRESET NAMESPACE [FLAG…]
template() {
  "$HELM" template local-registry charts/local-registry --namespace "$2" --values "charts/presets/$1.yaml" "${@:3}"
}

# A manifest of the release with tags in place of digests. The hash of what the garbage collection is made of has the digest in it.
with_tags() {
  sed "s#\(module: .*\)@$MODULE_DIGEST\(\"\?\)\$#\1:v$VERSION\2#
    s#\(image: .*\)@\($IMAGE_DIGEST\|$PROMOTE_DIGEST\)\(\"\?\)\$#\1:v$VERSION\3#" "target/manifests/local-registry-$1.yaml"
}

# Fails if another number of lines of a manifest ends so: expect NUMBER PRESET END
expect() {
  local found
  found=$(grep --count -- "$3\"\?\$" "target/manifests/local-registry-$2.yaml") || true
  [ "$found" -eq "$1" ] || { echo "$2: $3: $found times, and not $1"; return 1; }
}

@test "the manifests equal what the chart renders, and name module and images by digest" {
  render "$MODULE_DIGEST" "$IMAGE_DIGEST"
  [ "$status" -eq 0 ] || { echo "$stderr"; return 1; }
  # One is for Hauler.
  local files=1 preset namespace
  while read -r preset namespace; do
    template "$preset" "$namespace" --no-hooks > "$BATS_TEST_TMPDIR/tags.yaml"
    with_tags "$preset" | diff --ignore-matching-lines='/made-of: ' "$BATS_TEST_TMPDIR/tags.yaml" -
    files=$((files + 1))
    # What `helm test` runs has a file of its own. Only Helm knows what makes it a test.
    if template "$preset" "$namespace" | grep --quiet 'helm.sh/hook"\?: "\?test'; then
      template "$preset" "$namespace" --show-only templates/check/pod.yaml > "$BATS_TEST_TMPDIR/tags.yaml"
      with_tags "$preset-check" | diff --ignore-blank-lines <(grep --invert-match 'helm.sh/hook\|^  annotations:$' "$BATS_TEST_TMPDIR/tags.yaml") -
      files=$((files + 1))
    fi
  done <<< "$PRESETS"
  [ "$(ls target/manifests | wc -l)" -eq "$files" ]
  run grep --recursive helm.sh/hook target/manifests
  [ "$status" -eq 1 ] || { echo "$output"; return 1; }
  expect 1 policy "module: \"\?registry://.*/local-registry-policy@$MODULE_DIGEST"
  expect 1 policy "image: \"\?.*/local-registry-sync@$IMAGE_DIGEST"
  expect 1 policy-check "image: \"\?.*/local-registry-sync@$IMAGE_DIGEST"
  for digest in "$MODULE_DIGEST" "$IMAGE_DIGEST" "$PROMOTE_DIGEST"; do
    expect 1 hauler "name: .*@$digest"
  done
  expect 1 promote "image: \"\?.*/local-registry-promote@$PROMOTE_DIGEST"
  for preset in workloads workloads-labelled; do
    expect 2 "$preset" "module: \"\?registry://.*/local-registry-policy@$MODULE_DIGEST"
  done
}

@test "the package of the chart names module and images by digest, and has all else as it is" {
  render "$MODULE_DIGEST" "$IMAGE_DIGEST"
  [ "$status" -eq 0 ] || { echo "$stderr"; return 1; }
  "$HELM" show values "target/chart/local-registry-$VERSION.tgz" > "$BATS_TEST_TMPDIR/values.yaml"
  for digest in "$MODULE_DIGEST" "$IMAGE_DIGEST" "$PROMOTE_DIGEST"; do
    [ "$(grep --count " digest: $digest\$" "$BATS_TEST_TMPDIR/values.yaml")" -eq 1 ]
    sed --in-place "s/ digest: $digest\$/ digest: \"\"/" "$BATS_TEST_TMPDIR/values.yaml"
  done
  diff "$BATS_TEST_TMPDIR/values.yaml" <("$HELM" show values charts/local-registry)
}

# Whoever deletes what is in them must not delete the images.
@test "only the file of the registry has the namespace and the claim of the images" {
  # The objects of a preset, which must have this one: objects PRESET OBJECT
  objects() {
    template "$1" local-registry |
      KUBECONFIG=/dev/null "$KUBECTL" annotate --local --filename - --output jsonpath='{.kind} {.metadata.name}{"\n"}' a=b \
        > "$BATS_TEST_TMPDIR/$1"
    grep --quiet --line-regexp "$2" "$BATS_TEST_TMPDIR/$1"
  }
  objects registry 'PersistentVolumeClaim registry'
  objects registry 'Namespace local-registry'
  objects policy 'Deployment local-registry-sync'
  objects registry-gc 'Job registry-garbage-collection'
  objects registry-monitoring 'PodMonitor registry'
  objects policy-monitoring 'PodMonitor local-registry-sync'
  objects check-pull 'Namespace local-registry-check'
  for preset in registry-gc registry-monitoring policy policy-monitoring check-pull; do
    run grep --line-regexp 'PersistentVolumeClaim registry\|Namespace local-registry' "$BATS_TEST_TMPDIR/$preset"
    [ "$status" -eq 1 ] || { echo "$preset: $output"; return 1; }
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

@test "the example of a promotion mounts its files where they are read" {
  "$HELM" template local-registry-promote charts/local-registry --namespace local-registry-promote \
    --values examples/promotion/values.yaml > "$BATS_TEST_TMPDIR/promotion.yaml"
  for file in manifests/team/promoter-manifest.yaml images/team/images.yaml; do
    [ -f "examples/promotion/$file" ]
    grep --quiet "key: \"\?team\.${file##*/}\"\?, path: \"\?$file\"\?}" "$BATS_TEST_TMPDIR/promotion.yaml"
  done
}
