#!/usr/bin/env bash
# Writes action.txt, providers.txt, light.txt, dev.txt, uv.txt and build.txt anew: every package with its version and the hashes of all
# its files, for every platform and Python that pyproject.toml allows. Needs uv 0.13 or newer. Arguments go to
# `uv pip compile`: `--upgrade`, `--upgrade-package NAME`, `--exclude-newer "7 days"`; without any,
# versions stay as they are.
set -euo pipefail
cd "$(dirname "$0")/.."

compile() { # FILE, SOURCE, ARGUMENTS of uv
  local file=$1 source=$2
  shift 2
  UV_CUSTOM_COMPILE_COMMAND=requirements/compile.sh \
    uv pip compile "$source" --quiet --universal --python-version 3.11 --generate-hashes \
    --no-emit-index-url --no-emit-find-links --no-annotate --no-strip-extras \
    --output-file "requirements/$file" "$@" >/dev/null
}

compile action.txt pyproject.toml "$@"
# What the Action installs with a key. Not bound to action.txt: google-genai refuses its tenacity.
compile providers.txt pyproject.toml --extra anthropic --extra openai --extra google --extra groq \
  --extra mistral "$@"
.ci/distributions | compile light.txt - --constraint requirements/action.txt "$@"
# The same for pre-commit: it installs our folder with them, and a folder has no hash.
{
  head -n 2 requirements/light.txt
  sed -n 's/^\([a-z].*[^ ]\) *\\$/\1/p' requirements/light.txt
} >requirements/hook.txt
compile dev.txt pyproject.toml --extra dev --constraint requirements/action.txt "$@"
echo 'uv>=0.9' | compile uv.txt - "$@"
# What makes the wheel: installed first, so that pip fetches nothing unpinned to build it.
sed -n '/^\[build-system\]/,/^$/s/^requires = \["\(.*\)"\]$/\1/p' pyproject.toml | sed 's/", "/\n/g' |
  compile build.txt - --constraint requirements/dev.txt "$@"
