#!/usr/bin/env bats
# Unpacks the image of a program and starts it: `make check-sync-image`, `make check-promote-image`.

bats_require_minimum_version 1.5.0

# Unpacks the image as a container engine would: one layer after the other.
setup_file() {
  export ROOT="$BATS_FILE_TMPDIR/root" SAVED="$BATS_FILE_TMPDIR/saved"
  mkdir "$ROOT" "$SAVED"
  if [[ "$CONTAINER" == *docker ]]; then
    "$CONTAINER" save --output "$SAVED/image.tar" "$IMAGE"
  else
    "$CONTAINER" push "$IMAGE" "docker-archive:$SAVED/image.tar"
  fi
  tar --extract --directory "$SAVED" --file "$SAVED/image.tar"
  export CONFIG="$SAVED/$(jq --raw-output '.[0].Config' "$SAVED/manifest.json")"
  jq --raw-output '.[0].Layers[]' "$SAVED/manifest.json" | while read -r layer; do
    tar --extract --directory "$ROOT" --file "$SAVED/$layer"
  done
}

# Runs a program that sees only the image's files. Root may do that, and so may an ordinary user in a new user
# namespace. If the kernel refuses ordinary users such a namespace, as on Ubuntu 24.04, use sudo.
in_image() {
  local chroot
  # On Debian, chroot is not in an ordinary user's PATH.
  chroot=$(PATH="$PATH:/usr/sbin:/sbin" command -v chroot)
  if [ "$(id --user)" -eq 0 ]; then
    env --ignore-environment "$chroot" --userspec=65532:65532 "$ROOT" "$@"
  elif unshare --map-root-user true 2>/dev/null; then
    env --ignore-environment "$(command -v unshare)" --map-root-user "$chroot" "$ROOT" "$@"
  else
    sudo --non-interactive env --ignore-environment "$chroot" --userspec=65532:65532 "$ROOT" "$@"
  fi
}

@test "the program starts from the image's file system" {
  run in_image "/$PROGRAM" --version
  [ "$status" -eq 0 ]
  [ "$output" = "$PROGRAM $VERSION" ]
}

@test "what the program does not find is reported" {
  case "$PROGRAM" in
    local-registry-sync) arguments=() expected="error: *kubeconfig*" ;;
    local-registry-promote) arguments=(verify) expected="images: there is no such folder*" ;;
  esac
  run --separate-stderr in_image "/$PROGRAM" "${arguments[@]}"
  [ "$status" -eq 1 ]
  [[ "$stderr" == $expected ]]
}

@test "the image has no other files" {
  run bash -c 'cd "$ROOT" && find . -type f | sort'
  [ "$output" = "./LICENSE
./etc/ssl/certs/ca-certificates.crt
./$PROGRAM" ]
  grep --quiet 'BEGIN CERTIFICATE' "$ROOT/etc/ssl/certs/ca-certificates.crt"
}

@test "the image runs as an ordinary user, and its labels say what it is" {
  jq --exit-status '.config.User == "65532:65532"' "$CONFIG"
  jq --exit-status '.config.Entrypoint == ["/" + $program]' --arg program "$PROGRAM" "$CONFIG"
  jq --exit-status --arg program "$PROGRAM" '.config.Labels["org.opencontainers.image.title"] == $program' "$CONFIG"
  jq --exit-status --arg version "$VERSION" '.config.Labels | .["org.opencontainers.image.version"] == $version
    and .["org.opencontainers.image.licenses"] == "Apache-2.0"
    and (.["org.opencontainers.image.revision"] | length) == 40
    and (.["org.opencontainers.image.source"] | startswith("https://"))' "$CONFIG"
}
