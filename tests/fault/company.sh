# shellcheck shell=bash
# company.sh - a whole pretend company for one test: Redis, all services, two clusters of
# two hosts each, one VM. Hosts are those of README.md, with an sshd each.
#
#   company_open            makes it in $C (a fresh directory) and starts everything
#   company_close           ends everything; also when the test ends
#
# Sourced after tap.sh and lib/sshd.sh. Times are compressed: what takes minutes in life
# takes about a second here.

for tool in redis-server curl jq /usr/sbin/sshd; do
	command -v $tool > /dev/null || skip_all "$tool is not installed"
done
trap company_close EXIT

VM=6f1c9c0e-5b2b-4c5a-9d62-0a3d3c7b5e11
STATES=(NONE PROTECTED SUSPECT HOLD_BRAKE DOWN_LIKELY FENCING HOLD_OPERATOR FENCED DECIDING
	WAIT_REPAIR RESERVING TRANSFERRING VERIFYING GRANTING STARTING START_FAILED
	RUNNING_AWAY "" REPROTECTING FAILBACK_READY FB_QUIESCE FB_FINAL_SYNC
	FB_GRANTING RESTORING_HOME CLEANUP SPLIT_SUSPECT LOCAL_RESTART HOME_GRANT)
declare -A PID=() PORT=()
GATEWAY=() # more settings of it
HOSTS=(c1/h1 c1/h2 c2/a1 c2/a2)

# --- hosts -----------------------------------------------------------------------------

host_dir() {
	echo "$C/world/${1#*/}"
}

pretend() { # HOST VERB...
	local host=$1
	shift
	"$VRS_BUILD/tests/fault/pretend-hv" "$(host_dir "$host")" "$@"
}

# Each host has its own sshd, so that it can fall silent by itself.
# shellcheck disable=SC2034 # sshd_start fills them; here they stay local
sshd_up() { # HOST
	local SSHD_PORT=${PORT[$1]:-} SSHD_PID SSHD_DIR SSHD_USER SSHD_KEY SSHD_KNOWN_HOSTS
	local SSHD_CONFIG SSHD_EXTRA="SetEnv HOME=$C/home"
	mkdir -p "$C/ssh/$1"
	sshd_start "$C/ssh/$1" || return 1
	cp "$C/id.pub" "$SSHD_DIR/authorized_keys"
	PORT[$1]=$SSHD_PORT PID[sshd:$1]=$SSHD_PID
}

sshd_down() { # HOST
	local pid=${PID[sshd:$1]:-} child
	[ -n "$pid" ] || return 0
	for child in $(pgrep -P "$pid"); do
		kill -9 "$child" $(pgrep -P "$child") 2>/dev/null
	done
	kill -9 "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	PID[sshd:$1]=
}

cut_power() { # HOST
	pretend "$1" power-off
	sshd_down "$1"
}

give_power() { # HOST
	sshd_up "$1"
	pretend "$1" power-on
}

# --- services ---------------------------------------------------------------------------

redis_up() {
	redis-server --port 0 --unixsocket "$C/redis.sock" --dir "$C" --save '' \
		--appendonly yes --appendfsync always --logfile "$C/log/redis" &
	PID[redis]=$!
	wait_for 10 redis-cli -s "$C/redis.sock" ping
}

redis() {
	redis-cli -s "$C/redis.sock" "$@" 2>/dev/null
}

service_up() { # redis, etl, scheduler, mover, predictor, gateway, collector:CLUSTER
	local name=$1 program args=("--redis=unix:$C/redis.sock" "--instance=${1/:/-}")
	case $name in
	redis)
		redis_up
		return
		;;
	etl) args+=("--samples=tcp://127.0.0.1:${PORT[samples]}"
		"--fill=tcp://127.0.0.1:${PORT[fill]}") ;;
	scheduler) args+=("-c" "$C/scheduler.conf") ;;
	mover) args+=("--transfer=tcp://127.0.0.1:${PORT[transfer]}" "--ssh_key=$C/id"
		"--known_hosts=$C/known_hosts" "--silence=3s" "--connect_timeout=2s") ;;
	gateway) args+=("--listen=127.0.0.1:${PORT[http]}" "--tokens=$C/tokens" "--www=$C/www"
		"--openapi=$TAP_TOP/services/gateway/openapi.json" "--site=${GATEWAY_SITE:-$C/site}"
		"--control=tcp://127.0.0.1:${PORT[control]}" "--fill=tcp://127.0.0.1:${PORT[fill]}"
		"--ask_timeout=5s" "${GATEWAY[@]}") ;;
	predictor) args+=("--forecast=tcp://127.0.0.1:${PORT[forecast]}" "--training=no") ;;
	collector:*) args=("--site=$C/site" "--cluster=${name#*:}" "--interval=1s"
		"--heartbeat=200ms" "--spool_dir=$C/spool"
		"--samples_url=tcp://127.0.0.1:${PORT[samples]}"
		"--fill_url=tcp://127.0.0.1:${PORT[fill]}") ;;
	esac
	program=$VRS_BUILD/bin/vrs-${name%%:*}
	HOME=$C/home VRSAS_FAULTS=${FAULTS:-} "$program" "${args[@]}" >> "$C/log/$name" 2>&1 &
	PID[$name]=$!
}

