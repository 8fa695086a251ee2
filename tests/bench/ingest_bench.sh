#!/usr/bin/env bash
# Samples a second from a collector's feed through etl into Redis (AOF everysec), against raw
# pipelined SETRANGE on the same Redis in the same run.
set -euo pipefail
. "$(dirname "$0")/../kit/tap.sh"
. "$TAP_TOP/tests/kit/shell/etl.sh"

redis_options=(--appendonly yes --appendfsync everysec)
start_redis
start_etl
etl_is_up
mkdir "$dir/spool"
"$VRS_BUILD/bench/bench_ingest" "unix:$socket" "$samples" "$fill" "$dir/spool"
