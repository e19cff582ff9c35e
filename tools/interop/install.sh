#!/bin/sh
# Installs Moleculer 0.15 (with Node.js 22) and 0.14 with their clients. Does nothing when they are up to date.
set -eu
cd "$(dirname "$0")/js"
for release in v15 v14; do
    stamp="$release/node_modules/.installed"
    if ! cmp -s "$release/package-lock.json" "$stamp"; then
        (cd "$release" && npm ci --no-audit --no-fund --loglevel=error)
        cp "$release/package-lock.json" "$stamp"
    fi
done
