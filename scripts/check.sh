#!/usr/bin/env bash
# Looks at the sources without building them: formatting, and the shell scripts where shellcheck is installed.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/env.sh
swift format lint --strict --recursive --parallel Package.swift Sources Tests Benchmarks
if command -v shellcheck >/dev/null; then shellcheck --external-sources scripts/*.sh .ci/run; fi
