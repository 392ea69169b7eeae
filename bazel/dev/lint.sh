# shellcheck shell=bash
# `./dev lint`: whatever can be checked without running anything. Every check runs, so
# that one go shows everything there is to mend.

# cxx_files: what clang-format formats. The protos of google.rpc are kept as they are.
cxx_files() {
  find common services clients tests protos -path protos/google -prune -o -path '*/node_modules' -prune -o \
    -type f \( -name '*.h' -o -name '*.cc' -o -name '*.proto' \) -print 2>/dev/null | sort
}

shell_files() {
  {
    find dev .ci/run -type f
    find bazel common services clients tests -path '*/node_modules' -prune -o -type f -name '*.sh' -print 2>/dev/null
  } | sort
}

dev_lint() {
  (($# == 0)) || die "usage: ./dev lint"
  prepare build lint
  local failed=() files

  say "format (clang-format 16)"
  mapfile -t files < <(cxx_files)
  ((${#files[@]} == 0)) || clang-format-16 --dry-run -Werror "${files[@]}" || failed+=("format: run ./dev fmt")

  say "scripts (shellcheck)"
  mapfile -t files < <(shell_files)
  shellcheck -x "${files[@]}" || failed+=(scripts)

  say "layers (bazel/lint/layers.py)"
  python3 bazel/lint/layers.py . || failed+=(layers)

  say "house rules (bazel/lint/house_rules.py)"
  python3 bazel/lint/house_rules.py . || failed+=("house rules")

  # The slow one comes last; what has not changed since is not read again.
  say "clang-tidy 16 (.clang-tidy)"
  run_bazel build --keep_going --output_groups=clang_tidy \
    --aspects=//bazel/lint:clang_tidy.bzl%clang_tidy //... || failed+=(clang-tidy)

  if ((${#failed[@]})); then
    printf 'failed: %s\n' "${failed[@]}" >&2
    return 1
  fi
  say "lint: no findings"
}
