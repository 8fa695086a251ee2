#!/usr/bin/env bash
# The main job on real parts: QEMU guests on a bed of three clusters, libvirt, sshd, IPMI.
# A host dies and its guest goes on elsewhere, in another disk format; the host returns and
# its stale copy stays down; the guest comes home. A fence that fails starts nothing. A disk
# that only the dead host has is refused honestly. CPU of the guests is emulated (TCG).
. "$(dirname "$0")/../kit/tap.sh"
VRS_TOP=$TAP_TOP
. "$TAP_TOP/tests/kit/shell/stack.sh"

stack_on_bed

# --- small questions -----------------------------------------------------------------------
declare -A address
put() { curl -sf -m 2 -X PUT "http://${address[$1]}/x" | sed -n 's/.*"seq":\([0-9]*\).*/\1/p'; }
seq_of() { curl -sf -m 2 "http://${address[$1]}/" | sed -n 's/.*"seq":\([0-9]*\).*/\1/p'; }
boots_of() { curl -sf -m 2 "http://${address[$1]}/" | sed -n 's/.*"boots":\([0-9]*\).*/\1/p'; }
answers() { [[ -n $(seq_of "$1") ]]; }
record() { vrsctl relocation show "$1" -o json 2>/dev/null | jq -r ".relocation[0].record.$2"; }
state_is() { # VM STATE..
	local now vm=$1
	shift
	now=$(record "$vm" state)
	[[ " $* " == *" $now "* ]]
}
up_with_vms() { # HOW MANY PROTECTED
	[[ $(vrsctl vm list -o json 2>/dev/null | jq '[.vm[] | select(.facts.protect)] | length') == "$1" ]] &&
		vrsctl host list -o json 2>/dev/null | jq -e '[.host[] | select(.state != "up")] == []' >/dev/null
}
running_on() { "$bed" ssh "$1" virsh -q list --name | xargs; }
defined_on() { "$bed" ssh "$1" virsh -q list --all --name | xargs; }
# Everything that a failed wait needs to be understood.
tell() {
	vrsctl status 2>&1 | sed 's/^/# /'
	tail -n 60 "$STACK/log/scheduler" | sed 's/^/# /'
	tail -n 10 "$STACK"/log/mover-1 | sed 's/^/# /'
}
becomes() { # TEXT SECONDS COMMAND..
	local text=$1
	shift
	if wait_for "$@"; then
		ok "$text"
	else
		not_ok "$text"
		tell
	fi
}

# --- the company ---------------------------------------------------------------------------
cat >"$work/spec" <<'END'
cluster   c1    qcow2  br-prod     400
cluster   c2    vmdk   vmnet-prod  400
cluster   c3    raw    vmbr0       400
host      c1h1  c1     80          1024  128
host      c1h2  c1     60          1024  0
host      c2h1  c2     80          1024  0
host      c2h2  c2     60          1024  0
host      c3h1  c3     60          1024  0
host      c3h2  c3     60          1024  0
END
if ! "$bed" up "$work/spec" >"$work/bed.log" 2>&1; then
	not_ok "the bed comes up"
	sed 's/^/# /' "$work/bed.log" | tail -n 20
	tap_done
fi
address[web1]=$("$bed" vm-create c1h1 web1)
address[loc1]=$("$bed" vm-create c1h1 loc1 --local)
address[app1]=$("$bed" vm-create c2h1 app1)
STACK_VMS="web1:1:${address[web1]} loc1:2:${address[loc1]} app1:1:${address[app1]}"
for vm in web1 loc1 app1; do becomes "guest $vm answers" 180 answers $vm; done

STACK_INTERVAL=2s
STACK_PREDICTOR="training = no"
STACK_SCHEDULER="tick = 500ms
probe = 2s
stable = 5s
shutdown = 30s
fence_budget = 15s
fence_timeout = 20s
local_restart = no
boot_time = 10s
review = 5s"
stack_up
becomes "all hosts are up and three guests are protected" 120 up_with_vms 3

