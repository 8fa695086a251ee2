# shellcheck shell=bash
# stack.sh - VR-SAS on a test bed: a private Redis, all services, one collector a cluster.
# Sourced by tools/demo and by the system tests. Needs VRS_BED (a bed that is up), VRS_TOP
# and VRS_BIN (folder of the programs). Everything lives in $STACK; stack_down ends what
# stack_up began, by pid, and nothing else.

# stack_on_bed : for a test (tap.sh is there): a folder $work, room for a bed $bed in it, our
# programs first in PATH, and everything taken down at the end; skips without a bed
stack_on_bed() {
  local why
  bed=$TAP_TOP/tests/kit/bed/bed
  VRS_BIN=$VRS_BUILD/bin
  export PATH=$VRS_BIN:$PATH
  why=$("$bed" probe quiet) || skip_all "${why#SKIP }"
  work=$(mktemp -d)
  export VRS_BED=$work/bed VRS_BED_OWNER=$$ VRS_BED_QUIET=1
  mkdir "$VRS_BED"
  trap stack_clean_up EXIT
  trap 'exit 130' INT TERM HUP
}
stack_clean_up() {
  trap - EXIT
  stack_down
  "$bed" down >/dev/null 2>&1
  rm -rf "$work" "${STACK:-$work}"
}

# wait_for SECONDS COMMAND.. : until the command succeeds; 1 when time is over
wait_for() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < deadline)) || return 1
    read -rt 0.1 <> <(:) || :
  done
}

# start NAME COMMAND.. : in the background, its pid and its log under its name
start() {
  local name=$1
  shift
  "$@" </dev/null >>"$STACK/log/$name" 2>&1 &
  echo $! >"$STACK/pid/$name"
}

# stop NAME [SIGNAL] : and wait until it is gone
stop() {
  local pid
  pid=$(cat "$STACK/pid/$1" 2>/dev/null) || return 0
  kill "-${2:-TERM}" "$pid" 2>/dev/null || :
  wait_for 10 gone "$pid" || kill -KILL "$pid" 2>/dev/null || :
  wait "$pid" 2>/dev/null || :
  rm -f "$STACK/pid/$1"
}

