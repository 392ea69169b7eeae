#!/usr/bin/env bash
# runtime_packages.sh PROGRAM...: the Debian packages that the programs' libraries are in, one
# a line, by the names that they have on the release of Debian that this is.
set -euo pipefail

for program in "$@"; do
  needed=$(readelf -d "$program" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
  ldd "$program" | while read -r library _ path _; do
    grep -qxF "$library" <<<"$needed" || continue
    path=$(realpath "$path")
    # With a merged /usr, dpkg may know the file by the path that it had before.
    dpkg-query --search "$path" 2>/dev/null || dpkg-query --search "${path#/usr}"
  done
done | sed 's/[:,].*//' | sort -u