# --- what cannot move is known while its host still runs -----------------------------------------
finds() { [[ $(vrsctl preflight "$1" -o json 2>/dev/null | jq -r '.vm[0].is_movable') == "$2" ]]; }
"$bed" ssh c1h1 virsh -q snapshot-create-as loc1 before >/dev/null
becomes "a snapshot makes loc1 unmovable" 60 finds loc1 false
out=$(vrsctl preflight loc1)
is "preflight exits with 1" $? 1
check "and names the snapshot and the remedy" grep -q "has 1 snapshot.*virsh snapshot-delete" <<<"${out//$'\n'/ }"
check "status is not HEALTHY" grep -q "1 protected VM cannot be moved, first loc1: has 1 snapshot" <<<"$(vrsctl status)"
check "an event reports it" grep -q "loc1 cannot be moved: has 1 snapshot" <<<"$(vrsctl events -n 200)"
is "the plan holds it" "$(vrsctl plan c1h1 -o json | jq -r '.decision[] | select(.vm_name == "loc1") | .verdict')" HOLD
"$bed" ssh c1h1 virsh -q snapshot-delete loc1 before >/dev/null
becomes "without the snapshot it can move again" 60 finds loc1 true
check "an event reports that, too" grep -q "loc1 can be moved again" <<<"$(vrsctl events -n 200)"

# --- a host dies -----------------------------------------------------------------------------
for _ in 1 2 3 4 5; do acked=$(put web1); done
"$bed" power-off c1h1
becomes "web1 runs away" 240 state_is web1 RUNNING_AWAY REPROTECTING FAILBACK_READY
becomes "web1 answers at its own address" 120 answers web1
is "no acknowledged write of web1 is lost" "$(seq_of web1)" "$acked"
is "web1 was rebooted" "$(boots_of web1)" 2
away=$(record web1 active_cluster)
check "it runs in another cluster ($away)" test "$away" != c1
becomes "loc1, whose disk only c1h1 has, waits for a person" 60 state_is loc1 HOLD_OPERATOR WAIT_REPAIR
check "and its record says why" grep -qiE "disk|read" <<<"$(record loc1 hold_reason) $(record loc1 decision.summary)"
for _ in 1 2 3; do acked=$(put web1); done

# --- the host returns ------------------------------------------------------------------------
"$bed" power-on c1h1
becomes "c1h1 boots" 60 "$bed" wait c1h1 60
is "its stale copy of web1 stays down" "$(running_on c1h1 | grep -cw web1)" 0
becomes "web1 is at home again" 240 state_is web1 PROTECTED
becomes "web1 answers at home" 120 answers web1
is "no write made while away is lost" "$(seq_of web1)" "$acked"
is "web1 runs on c1h1" "$(running_on c1h1 | grep -cw web1)" 1
moved=$(record web1 bytes_moved) back=$(record web1 fb_bytes_moved)
check "only changes were copied home ($back of $moved bytes)" test "$back" -lt $((moved / 2))
nowhere_else() {
	local h
	for h in c1h2 c2h1 c2h2 c3h1 c3h2; do running_on $h | grep -qw web1 && return 1; done
	return 0
}
check "web1 runs nowhere else" nowhere_else
becomes "loc1 is started at home" 120 answers loc1

# --- a fence that does not work: the host is cut off, its guest lives and writes ---------------
acked=$(put app1)
"$bed" bmc-break c2h1
"$bed" cut c2h1
becomes "app1 waits for a person when the fence does not answer" 180 state_is app1 HOLD_OPERATOR
reason=$(record app1 hold_reason)
check "status says what is missing: $reason" grep -q c2h1 <<<"$(vrsctl status; echo "$reason")"
no_app1() {
	local h
	for h in c1h1 c1h2 c2h2 c3h1 c3h2; do defined_on $h | grep -qw app1 && return 1; done
	return 0
}
check "nothing of app1 is started or defined elsewhere" no_app1
is "the old copy still runs on the cut host" "$("$bed" sh c2h1 virsh -q list --name | grep -cw app1)" 1
vrsctl fail c2h1 --confirm-off --yes >/dev/null 2>&1
check "an operator claim without a reason is rejected" test $? -ne 0
"$bed" power-off c2h1
check "an operator claim with a reason is accepted" \
	vrsctl fail c2h1 --confirm-off --reason "I pulled both power cords" --yes
becomes "app1 runs away" 240 state_is app1 RUNNING_AWAY REPROTECTING FAILBACK_READY
becomes "app1 answers" 120 answers app1
check "no acknowledged write of app1 is lost" test "$(seq_of app1)" -ge "$acked"
is "the evidence contains the operator claim" \
	"$(vrsctl relocation show app1 -o json | jq -r '[.relocation[0].record.evidence[] | select(.text | test("power cords"))] | length > 0')" true

tap_done