gone() {
  local state
  state=$(sed -n 's/^State:\t\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null) || return 0
  [[ -z $state || $state == Z ]]
}

# free_ports N : numbers that nobody listens on now, below the kernel's own range
free_ports() {
  local n=$1 port used
  used=$(awk 'NR > 1 && $4 == "0A" { print substr($2, index($2, ":") + 1) }' /proc/net/tcp |
    while read -r hex; do echo $((16#$hex)); done)
  port=$((20000 + (BASHPID * 7919) % 10000))
  while ((n > 0)); do
    port=$((port + 1))
    grep -qx "$port" <<<"$used" && continue
    echo "$port"
    n=$((n - 1))
  done
}

redis() {
  redis-cli -s "$STACK/redis.sock" "$@"
}

start_redis() {
  start redis redis-server --port 0 --unixsocket "$STACK/redis.sock" --unixsocketperm 700 \
    --dir "$STACK/redis" --appendonly yes --appendfsync always --save '' --loglevel warning
  wait_for 20 redis_answers || { cat "$STACK/log/redis" >&2; return 1; }
}

redis_answers() {
  [[ $(redis ping 2>/dev/null) == PONG ]]
}

# The clusters of the bed as their owners would describe them.
write_site() {
  local cl h n kind bridge format bus nic
  for cl in $BED_CLUSTERS; do
    n=BED_${cl}_KIND kind=${!n} n=BED_${cl}_BRIDGE bridge=${!n}
    format=$kind bus=virtio nic=virtio
    [[ $kind != vmdk ]] || { bus=pvscsi nic=vmxnet3; }
    cat <<END
[cluster $cl]
images = /ds
shared_storage = yes
format = $format
disk_bus = $bus
nic_model = $nic
domain_type = ${BED_ACCEL:-qemu}
networks = prod:$bridge
repair = ${STACK_REPAIR:-4h}
max_cpu_ratio = 0.8

END
    for h in $BED_HOSTS; do
      n=BED_${h}_CLUSTER
      [[ ${!n} == "$cl" ]] || continue
      local ip_of=BED_${h}_IP uri_of=BED_${h}_URI port_of=BED_${h}_BMC_PORT
      cat <<END
[host $cl/$h]
uri = ${!uri_of}
address = ${!ip_of}
ssh = root@${!ip_of}
fence = fence_ipmilan
fence.ip = 127.0.0.1
fence.ipport = ${!port_of}
fence.username = admin
fence.password_file = $STACK/bmc-password
fence.lanplus = 1
fence.cipher = 3

END
    done
  done
  local vm
  for vm in ${STACK_VMS:-}; do # NAME:CLASS:ADDRESS
    cat <<END
[vm ${vm%%:*}]
protect = yes
class = $(cut -d: -f2 <<<"$vm")
health = http://${vm##*:}/

END
  done
}

# Settings of every service, fast enough for a demonstration.
write_settings() {
  local samples=$1 fill=$2 forecast=$3 transfer=$4 control=$5 http=$6
  cat <<END
[common]
redis = unix:$STACK/redis.sock
log_level = ${STACK_LOG:-info}

[etl]
samples = tcp://127.0.0.1:$samples
fill = tcp://127.0.0.1:$fill

[collector]
site = $STACK/site.conf
samples_url = tcp://127.0.0.1:$samples
fill_url = tcp://127.0.0.1:$fill
interval = ${STACK_INTERVAL:-1s}
heartbeat = ${STACK_HEARTBEAT:-1s}

[predictor]
forecast = tcp://127.0.0.1:$forecast
${STACK_PREDICTOR:-}

[mover]
transfer = tcp://127.0.0.1:$transfer
ssh_key = $BED_KEY
known_hosts = $BED_KNOWN_HOSTS
${STACK_MOVER:-}

[scheduler]
site = $STACK/site.conf
forecast = tcp://127.0.0.1:$forecast
transfer = tcp://127.0.0.1:$transfer
control = tcp://127.0.0.1:$control
${STACK_SCHEDULER:-}

[gateway]
listen = 127.0.0.1:$http
tokens = $STACK/tokens
www = $VRS_BIN/../www
openapi = $VRS_TOP/services/gateway/openapi.json
control = tcp://127.0.0.1:$control
fill = tcp://127.0.0.1:$fill
site = $STACK/site.conf
${STACK_GATEWAY:-}
END
}

start_service() { # NAME [PROGRAM [OPTION..]]
  local name=$1 program=${2:-vrs-$1}
  shift $(($# > 1 ? 2 : 1))
  start "$name" "$VRS_BIN/$program" -c "$STACK/vrsas.conf" --instance="$name" "$@"
}

start_collector() {
  mkdir -p "$STACK/spool/$1"
  start_service "collector-$1" vrs-collector --cluster="$1" --spool_dir="$STACK/spool/$1"
}

# The page and the API, for who wants them: their address in VRS_PAGE, their tokens in
# $STACK/tokens and, one each, in $STACK/token-ROLE.
start_gateway() {
  local role
  for role in read operate alert; do
    (umask 077 && od -An -N 16 -t x1 /dev/urandom | tr -d ' \n' >"$STACK/token-$role")
    (umask 077 && echo "$role stack-$role $(<"$STACK/token-$role")" >>"$STACK/tokens")
  done
  start_service gateway
  wait_for 30 curl -sf -o "$STACK/ready" -m 2 "$VRS_PAGE/-/healthy"
}

# stack_up : everything on the bed, in a new folder $STACK
stack_up() {
  STACK=$(mktemp -d "${TMPDIR:-/tmp}/vrsas-XXXXXX")
  mkdir "$STACK/log" "$STACK/pid" "$STACK/redis" "$STACK/spool"
  eval "$("$VRS_TOP/tests/kit/bed/bed" info)"
  (umask 077 && echo secret >"$STACK/bmc-password")
  local ports
  mapfile -t ports < <(free_ports 6)
  write_site >"$STACK/site.conf"
  write_settings "${ports[@]}" >"$STACK/vrsas.conf"
  export VRSAS_CONTROL=tcp://127.0.0.1:${ports[4]} VRSAS_FILL=tcp://127.0.0.1:${ports[1]}
  VRS_PAGE=http://127.0.0.1:${ports[5]}
  start_redis
  local cl
  start_service etl
  start_service scheduler
  [[ -n ${STACK_NO_PREDICTOR:-} ]] || start_service predictor-1 vrs-predictor
  start_service mover-1 vrs-mover
  for cl in $BED_CLUSTERS; do start_collector "$cl"; done
}

stack_down() {
  [[ -n ${STACK:-} && -d $STACK/pid ]] || return 0
  local f
  for f in "$STACK"/pid/*; do
    [[ -e $f && ${f##*/} != redis ]] && kill -TERM "$(<"$f")" 2>/dev/null
  done
  for f in "$STACK"/pid/*; do
    [[ -e $f && ${f##*/} != redis ]] && stop "${f##*/}"
  done
  stop redis
}
