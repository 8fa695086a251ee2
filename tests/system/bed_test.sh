#!/usr/bin/env bash
# The test bed does what the tests above it believe: hosts that really die, fencing that
# really fences, guests that remember what they acknowledged. See tests/kit/bed/README.md.
. "$(dirname "$0")/../kit/tap.sh"

bed=$TAP_TOP/tests/kit/bed/bed
register=/run/vrsas-bed
export VRS_BED_QUIET=1
reason=$("$bed" probe) || skip_all "${reason#SKIP }"

VRS_BED=$(mktemp -d)
export VRS_BED VRS_BED_OWNER=$$
finish() {
  "$bed" down
  if [ $TAP_BAD = 0 ]; then rm -rf "$VRS_BED"; else diag "logs: $VRS_BED/log"; fi
}
trap finish EXIT
trap 'exit 130' INT TERM

refuted() { ! "$@"; }
now_ms() { echo $((${EPOCHREALTIME/[.,]/} / 1000)); }

# --- small words ---------------------------------------------------------------------

remote_virsh() { local uri=BED_$1_URI; shift; timeout 20 virsh -q -c "${!uri}" "$@"; }
serves() { curl -sf -m 1 -o /dev/null "http://$1/"; }
field() { curl -sf -m 2 "http://$1/" | sed -n "s/.*\"$2\":\"\{0,1\}\([^,\"]*\).*/\1/p"; }
put() { curl -sf -m 5 -X PUT "http://$1/$2" | sed -n 's/.*"seq":\([0-9]*\).*/\1/p'; }
domain_is() { [ "$(remote_virsh "$1" domstate "$2")" = "$3" ]; }
silent() { ! timeout 1 bash -c "exec 3<>/dev/tcp/$1/22" 2>/dev/null; }
cpu_busy() { # NAME : percent over a second, as libvirt tells it from afar
  remote_virsh "$1" nodecpustats --percent | awk '/usage:/ { print int($2) }'
}
cpu_between() { local u; u=$(cpu_busy "$1") && [ "$u" -ge "$2" ] && [ "$u" -le "$3" ]; }

# --- the bed -------------------------------------------------------------------------

start=$(now_ms)
check "bed comes up" "$bed" up
[ $TAP_BAD = 0 ] || tap_done
diag "six hosts in $(($(now_ms) - start)) ms"
eval "$("$bed" info)"

for h in $BED_HOSTS; do
  check "$h: libvirt answers over ssh, host key checked" remote_virsh "$h" list
done
uri=${BED_c1h1_URI/known_hosts=*&known/known_hosts=$VRS_BED/none&known}
: >"$VRS_BED/none"
check "an unknown host key is refused" refuted timeout 20 virsh -q -c "$uri" list </dev/null

"$bed" load c1h1 80
"$bed" load c2h1 20
check "c1h1 under load shows it" wait_for 20 cpu_between c1h1 60 100
check "c2h1 at the same time shows less" wait_for 20 cpu_between c2h1 8 45
"$bed" load c1h1 off
"$bed" load c2h1 off

# --- a guest -------------------------------------------------------------------------

start=$(now_ms)
vm=$("$bed" vm-create c1h1 web1)
check "a guest boots on c1 (qcow2, virtio)" wait_for 90 serves "$vm"
diag "first answer $(($(now_ms) - start)) ms after its image was begun"
for i in $(seq 20); do last=$(put "$vm" "line$i"); done
is "its 20 writes are acknowledged in order" "$last" 20

# --- a host loses its power ----------------------------------------------------------

check "BMC: wrong password is refused, nothing is switched" bash -c '
  { echo action=off; "$1" fence-options c1h1 | sed s/^password=.*/password=wrong/; } |
    fence_ipmilan ; [ $? = 1 ] && [ "$("$1" state c1h1)" = on ]' - "$bed"
check "BMC: status of a running host is on" "$bed" fence c1h1 status

"$bed" cut c1h1
check "cut off: the host is silent" wait_for 5 silent "$BED_c1h1_IP"
is "cut off: but its guest still runs" "$("$bed" sh c1h1 virsh -q domstate web1)" running
check "fence off" "$bed" fence c1h1 off
"$bed" fence c1h1 status >/dev/null 2>&1
is "fence status then says off (2)" $? 2
is "the host is off" "$("$bed" state c1h1)" off
check "its guest is gone from the network" refuted serves "$vm"
check "the neighbour sees its disk" "$bed" ssh c1h2 test -s /ds/web1.qcow2

# --- the guest moves to another kind of cluster ----------------------------------------

