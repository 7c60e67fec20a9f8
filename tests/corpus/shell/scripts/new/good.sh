#!/usr/bin/env bash
set -euo pipefail

target=${1:?usage: good.sh FOLDER}
archive=$(mktemp)
trap 'rm -f "$archive"' EXIT
curl --fail --silent --show-error --output "$archive" https://acme.example/a.tgz
echo "0123  $archive" | sha256sum --check
tar -xzf "$archive" -C "$target"
