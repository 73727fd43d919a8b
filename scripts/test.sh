#!/usr/bin/env bash
# Builds and runs all tests. Arguments go to "swift test".
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/env.sh

swift build --build-tests
root .build/debug/rookery base make
# What hangs is cut: the last test that began is the one.
run=(timeout --foreground --signal=INT --kill-after=60 65m swift test --skip-build --no-parallel "$@")
# One after the other: the tests start real processes and sandboxes, which would wait for each other's processor time.
if [ "$(id -u)" = 0 ]; then
  exec "${run[@]}"
fi
echo "Many tests start real sandboxes, which needs root: sudo may ask for your password." >&2
status=0
# The checkout belongs to somebody else than root: git, which SwiftPM runs, is told that this is meant.
root env HOME=/root GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory 'GIT_CONFIG_VALUE_0=*' "${run[@]}" || status=$?
# What root left in the build directory must not be in the way of the next build.
root chown -R "$(id -u):$(id -g)" .build
exit "$status"