move_by_hand() {
  local raw=$VRS_BED/web1.raw
  "$bed" ssh c1h2 cat /ds/web1.qcow2 >"$VRS_BED/web1.qcow2" &&
    qemu-img convert -O raw "$VRS_BED/web1.qcow2" "$raw" &&
    qemu-img convert -O vmdk "$raw" "$VRS_BED/web1.vmdk" &&
    "$bed" ssh c2h1 'cat >/ds/web1.vmdk' <"$VRS_BED/web1.vmdk" &&
    "$bed" vm-xml vmdk web1 /ds/web1.vmdk "$BED_c2_BRIDGE" >"$VRS_BED/web1.xml" &&
    remote_virsh c2h1 define "$VRS_BED/web1.xml" && remote_virsh c2h1 start web1
}
start=$(now_ms)
check "moved by hand to c2 (vmdk, pvscsi, vmxnet3)" move_by_hand
check "it answers at the same address" wait_for 90 serves "$vm"
diag "serving again after $(($(now_ms) - start)) ms"
is "nothing acknowledged is lost" "$(field "$vm" seq)" 20
is "it was booted twice" "$(field "$vm" boots)" 2
is "it goes on counting" "$(put "$vm" away)" 21

check "fence on" "$bed" fence c1h1 on
check "c1h1 is back" "$bed" wait c1h1 60
check "its stale copy stays down" domain_is c1h1 web1 "shut off"
is "and the moved one still answers" "$(field "$vm" seq)" 21

remote_virsh c2h1 shutdown web1
check "the power button turns the guest off" wait_for 30 domain_is c2h1 web1 "shut off"

# --- disks, hangs, broken BMCs -------------------------------------------------------

"$bed" vm-create c1h1 loner --local --no-start >/dev/null
check "a local disk is on its host" "$bed" ssh c1h1 test -s /local/loner.qcow2
check "and invisible from the neighbour" refuted "$bed" ssh c1h2 test -e /local/loner.qcow2

"$bed" freeze c3h1
check "frozen: the host does not answer" refuted timeout 3 "$bed" ssh c3h1 true
"$bed" thaw c3h1
check "thawed: it goes on" wait_for 20 "$bed" ssh c3h1 true

"$bed" bmc-break c3h2
check "a broken BMC is neither on nor off (1)" bash -c '
  { echo action=status; echo power_timeout=2; echo shell_timeout=3; echo login_timeout=3; "$1" fence-options c3h2; } |
    fence_ipmilan ; [ $? = 1 ]' - "$bed"
"$bed" bmc-mend c3h2
check "mended, it answers" wait_for 30 "$bed" fence c3h2 status

# --- nothing stays -------------------------------------------------------------------

nothing_left() {
  [ ! -e "$register/$BED_ID" ] && ! ip netns list | grep -q "^vrs$BED_ID-" &&
    ! ip link show "vrs$BED_ID" >/dev/null 2>&1 && ! grep -q " $VRS_BED/" /proc/self/mountinfo &&
    ! ls -d /sys/fs/cgroup/*/"vrs$BED_ID" >/dev/null 2>&1 && ! losetup -a | grep -q "$VRS_BED/"
}
killed_owner() { # a bed whose caller was killed is swept by the next one
  local dir
  dir=$(mktemp -d)
  printf 'cluster c1 raw br-x 64\nhost c1h1 c1 50 512 0\n' >"$dir.spec"
  bash -c 'unset VRS_BED_OWNER; VRS_BED=$1 "$2" up "$3"; kill -9 $$' - "$dir" "$bed" "$dir.spec" 2>/dev/null
  BED_ID=$(cat "$dir/id")
  [ -d "$register/$BED_ID" ] && "$bed" sweep && VRS_BED=$dir nothing_left
  local rc=$?
  rm -rf "$dir" "$dir.spec"
  return $rc
}
interrupted() { # while it builds
  local dir pid rc
  dir=$(mktemp -d)
  VRS_BED=$dir "$bed" up &
  pid=$!
  wait_for 10 test -e "$dir/hosts/c1h2/power"
  kill -TERM $pid
  wait $pid
  BED_ID=$(cat "$dir/id")
  VRS_BED=$dir nothing_left
  rc=$?
  rm -rf "$dir"
  return $rc
}
check "a second bed, interrupted while it is built, leaves nothing" interrupted
check "a second bed, its owner killed, is swept away" killed_owner
is "and leaves ours alone" "$("$bed" state c1h2)" on

"$bed" down
check "down leaves no namespace, mount, control group, process or loop device" nothing_left
check "down a second time is fine" "$bed" down

tap_done
