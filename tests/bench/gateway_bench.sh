#!/usr/bin/env bash
# 200 browsers that listen to the gateway of a company with 1,000 hosts and 10 transfers under
# way: how late they hear (wanted: within 1 s), and what that costs the gateway (wanted: under
# 10 % of a core and 64 MiB).
set -euo pipefail
. "$(dirname "$0")/../kit/tap.sh"
dir=$(mktemp -d)
pids=()
over() {
	kill "${pids[@]}" 2>/dev/null || :
	wait 2>/dev/null || :
	rm -rf "$dir"
}
trap over EXIT

redis-server --port 0 --unixsocket "$dir/redis.sock" --dir "$dir" --save '' --appendonly no \
	--logfile "$dir/redis.log" &
pids+=($!)
wait_for 10 redis-cli -s "$dir/redis.sock" ping
token=$(od -An -N 16 -t x1 /dev/urandom | tr -d ' ')
(umask 077 && echo "read bench $token" >"$dir/tokens")
port=$(free_port) control=$(free_port)
"$VRS_BUILD/bin/vrs-gateway" --redis="unix:$dir/redis.sock" --listen="127.0.0.1:$port" --www= \
	--tokens="$dir/tokens" --openapi= --control="tcp://127.0.0.1:$control" --risk_round=0 \
	--log_level=warn &
gateway=$!
pids+=("$gateway")
wait_for 10 curl -sf "http://127.0.0.1:$port/-/healthy"
"$VRS_BUILD/bench/bench_gateway" "tcp://127.0.0.1:$control" "unix:$dir/redis.sock" "$port" \
	"$token" "$gateway" "${1:-200}" "${2:-20}"
