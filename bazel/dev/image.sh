# shellcheck shell=bash
# `./dev image [--tag NAME]`: a container image, by the Dockerfile. Its stage `build` is done
# here, by `./dev install`, so that what Bazel has built before is not built again; the base
# is the release of Debian that this is, and so has the same libraries.

# shellcheck source=bazel/dev/install.sh
source "$DEV/install.sh"

# runtime_stage: the Dockerfile from the second stage on; what it copies from the first comes
# from a folder of that name (--build-context).
runtime_stage() {
  printf 'ARG DEBIAN\n'
  sed -n '/^FROM .* AS runtime$/,$p' Dockerfile
}

# build_image CONTEXT TAG: from what is laid out in CONTEXT/root/opt/holdfast. IMAGE_BUILDER may say by what
# command, otherwise buildah or docker does it, whichever is there.
build_image() {
  local context=$1 tag=$2 builder release
  release=$(debian_codename)
  strip "$context"/root/opt/holdfast/bin/*
  "$DEV/runtime_packages.sh" "$context"/root/opt/holdfast/bin/* \
    >"$context/root/opt/holdfast/runtime-packages"
  if [[ -n ${IMAGE_BUILDER-} ]]; then
    # shellcheck disable=SC2206  # one word per argument
    builder=($IMAGE_BUILDER)
  elif command -v buildah >/dev/null; then
    # Docker's own format, as the other one has no place for a health check.
    builder=(buildah bud --format docker)
  elif docker info >/dev/null 2>&1; then
    builder=(docker build)
  else
    die "neither buildah nor a running docker is here; try: apt-get install buildah"
  fi
  runtime_stage >"$context/Dockerfile"
  "${builder[@]}" --build-context "build=$context/root" --build-arg "DEBIAN=$release" \
    --build-arg "VERSION=$(version)" --tag "$tag" --file "$context/Dockerfile" "$context"
}

dev_image() {
  local tag=holdfast
  if [[ ${1-} == --tag && -n ${2-} ]]; then
    tag=$2
    shift 2
  fi
  (($# == 0)) || die "usage: ./dev image [--tag NAME]"
  prepare build
  local folder
  folder=$(mktemp -d /tmp/holdfast-image-XXXXXX)
  # shellcheck disable=SC2064  # folder is that of now
  trap "rm -rf '$folder'" EXIT
  install_release "$folder/root/opt/holdfast"
  build_image "$folder" "$tag"
  say "done: $tag"
}
