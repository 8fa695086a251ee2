#!/usr/bin/env bash
# alert_test.sh [--long] - Alertmanager says that a host is down: what was answered stays,
# whatever dies; repeats are one incident; an alert is one witness and never a proof.
# --long: 20 kills of each service right after the answer instead of 3.
. "$(dirname "$0")/../kit/tap.sh"
. "$TAP_TOP/tests/kit/shell/sshd.sh"
. "$TAP_TOP/tests/fault/company.sh"
ROUNDS=3
[ "${1:-}" = --long ] && ROUNDS=20

# webhook STATUS HOST START [END]: what Alertmanager 0.25 sends
webhook() {
	local status=$1 host=$2 start=$3 end=${4:-0001-01-01T00:00:00Z}
	cat <<-END
	{"receiver": "vrsas", "status": "$status", "alerts": [{"status": "$status",
	 "labels": {"alertname": "HostDown", "cluster": "c1", "host": "$host", "severity": "critical",
	            "vrsas_event": "host_down", "instance": "10.0.1.1:9100", "job": "node"},
	 "annotations": {"summary": "node_exporter of $host does not answer"},
	 "startsAt": "$start", "endsAt": "$end", "generatorURL": "http://prom:9090/graph",
	 "fingerprint": "9d2d74da21d8c5ef"}],
	 "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {}, "externalURL": "http://am:9093",
	 "version": "4", "groupKey": "{}:{}", "truncatedAlerts": 0}
	END
}

tell() { # webhook's arguments: the status of the answer
	webhook "$@" | curl -s -m 10 -o "$C/answer" -w '%{http_code}' --data-binary @- \
		-H "Authorization: Bearer $ALERT" -H 'Content-Type: application/json' \
		"http://127.0.0.1:${PORT[http]}/api/v1/alerts"
}

open_alerts() { # ids of open incidents that were told
	get /api/v1/incidents | jq -r '.incident[] | select(.open and .origin == "alert") | .id'
}

id_of() { # START
	echo "9d2d74da21d8c5ef-$(($(date -ud "$1" +%s) * 1000))"
}

start_of() { # N: a start of its own
	date -ud "2026-03-01 + $1 minutes" +%FT%TZ
}

company_open && gateway_open || { not_ok "the company opens"; company_story; tap_done; }

# --- one failure, however often it is told ---------------------------------------------------

one=$(start_of 1)
is "an alert is accepted" "$(tell firing h1 "$one")" 200
is "it is new" "$(jq -r '.taken[0].result' "$C/answer")" new
for _ in $(seq 50); do tell firing h1 "$one" >> "$C/codes"; done
is "repeated 50 times: accepted every time" "$(sed 's/200//g' "$C/codes")" ""
is "and it is one incident" "$(open_alerts)" "$(id_of "$one")"
is "with 51 reports" "$(get /api/v1/incidents | jq '.incident[0].alert.words')" 51
check "a host that answers is not considered dead" \
	eval "get /api/v1/incidents | jq -e '.incident[0].next | test(\"the alert alone starts nothing\")'"
is "its VM stays" "$(state)" NONE
is "resolved ends it" "$(tell resolved h1 "$one" "$(start_of 2)")$(open_alerts)" 200
two=$(start_of 3)
tell firing h1 "$two" > /dev/null
is "the next failure of the same host is another incident" "$(open_alerts)" "$(id_of "$two")"
tell firing h1 "$(start_of 4)" > /dev/null
is "a newer one ends it" "$(open_alerts)" "$(id_of "$(start_of 4)")"
tell resolved h1 "$(start_of 4)" "$(start_of 5)" > /dev/null

# --- refused ---------------------------------------------------------------------------------

is "an unknown host is rejected" "$(tell firing h9 "$one")" 422
is "with the reason" "$(jq -r '.refused[0].reason' "$C/answer")" "c1/h9 is not in the inventory"
code=$(webhook firing h1 "$one" | sed 's/host_down/disk_full/' | curl -s -o "$C/answer" -w '%{http_code}' \
	--data-binary @- -H "Authorization: Bearer $ALERT" -H 'Content-Type: application/json' \
	"http://127.0.0.1:${PORT[http]}/api/v1/alerts")
is "an alert that is not about a dead host is refused" "$code" 422
is "bytes that are not a webhook are rejected" \
	"$(api $ALERT /api/v1/alerts -d '{"alerts": 1' -H 'Content-Type: application/json' | tail -n 1)" 400
is "a read token may not alert" \
	"$(webhook firing h1 "$one" | api $READ /api/v1/alerts --data-binary @- -H 'Content-Type: application/json' | tail -n 1)" 403
