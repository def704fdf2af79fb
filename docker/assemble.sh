#!/bin/sh
# Puts the built Vault and what it needs at run time, in locked versions, into a folder: sh docker/assemble.sh /app
set -eu
target=$1
cd "$(dirname "$0")/.."

# npm wants the manifests of all workspaces beside the lock file, and the root's postinstall its script.
for file in package.json package-lock.json .npmrc tools/ensure-install.mjs packages/*/package.json apps/*/package.json tools/*/package.json; do
  mkdir -p "$target/$(dirname "$file")"
  cp "$file" "$target/$file"
done
(cd "$target" && npm ci --omit=dev --workspace @storage/vault --no-audit --no-fund)

for link in "$target"/node_modules/@storage/*; do
  project=$(realpath --relative-to="$target" "$link")
  cp -R "$project/dist" "$target/$project/dist"
done
