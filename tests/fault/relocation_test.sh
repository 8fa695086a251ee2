#!/usr/bin/env bash
# relocation_test.sh - a host dies, its VM runs in another cluster, and comes home; and what
# happens when the fence says no, the host comes back too early, or nobody can read its disks.
# All services are real; hosts are the pretend ones of README.md.
. "$(dirname "$0")/../kit/tap.sh"
. "$TAP_TOP/tests/kit/shell/sshd.sh"
. "$TAP_TOP/tests/fault/company.sh"

said() { # the last status of its transfer, as vrsctl shows it
	ctl -o json relocation show web1
}

# --- away and home --------------------------------------------------------------------------

there_and_back() {
	company_open || { not_ok "the company opens"; company_story; return; }
	local before began ended
	writes 20
	before=$(acked)
	began=${EPOCHREALTIME/[.,]/}
	cut_power c1/h1
	check "a dead host's VM runs in another cluster" wait_for 40 state_is RUNNING_AWAY FAILBACK_READY
	ended=${EPOCHREALTIME/[.,]/}
	diag "outage $(((ended - began) / 1000)) ms"
	check "its guest answers there" wait_for 5 guest
	is "no acknowledged write is lost" "$(acked)" "$before"
	is "its epoch rose" "$(epoch)" 2
	check "it runs in c2" guest_at_c2
	writes 15
	before=$(acked)
	began=${EPOCHREALTIME/[.,]/}
	give_power c1/h1
	check "it comes home when its host is back" wait_for 40 state_is PROTECTED
	ended=${EPOCHREALTIME/[.,]/}
	diag "home after $(((ended - began) / 1000)) ms"
	check "its guest answers at home" wait_for 5 guest_at c1/h1
	is "and nothing that was written away is lost" "$(acked)" "$before"
	is "one copy runs" "$(running_copies)" 1
	check "nothing is left where it was away" wait_for 20 eval '[ -z "$(find "$C/ds2" -type f)" ]'
	check "home's own image is there" [ -s "$C/ds1/web1.raw" ]
	check "there were never two copies" never_two
	[ "$TAP_BAD" = 0 ] || company_story
	company_close
}

# --- no proof, no start -----------------------------------------------------------------------

without_proof() { # MODE
	FENCE_BUDGET=2s company_open || { not_ok "the company opens"; company_story; return; }
	echo "$1" > "$(host_dir c1/h1)/fence-mode"
	# cut off, not dead: its guest runs on where nobody sees it
	pretend c1/h1 cut
	sshd_down c1/h1
	check "fence $1: the relocation waits for an operator" wait_for 40 state_is HOLD_OPERATOR
	check "fence $1: status says what is missing" \
		eval "ctl -o json relocation show web1 | grep -q 'no proof that it is off'"
	is "fence $1: the guest was left alone" "$(epoch)" 1
	if [ "$1" != lies ]; then
		# the person goes there, pulls the plug, and says so
		cut_power c1/h1
		check "fence $1: a confirmation without a reason is refused" \
			eval '! ctl -y fail c1/h1 --confirm-off'
		check "fence $1: the operator claim ends the hold" \
			ctl -y fail c1/h1 --confirm-off --reason "I pulled the plug"
		check "fence $1: then it runs elsewhere" wait_for 40 state_is RUNNING_AWAY FAILBACK_READY
	fi
	check "fence $1: there were never two" never_two
	[ "$TAP_BAD" = 0 ] || company_story
	company_close
}

# --- the host returns while its VM is away ------------------------------------------------------

stale_copy_stays_down() {
	AUTO=no company_open || { not_ok "the company opens"; company_story; return; }
	service_kill scheduler
	echo "auto_failback = no" >> "$C/scheduler.conf"
	service_up scheduler
	cut_power c1/h1
	wait_for 40 state_is RUNNING_AWAY FAILBACK_READY
	local i down=0
	for ((i = 1; i <= 20; i++)); do
		# each time its definition is there again, as after a restore of the host
		cut_power c1/h1
		vm_json > "$(host_dir c1/h1)/vms/$VM.json"
		give_power c1/h1
		wait_for 10 eval '[ ! -e "$(host_dir c1/h1)/vms/$VM.json" ] || state_is FAILBACK_READY'
		[ "$(running_copies)" = 1 ] && guest_at_c2 && down=$((down + 1))
	done
	is "the stale copy stayed down when its host came back" "$down of 20" "20 of 20"
	check "there were never two copies" never_two
	# and if somebody starts it by hand
	vm_json | sed "s/${PORT[web1]}/$(free_port)/" > "$(host_dir c1/h1)/vms/$VM.json"
	pretend c1/h1 start <<< "{\"id\": \"$VM\"}"
	check "a stale copy started by hand is stopped" wait_for 20 eval '[ "$(running_copies)" = 1 ]'
	check "the one that goes on is the right one" guest_at_c2
	[ "$TAP_BAD" = 0 ] || company_story
	company_close
}

guest_at_c2() {
	[[ $(guest | jq -r .host) == a[12] ]]
}

# --- disks that died with their host --------------------------------------------------------------

unreadable() {
	SHARED=no company_open || { not_ok "the company opens"; company_story; return; }
	cut_power c1/h1
	check "disks on the dead host only: it waits for an operator or the repair" \
		wait_for 40 state_is HOLD_OPERATOR WAIT_REPAIR
	check "and the reason is shown" eval "said | grep -Eqi 'disk|read'"
	is "nothing was started" "$(running_copies)" 0
	give_power c1/h1
	check "it runs again at home when its host is back" wait_for 40 state_is PROTECTED
	check "its guest answers" wait_for 5 guest_at c1/h1
	[ "$TAP_BAD" = 0 ] || company_story
	company_close
}

