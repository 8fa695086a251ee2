# shellcheck shell=bash
# tap.sh - how a test in a shell script speaks: TAP, and waits that end when the event comes.
#
# Sourced first by every tests/system/*_test.sh and tests/fault/*_test.sh.

set -u
TAP_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
VRS_BUILD=$(cd "$TAP_TOP" && realpath -m "${VRS_BUILD:-build/dev}")
TAP_N=0
TAP_BAD=0

ok() {
	printf 'ok %d - %s\n' $((++TAP_N)) "$*"
}

not_ok() {
	TAP_BAD=$((TAP_BAD + 1))
	printf 'not ok %d - %s\n' $((++TAP_N)) "$*"
}

# skip TEXT REASON
skip() {
	printf 'ok %d - %s # SKIP %s\n' $((++TAP_N)) "$1" "$2"
}

# The whole script cannot run here: skip_all REASON
skip_all() {
	skip "$(basename "$0" .sh)" "$1"
	exit 0
}

diag() {
	printf '# %s\n' "$@"
}

# check TEXT COMMAND... - ok if the command succeeds; its output is shown when it does not.
check() {
	local text=$1 said
	shift
	if said=$("$@" 2>&1); then
		ok "$text"
	else
		not_ok "$text"
		printf '%s\n' "$said" | tail -n 40 | sed 's/^/# /'
	fi
}

# is TEXT GOT WANTED
is() {
	if [[ $2 == "$3" ]]; then
		ok "$1"
	else
		not_ok "$1"
		diag "got:    $2" "wanted: $3"
	fi
}

# wait_for SECONDS COMMAND... - true as soon as the command is; looks again every 50 ms.
# For events of foreign processes, which nobody can tell us about.
wait_for() {
	local end=$((${EPOCHREALTIME/[.,]/} + $1 * 1000000))
	shift
	until "$@" >/dev/null 2>&1; do
		((${EPOCHREALTIME/[.,]/} < end)) || return 1
		read -rt 0.05 <> <(:) || :
	done
}

# A free TCP port of this machine, from the kernel.
free_port() {
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# Last line of a script.
tap_done() {
	printf '1..%d\n' "$TAP_N"
	exit $((TAP_BAD > 0))
}
