#!/usr/bin/env bash
# rooms_test.sh - tools/check-rooms finds a circle of files, a call into a room that the README
# does not name, and a folder that grew too large; in a small tree of its own. tools/check
# refuses what names no test.
. "$(dirname "$0")/../kit/tap.sh"

tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

# put PATH: a file of the small tree, its text from stdin
put() {
	mkdir -p "$tree/$(dirname "$1")"
	cat >"$tree/$1"
}

# A service with two rooms: plan stands on fleet.
fresh() {
	rm -rf "${tree:?}"/*
	mkdir -p "$tree/tools"
	cp "$TAP_TOP/tools/check-rooms" "$tree/tools/"
	put services/s/fleet/fleet.h <<<'int fleet_size(void);'
	put services/s/fleet/fleet.c <<-'END'
		#include "fleet/fleet.h"

		int fleet_size(void)
		{
			return 3;
		}
	END
	put services/s/fleet/README.md <<<'Stands on: lib/vrs'
	put services/s/plan/plan.h <<<'int plan_make(void);'
	put services/s/plan/plan.c <<-'END'
		#include "fleet/fleet.h"
		#include "plan/plan.h"

		int plan_make(void)
		{
			return fleet_size(); /* "plan_make(" in a comment is no call */
		}
	END
	put services/s/plan/README.md <<<'Stands on: fleet, lib/vrs'
}

# finds TEXT PATTERN: the check fails, and one of its lines has the pattern
finds() {
	local said
	if said=$("$tree/tools/check-rooms" 2>&1); then
		not_ok "$1"
	elif grep -q -e "$2" <<<"$said"; then
		ok "$1"
	else
		not_ok "$1"
		diag "$said"
	fi
}

fresh
check "a tree without a circle passes" "$tree/tools/check-rooms"

fresh
put services/s/fleet/fleet.c <<-'END'
	#include "fleet/fleet.h"
	#include "plan/plan.h"

	int fleet_size(void)
	{
		return plan_make();
	}
END
finds "a circle of two files by calls is found" \
	'fleet/fleet.c: a circle of 2 files: needs plan_make of services/s/plan/plan.c'
finds "a call upward is found, and the README that forbids it is named" \
	'fleet/fleet.c: needs plan_make .* but services/s/fleet/README.md stands on lib/vrs'
finds "an include upward is found with its line" 'fleet/fleet.c:2: includes plan'

fresh
put services/s/plan/plan.h <<-'END'
	int plan_make(void);
	struct plan_row {
		int (*rule)(void);
	};
	extern const struct plan_row plan_table[];
END
put services/s/plan/plan.c <<-'END'
	#include "plan/plan.h"
	#include "plan/rule.h"

	const struct plan_row plan_table[] = {{rule_one}};

	int plan_make(void)
	{
		return plan_table[0].rule();
	}
END
put services/s/plan/rule.h <<<'int rule_one(void);'
put services/s/plan/rule.c <<-'END'
	#include "plan/plan.h"
	#include "plan/rule.h"

	int rule_one(void)
	{
		return plan_table[0].rule != 0;
	}
END
finds "a circle through a table and a callback is found" \
	'plan/rule.c: a circle of 2 files: needs plan_table'

fresh
for i in $(seq 17); do put "services/s/fleet/f$i.c" <<<'static int x;'; done
finds "a folder with more than 16 sources is found" 'services/s/fleet: 18 sources, at most 16'

fresh
seq 20 >>"$tree/services/s/fleet/README.md"
finds "a README that grew too long is found" 'README.md: 21 lines, at most 15'

fresh
for i in 1 2 3; do put "services/s/plan/p$i.c" <<<'static int x;'; done
rm "$tree/services/s/plan/README.md"
finds "a folder with four sources and no README is found" 'services/s/plan: 4 sources and no README.md'

fresh
echo 'What comes in.' >"$tree/services/s/plan/README.md"
finds "a README that does not say what its folder stands on is found" "no line 'Stands on: ...'"

# refused TEXT PATTERN ARGUMENT...: tools/check ends with 2 before it does anything
refused() {
	local text=$1 pattern=$2 said status
	shift 2
	said=$("$TAP_TOP/tools/check" "$@" 2>&1)
	status=$?
	if [[ $status == 2 ]] && grep -q -e "$pattern" <<<"$said" && ! grep -q passed <<<"$said"; then
		ok "$text"
	else
		not_ok "$text"
		diag "ended with $status" "$said"
	fi
}

for kind in unit fuzz system fault long; do
	refused "check $kind nosuch is an error, not a pass" "no $kind test has 'nosuch' in its name" \
		$kind nosuch
done
refused "a name is refused where none is taken" "'static' takes no NAME" static plan
refused "an unknown part is refused" "unknown part 'systm'" systm

tap_done