# --- its own cluster, and orders ----------------------------------------------------------------

restart_nearby() {
	LOCAL_RESTART=yes company_open || { not_ok "the company opens"; company_story; return; }
	local before
	writes 5
	before=$(acked)
	cut_power c1/h1
	check "with shared disks it restarts in its own cluster" wait_for 40 guest_at c1/h2
	is "nothing is lost" "$(acked)" "$before"
	give_power c1/h1
	check "and goes home" wait_for 40 state_is PROTECTED
	check "the shared image is there" [ -s "$C/ds1/web1.raw" ]
	check "there were never two copies" never_two
	[ "$TAP_BAD" = 0 ] || company_story
	company_close
}

moved_by_order() {
	company_open || { not_ok "the company opens"; company_story; return; }
	local before
	writes 5
	before=$(acked)
	check "a healthy VM is moved by order" ctl -y relocate web1 --to c2
	check "it runs there" wait_for 40 guest_at_c2
	is "nothing is lost" "$(acked)" "$before"
	check "and stays until it is called back" wait_for 10 state_is FAILBACK_READY
	check "an order brings it home" ctl -y failback web1
	check "and it comes" wait_for 40 state_is PROTECTED
	is "with everything that was written away" "$(acked)" "$before"
	check "there were never two copies" never_two
	[ "$TAP_BAD" = 0 ] || company_story
	company_close
}

# --- a host that boots faster than anybody notices ------------------------------------------------

reboot_at_once() { # HOST: its probe answers all the while
	pretend "$1" power-off
	pretend "$1" power-on
}

inventory_knows_boot() {
	redis hget "vrsas:v1:inv:{c1}" h1 | grep -qaF "$(cat "$(host_dir c1/h1)/boot")"
}

quick_reboot() {
	company_open || { not_ok "the company opens"; company_story; return; }
	local before
	writes 5
	before=$(acked)
	check "the hosts of running VMs are recorded" wait_for 10 eval '[ "$(redis hexists "vrsas:v1:ran:{c1}" h1)" = 1 ]'
	pretend c1/h2 cut # it may have been given the VM
	reboot_at_once c1/h1
	check "a VM that went down with its host waits for the other hosts of its cluster" \
		wait_for 20 eval 'redis xrange vrsas:v1:ev - + | grep -qa "went down with c1/h1"'
	is "and is not started meanwhile" "$(running_copies)" 0
	pretend c1/h2 heal
	check "then it runs again at home" wait_for 40 guest_at c1/h1
	check "and the relocation ends" wait_for 20 state_is PROTECTED
	is "its epoch rose" "$(epoch)" 2
	is "no acknowledged write is lost" "$(acked)" "$before"
	check "its journal says why" eval 'redis xrange "vrsas:v1:jrn:$VM" - + | grep -q "VR-SAS starts it"'
	check "it is seen running" wait_for 10 eval 'ctl vm list | grep web1 | grep -qw RUNNING'
	# its owner's word is another matter
	pretend c1/h1 shutdown <<< "{\"id\": \"$VM\"}"
	check "a VM shut down by its owner is not recorded" \
		wait_for 10 eval '[ "$(redis hexists "vrsas:v1:ran:{c1}" h1)" = 0 ]'
	reboot_at_once c1/h1
	check "its next boot is noticed" wait_for 10 inventory_knows_boot
	check "and seen by the scheduler" wait_for 5 eval 'ctl vm list | grep web1 | grep -qw OFF'
	is "it stays down" "$(running_copies)" 0
	check "there were never two copies" never_two
	[ "$TAP_BAD" = 0 ] || company_story
	company_close
}

# --- found in two clusters, and nobody sent it to either ------------------------------------------

found_twice() {
	company_open || { not_ok "the company opens"; company_story; return; }
	cp "$C/ds1/web1.raw" "$C/ds2/clone.raw"
	vm_json | sed "s/${PORT[web1]}/$(free_port)/; s,$C/ds1/web1,$C/ds2/clone," > "$(host_dir c2/a1)/vms/$VM.json"
	pretend c2/a1 start <<< "{\"id\": \"$VM\"}"
	check "a VM that runs in two clusters is noticed" wait_for 20 state_is SPLIT_SUSPECT HOLD_OPERATOR
	check "it waits for an operator" wait_for 20 state_is HOLD_OPERATOR
	check "and names where it runs" eval "said | grep -q 'c1/h1 and c2/a1'"
	is "neither copy is stopped" "$(running_copies)" 2
	is "nothing is granted" "$(epoch)" 1
	pretend c2/a1 destroy <<< "{\"id\": \"$VM\"}"
	check "after one copy is stopped by hand, the other one is the VM" wait_for 20 state_is PROTECTED
	check "and goes on" guest_at c1/h1
	[ "$TAP_BAD" = 0 ] || company_story
	company_close
}

stories=(there_and_back quick_reboot found_twice "without_proof refuses" "without_proof hangs" "without_proof lies"
	stale_copy_stays_down unreadable restart_nearby moved_by_order)
for story in "${stories[@]}"; do
	case $story in *"${STORY:-}"*) $story ;; esac
done
tap_done
