# shellcheck shell=bash
# page_long.sh - the same on the bed: three clusters of QEMU guests, a power cut, the page.
# Sourced by page_test.sh --long [DIR]; DIR gets the pictures of docs/.
. "$TAP_TOP/tests/kit/shell/stack.sh"
pictures=${2:-}
stack_on_bed

on_do() {
	case $1 in
	cut) "$bed" power-off c1h1 >&2 ;;
	cancelled) vrsctl relocation show web1 -o json | jq -r 'if (.relocation[0].journal | map(.why) | join(" ") | test("repaired")) or .relocation[0].record.cancel_asked then "yes" else "no" end' ;;
	esac
	[[ $1 == cancelled ]] || echo done
}

"$bed" up "$TAP_TOP/tests/kit/bed/three-clusters.spec" >"$work/bed.log" 2>&1 || {
	not_ok "the bed comes up"
	tail -n 20 "$work/bed.log" | sed 's/^/# /'
	tap_done
}
eval "$("$bed" info)"
declare -A address
for vm in web1 db1; do address[$vm]=$("$bed" vm-create c1h1 $vm); done
STACK_VMS="web1:1:${address[web1]} db1:2:${address[db1]}"
for vm in web1 db1; do
	check "guest $vm serves" wait_for 180 curl -sf -m 1 "http://${address[$vm]}/"
done
# As in tools/demo: the dead host's neighbour is nearly full, c2's daily rise comes.
"$bed" load c1h1 30
"$bed" load c1h2 75
for h in c2h1 c2h2; do "$bed" load $h 8; done
for h in c3h1 c3h2; do "$bed" load $h 30; done
STACK_INTERVAL=2s
STACK_PREDICTOR="epochs = 2
max_windows = 1500
check = 1s"
# Slow enough to be looked at.
STACK_SCHEDULER="tick = 500ms
probe = 2s
stable = 5s
forecast_interval = 5s
boot_time = 10s
rate_limit = 400000"
STACK_NO_PREDICTOR=1
stack_up
wait_for 30 vrsctl status || not_ok "the scheduler answers"
import_history() { # CLUSTER HOSTS WORKLOAD SCALE MORE..
	local cl=$1 hosts=$2 workload=$3 scale=$4
	shift 4
	# shellcheck disable=SC2086 # several names
	vrs-predictor generate --workload "$workload" --scale "$scale" --days 6 --every-day --seed 7 \
		--hosts $hosts --end "$(date -u +%FT%H:%M:00Z)" --out "$work/history.csv" "$@" >/dev/null
	vrsctl import "$cl" "$work/history.csv" >/dev/null
}
import_history c1 c1h1 3 70
import_history c1 c1h2 3 180
import_history c2 "c2h1 c2h2" 2 120 --rise-at "$(date -u -d "+80 minutes" +%FT%H:%M:00Z)"
import_history c3 "c3h1 c3h2" 3 70
start_service predictor-1 vrs-predictor
check "a model is trained" wait_for 120 eval "[[ -n \$(redis --raw keys 'vrsas:v1:model:*') ]]"
check "and forecasts" wait_for 60 eval "vrsctl forecast c2 -o json | jq -e '.forecast[0].method == \"lstm\"'"
start_gateway || not_ok "the gateway answers"
drive "$VRS_PAGE" "$STACK/token-operate" web1 "$pictures"
plain "$VRS_PAGE" "$STACK/token-read" web1
afar "$VRS_PAGE" "$STACK/token-operate" "$STACK/token-read" web1 c1
((TAP_BAD == 0)) || tail -n 20 "$STACK"/log/{gateway,scheduler} | sed 's/^/# /'
