#!/usr/bin/env bash
# The test bed does what the tests above it believe: hosts that really die, fencing that
# really fences, guests that remember what they acknowledged. See tests/bed/README.md.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../bed/parts/common.sh" # wait_for
bed=$here/../bed/bed
export VRS_BED_QUIET=1

passed=0 failed=0 skipped=0
ok() { passed=$((passed + 1)); echo "ok - $*"; }
not_ok() { failed=$((failed + 1)); echo "not ok - $*"; }
check() { # WHAT COMMAND..
  local what=$1
  shift
  if "$@"; then ok "$what"; else not_ok "$what"; fi
}
quietly() { "$@" >/dev/null 2>&1; }
refuted() { ! "$@" >/dev/null 2>&1; }
summary() { echo "$passed passed, $failed failed, $skipped skipped"; }

reason=$("$bed" probe)
case $? in
  0) ;;
  77) echo "$reason"; skipped=1; summary; exit 77 ;;
  *) echo "not ok - probe: $reason"; failed=1; summary; exit 1 ;;
esac

VRS_BED=$(mktemp -d)
export VRS_BED VRS_BED_OWNER=$$
finish() {
  "$bed" down
  [ $failed = 0 ] && rm -rf "$VRS_BED" || echo "# logs: $VRS_BED/log"
}
trap finish EXIT
trap 'exit 130' INT TERM

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
if ! "$bed" up; then
  not_ok "bed comes up"
  summary
  exit 1
fi
ok "bed comes up ($(($(now_ms) - start)) ms)"
eval "$("$bed" info)"

for h in $BED_HOSTS; do
  check "$h: libvirt answers over ssh, host key checked" remote_virsh "$h" list
done
uri=${BED_c1h1_URI/known_hosts=*&known/known_hosts=$VRS_BED/none&known}
: >"$VRS_BED/none"
check "an unknown host key is refused" refuted timeout 20 virsh -q -c "$uri" list </dev/null

"$bed" load c1h1 80
"$bed" load c2h1 20
check "c1h1 under load shows it" wait_for 20 "80 % on c1h1" cpu_between c1h1 60 100
check "c2h1 at the same time shows less" wait_for 20 "20 % on c2h1" cpu_between c2h1 8 45
"$bed" load c1h1 off
"$bed" load c2h1 off

# --- a guest -------------------------------------------------------------------------

start=$(now_ms)
vm=$("$bed" vm-create c1h1 web1)
check "a guest boots on c1 (qcow2, virtio)" wait_for 90 "web1" serves "$vm"
echo "# first answer $(($(now_ms) - start)) ms after its image was begun"
for i in $(seq 20); do last=$(put "$vm" "line$i"); done
check "its 20 writes are acknowledged in order" test "$last" = 20

# --- a host loses its power ----------------------------------------------------------

check "BMC: wrong password is refused, nothing is switched" bash -c '
  { echo action=off; "$1" fence-options c1h1 | sed s/^password=.*/password=wrong/; } |
    fence_ipmilan >/dev/null 2>&1; [ $? = 1 ] && [ "$("$1" state c1h1)" = on ]' - "$bed"
check "BMC: status of a running host is on" quietly "$bed" fence c1h1 status

"$bed" cut c1h1
check "cut off: the host is silent" wait_for 5 silence silent "$BED_c1h1_IP"
check "cut off: but its guest still runs" test "$("$bed" sh c1h1 virsh -q domstate web1)" = running
check "fence off" quietly "$bed" fence c1h1 off
"$bed" fence c1h1 status >/dev/null 2>&1
check "fence status then says off (2)" test $? = 2
check "the host is off" test "$("$bed" state c1h1)" = off
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
check "moved by hand to c2 (vmdk, pvscsi, vmxnet3)" quietly move_by_hand
check "it answers at the same address" wait_for 90 "web1 on c2" serves "$vm"
echo "# serving again after $(($(now_ms) - start)) ms"
check "nothing acknowledged is lost" test "$(field "$vm" seq)" = 20
check "it was booted twice" test "$(field "$vm" boots)" = 2
check "it goes on counting" test "$(put "$vm" away)" = 21

check "fence on" quietly "$bed" fence c1h1 on
check "c1h1 is back" "$bed" wait c1h1 60
check "its stale copy stays down" domain_is c1h1 web1 "shut off"
check "and the moved one still answers" test "$(field "$vm" seq)" = 21

remote_virsh c2h1 shutdown web1
check "the power button turns the guest off" wait_for 30 "shutdown of web1" domain_is c2h1 web1 "shut off"

# --- disks, hangs, broken BMCs -------------------------------------------------------

"$bed" vm-create c1h1 loner --local --no-start >/dev/null
check "a local disk is on its host" "$bed" ssh c1h1 test -s /local/loner.qcow2
check "and invisible from the neighbour" refuted "$bed" ssh c1h2 test -e /local/loner.qcow2

"$bed" freeze c3h1
check "frozen: the host does not answer" refuted timeout 3 "$bed" ssh c3h1 true
"$bed" thaw c3h1
check "thawed: it goes on" wait_for 20 "c3h1" "$bed" ssh c3h1 true

"$bed" bmc-break c3h2
check "a broken BMC is neither on nor off (1)" bash -c '
  { echo action=status; echo power_timeout=2; echo shell_timeout=3; echo login_timeout=3; "$1" fence-options c3h2; } |
    fence_ipmilan >/dev/null 2>&1; [ $? = 1 ]' - "$bed"
"$bed" bmc-mend c3h2
check "mended, it answers" wait_for 30 "BMC of c3h2" "$bed" fence c3h2 status

# --- nothing stays -------------------------------------------------------------------

nothing_left() {
  [ ! -e "$register/$BED_ID" ] && ! ip netns list | grep -q "^vrs$BED_ID-" &&
    ! ip link show "vrs$BED_ID" >/dev/null 2>&1 && ! grep -q " $VRS_BED/" /proc/self/mountinfo &&
    ! ls -d /sys/fs/cgroup/*/"vrs$BED_ID" >/dev/null 2>&1 && ! losetup -a | grep -q "$VRS_BED/"
}
"$bed" down
check "down leaves no namespace, mount, control group, process or loop device" nothing_left
check "down a second time is fine" "$bed" down

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
check "sweep takes down the bed of a killed owner" killed_owner

summary
[ $failed = 0 ]
