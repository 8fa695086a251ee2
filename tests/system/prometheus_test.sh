#!/usr/bin/env bash
# A real Prometheus that scrapes a real node_exporter, as the source of a host: its readings
# as they come, and on day one its past, told once whatever is killed meanwhile.
. "$(dirname "$0")/../kit/tap.sh"
. "$(dirname "$0")/../kit/shell/etl.sh"
for program in prometheus promtool prometheus-node-exporter; do
	command -v "$program" >/dev/null || skip_all "no $program"
done

exporter=127.0.0.1:$(free_port)
prometheus=127.0.0.1:$(free_port)

# Two days of a machine with two cores: busy 25 % on the first, 75 % on the second day;
# memory 40 % used. Ten minutes in the middle are missing.
now=$(date +%s)
now=$((now - now % 60))
awk -v now="$now" -v host="$exporter" 'BEGIN {
	from = now - 2 * 86400; to = now - 600
	hole = from + 86400
	print "# TYPE node_cpu_seconds counter"
	for (cpu = 0; cpu < 2; cpu++) {
		idle = user = 0
		for (t = from; t < to; t += 60) {
			share = t < from + 86400 ? 0.25 : 0.75
			user += 60 * share; idle += 60 * (1 - share)
			if (t >= hole && t < hole + 600) continue
			l = sprintf("cpu=\"%d\",instance=\"%s\",job=\"node\"", cpu, host)
			printf "node_cpu_seconds_total{%s,mode=\"idle\"} %.3f %d\n", l, idle, t
			printf "node_cpu_seconds_total{%s,mode=\"user\"} %.3f %d\n", l, user, t
		}
	}
	print "# TYPE node_memory_MemTotal_bytes gauge"
	for (t = from; t < to; t += 60)
		printf "node_memory_MemTotal_bytes{instance=\"%s\",job=\"node\"} 1e10 %d\n", host, t
	print "# TYPE node_memory_MemAvailable_bytes gauge"
	for (t = from; t < to; t += 60)
		printf "node_memory_MemAvailable_bytes{instance=\"%s\",job=\"node\"} 6e9 %d\n", host, t
	print "# EOF"
}' >"$dir/past.om"
promtool tsdb create-blocks-from openmetrics "$dir/past.om" "$dir/tsdb" >"$dir/blocks.log" 2>&1 ||
	diag "$(tail -n 3 "$dir/blocks.log")"
cat >"$dir/prometheus.yml" <<END
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: ["$TAP_TOP/deploy/prometheus/rules/vrsas-recording.yml"]
scrape_configs: [{job_name: node, static_configs: [{targets: ["$exporter"]}]}]
END
prometheus-node-exporter --web.listen-address="$exporter" >"$dir/exporter.log" 2>&1 &
pid[exporter]=$!
start_prometheus() {
	prometheus --config.file="$dir/prometheus.yml" --storage.tsdb.path="$dir/tsdb" \
		--web.listen-address="$prometheus" --storage.tsdb.retention.time=30d \
		>>"$dir/prometheus.log" 2>&1 &
	pid[prometheus]=$!
}
start_prometheus
start_redis || skip_all "no Redis"
start_etl
check "etl is up" etl_is_up
is_ready() { curl -fsS "http://$prometheus/-/ready"; }
check "Prometheus is ready" wait_for 60 is_ready
rule() { promtool query instant "http://$prometheus" 'instance:node_cpu_busy:ratio_rate1m' |
	grep -q "$exporter"; }
check "the recording rules give values of node_exporter" wait_for 60 rule

uri="prometheus:http://$prometheus?instance=$exporter&job=node"
printf '[cluster c1]\nimages = /ds\n[host c1/h1]\nuri = %s\n' "$uri" \
	>"$dir/site.conf"
collector() { # OPTION...
	"$bin/vrs-collector" --cluster=c1 --site="$dir/site.conf" --interval=1s --heartbeat=1s \
		--spool_dir="$dir/spool" --samples_url="$samples" --fill_url="$fill" "$@" \
		2>>"$dir/collector.log" &
	pid[collector]=$!
}
collector --prometheus_history=3d
told() { [[ -e $dir/spool/c1.past.position ]]; }
check "backfill begins" wait_for 60 told
kill -9 "${pid[collector]}"
wait "${pid[collector]}" 2>/dev/null
collector --prometheus_history=3d
check "killed in the middle, backfill resumes and etl gets everything" \
	wait_for 90 grep -q "backfill stored" "$dir/collector.log"

export VRSAS_FILL=$fill
rows() { # FROM TO : rows with a CPU reading within these times (seconds)
	"$bin/vrsctl" export c1 --from "$(date -u -d "@$1" +%FT%TZ)" \
		--to "$(date -u -d "@$2" +%FT%TZ)" --file "$dir/out.csv" 2>"$dir/export.log"
	tail -n +2 "$dir/out.csv" | awk -F, '$NF != ""'
}
mean() { awk -F, '{ s += $NF } END { printf "%.2f", NR ? s / NR : -1 }'; }
from=$((now - 2 * 86400))
rows $((from + 600)) $((from + 85800)) >"$dir/day1"
rows $((from + 87600)) $((now - 1200)) >"$dir/day2"
rows $((from + 86520)) $((from + 86940)) >"$dir/hole"
check "the first day is there, minute by minute" test "$(wc -l <"$dir/day1")" -ge 1415
check "the second day, too" test "$(wc -l <"$dir/day2")" -ge 1390
is "missing history is a gap" "$(wc -l <"$dir/hole")" 0
near() { awk -v a="$1" -v b="$2" 'BEGIN { d = a - b; exit !(d < 1 && d > -1) }'; }
check "the first day has its CPU" near "$(mean <"$dir/day1")" 25
check "the second, too" near "$(mean <"$dir/day2")" 75
live() { # readings of this minute
	rows $(($(date +%s) - 120)) $(($(date +%s) + 60)) | grep -q .
}
check "new readings arrive" wait_for 90 live
kill "${pid[collector]}"
wait "${pid[collector]}" 2>/dev/null
: >"$dir/collector.log"
collector --prometheus_history=3d
check "a restart reads no history again" wait_for 20 grep -q started "$dir/collector.log"
check "(the log mentions no backfill)" sh -c '! grep -q "the past" "$1"' - "$dir/collector.log"
kill "${pid[prometheus]}"
check "without its Prometheus the host is silent, and the log says why" \
	wait_for 60 grep -q "host does not answer.*h1.*$prometheus" "$dir/collector.log"

bad() { # URI WHY
	printf '[cluster c1]\nimages = /ds\n[host c1/h1]\nuri = %s\n' "$1" \
		>"$dir/bad.conf"
	! timeout 20 "$bin/vrs-collector" --cluster=c1 --site="$dir/bad.conf" \
		--spool_dir="$dir/bad" >"$dir/wrong" 2>&1 && grep -q "$2" "$dir/wrong"
}
check "a URI without labels is refused" bad "prometheus:http://$prometheus" "labels are missing"
check "a URI without an address is refused" bad "prometheus:$prometheus?a=b" "expected http"
tap_done
