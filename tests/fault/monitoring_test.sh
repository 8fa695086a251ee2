#!/usr/bin/env bash
# monitoring_test.sh [--long] - Debian's Prometheus, Alertmanager and node_exporter with the
# settings of deploy/, against a whole company: a host dies, its exporter falls silent, the
# alert is the second witness, and the relocation starts by itself.
# --long: the times of deploy/; otherwise a second where it says five.
. "$(dirname "$0")/../tap.sh"
. "$TAP_TOP/tests/lib/sshd.sh"
. "$TAP_TOP/tests/fault/company.sh"
for tool in prometheus prometheus-alertmanager prometheus-node-exporter; do
	command -v $tool > /dev/null || skip_all "$tool is not installed"
done
FASTER='s/: 5s/: 1s/; s/scrape_timeout: 4s/scrape_timeout: 900ms/; s/refresh_interval: 30s/refresh_interval: 1s/; s/for: 10s/for: 2s/'
[ "${1:-}" = --long ] && FASTER=

company_open || { not_ok "the company opens"; company_story; tap_done; }
# The collector's word does not count here: the probe stands alone until monitoring speaks.
echo "silent_samples = 1000" >> "$C/scheduler.conf"
service_kill scheduler
service_up scheduler

# Every host has an exporter on an address of its own, which the gateway tells Prometheus.
PORT[node]=$(free_port) PORT[prometheus]=$(free_port) PORT[alertmanager]=$(free_port)
GATEWAY_SITE=$C/site.gateway
awk '/^address/ { print "address = 127.0.1." ++n; next } { print }' "$C/site" > "$GATEWAY_SITE"
GATEWAY=("--sd_port=${PORT[node]}" "--alertmanager=http://127.0.0.1:${PORT[alertmanager]}"
	--alertmanager_interval=2s)
exporter_up() { # N
	prometheus-node-exporter --web.listen-address="127.0.1.$1:${PORT[node]}" --collector.disable-defaults \
		--collector.loadavg >> "$C/log/exporter" 2>&1 &
	PID[exporter:$1]=$!
}
for n in 1 2 3 4; do exporter_up $n; done
gateway_open || { not_ok "the gateway is ready"; tail -n 5 "$C/log/gateway"; tap_done; }

mkdir -p "$C"/{prometheus,alertmanager}
echo $READ > "$C/gateway_read"
echo $ALERT > "$C/gateway_alert"
for f in prometheus/prometheus.yml prometheus/rules/vrsas-alerts.yml prometheus/rules/vrsas-recording.yml \
	alertmanager/alertmanager.yml; do
	mkdir -p "$C/conf/${f%/*}"
	sed -e "s/gateway:7780/127.0.0.1:${PORT[http]}/; s/alertmanager:9093/127.0.0.1:${PORT[alertmanager]}/" \
		-e "s/localhost:9090/127.0.0.1:${PORT[prometheus]}/; s|/run/secrets|$C|" -e "$FASTER" \
		"$TAP_TOP/deploy/$f" > "$C/conf/$f"
done
prometheus --config.file="$C/conf/prometheus/prometheus.yml" --storage.tsdb.path="$C/prometheus" \
	--web.listen-address="127.0.0.1:${PORT[prometheus]}" > "$C/log/prometheus" 2>&1 &
PID[prometheus]=$!
prometheus-alertmanager --config.file="$C/conf/alertmanager/alertmanager.yml" --storage.path="$C/alertmanager" \
	--web.listen-address="127.0.0.1:${PORT[alertmanager]}" --cluster.listen-address= > "$C/log/alertmanager" 2>&1 &
PID[alertmanager]=$!

promql() {
	curl -sf -m 5 --data-urlencode "query=$1" "http://127.0.0.1:${PORT[prometheus]}/api/v1/query" |
		jq -r '.data.result[] | .value[1]'
}
check "Prometheus finds the hosts through the gateway" \
	wait_for 60 eval '[ "$(promql "sum(up{job=\"node\"})")" = 4 ]'
check "and reads the numbers of all services there" \
	wait_for 60 eval '[ "$(promql "count(count by (service) (vrsas_build_info))")" -ge 5 ]'

incident() { # JQ-FILTER: of the newest alert
	get /api/v1/incidents | jq -er "[.incident[] | select(.origin == \"alert\")][0] | $1"
}
writes 5
before=$(acked)
cut=${EPOCHREALTIME/[.,]/}
cut_power c1/h1
kill -9 "${PID[exporter:1]}"
wait "${PID[exporter:1]}" 2> /dev/null
check "its alert reaches VR-SAS" wait_for 60 incident '.open'
diag "power cut to incident: $(((${EPOCHREALTIME/[.,]/} - cut) / 1000)) ms"
is "with cluster and host" "$(incident '.cluster + "/" + .host')" c1/h1
check "the relocation starts by itself" wait_for 40 state_is RUNNING_AWAY FAILBACK_READY
received=$(date -ud "$(incident .alert.received_at)" +%s%3N)
decided=$(date -ud "$(get /api/v1/relocations/web1 | jq -r '.relocation[0].record.decided_at')" +%s%3N)
diag "webhook to decision: $((decided - received)) ms"
check "decided within 2 s of the webhook" [ $((decided - received)) -le 2000 ]
is "no acknowledged write is lost" "$(wait_for 5 guest && acked)" "$before"
first=$(incident .id)

give_power c1/h1
exporter_up 1
check "the exporter is back: the incident ends" wait_for 60 incident '.open | not'
check "and after the stable while its VM comes home" wait_for 40 state_is PROTECTED

# What no webhook told is learnt from Alertmanager itself.
service_kill gateway
kill -9 "${PID[exporter:1]}"
wait "${PID[exporter:1]}" 2> /dev/null
wait_for 60 eval 'curl -sf "http://127.0.0.1:${PORT[alertmanager]}/api/v2/alerts" | jq -e "length > 0"'
service_up gateway
check "a gateway that was away asks Alertmanager" wait_for 30 incident '.open'
check "the next failure of the same host is another incident" [ "$(incident .id)" != "$first" ]
check "there were never two" never_two
[ "$TAP_BAD" = 0 ] || { company_story 15; tail -n 8 "$C/log/gateway" "$C/log/prometheus" "$C/log/alertmanager" | sed 's/^/# /'; }
tap_done
