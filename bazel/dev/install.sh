# shellcheck shell=bash
# `./dev install --prefix DIR`: the server, the command line client, the C++ client's
# headers and libraries, the protos, man pages and completions, as a package would lay them
# out below DIR.
#
# What is installed can be moved to another place as a whole. Libraries lie in lib/ whatever
# the prefix is: below /usr too linkers, pkg-config and CMake look there, besides the folder
# of the machine's architecture, which is for packages (`./dev deb`).

INSTALLED_PROGRAMS=(//services/lock/main:holdfastd //clients/cli:holdfast)
# The archive and the shared library, which Bazel calls holdfast.
INSTALLED_LIBRARIES=(//clients/cpp/packaging:libholdfast //clients/cpp/packaging:holdfast)

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

# version: that of the tree.
version() {
  sed -n 's/.*kVersion\[\] = "\(.*\)".*/\1/p' common/version.h
}

# install_client PREFIX FOLDER LIBRARIES: the C++ client, as it was built into FOLDER, with
# what is linked in PREFIX/LIBRARIES.
install_client() {
  local prefix=$1 folder=$2/clients/cpp/packaging libraries=$3 lib=$1/$3 up soname file to
  install_tree clients/cpp/include "$prefix/include" .h
  install -D -m 644 "$folder/libholdfast.a" "$lib/libholdfast.a"
  soname=$(readelf -d "$folder/libholdfast.so" | sed -n 's/.*soname: \[\(.*\)\]/\1/p')
  install -D -m 644 "$folder/libholdfast.so" "$lib/$soname"
  # What -lholdfast finds.
  ln -sf "$soname" "$lib/libholdfast.so"
  mkdir -p "$lib/pkgconfig" "$lib/cmake/holdfast"
  # From LIBRARIES to PREFIX.
  up=$(realpath -ms --relative-to="/$libraries" /)
  for file in clients/cpp/packaging/*.in; do
    case $file in
      *.pc.in) to=$lib/pkgconfig ;;
      *) to=$lib/cmake/holdfast ;;
    esac
    sed "s|@VERSION@|$(version)|; s|@SONAME@|$soname|; s|@LIBRARIES@|$libraries|; s|@UP@|$up|" \
      "$file" >"$to/$(basename "$file" .in)"
  done
}

# lay_out_help PREFIX: the man pages, and what bash, zsh and fish complete command lines by.
lay_out_help() {
  local prefix=$1 completions=clients/cli/completions
  install -D -m 644 -t "$prefix/share/man/man1" docs/man/holdfast.1
  install -D -m 644 -t "$prefix/share/man/man8" docs/man/holdfastd.8
  install -D -m 644 "$completions/holdfast.bash" \
    "$prefix/share/bash-completion/completions/holdfast"
  install -D -m 644 -t "$prefix/share/zsh/site-functions" "$completions/_holdfast"
  install -D -m 644 -t "$prefix/share/fish/vendor_completions.d" "$completions/holdfast.fish"
}

# lay_out PREFIX FOLDER [LIBRARIES]: installs below PREFIX what was built into FOLDER, its
# libraries in PREFIX/LIBRARIES. To be called in the checkout's root.
lay_out() {
  local prefix=$1 folder=$2 label
  for label in "${INSTALLED_PROGRAMS[@]}"; do
    install -D -m 755 "$(built_path "$label" "$folder")" "$prefix/bin/${label##*:}"
  done
  install_client "$prefix" "$folder" "${3-lib}"
  # What is on disk is the server's own affair, so those protos stay here.
  install_tree protos "$prefix/share/holdfast/protos" .proto -not -path '*/storage/*'
  install -D -m 644 LICENSE "$prefix/share/doc/holdfast/LICENSE"
  lay_out_help "$prefix"
}

# install_release PREFIX [LIBRARIES]: builds for release, and lays that out.
install_release() {
  say "building ${INSTALLED_PROGRAMS[*]} ${INSTALLED_LIBRARIES[*]} for release"
  run_bazel build --config=release "${INSTALLED_PROGRAMS[@]}" "${INSTALLED_LIBRARIES[@]}"
  say "installing below $1"
  lay_out "$1" "$(build_folder --config=release)" "${2-lib}"
}

dev_install() {
  [[ $# == 2 && $1 == --prefix && -n $2 ]] || die "usage: ./dev install --prefix DIR"
  local prefix=$2
  [[ $prefix == /* ]] || prefix=$CALLED_FROM/$prefix
  prepare build
  mkdir -p "$prefix" || die "cannot create $prefix"
  install_release "$prefix"
  say "done: $prefix/bin/holdfastd, and what pkg-config and CMake read is below $prefix/lib"
}
