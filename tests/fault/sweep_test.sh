#!/usr/bin/env bash
# sweep_test.sh - kill -9 of every service, and of Redis, in every state of a relocation.
#
# The scheduler stops itself right after it has made a state durable and before it acts on
# it (fault point reloc.STATE). While it stands there the victim is killed and started
# again; then the scheduler goes on. When the scheduler is the victim, it dies at that very
# point. One story a victim, with a kill in every state that it passes.
#
#   VICTIM=mover tests/fault/sweep_test.sh     only that one
. "$(dirname "$0")/../kit/tap.sh"
. "$TAP_TOP/tests/kit/shell/sshd.sh"
. "$TAP_TOP/tests/kit/shell/files.sh"
. "$TAP_TOP/tests/fault/company.sh"

SWEPT=(SUSPECT DOWN_LIKELY FENCING FENCED DECIDING RESERVING TRANSFERRING VERIFYING GRANTING
	STARTING RUNNING_AWAY REPROTECTING FAILBACK_READY FB_QUIESCE FB_FINAL_SYNC FB_GRANTING
	RESTORING_HOME CLEANUP PROTECTED)
CHUNK=$((4 << 20))

faults() { # ACTION STATE...
	local action=$1 list='' s
	shift
	for s; do
		list+="${list:+,}reloc.$s=$action"
	done
	echo "$list"
}

process_state() { # R, S, T, Z, or nothing
	local fields
	read -ra fields < "/proc/$1/stat" && echo "${fields[2]}"
} 2> /dev/null

killed=()

# The scheduler stands, is dead, or the story has come to its goal and outlived it.
something_happened() {
	case $(process_state "${PID[scheduler]}") in T | Z | '') return 0 ;; esac
	state_is "${goal[@]}" && [[ " ${killed[*]} " == *" $(state) "* ]]
}

# Brings the story to one of the goal states, killing the victim wherever the scheduler
# stops on the way.
run_to() { # STATE...
	local goal=("$@") s left=("${SWEPT[@]}") i
	while wait_for 60 something_happened; do
		case $(process_state "${PID[scheduler]}") in
		T)
			s=$(state)
			killed+=("$s")
			service_kill "$victim"
			FAULTS='' service_up "$victim"
			kill -CONT "${PID[scheduler]}"
			;;
		Z | '')
			wait "${PID[scheduler]}" 2> /dev/null
			s=$(state)
			killed+=("$s")
			left=()
			for i in "${SWEPT[@]}"; do
				[[ " ${killed[*]} " == *" $i "* ]] || left+=("$i")
			done
			FAULTS=$(faults kill "${left[@]}") service_up scheduler
			;;
		*)
			return 0
			;;
		esac
	done
	return 1
}

most_resent() { # bytes, of any transfer
	grep -o 'resent=[0-9]*' "$C/log/mover" | cut -d= -f2 | sort -n | tail -n 1
}

sweep() { # VICTIM
	local victim=$1 before bad=$TAP_BAD action=stop s missed=()
	killed=()
	[ "$victim" = scheduler ] && action=kill
	FAULTS='' company_open || { not_ok "$victim: the company opens"; company_story; return; }
	service_kill scheduler
	FAULTS=$(faults $action "${SWEPT[@]}") service_up scheduler
	writes 10
	before=$(acked)
	cut_power c1/h1
	run_to RUNNING_AWAY REPROTECTING FAILBACK_READY # here: it starts and kills processes
	is "$victim: its VM runs elsewhere" $? 0
	check "$victim: the guest answers" wait_for 10 guest
	is "$victim: nothing that was acknowledged is lost" "$(acked)" "$before"
	writes 10
	before=$(acked)
	give_power c1/h1
	run_to PROTECTED
	is "$victim: it comes home" $? 0
	check "$victim: the guest answers at home" wait_for 10 guest_at c1/h1
	is "$victim: nothing written away is lost" "$(acked)" "$before"
	is "$victim: exactly one copy runs" "$(running_copies)" 1
	check "$victim: there were never two copies" never_two
	check "$victim: at most one chunk was sent twice" [ "$(most_resent)" -le "$CHUNK" ]
	for s in "${SWEPT[@]}"; do
		[[ " ${killed[*]} " == *" $s "* ]] || missed+=("$s")
	done
	is "$victim: it was killed in every state" "${missed[*]}" ""
	diag "$victim: killed in ${killed[*]}"
	[ "$TAP_BAD" = "$bad" ] || company_story
	company_close
}

copy_has_reached() { # MIB
	local file n=0
	while read -r file; do
		n=$((n + $(written "$file")))
	done < <(find "$C/ds2" -type f)
	[ $n -ge $(($1 << 20)) ]
}

# The states are too short to hit the copy itself: here it is slow, and its mover is killed
# three times on the way.
in_the_midst() {
	local victim=mover before bad=$TAP_BAD i
	IMAGE_MIB=24 RATE_LIMIT=6M company_open || { not_ok "the company opens"; return; }
	before=$(acked)
	cut_power c1/h1
	for i in 1 2 3; do
		wait_for 60 copy_has_reached $((i * 6)) || break
		service_kill mover
		service_up mover
	done
	check "mover killed in a copy: its VM runs elsewhere" \
		wait_for 90 state_is RUNNING_AWAY FAILBACK_READY
	is "mover killed in a copy: it resumed four times" \
		"$(grep -c 'transfer started' "$C/log/mover")" 4
	is "mover killed in a copy: nothing is lost" "$(acked)" "$before"
	check "mover killed in a copy: at most one chunk per kill was sent twice" \
		[ "$(most_resent)" -le $((CHUNK * 3)) ]
	diag "resent $(most_resent) bytes of 24 MiB in three kills"
	[ "$TAP_BAD" = "$bad" ] || company_story
	company_close
}

for victim in scheduler mover redis etl predictor collector:c1 collector:c2; do
	case $victim in *"${VICTIM:-}"*) sweep "$victim" ;; esac
done
case midst in *"${VICTIM:-midst}"*) in_the_midst ;; esac
tap_done
