# shellcheck shell=bash
# `./dev install --prefix DIR`: the server, the command line client, the C++ client's
# headers and library, and the protos, as a package would lay them out below DIR.

INSTALLED_PROGRAMS=(//services/lock/main:holdfastd //clients/cli:holdfast)
INSTALLED_LIBRARY=//:libholdfast

# built_path LABEL FOLDER: where the result of the target lies.
built_path() {
  local label=${1#//}
  printf '%s/%s' "$2" "${label/://}"
}

# install_tree FROM TO SUFFIX [ARGUMENT of find...]: the files of that suffix, in their folders.
install_tree() {
  local from=$1 to=$2 suffix=$3 file
  shift 3
  while read -r file; do
    install -D -m 644 "$from/$file" "$to/$file"
  done < <(cd "$from" && find . -name "*$suffix" "$@")
}

# lay_out PREFIX FOLDER: installs below PREFIX what was built into FOLDER. To be called in
# the checkout's root.
lay_out() {
  local prefix=$1 folder=$2 label version
  for label in "${INSTALLED_PROGRAMS[@]}"; do
    install -D -m 755 "$(built_path "$label" "$folder")" "$prefix/bin/${label##*:}"
  done
  install -D -m 644 "$(built_path "$INSTALLED_LIBRARY" "$folder").a" "$prefix/lib/libholdfast.a"
  install_tree clients/cpp/include "$prefix/include" .h
  # What is on disk is the server's own affair, so those protos stay here.
  install_tree protos "$prefix/share/holdfast/protos" .proto -not -path '*/storage/*'
  install -D -m 644 LICENSE "$prefix/share/doc/holdfast/LICENSE"
  version=$(sed -n 's/.*kVersion\[\] = "\(.*\)".*/\1/p' common/version.h)
  mkdir -p "$prefix/lib/pkgconfig"
  sed "s|@PREFIX@|$prefix|; s|@VERSION@|$version|" bazel/dev/holdfast.pc.in \
    >"$prefix/lib/pkgconfig/holdfast.pc"
}

dev_install() {
  [[ $# == 2 && $1 == --prefix && -n $2 ]] || die "usage: ./dev install --prefix DIR"
  local prefix=$2 flags=(--config=release)
  [[ $prefix == /* ]] || prefix=$CALLED_FROM/$prefix
  prepare build
  mkdir -p "$prefix" || die "cannot create $prefix"
  say "building ${INSTALLED_PROGRAMS[*]} $INSTALLED_LIBRARY for release"
  run_bazel build "${flags[@]}" "${INSTALLED_PROGRAMS[@]}" "$INSTALLED_LIBRARY"
  say "installing below $prefix"
  lay_out "$prefix" "$(build_folder "${flags[@]}")"
  say "done: $prefix/bin/holdfastd, and pkg-config knows holdfast in $prefix/lib/pkgconfig"
}
