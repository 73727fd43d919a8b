#!/usr/bin/env bash
# Runs the demo from a debug build, which takes a fraction of the time that a release build takes. Arguments go to "rookery demo".
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/env.sh
[ "$(id -u)" = 0 ] || echo "The demo starts real sandboxes, which needs root: sudo may ask for your password." >&2
root .build/debug/rookery demo "$@"
