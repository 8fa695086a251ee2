# Hosts: made, powered, watched, loaded.
#
# A host is the processes of one PID namespace; its "power" is that namespace's pid 1. Its
# network namespace, control group and disk (etc/libvirt/qemu, ssh host key, /local) stay
# while it is off, as a chassis does.

# host_up NAME CLUSTER CPU_PCT MEM_MB [LOCAL_MB]
host_up() {
  local name=$1 cl=$2 pct=$3 mem=$4 local_mb=${5:-0} h ip ns=vrs$id-$1
  cluster_facts "$cl"
  [[ $name =~ ^[a-z][a-z0-9-]{0,9}[1-9]$ ]] || die "host name $name: want up to 11 of a-z 0-9 -, a digit last"
  hdir=$bed/hosts/$name
  [ ! -e "$hdir" ] || die "host $name is there already"
  ip=$net.${cl#c}.${name: -1}
  ! grep -lq " ip=$ip " "$bed"/hosts/*/facts 2>/dev/null || die "host $name: $ip is taken"
  mkdir -p "$hdir"/{tmpfs,root,disk/qemu,local}

  ip netns add "$ns"
  ip link add eth0 netns "$ns" type veth peer name "p-$name" netns "vrs$id-fab"
  ip -n "vrs$id-fab" link set "p-$name" master br0
  ip -n "$ns" -batch - <<END
link set lo up
link add $bridge type bridge
link set eth0 master $bridge up
addr add $ip/16 dev $bridge
link set $bridge up
END
  cg_new "$name"
  cg_limit_cpu "$name" "$pct"
  cg_limit_mem "$name" "$mem"
  mount -t tmpfs -o size=64m,mode=755 tmpfs "$hdir/tmpfs"
  [ "$local_mb" = 0 ] || loop_fs "$hdir/local.img" "$hdir/local" "$local_mb"
  ssh-keygen -q -t ed25519 -N '' -C "$name" -f "$hdir/disk/hostkey"
  printf '%s,%s %s\n' "$name" "$ip" "$(cut -d' ' -f1,2 "$hdir/disk/hostkey.pub")" >>"$bed/known_hosts"
  printf 'cluster=%s ip=%s cpu=%s mem=%s local_mb=%s\n' "$cl" "$ip" "$pct" "$mem" "$local_mb" >"$hdir/facts"
  power_on "$name"
}

host_down() {
  host_facts "$1"
  power_off "$1"
  bmc_down "$1"
  ip netns del "vrs$id-$1"
  umount "$hdir/tmpfs"
  [ "$local_mb" = 0 ] || umount "$hdir/local"
  cg_remove "$1"
  sed -i "/^$1,/d" "$bed/known_hosts"
  rm -rf "$hdir"
}

is_on() { proc_alive "$bed/hosts/$1/power"; }

# power_on NAME : returns when the host started to boot; host_ready waits for its daemons
power_on() {
  local groups=$cg_controllers group=
  host_facts "$1"
  cluster_facts "$cluster"
  is_on "$1" && return 0
  rm -rf "$hdir"/tmpfs/* "$hdir/pid1"
  mkdir "$hdir"/tmpfs/{upper,work}
  mkdir -p "$cache/libvirt"
  heal_link "$1"
  cg_vacate "$1"
  if [ $cg_version = 2 ]; then
    groups='' group=$cg_root/vrs$id/$1
    await 15 "CPU figures of $1 (see $bed/log/cpuview)" test -s "$reg/cpuview/$1"
  fi
  VRS_HOST=$1 VRS_HDIR=$hdir VRS_DS=$ds VRS_LXCFS=$reg/lxcfs VRS_KEY=$bed/key.pub \
    VRS_LIBVIRT_CACHE=$cache/libvirt VRS_CGROUPS=$groups VRS_CPUVIEW=$reg/cpuview/$1 \
    VRS_KVM=$([ "${VRS_BED_ACCEL:-tcg}" = tcg ] || echo /dev/kvm) \
    spawn "$hdir/power" "$1" "$bed/log/$1" nsenter --net="/run/netns/vrs$id-$1" \
    unshare --cgroup bash "$here/host-power" "$group" \
    unshare --mount --uts --ipc --pid --fork --kill-child bash "$here/host-init"
}

# power_off NAME : the link dies first, so nobody gets a farewell packet, then everything
# at once. A frozen host dies as well: the signal is waiting when it thaws.
power_off() {
  local tap
  host_facts "$1"
  cut_link "$1"
  if is_on "$1"; then
    [ ! -s "$hdir/pid1" ] || kill -9 "$(<"$hdir/pid1")" 2>/dev/null || true
    kill -9 "$(cut -d' ' -f1 "$hdir/power")" 2>/dev/null || true
    cg_freezer "$1" THAWED
    await 30 "power-off of $1" proc_gone "$hdir/power"
  fi
  rm -f "$hdir/power" "$hdir/pid1" "$hdir/load"
}

booted() { [ -s "$hdir/pid1" ] && in_host "$1" virsh -q list; }
host_ready() { # NAME [SECONDS]
  host_facts "$1"
  await "${2:-30}" "libvirtd on $1 (see $bed/log/$1)" booted "$1" &&
    await 30 "sshd on $1" bed_ssh "$1" true
}

# in_host NAME CMD.. : as on its console; accounted to the host, dies with it
in_host() {
  local name=$1
  shift
  [ -s "$bed/hosts/$name/pid1" ] || die "$name is off"
  (
    cg_join "$name" "$BASHPID"
    exec nsenter -t "$(<"$bed/hosts/$name/pid1")" --all -r -w -- "$@"
  )
}

bed_ssh() { # NAME CMD.. : over the network, strict about the host's key
  local name=$1
  shift
  ssh -i "$bed/key" -o UserKnownHostsFile="$bed/known_hosts" -o StrictHostKeyChecking=yes \
    -o IdentitiesOnly=yes -o BatchMode=yes -o ConnectTimeout=3 -o LogLevel=ERROR \
    "root@$(sed -n 's/.* ip=\([0-9.]*\).*/\1/p' "$bed/hosts/$name/facts")" "$@"
}

# host_load NAME PCT | NAME --trace FILE [STEP_MS] | NAME off : CPU use of the host's quota
host_load() {
  local name=$1 old
  host_facts "$name"
  is_on "$name" || die "$name is off"
  if proc_alive "$hdir/load"; then
    read -r old _ <"$hdir/load"
    kill -9 "$old"
    await 15 "end of the old load on $name" proc_gone "$hdir/load"
  fi
  [ "$2" != off ] || return 0
  local args=(--quota "$cpu" --percent "$2")
  [ "$2" != --trace ] || args=(--quota "$cpu" --trace "$(realpath "$3")" --step-ms "${4:-1000}")
  # enters only the PID namespace: the program and the trace are the manager's files
  spawn "$hdir/load" "$name" "$bed/log/$name.load" \
    nsenter --pid="/proc/$(<"$hdir/pid1")/ns/pid" -- "$bed/bin/burn" "${args[@]}"
}
