# shellcheck shell=bash
# docker.sh - a Docker engine to test with: the one that answers, or one of our own.
#
# docker_up DIR      0: DOCKER_HOST points to an engine, compose() runs compose.
#                    1: there is none and none can be started; DOCKER_WHY says why.
# docker_base DIR    makes sure of an image debian:bookworm-slim, without a registry.
# docker_down DIR    ends our own engine, if we started it, and removes what we made.

DOCKER_WHY=
docker_own=
docker_own_base=

compose() {
	if docker compose version >/dev/null 2>&1; then
		docker compose "$@"
	else
		docker-compose "$@"
	fi
}

docker_up() {
	local dir=$1 pid
	docker info >/dev/null 2>&1 && return 0
	((EUID == 0)) || {
		DOCKER_WHY="no Docker engine answers, and only root can start one"
		return 1
	}
	mkdir -p "$dir/engine"
	# An engine changes the machine's packet filter and leaves it so.
	iptables-save >"$dir/engine/iptables" 2>/dev/null
	cat /proc/sys/net/ipv4/ip_forward >"$dir/engine/ip_forward"
	[[ ! -e /sys/class/net/docker0 ]] || : >"$dir/engine/had-docker0"
	export DOCKER_HOST=unix://$dir/engine/d.sock
	(
		cd "$dir/engine" || exit 1
		exec setsid dockerd -H "$DOCKER_HOST" --data-root "$dir/engine/data" \
			--exec-root "$dir/engine/exec" -p "$dir/engine/d.pid" \
			>"$dir/engine/log" 2>&1 </dev/null
	) &
	pid=$!
	docker_own=$pid
	docker_answers_or_died() { docker info || ! kill -0 "$pid"; }
	wait_for 60 docker_answers_or_died
	if docker info >/dev/null 2>&1; then
		return 0
	fi
	DOCKER_WHY="dockerd does not start here: $(grep -aoE '(failed|error).*' "$dir/engine/log" | tail -n 1)"
	docker_down "$dir"
	return 1
}

# The mirror that this machine's own apt uses for bookworm.
docker_mirror() {
	apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Identifier: Packages' 2>/dev/null |
		awk '$2 == "bookworm" || $2 ~ /Debian/ { print $1; exit }'
}

docker_base() {
	local dir=$1 mirror
	docker image inspect debian:bookworm-slim >/dev/null 2>&1 && return 0
	mirror=$(docker_mirror)
	debootstrap --variant=minbase --include=ca-certificates bookworm "$dir/rootfs" \
		${mirror:+"$mirror"} >"$dir/debootstrap.log" 2>&1 || {
		tail -n 5 "$dir/debootstrap.log"
		return 1
	}
	tar -C "$dir/rootfs" --exclude='./var/cache/apt/archives/*.deb' \
		--exclude='./var/lib/apt/lists/*_*' -c . |
		docker import -c 'CMD ["/bin/bash"]' - debian:bookworm-slim >/dev/null || return 1
	docker_own_base=yes
	rm -rf "$dir/rootfs"
}

docker_down() {
	local dir=$1
	if [[ $docker_own_base && ! $docker_own ]]; then
		docker rmi debian:bookworm-slim >/dev/null 2>&1
	fi
	[[ $docker_own ]] || return 0
	if kill "$docker_own" 2>/dev/null; then
		wait "$docker_own" 2>/dev/null
	fi
	docker_own=
	iptables-restore <"$dir/engine/iptables" 2>/dev/null
	cat "$dir/engine/ip_forward" >/proc/sys/net/ipv4/ip_forward
	[[ -e $dir/engine/had-docker0 ]] || ip link del docker0 2>/dev/null
	# What an engine that was killed leaves mounted.
	awk -v under="$dir/engine/" 'index($2, under) == 1 { print $2 }' /proc/mounts |
		sort -r | xargs -r -n 1 umount -l 2>/dev/null
	rm -rf "$dir/engine" 2>/dev/null
	unset DOCKER_HOST
}
