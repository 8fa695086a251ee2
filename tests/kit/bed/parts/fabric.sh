# The network between hosts, and each cluster's shared datastore.
#
# The fabric is a bridge in a namespace of its own. Every host hangs on it by a veth pair;
# the manager (root namespace) by veth vrsN with 10.N.0.1. Hosts are 10.N.C.H, guests
# 10.N.200.X: one flat network, so a guest answers at the same address wherever it runs.

fabric_up() {
  local fab=vrs$id-fab
  ip netns add "$fab"
  ip link add "vrs$id" type veth peer name p-root netns "$fab"
  ip -n "$fab" -batch - <<END
link set lo up
link add br0 type bridge
link set br0 up
link set p-root master br0 up
END
  ip addr add "$net.0.1/16" dev "vrs$id"
  ip link set "vrs$id" up
  cg_new bed
  mkdir -p "$reg/lxcfs" "$bed/hosts" "$bed/clusters" "$bed/vms" "$bed/log" "$bed/bmc"
  ssh-keygen -q -t ed25519 -N '' -C "bed $id" -f "$bed/key"
  : >"$bed/known_hosts"
  # not in the work folder: lxcfs shows the machine's control groups, and somebody may
  # `rm -r` a work folder
  spawn "$reg/lxcfs.pid" bed "$bed/log/lxcfs" \
    lxcfs -f --enable-cfs -l -p "$reg/lxcfs.lock" "$reg/lxcfs"
  await 15 "lxcfs (see $bed/log/lxcfs)" test -e "$reg/lxcfs/proc/stat"
  [ $cg_version = 1 ] || {
    compile cpuview
    mkdir -p "$reg/cpuview"
    spawn "$reg/cpuview.pid" bed "$bed/log/cpuview" "$cache/bin/cpuview" "$cg_root/vrs$id" "$reg/cpuview"
  }
}

fabric_down() {
  local ns
  ip link del "vrs$id" 2>/dev/null || true
  for ns in $(ip netns list | awk -v p="vrs$id-" 'index($1, p) == 1 { print $1 }'); do
    ip netns del "$ns"
  done
}

# cluster_up NAME KIND BRIDGE DATASTORE_MB
cluster_up() {
  local dir=$bed/clusters/$1
  [ ! -e "$dir" ] || die "cluster $1 is there already"
  case $2 in qcow2 | vmdk | raw) ;; *) die "cluster $1: kind $2, want qcow2, vmdk or raw" ;; esac
  [[ $1 =~ ^c[1-9]$ ]] || die "cluster name $1: want c1 to c9, it becomes part of addresses"
  mkdir -p "$dir/ds"
  loop_fs "$dir/ds.img" "$dir/ds" "$4"
  printf 'kind=%s bridge=%s ds=%s/ds\n' "$2" "$3" "$dir" >"$dir/facts"
}

cluster_down() {
  cluster_facts "$1"
  ! grep -lq "^cluster=$1 " "$bed"/hosts/*/facts 2>/dev/null || die "cluster $1 still has hosts"
  umount "$cdir/ds"
  rm -rf "$cdir"
}

# loop_fs IMAGE MOUNTPOINT MB : a finite file system, so that "disk full" is real
loop_fs() {
  truncate -s "$3M" "$1"
  mke2fs -q -F -t ext4 -m 0 -E lazy_itable_init=1,lazy_journal_init=1 "$1"
  mount -o loop,noatime "$1" "$2"
}

cut_link() { ip -n "vrs$id-fab" link set "p-$1" down; }
heal_link() { ip -n "vrs$id-fab" link set "p-$1" up; }

# shape_link NAME RATE|none : both directions, for example 20mbit
shape_link() {
  local where
  for where in "-n vrs$id-fab p-$1" "-n vrs$id-$1 eth0"; do
    set -- "$1" "$2" $where
    tc "$3" "$4" qdisc del dev "$5" root 2>/dev/null || true
    [ "$2" = none ] || tc "$3" "$4" qdisc add dev "$5" root tbf rate "$2" burst 64kb latency 200ms
  done
}