is "none of these is open" "$(open_alerts)" ""

# --- answered, then killed -------------------------------------------------------------------

known() { # ID
	redis hexists vrsas:v1:incident "$1" | grep -qx 1
}

survives() { # SERVICE
	local n=0 kept=0 at
	for ((i = 0; i < ROUNDS; i++)); do
		at=$(start_of $((++STARTS)))
		[ "$(tell firing h2 "$at")" = 200 ] || continue
		service_kill "$1"
		n=$((n + 1))
		service_up "$1"
		wait_for 15 curl -sf "http://127.0.0.1:${PORT[http]}/-/ready"
		wait_for 5 eval "[ \"\$(open_alerts)\" = $(id_of "$at") ]" && kept=$((kept + 1))
	done
	is "kill -9 of $1 right after the answer: kept $kept of $ROUNDS" "$n $kept" "$ROUNDS $ROUNDS"
}
STARTS=1000
survives gateway
survives scheduler
survives redis
tell resolved h2 "$(start_of $STARTS)" "$(start_of $((STARTS + 1)))" > /dev/null

# --- what no webhook told ----------------------------------------------------------------------

# An Alertmanager that only answers what it is asked: the list of what fires.
mkdir -p "$C/am/api/v2"
webhook firing h2 "$(start_of 3000)" | jq '[.alerts[] | .status = {state: "active", silencedBy: [], inhibitedBy: []}]' \
	> "$C/am/api/v2/alerts"
PORT[am]=$(free_port)
(cd "$C/am" && exec python3 -m http.server --bind 127.0.0.1 "${PORT[am]}") > /dev/null 2>&1 &
PID[am]=$!
service_kill gateway
GATEWAY=("--alertmanager=http://127.0.0.1:${PORT[am]}" --alertmanager_interval=1s)
service_up gateway
check "a restarted gateway reads firing alerts from Alertmanager" \
	wait_for 15 eval "[ \"\$(open_alerts)\" = $(id_of "$(start_of 3000)") ]"
echo '[]' > "$C/am/api/v2/alerts"
check "and closes incidents that were resolved meanwhile" wait_for 30 eval '[ -z "$(open_alerts)" ]'
service_kill gateway
GATEWAY=()
service_up gateway
wait_for 10 curl -sf "http://127.0.0.1:${PORT[http]}/-/ready"

# --- the second witness ----------------------------------------------------------------------

# A scheduler that never takes the collector's word: the probe stands alone.
echo "silent_samples = 1000" >> "$C/scheduler.conf"
service_kill scheduler
service_up scheduler
wait_for 10 vm_is_known && wait_for 10 guest && writes 3
cut_power c1/h1
check "a probe alone does not make a host dead" \
	wait_for 20 eval "ctl -o json host list | jq -e '.host[] | select(.name == \"h1\") | .note | test(\"probes? in a row had no answer\")'"
is "its VM has no relocation yet" "$(state)" NONE
at=$(date -u +%FT%TZ)
told=${EPOCHREALTIME/[.,]/}
tell firing h1 "$at" > /dev/null
check "with the alert it is fenced and decided" wait_for 20 eval "redis --raw xrange vrsas:v1:jrn:$VM - + | grep -q ."
check "its VM runs elsewhere" wait_for 40 state_is RUNNING_AWAY FAILBACK_READY
decided=$(get /api/v1/relocations/web1 | jq -r '.relocation[0].record.decided_at')
ms=$(($(date -ud "$decided" +%s%3N) - told / 1000))
diag "answer of the webhook to decision: $ms ms"
check "decided within 2 s of the answer" [ "$ms" -le 2000 ]
check "events name incident and decision" \
	eval "get '/api/v1/events?limit=1000' | jq -e '[.event[] | select(.incident == \"$(id_of "$at")\" and .decision != \"\" and .vm_name == \"web1\")] | length > 0'"
check "the incident shows the next action" \
	eval "get /api/v1/incidents | jq -e '.incident[0] | .open and .origin == \"alert\" and (.next | length > 10)'"

# The host is back; as long as monitoring says dead, nothing goes home.
give_power c1/h1
check "it answers again" wait_for 20 eval "ctl -o json host list | jq -e '.host[] | select(.name == \"h1\") | .note | test(\"not accepted\")'"
check "while the alert fires its VM stays away" state_is RUNNING_AWAY REPROTECTING
tell resolved h1 "$at" "$(date -u +%FT%TZ)" > /dev/null
check "resolved: after the stable while it comes home" wait_for 40 state_is PROTECTED
check "there were never two copies" never_two
[ "$TAP_BAD" = 0 ] || company_story
tap_done
