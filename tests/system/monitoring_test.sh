#!/usr/bin/env bash
# monitoring_test.sh [--long] - VR-SAS in the stack that operators have: what deploy/ ships for
# Prometheus, Alertmanager and Grafana, and all of it together, real, around a dead host.
# --long: with the shipped times (a scrape every 5 s), not with shortened ones.
. "$(dirname "$0")/../kit/tap.sh"
VRS_TOP=$TAP_TOP
. "$TAP_TOP/tools/lib.sh"
deploy=$TAP_TOP/deploy

missing=$(vrs_missing monitoring | xargs)
if [[ -n $missing ]]; then
	(vrs_install monitoring) >/dev/null 2>&1 || skip_all "these packages cannot be had here: $missing"
fi

# --- what is shipped -------------------------------------------------------------------------

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
dashboards=("$deploy"/grafana/dashboards/*.json)

# Every PromQL expression of the dashboards; what Grafana puts in is put in.
expressions() {
	jq -r '[.panels[].targets[]?.expr] + [.templating.list[].definition
			| capture("label_values\\((?<e>.*), *[a-z]+\\)$").e] | .[]' "${dashboards[@]}" |
		sed 's/\$__rate_interval/1m/g; s/\$[a-z]\+/.*/g'
}
as_rules() {
	echo 'groups: [{name: dashboards, rules: ['
	expressions | jq -R '"{record: \"expression:of:a_dashboard\", labels: {n: \"\(input_line_number)\"}, expr: \(tojson)},"' -r
	echo ']}]'
}
# The metrics that rules and dashboards name, without what recording rules make.
named() {
	{
		expressions
		grep -v '^ *#' "$deploy"/prometheus/rules/*.yml | sed 's/.*record:.*//; s/.*\(summary\|description\|name\|alert\):.*//'
	} | grep -oE '\b(vrsas|node|process)_[A-Za-z0-9_]+' | grep -vxE 'vrsas_event' | sort -u
}

