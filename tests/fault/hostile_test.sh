#!/usr/bin/env bash
# hostile_test.sh - hostile bytes on both sockets of etl: it lives, its memory is bounded, it
# counts, and it goes on serving its collectors.
. "$(dirname "$0")/../tap.sh"
. "$TAP_TOP/tests/lib/etl.sh"

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

start_redis || skip_all "redis-server does not start"
start_etl
etl_is_up || skip_all "etl does not start"
etl=${pid[etl]}

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

"$stored" trace 4 >"$dir/trace.csv"
now=$(date +%s)
from=$(((now / 60 - 300) * 60000))
to=$((from + 299 * 60000))
mkdir "$dir/spool"
echo $from >"$dir/spool/c1.replay"
play c1
check "a good collector is served all the same" wait_for 60 \
	"$stored" check "$dir/trace.csv" "unix:$socket" c1 $from $to

kill -TERM "$etl"
wait "$etl"
is "etl ends when it is asked to" $? 0
unset "pid[etl]"
if ((TAP_BAD)); then
	tail -n 30 "$dir/etl.log" "$dir/hostile.err" "$dir/hostile.tap" | sed 's/^/# /'
fi
tap_done
