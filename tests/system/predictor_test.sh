#!/usr/bin/env bash
# Predictors answer from a real Redis: simply at first, by the net once it is trained, and
# whatever happens to one of them, no job is lost.
. "$(dirname "$0")/../kit/tap.sh"

predictor=$VRS_BUILD/bin/vrs-predictor
asker=$VRS_BUILD/tests/system/forecast-asker
for program in "$predictor" "$asker" "$(command -v redis-server)"; do
	[ -x "$program" ] || skip_all "no ${program:-redis-server}"
done

dir=$(mktemp -d)
redis=unix:$dir/redis.sock
pids=()
finish() {
	for pid in "${pids[@]}"; do
		kill -CONT "$pid" 2>/dev/null
		kill -KILL "$pid" 2>/dev/null
	done
	wait 2>/dev/null
	if [ $TAP_BAD = 0 ]; then rm -rf "$dir"; else diag "logs: $dir"; fi
}
trap finish EXIT
trap 'exit 130' INT TERM
cd "$dir" || exit 1

cli() { redis-cli -s "$dir/redis.sock" "$@"; }
start_predictor() { # NAME [SETTING...] : its pid is in $pid
	local name=$1
	shift
	"$predictor" serve --redis="$redis" --forecast="$(cat url)" --instance="$name" \
		--check=200ms --epochs=3 --max_windows=2000 "$@" >"$name.log" 2>&1 &
	pid=$!
	pids+=("$pid")
}
start_asker() { # PEERS JOBS GAP-MS TARGET... : answers in asked
	rm -f url asked
	"$asker" ask "$redis" url "$@" >asked 2>asker.log &
	pids+=($!)
	wait_for 5 test -s url
}
at_end() { wait_for "$1" grep -q ^end asked && tail -n 1 asked; }
answers_by() { grep -c "^answer .* by=$1 " asked; }
method_of() { # TARGET : method of the newest answer
	tail -n 1 <(grep ^answer asked) | sed -n "s|.* $1 method=\([a-z]*\) .*|\1|p"
}
field_of() { tail -n 1 <(grep ^answer asked) | sed -n "s|.* $1 [^/]* $2=\([0-9.]*\).*|\1|p"; }

check "a load is generated for a number of hosts" \
	"$predictor" generate --workload 1 --days 1 --hosts 3 --out many.csv
is "each has one reading per minute" "$(grep -c ,host-3, many.csv)" 1440

redis-server --port 0 --unixsocket "$dir/redis.sock" --save '' --dir "$dir" >redis.log 2>&1 &
pids+=($!)
check "Redis runs" wait_for 5 cli ping

# c1: its daily peak is 30 minutes away, and it is quiet now; c2: the peak is long over.
now=$(date -u +%FT%TZ)
"$predictor" generate --workload 2 --every-day --days 5 --seed 1 --end "$now" \
	--rise-at "$(date -u -d '+30 min' +%FT%TZ)" --hosts h1 h2 --out c1.csv
"$predictor" generate --workload 3 --days 5 --seed 2 --end "$now" --hosts h1 --out c2.csv
check "history is loaded" "$asker" load "$redis" c1 c1.csv
check "also of a second cluster" "$asker" load "$redis" c2 c2.csv

start_asker 1 1 50 c1/ c2/h1 c9/ c1/nobody
start_predictor simple --training=no
end=$(at_end 20)
is "a job is answered" "${end% slowest*}" "end answered=1 lost=0"
check "without a model a simple method answers" test "$(method_of c1/)" != lstm
check "and says why" grep -q "no model yet" asked
check "an unknown cluster gets no forecast" grep -q "missing='c9/: .*cluster c9 has 0 hosts" asked
check "nor does an unknown host" grep -q "missing='c1/nobody: .*no host nobody" asked
check "the coming peak is forecast (quiet now, above 60 % soon)" \
	awk -v p="$(field_of c1/ p50)" 'BEGIN { exit !(p > 0.6) }'
check "forecasts stand in Redis" test "$(cli exists 'vrsas:v1:fc:{c1}')" = 1
kill "$pid"
gone() { ! kill -0 "$1"; }
check "it stops when asked" wait_for 5 gone "$pid"

# A trainer dies with the job in hand (where a build has no fault points: by a signal).
start_asker 1 1 50 c1/ c2/h1
VRSAS_FAULTS=predictor.train=kill start_predictor trainer
claimed() { grep -q "training job=" trainer.log; }
check "a training job is made and claimed" wait_for 30 claimed
kill -KILL "$pid" 2>/dev/null
wait "$pid" 2>/dev/null
trained() { [ "$(cli hexists vrsas:v1:model:default version)" = 1 ]; }
check "its trainer died" test "$(cli xlen vrsas:v1:q:train)/$(trained || echo none)" = 1/none

start_asker 1 120 20 c1/ c1/h1 c1/h2 c2/
VRSAS_FAULTS='' start_predictor heir --claim=1s
check "another one takes the job over, trains and stores the model" wait_for 90 trained
check "as the second attempt" grep -q "training job=.* try=2" heir.log
check "the job is done" test "$(cli xlen vrsas:v1:q:train)" = 0
end=$(at_end 60)
diag "answers beside training: $end"
is "a training replica answers, too" "${end% slowest*}" "end answered=120 lost=0"
kill "$pid"
wait "$pid" 2>/dev/null

start_asker 1 3 50 c1/ c2/h1
start_predictor reader --training=no --drift_check=1s
end=$(at_end 20)
is "another replica answers by that model" "$(method_of c1/)/${end% slowest*}" \
	"lstm/end answered=3 lost=0"
check "it forecasts the coming peak, too" \
	awk -v p="$(field_of c1/ p50)" 'BEGIN { exit !(p > 0.6) }'

check "forecasts of the last days are compared with the measured load" \
	wait_for 20 grep -q "drift check done series=5" reader.log

cli hset vrsas:v1:model:default weights damaged version other >/dev/null
check "a damaged model is refused with the reason" \
	wait_for 5 grep -q "model refused, keeping the model in use: .*model" reader.log
kill "$pid"
wait "$pid" 2>/dev/null
cli copy vrsas:v1:model:default.before vrsas:v1:model:default REPLACE >/dev/null

start_asker 3 120 20 c1/ c1/h1 c1/h2 c2/
for i in 1 2 3; do start_predictor "p$i" --training=no; done
end=$(at_end 40)
is "three replicas share 120 jobs" "${end% slowest*}" "end answered=120 lost=0"
for i in 1 2 3; do
	check "replica $i answered some" test "$(answers_by p$i)" -ge 20
done

# One dies and one freezes with a job in hand (fault points; signals do it where a build
# has none).
start_asker 3 120 20 c1/ c1/h1 c1/h2 c2/
VRSAS_FAULTS=predictor.job=kill@10 start_predictor p4 --training=no
killed=$pid
VRSAS_FAULTS=predictor.job=stop@10 start_predictor p5 --training=no
stopped=$pid
VRSAS_FAULTS='' start_predictor p6 --training=no
half() { [ "$(grep -c ^answer asked)" -ge 60 ]; }
check "half of the jobs are done" wait_for 40 half
kill -KILL "$killed" 2>/dev/null
kill -STOP "$stopped" 2>/dev/null
end=$(at_end 60)
diag "$end"
is "one killed, one stopped in the middle: nothing is lost" "${end% slowest*}" \
	"end answered=120 lost=0"
check "the third one answered the rest" test "$(answers_by p6)" -ge 60
tap_done
