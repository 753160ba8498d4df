#!/usr/bin/env bats
# Checks the manifests of a release, which `make manifests` renders: `make check-manifests`.

bats_require_minimum_version 1.5.0

MODULE_DIGEST=sha256:$(printf '0123456789abcdef%.0s' 1 2 3 4)
IMAGE_DIGEST=sha256:$(printf 'fedcba9876543210%.0s' 1 2 3 4)

setup() {
  cd "$BATS_TEST_DIRNAME/.."
}

render() {
  run --separate-stderr make --silent manifests "MODULE_DIGEST=$1" "IMAGE_DIGEST=$2"
}

@test "the manifests equal those of deploy, and name module and image by digest" {
  render "$MODULE_DIGEST" "$IMAGE_DIGEST"
  [ "$status" -eq 0 ] || { echo "$stderr"; return 1; }
  for folder in $FOLDERS; do
    name=local-registry-${folder//\//-}
    "$KUBECTL" kustomize "deploy/$folder" > "$BATS_TEST_TMPDIR/tags.yaml"
    sed "s#\(module: .*\)@$MODULE_DIGEST\$#\1:v$VERSION#; s#\(image: .*\)@$IMAGE_DIGEST\$#\1:v$VERSION#" \
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
  done
}
