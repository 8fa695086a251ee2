# shellcheck shell=bash
# lib.sh - shared by the tools: the top of the tree, messages, packages.
# Sourced, not run. Missing packages of tools/packages are installed.

VRS_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
VRS_JOBS=${VRS_JOBS:-$(nproc)}

note() {
	printf '%s\n' "$*" >&2
}

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# The package names of the given sections of tools/packages, one a line.
vrs_packages() {
	local section
	for section in "$@"; do
		grep -qx "\[$section\]" "$VRS_TOP/tools/packages" ||
			die "tools/packages has no section [$section]"
	done
	awk -v want=" $* " '
		{ sub(/#.*/, ""); gsub(/[ \t]/, "") }
		/^\[.*\]$/ { on = index(want, " " substr($0, 2, length($0) - 2) " "); next }
		on && NF
	' "$VRS_TOP/tools/packages" | sort -u
}

# Those of them that are not installed.
vrs_missing() {
	comm -23 <(vrs_packages "$@") \
		<(dpkg-query -W -f '${db:Status-Status} ${Package}\n' 2>/dev/null |
			awk '$1 == "installed" { print $2 }' | sort -u)
}

# Installs the missing packages of the given sections; fast if none is missing.
vrs_install() {
	local -a missing as_root=() apt
	command -v dpkg-query >/dev/null ||
		die "this is not a Debian system: packages are installed with apt"
	mapfile -t missing < <(vrs_missing "$@")
	((${#missing[@]})) || return 0

	if ((EUID != 0)); then
		command -v sudo >/dev/null ||
			die "only root can install the missing packages: ${missing[*]}"
		as_root=(sudo)
	fi
	apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q
		-o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0)
	note "installing ${#missing[@]} packages: ${missing[*]}"
	local log
	log=$(mktemp)
	# Daemons of a package are not started: the tests start their own.
	local policy=/usr/sbin/policy-rc.d made_policy=
	if [[ ! -e $policy && ! -d /run/systemd/system ]] &&
		printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null 2>&1; then
		"${as_root[@]}" chmod 755 "$policy"
		made_policy=yes
	fi
	local status=0
	"${apt[@]}" install -y --no-install-recommends "${missing[@]}" >"$log" 2>&1 || {
		# Most likely the package lists are missing or old: update them and retry.
		{
			"${apt[@]}" update &&
				"${apt[@]}" install -y --no-install-recommends "${missing[@]}"
		} >>"$log" 2>&1 || status=$?
	}
	[[ -z $made_policy ]] || "${as_root[@]}" rm -f "$policy"
	if ((status)); then
		tail -n 25 "$log" >&2
		die "apt-get could not install ${missing[*]} (whole log: $log)"
	fi
	rm -f "$log"
}

# The files of the project that match the given patterns, one a line.
vrs_files() {
	if git -C "$VRS_TOP" rev-parse --is-inside-work-tree >/dev/null 2>&1; then
		(cd "$VRS_TOP" && git ls-files --cached --others --exclude-standard -- "$@" |
			while IFS= read -r f; do [[ -f $f ]] && printf '%s\n' "$f"; done)
	else
		local pattern
		for pattern in "$@"; do
			(cd "$VRS_TOP" && find . -path ./build -prune -o -type f -path "./$pattern" -print |
				sed 's,^\./,,')
		done | sort -u
	fi
}
