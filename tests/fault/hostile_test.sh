#!/usr/bin/env bash
# hostile_test.sh - hostile bytes on every listening socket, etl's and the scheduler's: the
# service lives, its memory is bounded, it counts, and it goes on serving its friends.
. "$(dirname "$0")/../kit/tap.sh"
. "$TAP_TOP/tests/kit/shell/etl.sh"

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

# attack SERVICE PID ROLE=URL.. : one line for each kind of bytes
attack() {
	local service=$1 word number dash text
	shift
	"$VRS_BUILD/tests/fault/hostile" "$@" >>"$dir/hostile.tap" 2>>"$dir/hostile.err"
	while read -r word number dash text; do
		case $word$dash in
		ok*) ok "$service lives after $text" ;;
		not*) not_ok "$service lives after ${dash:+$text}" ;;
		esac
	done < <(grep -E "^(not )?ok" "$dir/hostile.tap" | grep -v "# SKIP")
	: >"$dir/hostile.tap"
}

attack etl "$etl" "pub=$samples" "req=$fill"
is "all kinds of hostile bytes were sent" "$TAP_N" 7

check "invalid messages are counted" wait_for 20 noted_at_least garbage 20
check "forged messages are counted" wait_for 20 noted_at_least refused 50

"$stored" trace 4 >"$dir/trace.csv"
now=$(date +%s)
from=$(((now / 60 - 300) * 60000))
to=$((from + 299 * 60000))
mkdir "$dir/spool"
echo $from >"$dir/spool/c1.replay"
play c1
check "a valid collector is still served" wait_for 60 \
	"$stored" check "$dir/trace.csv" "unix:$socket" c1 $from $to

kill -TERM "$etl"
wait "$etl"
is "etl stops on SIGTERM" $? 0
unset "pid[etl]"
# The scheduler: replies that nobody asked for where predictors and movers dial in, and
# requests of strangers.
mapfile -t url < <(for _ in 1 2 3; do echo "tcp://127.0.0.1:$(free_port)"; done)
printf '[cluster c1]\nformat = raw\n[host c1/h1]\nuri = command:/bin/false\n' >"$dir/site.conf"
"$VRS_BUILD/bin/vrs-scheduler" --site="$dir/site.conf" --redis="unix:$socket" --forecast="${url[0]}" \
	--transfer="${url[1]}" --control="${url[2]}" >"$dir/scheduler.log" 2>&1 &
pid[scheduler]=$!
asks() {
	"$VRS_BUILD/bin/vrsctl" -s "${url[2]}" status
}
check "the scheduler answers" wait_for 20 asks
before=$TAP_N
attack scheduler "${pid[scheduler]}" "rep=${url[0]}" "rep=${url[1]}" "req=${url[2]}"
is "all kinds of hostile bytes were sent to it, too" $((TAP_N - before)) 6
check "an operator still gets replies" wait_for 20 asks
kill -TERM "${pid[scheduler]}"
wait "${pid[scheduler]}"
is "the scheduler stops on SIGTERM" $? 0
unset "pid[scheduler]"

if ((TAP_BAD)); then
	tail -n 30 "$dir/etl.log" "$dir/hostile.err" "$dir/hostile.tap" | sed 's/^/# /'
fi
tap_done
