#!/usr/bin/env bash
# Samples a second from a collector's feed through etl into Redis (AOF everysec), against raw
# pipelined SETRANGE on the same Redis in the same run.
set -euo pipefail
. "$(dirname "$0")/../tap.sh" # wait_for, free_port

dir=$(mktemp -d)
socket=$dir/redis.sock
samples=tcp://127.0.0.1:$(free_port)
fill=tcp://127.0.0.1:$(free_port)
pids=()

cleanup() {
	kill "${pids[@]}" 2>/dev/null || :
	wait 2>/dev/null || :
	rm -rf "$dir"
}
trap cleanup EXIT

redis-server --port 0 --unixsocket "$socket" --appendonly yes --appendfsync everysec \
	--save "" --dir "$dir" >/dev/null 2>&1 &
pids+=($!)
wait_for 20 redis-cli -s "$socket" PING
"$VRS_BUILD/bin/vrs-etl" --redis="unix:$socket" --samples="$samples" --fill="$fill" \
	2>"$dir/etl.log" &
pids+=($!)
wait_for 20 grep -q started "$dir/etl.log"
mkdir "$dir/spool"
"$VRS_BUILD/bench/bench_ingest" "unix:$socket" "$samples" "$fill" "$dir/spool"
