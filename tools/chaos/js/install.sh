#!/bin/sh
# Installs Moleculer 0.15 with Node.js 22 and its clients. Does nothing when they are up to date.
set -eu
cd "$(dirname "$0")"
stamp=node_modules/.installed
if ! cmp -s package-lock.json "$stamp"; then
    npm ci --no-audit --no-fund --loglevel=error >&2
    # The package `node` gets its program in an install script, which npm may have skipped.
    if ! node_modules/node/bin/node --version >/dev/null 2>&1; then
        (cd node_modules/node && node installArchSpecificPackage.js) >&2
    fi
    cp package-lock.json "$stamp"
fi
