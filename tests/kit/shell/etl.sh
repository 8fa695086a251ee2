# shellcheck shell=bash
# etl.sh - a folder, a Redis and an etl of one's own for one test; all gone with it.
#
#   . tests/kit/tap.sh; . tests/kit/shell/etl.sh
#   start_redis                  redis_options=(...) before it says how
#   start_etl; etl_is_up         etl is up when it says so
#   play c1                      a collector tells $dir/trace.csv as cluster c1
#
# Sets dir, bin, socket (Redis), samples and fill (etl's urls), stored (the tool that looks what
# is in Redis) and pid[NAME] of what was started. Logs are $dir/NAME.log.

dir=$(mktemp -d)
bin=$VRS_BUILD/bin
stored=$VRS_BUILD/tests/fault/stored
socket=$dir/redis.sock
samples=tcp://127.0.0.1:$(free_port)
fill=tcp://127.0.0.1:$(free_port)
redis_options=()
declare -A pid=()

etl_cleanup() {
	((${#pid[@]} == 0)) || kill -9 "${pid[@]}" 2>/dev/null || :
	wait 2>/dev/null || :
	rm -rf "$dir"
}
trap etl_cleanup EXIT

cli() {
	redis-cli -s "$socket" "$@" 2>/dev/null
}

redis_answers() {
	[[ $(cli PING) == PONG ]]
}

start_redis() {
	redis-server --port 0 --unixsocket "$socket" --save "" --dir "$dir" "${redis_options[@]}" \
		>>"$dir/redis.log" 2>&1 &
	pid[redis]=$!
	wait_for 20 redis_answers
}

start_etl() {
	"$bin/vrs-etl" --redis="unix:$socket" --samples="$samples" --fill="$fill" \
		2>>"$dir/etl.log" &
	pid[etl]=$!
}

etl_is_up() {
	wait_for 20 grep -q started "$dir/etl.log"
}

# play NAME [OPTION...] - a collector tells $dir/trace.csv as cluster NAME.
play() {
	local name=$1
	shift
	"$bin/vrs-collector" --redis="unix:$socket" --cluster="$name" --collector="$name" \
		--replay="replay:$dir/trace.csv" --history=1h --spool_dir="$dir/spool" \
		--samples_url="$samples" --fill_url="$fill" "$@" 2>>"$dir/collector.log" &
	pid[collector]=$!
}
