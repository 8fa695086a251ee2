#!/usr/bin/env bash
# ingest_test.sh - kill -9 of collector, etl, Redis and of all three, three rounds each, while
# a trace replays: afterwards every sample is in Redis, and right.
. "$(dirname "$0")/../kit/tap.sh"
. "$TAP_TOP/tests/kit/shell/etl.sh"

HOSTS=16
MINUTES=900   # that are replayed
PER_ROUND=40  # minutes between two kills
SPEED=60      # minutes a second

redis_options=(--appendonly yes --appendfsync everysec)

start_collector() {
	play c1 --history_speed=$SPEED --interval=60s --heartbeat=1s
}

kill9() {
	kill -9 "${pid[$1]}"
	wait "${pid[$1]}" 2>/dev/null
	unset "pid[$1]"
}

# How far the trace has been told, in Unix milliseconds.
position() {
	cat "$dir/spool/c1.replay" 2>/dev/null || echo 0
}

told_to() {
	(($(position) >= $1))
}

round() {
	local service
	wait_for 60 told_to $((told + PER_ROUND * 60000)) || return 1
	told=$(position)
	for service in "$@"; do
		kill9 "$service"
	done
	for service in "$@"; do
		"start_$service" || return 1
	done
}

"$stored" trace $HOSTS >"$dir/trace.csv" || skip_all "the test's own tool is not built"
now=$(date +%s)
from=$(((now / 60 - MINUTES) * 60000))
mkdir "$dir/spool"
echo $from >"$dir/spool/c1.replay"
told=$from

start_redis || skip_all "redis-server does not start"
start_etl
start_collector
for victims in collector etl redis "collector etl redis"; do
	for i in 1 2 3; do
		# shellcheck disable=SC2086 # several names
		if round $victims; then # not in a subshell: it starts our children
			ok "kill -9 of $victims, round $i"
		else
			not_ok "kill -9 of $victims, round $i"
		fi
	done
done

check "the whole trace is sent" wait_for 120 told_to $((from + (MINUTES - 1) * 60000))
to=$((from + (MINUTES - 1) * 60000))
all_stored() {
	"$stored" check "$dir/trace.csv" "unix:$socket" c1 $from $to
}
wait_for 60 all_stored
result=$(all_stored)
is "after 12 kills every sample is stored and right" "$result" \
	"right=$((HOSTS * (MINUTES - 1))) missing=0 wrong=0"
diag "$(cli HVALS vrsas:v1:svc:etl | tail -n 1)"
is "nothing was counted as lost" "$(cli XRANGE vrsas:v1:ev - + | grep -c ingest.lost)" 0

kill -TERM "${pid[collector]}" "${pid[etl]}"
wait "${pid[collector]}"
is "the collector stops on SIGTERM" $? 0
wait "${pid[etl]}"
is "etl stops on SIGTERM" $? 0
unset "pid[collector]" "pid[etl]"
if ((TAP_BAD)); then
	tail -n 30 "$dir/etl.log" "$dir/collector.log" | sed 's/^/# /'
fi
tap_done
