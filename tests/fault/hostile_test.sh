#!/usr/bin/env bash
# hostile_test.sh - hostile bytes on both sockets of etl: it lives, its memory is bounded, it
# counts, and it goes on serving its collectors.
. "$(dirname "$0")/../tap.sh"

dir=$(mktemp -d)
bin=$VRS_BUILD/bin
socket=$dir/redis.sock
samples=tcp://127.0.0.1:$(free_port)
fill=tcp://127.0.0.1:$(free_port)
pids=()

cleanup() {
	kill -9 "${pids[@]}" 2>/dev/null
	wait 2>/dev/null
	rm -rf "$dir"
}
trap cleanup EXIT

cli() {
	redis-cli -s "$socket" "$@" 2>/dev/null
}

redis_answers() {
	[[ $(cli PING) == PONG ]]
}

note() {
	cli HVALS vrsas:v1:svc:etl
}

# A number of the note that etl writes about itself.
noted() {
	note | grep -o "$1=[0-9]*" | tail -n 1 | cut -d= -f2
}

noted_at_least() {
	(($(noted "$1") >= $2))
}

redis-server --port 0 --unixsocket "$socket" --save "" --dir "$dir" >/dev/null 2>&1 &
pids+=($!)
wait_for 20 redis_answers || skip_all "redis-server does not start"
"$bin/vrs-etl" --redis="unix:$socket" --samples="$samples" --fill="$fill" \
	2>"$dir/etl.log" &
etl=$!
pids+=("$etl")
wait_for 20 grep -q started "$dir/etl.log" || skip_all "etl does not start"

"$VRS_BUILD/tests/fault/hostile" "$samples" "$fill" "$etl" >"$dir/hostile.tap" 2>"$dir/hostile.err"
while read -r word number dash text; do
	case $word in
	ok) ok "etl lives after $text" ;;
	not) not_ok "etl lives after ${dash:+$text}" ;;
	esac
done < <(grep -E '^(not )?ok' "$dir/hostile.tap")
is "all kinds of hostile bytes were sent" "$TAP_N" 7

check "messages that are none are counted" wait_for 20 noted_at_least garbage 20
check "lies are counted" wait_for 20 noted_at_least refused 50

"$VRS_BUILD/tests/fault/stored" trace 4 >"$dir/trace.csv"
now=$(date +%s)
from=$(((now / 60 - 300) * 60000))
to=$((from + 299 * 60000))
mkdir "$dir/spool"
echo $from >"$dir/spool/c1.replay"
"$bin/vrs-collector" --redis="unix:$socket" --cluster=c1 --collector=c1 \
	--replay="replay:$dir/trace.csv" --history=1h --spool_dir="$dir/spool" \
	--samples_url="$samples" --fill_url="$fill" 2>"$dir/collector.log" &
pids+=($!)
check "a good collector is served all the same" wait_for 60 \
	"$VRS_BUILD/tests/fault/stored" check "$dir/trace.csv" "unix:$socket" c1 $from $to

kill -TERM "$etl"
wait "$etl"
is "etl ends when it is asked to" $? 0
if ((TAP_BAD)); then
	tail -n 30 "$dir/etl.log" "$dir/hostile.err" "$dir/hostile.tap" | sed 's/^/# /'
fi
tap_done
