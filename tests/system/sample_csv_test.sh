#!/usr/bin/env bash
# sample_csv_test.sh - CSV of the exchange format goes in and comes out the same; twice is once.
. "$(dirname "$0")/../kit/tap.sh"
. "$TAP_TOP/tests/kit/shell/etl.sh"

HOSTS=5

ctl() {
	"$bin/vrsctl" --etl "$fill" "$@"
}

start_redis || skip_all "redis-server does not start"
start_etl
etl_is_up || skip_all "etl does not start"

day=86400000
from=$((($(date +%s) / 86400 - 2) * day)) # the day before yesterday
"$stored" trace $HOSTS $from >"$dir/in.csv"
sed -i '100s/,[^,]*$/,/' "$dir/in.csv" # a minute without a reading

check "a day of $HOSTS hosts is imported" ctl import c9 "$dir/in.csv"
is "every measured minute is stored" \
	"$("$stored" check "$dir/in.csv" "unix:$socket" c9 $from $((from + day)))" \
	"right=$((HOSTS * 1440 - 1)) missing=1 wrong=0"
check "it is exported" sh -c "'$bin/vrsctl' --etl '$fill' export c9 --from 96h >'$dir/out.csv'"
check "the export equals the import" diff <(sort "$dir/in.csv") <(sort "$dir/out.csv")
before=$(cli DBSIZE)
check "importing the same file again succeeds" ctl import c9 "$dir/in.csv"
is "and changes nothing" "$(cli DBSIZE)" "$before"

{
	head -n 3 "$dir/in.csv"
	echo '2026-11-23,08:15:00,h1,10.0.1.1,64,65,1,1,1'
} >"$dir/bad.csv"
said=$(ctl import c9 "$dir/bad.csv" 2>&1)
is "a wrong row is refused" $? 1
case $said in
*":4:6: Left vCPUs"*) ok "and named with its line and column" ;;
*) not_ok "and named with its line and column: $said" ;;
esac
if ((TAP_BAD)); then
	tail -n 20 "$dir/etl.log" | sed 's/^/# /'
fi
tap_done
