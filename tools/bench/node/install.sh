#!/bin/sh
# Installs the Node.js half of the benchmark suite. Idempotent.
# npm's own output goes to stderr; the last line on stdout is the path of the
# Node 22 binary to run workload.js with.
set -eu

cd "$(dirname "$0")"
dir=$(pwd -P)
node22="$dir/node_modules/node/bin/node"
stamp="$dir/node_modules/.ligand-bench-installed"
want=$(cat package.json package-lock.json 2>/dev/null | cksum)

is_node22() {
    case "$("$node22" --version 2>/dev/null || true)" in
        v22.*) return 0 ;;
        *) return 1 ;;
    esac
}

if [ ! -f "$stamp" ] || [ "$(cat "$stamp")" != "$want" ] || ! is_node22; then
    if [ -f package-lock.json ]; then
        npm ci --no-audit --no-fund >&2
    else
        npm install --no-audit --no-fund >&2
    fi
    # The `node` package fetches its platform package in an install script;
    # run it here if npm was told to skip install scripts.
    if ! is_node22; then
        (cd node_modules/node && node installArchSpecificPackage.js) >&2
    fi
    if ! is_node22; then
        echo "install.sh: no working Node 22 at $node22" >&2
        exit 1
    fi
    cat package.json package-lock.json 2>/dev/null | cksum >"$stamp"
fi

echo "$node22"