service_kill() { # NAME
	kill -9 "${PID[$1]}" 2>/dev/null
	wait "${PID[$1]}" 2>/dev/null
}

# The gateway is not among SERVICES: a test that wants it starts it.
READ=read-0123456789abcdef OPERATE=operate-0123456789abcdef ALERT=alert-0123456789abcdef
gateway_open() {
	PORT[http]=$(free_port)
	mkdir -p "$C/www"
	printf 'read ann %s\noperate bob %s\nalert am %s\n' $READ $OPERATE $ALERT > "$C/tokens"
	chmod 600 "$C/tokens"
	service_up gateway
	wait_for 10 curl -sf "http://127.0.0.1:${PORT[http]}/-/ready"
}

api() { # TOKEN PATH [CURL-OPTION...]: the body, then a line with the status
	local token=$1 path=$2
	shift 2
	curl -s -m 20 -w '\n%{http_code}\n' -H "Authorization: Bearer $token" "$@" \
		"http://127.0.0.1:${PORT[http]}$path"
}

get() { # PATH: the JSON, or nothing and false
	curl -sf -m 20 -H "Authorization: Bearer $READ" "http://127.0.0.1:${PORT[http]}$1"
}

SERVICES=(redis etl predictor mover scheduler collector:c1 collector:c2)

# --- the company ------------------------------------------------------------------------

write_site() {
	local h
	cat <<-END
	[cluster c1]
	images = $C/ds1
	shared_storage = ${SHARED:-yes}
	format = raw
	repair = 4h
	[cluster c2]
	images = $C/ds2
	shared_storage = yes
	format = raw
	repair = 4h
	[vm web1]
	protect = yes
	class = 1
	health = http://127.0.0.1:${PORT[web1]}/
	END
	for h in "${HOSTS[@]}"; do
		cat <<-END
		[host $h]
		uri = command:$VRS_BUILD/tests/fault/pretend-hv $(host_dir "$h")
		address = 127.0.0.1
		probe = tcp://127.0.0.1:${PORT[$h]}
		ssh = $(id -un)@127.0.0.1:${PORT[$h]}
		fence = $VRS_BUILD/tests/fault/pretend-fence
		fence.dir = $(host_dir "$h")
		END
	done
}

write_scheduler_conf() {
	cat <<-END
	[common]
	[scheduler]
	site = $C/site
	forecast = tcp://127.0.0.1:${PORT[forecast]}
	transfer = tcp://127.0.0.1:${PORT[transfer]}
	control = tcp://127.0.0.1:${PORT[control]}
	tick = 100ms
	probe = 600ms
	probe_fresh = 4s
	stable = 1500ms
	collector_late = 4s
	inventory_max_age = 300ms
	hv_timeout = 4s
	fence_timeout = 3s
	fence_retry = 300ms
	shutdown = 2s
	health_timeout = 500ms
	health_retry = 100ms
	mover_silent = 4s
	lease = 3s
	suspect_budget = 6s
	fence_budget = ${FENCE_BUDGET:-6s}
	reserve_budget = 8s
	grant_budget = 8s
	boot_budget = 15s
	stop_budget = 10s
	query_budget = 8s
	review = 3s
	page = 5s
	split_budget = 6s
	cleanup_budget = 8s
	transfer_setup = 200ms
	boot_time = 500ms
	disk_reserve = 0
	keep_away = no
	rate_limit = ${RATE_LIMIT:-0}
	local_restart = ${LOCAL_RESTART:-no}
	END
}

vm_json() {
	cat <<-END
	{"id": "$VM", "name": "web1", "vcpus": 1, "ram_bytes": 268435456, "autostart": false,
	 "native": "{\"port\": ${PORT[web1]}}", "nics": [],
	 "disks": [{"path": "$C/ds1/web1.raw", "format": "raw", "bus": "virtio", "target": "vda"}]}
	END
}

