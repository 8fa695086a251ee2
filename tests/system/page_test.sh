#!/usr/bin/env bash
# page_test.sh - a real Chromium on the operator's page while a host dies and its VM moves.
#
#   page_test.sh                 on the pretend company of tests/fault
#   page_test.sh --long [DIR]    on the bed: real guests, real hypervisors; pictures in DIR
. "$(dirname "$0")/../kit/tap.sh"
VRS_TOP=$TAP_TOP
. "$TAP_TOP/tools/lib.sh"

missing=$(vrs_missing page | xargs)
if [[ -n $missing ]]; then
	(vrs_install page) >/dev/null 2>&1 || skip_all "these packages cannot be had here: $missing"
fi
chromium --version >/dev/null 2>&1 || skip_all "chromium does not run here"

# Debian's own Python: it is the one that has the package.
python=/usr/bin/python3

# drive URL TOKEN_FILE VM [PICTURES] : on_do WORD is asked to act
drive() {
	local line
	coproc BROWSER { exec "$python" "$TAP_TOP/tests/system/page_drive.py" "$@" 2>&1; }
	local to=${BROWSER[1]} from=${BROWSER[0]} pid=$BROWSER_PID
	while read -r line <&"$from"; do
		case $line in
		"ok "*) ok "${line#ok }" ;;
		"not ok "*) not_ok "${line#not ok }" ;;
		"do "*) on_do "${line#do }" >&"$to" ;;
		*) diag "${line#\# }" ;;
		esac
	done
	wait "$pid" || not_ok "the browser's driver ended well"
}

# Of a page without scripts, too.
plain() { # URL TOKEN_FILE VM
	local html
	html=$(curl -s "$1/tables")
	check "without a token, /tables requires one" grep -q '<form method="post" action="/api/v1/session">' <<<"$html"
	html=$(curl -sf -H "Authorization: Bearer $(<"$2")" "$1/tables")
	check "without scripts, tables show the same" eval 'for t in Clusters Incidents "Active relocations" "If a host failed now" Hosts Events; do grep -q "<caption>$t</caption>" <<<"$html" || exit 1; done'
	check "and have a row for this relocation" grep -q "<td>$3</td>" <<<"$html"
	check "the page itself leads there" grep -q '<noscript><meta http-equiv="refresh" content="0; url=/tables">' <(curl -s "$1/")
	check "no script, style or handler stands in the page" eval '! curl -s "$1/" | grep -Eq "<style|style=|on[a-z]+=\"|<script>"'
}

# From afar: vrsctl with a token says what it says on the bus.
afar() { # URL OPERATE_TOKEN_FILE READ_TOKEN_FILE VM CLUSTER
	local g="$VRS_BUILD/bin/vrsctl -g $1 --token-file"
	check "remote: status" eval "$g $3 status | grep -q CLUSTER"
	check "remote: one relocation, with its journal" eval "$g $3 relocation show $4 | grep -q DECIDING"
	check "remote: why" eval "$g $3 explain $4 | grep -q RANK"
	check "remote: events" eval "$g $3 events | grep -q FENCING"
	check "remote: history as CSV" eval "$g $3 export $5 --from 2h | grep -q ^Date"
	is "remote: a reading token may not order" "$($g "$3" -y failback "$4" >/dev/null 2>&1; echo $?)" 4
	is "remote: but may try a dry run" "$($g "$3" failback "$4" --dry-run 2>&1 | grep -c 'may only read')" 0
	check "remote: transfers" eval "$g $3 transfer list"
	is "remote: bytes that are not a message" "$(head -c 300 /dev/urandom | curl -s -o /dev/null -w '%{http_code}' --data-binary @- \
		-H "Authorization: Bearer $(<"$2")" -H 'Content-Type: application/x-protobuf' "$1/api/v1/bus/control")" 400
	is "remote: a wrong token" "$(VRSAS_TOKEN=wrong "$VRS_BUILD/bin/vrsctl" -g "$1" status 2>&1 | grep -c 'unknown token')" 1
}

if [[ ${1:-} == --long ]]; then
	. "$TAP_TOP/tests/system/page_long.sh"
	tap_done
fi

. "$TAP_TOP/tests/kit/shell/sshd.sh"
. "$TAP_TOP/tests/fault/company.sh"

on_do() {
	case $1 in
	cut) cut_power c1/h1 ;;
	cancelled) ctl -o json relocation show web1 | jq -r 'if (.relocation[0].journal | map(.why) | join(" ") | test("repaired")) or .relocation[0].record.cancel_asked then "yes" else "no" end' ;;
	esac
	[[ $1 == cancelled ]] || echo done
}

# Three days, so that there is something to forecast from.
make_history() { # CLUSTER HOST HOST HOW..
	local cluster=$1 a=$2 b=$3
	shift 3
	"$VRS_BUILD/bin/vrs-predictor" generate --days 3 --every-day --seed 7 --hosts "$a" "$b" "$@" \
		--end "$(date -u +%FT%H:%M:00Z)" --out "$C/history.csv" >/dev/null &&
		"$VRS_BUILD/bin/vrsctl" --etl "tcp://127.0.0.1:${PORT[fill]}" import "$cluster" "$C/history.csv" >/dev/null
}

# Forecasts as soon as there is something to forecast from.
eval "plain_$(declare -f write_scheduler_conf)"
write_scheduler_conf() {
	plain_write_scheduler_conf
	echo "forecast_interval = 2s"
}

# Slow enough to be looked at.
IMAGE_MIB=48 RATE_LIMIT=1500000 company_open || { not_ok "the company opens"; company_story; tap_done; }
GATEWAY=("--www=$VRS_BUILD/www" "--risk_round=2s")
check "history is there" eval \
	'make_history c1 h1 h2 --workload 2 --scale 120 --rise-at "$(date -u -d "+80 minutes" +%FT%H:%M:00Z)" &&
		make_history c2 a1 a2 --workload 3 --scale 70'
gateway_open && ok "the gateway answers" || not_ok "the gateway answers"
url=http://127.0.0.1:${PORT[http]}
echo $READ >"$C/token-read"
echo $OPERATE >"$C/token-operate"
drive "$url" "$C/token-operate" web1 "${PAGE_PICTURES:-}"
plain "$url" "$C/token-read" web1
afar "$url" "$C/token-operate" "$C/token-read" web1 c1
check "remote: history comes in" "$VRS_BUILD/bin/vrsctl" -g "$url" --token-file "$C/token-operate" import c2 "$C/history.csv"
[[ $TAP_BAD == 0 ]] || { tail -n 20 "$C/log/gateway" | sed 's/^/# /'; company_story; }
company_close
tap_done
