#!/usr/bin/env bash
# eta_bench.sh - what vrs-mover says before a copy against what the copy takes: 40 copies of
# random sizes after 20 for learning, on this machine as busy as it is.
set -euo pipefail
VRS_BUILD=${VRS_BUILD:-build/release}
"$VRS_BUILD/bench/bench_eta" "${BENCH_COPIES:-40}"