company_open() {
	local h s
	C=$(mktemp -d)
	mkdir -p "$C"/{home,log,spool,ds1,ds2,ssh,world}
	chmod 700 "$C/home"
	ssh-keygen -q -t ed25519 -N '' -C test -f "$C/id"
	for h in "${HOSTS[@]}"; do
		mkdir -p "$(host_dir "$h")"/{vms,run}
		sshd_up "$h" || return 1
	done
	for h in "${HOSTS[@]}"; do
		cat "$C/ssh/$h/sshd/known_hosts"
	done > "$C/known_hosts"
	for s in samples fill forecast transfer control web1; do
		PORT[$s]=$(free_port)
	done
	dd if=/dev/urandom of="$C/ds1/web1.raw" bs=1M count="${IMAGE_MIB:-12}" status=none
	printf '%s' 00000000000000000000 | dd of="$C/ds1/web1.raw" conv=notrunc status=none
	truncate -s +20M "$C/ds1/web1.raw" # and holes
	# four numbers of 20 digits lead the image
	printf '%020d\n%020d\n%020d\n%020d\n' 0 0 0 0 | dd of="$C/ds1/web1.raw" conv=notrunc status=none
	vm_json > "$(host_dir c1/h1)/vms/$VM.json"
	write_site > "$C/site"
	write_scheduler_conf > "$C/scheduler.conf"
	pretend c1/h1 start <<< "{\"id\": \"$VM\"}" || return 1
	for s in "${SERVICES[@]}"; do
		service_up "$s"
	done
	wait_for 20 vm_is_known && wait_for 30 hosts_are_ready && wait_for 10 writes 3
}

company_close() {
	local s h
	for s in "${!PID[@]}"; do
		case $s in sshd:*) ;; *)
			kill -CONT "${PID[$s]}" 2>/dev/null
			kill -9 "${PID[$s]}" 2>/dev/null
			wait "${PID[$s]}" 2>/dev/null
			;;
		esac
	done
	for h in "${HOSTS[@]}"; do
		pretend "$h" power-off
		sshd_down "$h"
	done 2>/dev/null
	[ -n "${KEEP:-}" ] && echo "# kept: $C" || rm -rf "$C"
	PID=()
}

# --- what is so ---------------------------------------------------------------------------

ctl() {
	"$VRS_BUILD/bin/vrsctl" -s "tcp://127.0.0.1:${PORT[control]}" "$@"
}

vm_is_known() {
	ctl -o json vm list | grep -q web1
}

# Every host is up for the scheduler, with a CPU reading and, at the targets, with room for
# disks: before that an order to move a VM is refused, and rightly so.
hosts_are_ready() {
	ctl -o json host list | jq -e '[.host[] | select(.state == "up" and (.cpu_ratio | numbers))] | length == 4'
}

state() {
	echo "${STATES[$(redis hget "vrsas:v1:reloc:$VM" state || echo 0)]}"
}

state_is() {
	local s
	s=$(state)
	for want; do
		[ "$s" = "$want" ] && return 0
	done
	return 1
}

epoch() {
	redis hget "vrsas:v1:reloc:$VM" epoch
}

guest() { # what the guest itself says, as JSON
	curl -sf -m 1 "http://127.0.0.1:${PORT[web1]}/"
}

guest_at() { # HOST
	[ "$(guest | jq -r .host)" = "${1#*/}" ]
}

acked() { # the guest's last acknowledged write
	guest | jq -r .seq
}

writes() { # N: so many writes, each acknowledged
	local i
	for ((i = 0; i < $1; i++)); do
		curl -sf -m 1 -X PUT -d x "http://127.0.0.1:${PORT[web1]}/" > /dev/null || return 1
	done
}

# No two copies ever lived at the same time, says the kernel.
never_two() {
	! grep TWO "$C/world/journal"
}

running_copies() {
	local h n=0
	for h in "${HOSTS[@]}"; do
		[ "$(pretend "$h" state <<< "{\"id\": \"$VM\"}" 2>/dev/null | jq -r .state)" = running ] &&
			n=$((n + 1))
	done
	echo "$n"
}

# What went wrong, for the log of a failed test.
company_story() {
	redis --raw xrange "vrsas:v1:jrn:$VM" - + | paste -sd' ' | sed 's/ \([0-9]\{13\}-[0-9]\)/\n\1/g' |
		sed 's/^/# /' | tail -n "${1:-40}"
	sed 's/^/# world: /' "$C/world/journal" | tail -n 15
	tail -n 12 "$C/log/scheduler" | sed 's/^/# scheduler: /'
	tail -n 6 "$C/log/mover" | sed 's/^/# mover: /'
}
