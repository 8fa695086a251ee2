#!/usr/bin/env bash
# Every service tells its numbers, as documented and as Prometheus wants them; clients that
# are slow, many or hostile do not hold it.
. "$(dirname "$0")/../kit/tap.sh"
. "$(dirname "$0")/../kit/shell/etl.sh"
command -v promtool >/dev/null || skip_all "no promtool (package prometheus)"

cat >"$dir/trace.csv" <<END
timestamp,entity,cpu_pct,vcpus,mem_pct
2026-01-01T00:00:00Z,h1,30,8,40
2026-01-01T00:01:00Z,h1,40,8,40
2026-01-01T00:00:00Z,h2,20,8,50
2026-01-01T00:01:00Z,h2,20,8,50
END
cat >"$dir/site.conf" <<END
[cluster c1]
images = /ds
[host c1/h1]
uri = replay:$dir/trace.csv#h1
[host c1/h2]
uri = replay:$dir/trace.csv#h2
END
forecast=tcp://127.0.0.1:$(free_port)
transfer=tcp://127.0.0.1:$(free_port)
control=tcp://127.0.0.1:$(free_port)
tells=--metrics=127.0.0.1:0

service() { # NAME PROGRAM [OPTION...]
	local name=$1 program=$2
	shift 2
	"$bin/$program" --redis="unix:$socket" --instance="$name-1" "$tells" "$@" \
		2>>"$dir/$name.log" &
	pid[$name]=$!
}
address() { # NAME
	sed -n 's/.*serving metrics address=//p' "$dir/$1.log" | tail -n 1
}
get() { # NAME PATH [CURL OPTION...]
	local name=$1 path=$2
	shift 2
	curl -sS --max-time 20 "$@" "http://$(address "$name")$path"
}
tells_address() { [[ -n $(address "$1") ]]; }
page_has() { get "$1" /metrics | grep -q "$2"; }

start_redis || skip_all "no Redis"
service etl vrs-etl --samples="$samples" --fill="$fill"
service scheduler vrs-scheduler --site="$dir/site.conf" --forecast="$forecast" \
	--transfer="$transfer" --control="$control" --forecast_interval=1s
service predictor vrs-predictor --forecast="$forecast" --training=no
service mover vrs-mover --transfer="$transfer"
service collector vrs-collector --cluster=c1 --site="$dir/site.conf" --interval=1s \
	--heartbeat=200ms --spool_dir="$dir/spool" --samples_url="$samples" --fill_url="$fill"
services='etl scheduler predictor mover collector'
for name in $services; do
	check "$name logs the address of its metrics" wait_for 20 tells_address "$name"
done
check "readings arrive" wait_for 20 page_has etl '^vrsas_ingest_records_total{.*path="live"} [1-9]'
check "a forecast was requested and answered" \
	wait_for 20 page_has scheduler '^vrsas_forecast_jobs_total{.*result="ok"} [1-9]'
check "the predictor counted it" \
	wait_for 10 page_has predictor '^vrsas_predictor_jobs_total{.*result="ok"} [1-9]'
check "the scheduler knows its hosts" \
	wait_for 10 page_has scheduler '^vrsas_hosts{.*cluster="c1",state="up"} 2$'

for name in $services; do
	get "$name" /metrics >"$dir/$name.page"
	check "$name: promtool finds nothing" promtool check metrics <"$dir/$name.page"
	check "$name is healthy" test "$(get "$name" /-/healthy)" = healthy
	check "$name is ready" wait_for 10 test "$(get "$name" /-/ready)" = ready
	check "$name: every series has its service and instance" test -z \
		"$(grep -v '^#' "$dir/$name.page" |
			grep -v "{service=\"$name\",instance=\"$name-1\"[,}]")"
done

# What is told is documented, and what is documented is told.
names() { sed -n 's/^# TYPE \([a-z_]*\) .*/\1/p' "$@" | sort -u; }
documented() { sed '/^## Gateway/,$d' "$TAP_TOP/docs/METRICS.md" | grep '^|' |
	grep -o '`\(vrsas\|process\)_[a-z_]*`' | tr -d '`' | sort -u; }
rare='vrsas_relocation_(progress_ratio|moved_bytes|rate_bytes_per_second|eta_seconds|silence_seconds)
vrsas_forecast_(age_seconds|peak_ratio|error_ratio|coverage_ratio)
vrsas_predictor_(training_progress_ratio|model_[a-z_]*)
vrsas_cluster_(cpu_ratio|headroom_cores|headroom_ratio|memory_free_bytes)'
is "every metric is in docs/METRICS.md" \
	"$(comm -23 <(names "$dir"/*.page) <(documented))" ""
is "every metric of docs/METRICS.md exists (except temporary ones)" \
	"$(comm -13 <(names "$dir"/*.page) <(documented) | grep -vxE "$rare")" ""

# Through Redis, the collector's with its heartbeats.
in_redis() { cli HGET vrsas:v1:metrics "$1" | grep -q '^vrsas_build_info{'; }
check "a collector's page is in Redis" wait_for 60 in_redis collector/c1
check "the page of a service with a store is there, too" wait_for 30 in_redis etl/etl-1

# Clients.
is "another path is not found" "$(get etl /x -o /dev/null -w '%{http_code}')" 404
is "another method is not allowed" \
	"$(get etl /metrics -X DELETE -o /dev/null -w '%{http_code}')" 405
is "a head without an end is too large" "$(get etl /metrics -o /dev/null -w '%{http_code}' \
	-H "X: $(printf '%05000d' 1)")" 431
is "HEAD has no body" "$(get etl /metrics -I | tr -d '\r' | sed '1,/^$/d')" ""
cat >"$dir/crowd.py" <<'END'
import os, random, socket, sys, time
host, port = sys.argv[1].rsplit(":", 1)
held = []
for i in range(500):                        # half-open, and never a word
    s = socket.create_connection((host, int(port)), timeout=10)
    if i % 3 == 0:
        s.sendall(b"GET /metr")             # or half of one
    held.append(s)
random.seed(5)
for i in range(2000):                       # noise
    n = random.randrange(1, 400)
    s = socket.create_connection((host, int(port)), timeout=10)
    try:
        s.sendall(random.choice([b"", b"GET ", b"GET / HTTP/1.1\r\n"]) + os.urandom(n))
        s.close()
    except OSError:
        pass
s = socket.create_connection((host, int(port)), timeout=10)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
s.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")  # asks, and does not read
held.append(s)
print("held", flush=True)
sys.stdin.read()
END
mkfifo "$dir/hold"
python3 "$dir/crowd.py" "$(address etl)" <"$dir/hold" >"$dir/crowd.out" 2>&1 &
pid[crowd]=$!
exec 9>"$dir/hold"
check "a crowd of 500 silent connections, noise, and one that does not read" \
	wait_for 60 grep -q held "$dir/crowd.out"
check "does not disturb other clients" page_has etl '^vrsas_build_info{'
check "etl has few descriptors open" test "$(find "/proc/${pid[etl]}/fd" | wc -l)" -lt 80
exec 9>&-

kill -STOP "${pid[redis]}"
not_ready() { # NAME WHY
	get "$1" /-/ready -w '\n%{http_code}' >"$dir/why"
	grep -q '^503$' "$dir/why" && grep -q "$2" "$dir/why"
}
check "without its Redis etl is not ready, and says why" \
	wait_for 30 not_ready etl "Redis does not respond"
kill -CONT "${pid[redis]}"
kill "${pid[scheduler]}"
check "a mover without its scheduler is not ready" \
	wait_for 20 not_ready mover "no peer on transfer"
tap_done
