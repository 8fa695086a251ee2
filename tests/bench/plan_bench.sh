#!/usr/bin/env bash
# How long a decision takes: 500 VMs of one dead host over 40 hosts in 5 clusters, every
# candidate with its reasons, against a plain planner that adds up each host's load anew.
set -euo pipefail
exec "${VRS_BUILD:?set to the release build}/bench/bench_plan" "$@"
