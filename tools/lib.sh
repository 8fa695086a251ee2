# shellcheck shell=bash
# lib.sh - what the tools share: where the tree is, what they say, which packages they need.
# Sourced, not run. Programs that are missing are installed from tools/packages.

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

# Those of them that this machine does not have.
vrs_missing() {
	comm -23 <(vrs_packages "$@") \
		<(dpkg-query -W -f '${db:Status-Status} ${Package}\n' 2>/dev/null |
			awk '$1 == "installed" { print $2 }' | sort -u)
}

# Installs what is missing of the given sections; does nothing, fast, when nothing is.
vrs_install() {
	local -a missing as_root=() apt
	command -v dpkg-query >/dev/null ||
		die "packages are installed with apt: this is not a Debian system"
	mapfile -t missing < <(vrs_missing "$@")
	((${#missing[@]})) || return 0

	if ((EUID != 0)); then
		command -v sudo >/dev/null ||
			die "these packages are missing, and only root can install them: ${missing[*]}"
		as_root=(sudo)
	fi
	apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q
		-o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0)
	note "installing ${#missing[@]} packages: ${missing[*]}"
	local log
	log=$(mktemp)
	# Daemons that come with a package stay down: we start our own where we need one.
	local policy=/usr/sbin/policy-rc.d made_policy=
	if [[ ! -e $policy && ! -d /run/systemd/system ]] &&
		printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null 2>&1; then
		"${as_root[@]}" chmod 755 "$policy"
		made_policy=yes
	fi
	local status=0
	"${apt[@]}" install -y --no-install-recommends "${missing[@]}" >"$log" 2>&1 || {
		# Most likely the lists are missing or old: once more with fresh ones.
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

# Our own files that fit the given patterns, one a line.
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