check "rules: promtool check" promtool check rules "$deploy"/prometheus/rules/*.yml
check "rules: each is tested" eval '
	for a in $(sed -n "s/.*- alert: //p" "$deploy"/prometheus/rules/*.yml); do
		grep -q "alertname: $a\$" "$deploy"/prometheus/tests/*_test.yml || { echo "$a has no test"; exit 1; }
	done'
check "rules: promtool test" promtool test rules "$deploy"/prometheus/tests/*_test.yml
check "prometheus.yml: promtool check" promtool check config --syntax-only "$deploy/prometheus/prometheus.yml"
check "alertmanager.yml: amtool check" amtool check-config "$deploy/alertmanager/alertmanager.yml"
check "dashboards: JSON with an uid each" eval \
	'[[ $(jq -er .uid "${dashboards[@]}" | sort -u | wc -l) == "${#dashboards[@]}" ]]'
as_rules >"$work/expressions.yml"
check "dashboards: every expression parses ($(expressions | wc -l))" promtool check rules "$work/expressions.yml"

# --- all of it together ------------------------------------------------------------------------

. "$TAP_TOP/tests/kit/shell/sshd.sh"
. "$TAP_TOP/tests/fault/company.sh"
trap 'company_close; rm -rf "$work"' EXIT

# Each host at an address of its own, for its node_exporter; a scheduler that never takes the
# collector's word, so that a probe needs a second witness: the alert.
eval "plain_$(declare -f write_site)"
write_site() {
	plain_write_site | awk '/^\[host/ { n++ } /^address/ { $3 = "127.0.1." n } { print }'
}
eval "plain_$(declare -f write_scheduler_conf)"
write_scheduler_conf() {
	plain_write_scheduler_conf
	echo "silent_samples = 1000"
	echo "forecast_interval = 2s"
	echo "metrics = 127.0.0.1:${PORT[scheduler_metrics]}"
}
address() { # HOST
	local h n=0
	for h in "${HOSTS[@]}"; do
		n=$((n + 1))
		[[ $h != "$1" ]] || echo "127.0.1.$n:${PORT[exporter]}"
	done
}
exporter_up() { # HOST
	prometheus-node-exporter "--web.listen-address=$(address "$1")" --log.level=error \
		--collector.disable-defaults --collector.cpu --collector.meminfo >>"$C/log/exporter" 2>&1 &
	PID[exporter:$1]=$!
}
exporter_down() { # HOST
	kill -9 "${PID[exporter:$1]}"
	wait "${PID[exporter:$1]}" 2>/dev/null
}
stack_up() {
	local to=(-e "s/gateway:7780/127.0.0.1:${PORT[http]}/" -e "s/alertmanager:9093/127.0.0.1:${PORT[alertmanager]}/"
		-e "s/localhost:9090/127.0.0.1:${PORT[prometheus]}/" -e "s,/run/secrets/,$C/," -e 's/refresh_interval: 30s/refresh_interval: 5s/')
	[[ $long ]] || to+=(-e 's/\(scrape_interval\|evaluation_interval\): 5s/\1: 1s/' -e 's/scrape_timeout: 4s/scrape_timeout: 1s/'
		-e 's/for: 10s/for: 2s/' -e 's/interval: 15s/interval: 2s/' -e 's/group_interval: 5s/group_interval: 1s/')
	echo $READ >"$C/gateway_read"
	echo $ALERT >"$C/gateway_alert"
	mkdir -p "$C/prometheus/rules" "$C/prometheus/data" "$C/alertmanager"
	for f in prometheus.yml rules/vrsas-alerts.yml rules/vrsas-recording.yml; do
		sed "${to[@]}" "$deploy/prometheus/$f" >"$C/prometheus/$f"
	done
	sed "${to[@]}" "$deploy/alertmanager/alertmanager.yml" >"$C/alertmanager.yml"
	prometheus "--config.file=$C/prometheus/prometheus.yml" "--storage.tsdb.path=$C/prometheus/data" \
		"--web.listen-address=127.0.0.1:${PORT[prometheus]}" --log.level=warn >>"$C/log/prometheus" 2>&1 &
	PID[prometheus]=$!
	prometheus-alertmanager "--config.file=$C/alertmanager.yml" "--storage.path=$C/alertmanager" \
		"--web.listen-address=127.0.0.1:${PORT[alertmanager]}" --cluster.listen-address= --log.level=warn >>"$C/log/alertmanager" 2>&1 &
	PID[alertmanager]=$!
}
query() { # EXPR: the number of series, and the value of the first
	curl -sf -m 5 --data-urlencode "query=$1" "http://127.0.0.1:${PORT[prometheus]}/api/v1/query" |
		jq -r '"\(.data.result | length) \(.data.result[0].value[1] // "")"'
}
query_is() { # EXPR WANTED
	[[ $(query "$1") == "$2" ]]
}
scrape() { # names of all metrics there are, histograms with their three
	{
		get /metrics
		curl -sf -m 5 "http://127.0.0.1:${PORT[scheduler_metrics]}/metrics"
		curl -sf -m 5 "http://$(address c1/h2)/metrics"
	} | awk '/^# TYPE / { print $3; if ($4 == "histogram") { print $3 "_bucket"; print $3 "_sum"; print $3 "_count" } }' | sort -u
}
services_tell() {
	get /metrics | grep -o '^vrsas_build_info{.*service="[a-z]*"' | grep -o 'service="[a-z]*"' | sort -u | wc -l | grep -qx 6
}
incident() { # JQ
	get /api/v1/incidents | jq -er "$1"
}
begins() {
	redis --raw xrange "vrsas:v1:jrn:$VM" - + | grep -q .
}

long=
[[ ${1:-} == --long ]] && long=yes
for s in scheduler_metrics exporter prometheus alertmanager; do PORT[$s]=$(free_port); done
IMAGE_MIB=24 RATE_LIMIT=3000000 company_open || { not_ok "the company opens"; company_story; tap_done; }
printf '[sink script]\ncommand = /bin/true\n' >"$C/sinks"
GATEWAY=("--sd_port=${PORT[exporter]}" "--sinks=$C/sinks")
gateway_open || not_ok "the gateway is ready"
for h in "${HOSTS[@]}"; do exporter_up "$h"; done
stack_up
# A model, so that its numbers are there, too.
"$VRS_BUILD/bin/vrs-predictor" generate --workload 1 --days 3 --every-day --seed 7 --hosts a1 a2 \
	--end "$(date -u +%FT%H:%M:00Z)" --out "$C/history.csv" >/dev/null &&
	"$VRS_BUILD/bin/vrsctl" --etl "tcp://127.0.0.1:${PORT[fill]}" import c2 "$C/history.csv" >/dev/null ||
	not_ok "history is there"
service_kill predictor
"$VRS_BUILD/bin/vrs-predictor" "--redis=unix:$C/redis.sock" --instance=predictor \
	"--forecast=tcp://127.0.0.1:${PORT[forecast]}" --epochs=1 --max_windows=512 --check=1s >>"$C/log/predictor" 2>&1 &
PID[predictor]=$!

check "Prometheus learns every host from the gateway, with its labels" \
	wait_for 40 query_is 'count by (cluster) (up{job="node", cluster="c1", host=~"h."} == 1)' "1 2"
check "and scrapes the gateway with its token" wait_for 40 query_is 'up{job="vrsas"}' "1 1"
check "load of each host is there as VR-SAS reads it" wait_for 90 query_is 'count(instance:node_cpu_busy:ratio_rate1m)' "1 4"
check "the metrics of every service are there" wait_for 40 services_tell
get /metrics >"$work/metrics"
check "promtool check metrics" eval 'promtool check metrics <"$work/metrics"'
scrape >"$work/known"

cut_power c1/h1
exporter_down c1/h1
check "a probe alone does not make a host dead" \
	wait_for 20 eval "ctl -o json host list | jq -e '.host[] | select(.name == \"h1\") | .note | test(\"probes? in a row had no answer\")'"
check "an alert of Alertmanager becomes an incident" \
	wait_for 60 incident '.incident[] | select(.open and .cluster == "c1" and .host == "h1" and .origin == "alert") | .id'
check "with it the relocation begins by itself" wait_for 20 begins
check "its disk is being copied" wait_for 20 state_is TRANSFERRING
wait_for 5 eval "curl -sf -m 5 'http://127.0.0.1:${PORT[scheduler_metrics]}/metrics' | grep -q '^vrsas_relocation_eta_seconds{'"
scrape >>"$work/known"
curl -sf "http://127.0.0.1:${PORT[scheduler_metrics]}/metrics" >"$work/metrics"
check "promtool check metrics during a copy" eval 'promtool check metrics <"$work/metrics"'
check "its VM runs elsewhere" wait_for 60 state_is RUNNING_AWAY FAILBACK_READY
told=$(incident '.incident[] | select(.origin == "alert") | .alert.received_at')
decided=$(get /api/v1/relocations/web1 | jq -r '.relocation[0].record.decided_at')
ms=$(($(date -ud "$decided" +%s%3N) - $(date -ud "$told" +%s%3N)))
diag "webhook to decision: $ms ms"
check "decided within 2 s of the webhook" [ "$ms" -le 2000 ]
is "repeated alerts are one incident" "$(incident '[.incident[] | select(.origin == "alert")] | length')" 1
give_power c1/h1
exporter_up c1/h1
check "resolved: the incident ends" wait_for 60 incident '.incident[] | select(.origin == "alert" and (.open | not)) | .id'
check "and its VM comes home" wait_for 60 state_is PROTECTED
check "a model is trained" wait_for 60 eval "get /metrics | grep -q '^vrsas_predictor_model_age_seconds{'"
check "and forecasts are published" wait_for 60 eval "get /metrics | grep -q '^vrsas_forecast_peak_ratio{'"
scrape >>"$work/known"
# Two come only when a forecast of two hours is over: the program has their names.
for late in vrsas_forecast_error_ratio vrsas_forecast_coverage_ratio; do
	grep -qF $late "$VRS_BUILD/bin/vrs-scheduler" && echo $late >>"$work/known"
done
unknown=$(comm -23 <(named) <(sort -u "$work/known") | xargs)
is "every metric of rules and dashboards ($(named | wc -l)) is in a live scrape" "$unknown" ""
check "there were never two copies" never_two
[[ $TAP_BAD == 0 ]] || { company_story; tail -n 5 "$C"/log/{prometheus,alertmanager,gateway} | sed 's/^/# /'; }
tap_done
