# Shared by every part of the bed: messages, waiting, names, and the register of beds.
#
# A bed is known twice. Its work folder ($VRS_BED, the caller's) holds what people and
# tests read: keys, disks, logs. The register (/run/vrsas-bed/N) holds what is needed to
# take it down again, also when the work folder is gone and its owner was killed.
# Everything the bed puts into the kernel is named after N, 1..250: netns vrsN-NAME,
# veth vrsN, control groups vrsN/NAME, addresses 10.N.0.0/16. So beds do not meet.

register=/run/vrsas-bed
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${VRS_CACHE:-$here/../../../build/cache/bed}

say() { [ -n "${VRS_BED_QUIET:-}" ] || echo "bed: $*" >&2; }
die() { echo "bed: $*" >&2; exit 1; }

# await SECONDS WHAT COMMAND.. : the one place where the bed waits for what it cannot
# be told about. Returns as soon as COMMAND succeeds, fails with a line when time is up.
await() {
  local limit=$1 what=$2 end
  shift 2
  end=$((${EPOCHREALTIME/./} + limit * ${VRS_BED_PATIENCE:-1} * 1000000))
  until "$@" >/dev/null 2>&1; do
    [ "${EPOCHREALTIME/./}" -lt "$end" ] || { echo "bed: $what: not within $limit s" >&2; return 1; }
    read -rt 0.05 <> <(:) || :
  done
}

now_ms() { echo $((${EPOCHREALTIME/./} / 1000)); }

# A process is its pid and the tick it started at: a recycled pid is another process, and
# a zombie is none, however long its parent takes to notice.
proc_id() {
  local s
  s=$(<"/proc/$1/stat") && s=${s##*) } && [ "${s%% *}" != Z ] && set -- "$1" $s && echo "$1 ${21}"
}
proc_alive() { # FILE holding a proc_id
  local pid
  read -r pid _ 2>/dev/null <"$1" && [ "$(proc_id "$pid" 2>/dev/null)" = "$(<"$1")" ]
}
proc_gone() { ! proc_alive "$1"; }

# Long-running children must not hold the caller's files (pipes of a test, our lock).
close_files() {
  local f
  for f in /proc/$BASHPID/fd/*; do
    f=${f##*/}
    [ "$f" -le 2 ] || eval "exec $f>&-"
  done
}

# spawn RECORD GROUP LOG COMMAND.. : in the background, in a control group of this bed
spawn() {
  local record=$1 group=$2 log=$3
  shift 3
  (
    close_files
    cg_join "$group" "$BASHPID"
    exec setsid "$@"
  ) </dev/null >>"$log" 2>&1 &
  proc_id $! >"$record"
  disown $! # its end is no news for the caller's terminal
}

# with_lock NAME : one command at a time works on a host (or on the list of clusters)
with_lock() {
  exec {lock}>"$reg/lock-$1"
  flock -w 60 "$lock" || die "another command holds $1"
}

# take_number PREFIX FIRST : the first free number of this bed, ours until its folder goes
take_number() {
  local n=$2
  until mkdir "$reg/$1-$n" 2>/dev/null; do n=$((n + 1)); done
  echo "$n"
}

# claim_id DIR OWNER_PID : the first free N, starting where the folder's name hashes to
claim_id() {
  local dir=$1 owner=$2 start n
  mkdir -p "$register"
  start=$(($(printf %s "$dir" | cksum | cut -d' ' -f1) % 250))
  for n in $(seq 0 249); do
    n=$(((start + n) % 250 + 1))
    ip route get "10.$n.0.1" 2>/dev/null | grep -q " via \|^local" || true
    mkdir "$register/$n" 2>/dev/null || continue
    if ip -4 route show | grep -q "^10\.$n\." || ip link show "vrs$n" >/dev/null 2>&1; then
      rmdir "$register/$n"
      continue
    fi
    echo "$dir" >"$register/$n/dir"
    proc_id "$owner" >"$register/$n/owner" || die "owner $owner does not run"
    echo "$n"
    return
  done
  die "no free bed number: see $register, try: bed sweep"
}

# load_bed : sets id, reg, net, bed for the bed that $VRS_BED names
load_bed() {
  bed=${VRS_BED:?bed: set VRS_BED to a work folder (mktemp -d)}
  [ -e "$bed/id" ] || die "$bed holds no bed: try: bed up"
  id=$(<"$bed/id") reg=$register/$id net=10.$id
  [ -d "$reg" ] || die "the bed of $bed is down"
}

# host_facts NAME : sets hdir and the facts of that host (cluster, ip, cpu, ...)
host_facts() {
  hdir=$bed/hosts/$1
  [ -e "$hdir/facts" ] || die "no such host: $1 (have: $(ls "$bed/hosts" 2>/dev/null | tr '\n' ' '))"
  . "$hdir/facts"
}
cluster_facts() {
  cdir=$bed/clusters/$1
  [ -e "$cdir/facts" ] || die "no such cluster: $1 (have: $(ls "$bed/clusters" 2>/dev/null | tr '\n' ' '))"
  . "$cdir/facts"
}

# fill TEMPLATE KEY=VALUE.. : replaces @KEY@
fill() {
  local text kv
  text=$(<"$1")
  shift
  for kv in "$@"; do text=${text//@${kv%%=*}@/${kv#*=}}; done
  printf '%s\n' "$text"
}
