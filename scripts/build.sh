#!/usr/bin/env bash
# Builds the two programs: scripts/build.sh [debug|release]. A release build takes several times as long.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/env.sh
configuration=${1:-debug}
swift build --configuration "$configuration" --product rookery
swift build --configuration "$configuration" --product rookery-runner
