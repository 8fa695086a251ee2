# shellcheck shell=bash
# sshd.sh - a private sshd for one test: own host key, own user key, own known_hosts.
#
#   . tests/kit/tap.sh; . tests/kit/shell/sshd.sh
#   sshd_start "$dir"            a fresh directory of the test; root or an ordinary user
#   ssh_to uptime                as a person would
#   scp -F "$SSHD_CONFIG" file test-host:/path
#   sshd_stop
#
# Sets SSHD_PORT, SSHD_PID, SSHD_USER, SSHD_KEY (client key), SSHD_KNOWN_HOSTS (holds the
# host key) and SSHD_CONFIG (an ssh client settings file in which the host is "test-host").
# Listens on 127.0.0.1 only. SSHD_EXTRA may hold more lines of sshd_config; when SSHD_PORT
# is set before the start, that port is used (to come back after sshd_stop).

# True once a connection is greeted by an SSH server.
sshd_answers() {
	local line=
	{ exec 9<>"/dev/tcp/127.0.0.1/$1"; } 2>/dev/null || return 1
	IFS= read -r -t 2 line <&9
	exec 9>&- 9<&-
	case $line in SSH-2.0-*) return 0 ;; esac
	return 1
}

# It is up, or it has ended: its port was taken.
sshd_settled() {
	! kill -0 "$SSHD_PID" || sshd_answers "$SSHD_PORT"
}

sshd_start() {
	local dir=$1 tries
	SSHD_DIR=$dir/sshd
	SSHD_USER=$(id -un)
	SSHD_KEY=$SSHD_DIR/id
	SSHD_KNOWN_HOSTS=$SSHD_DIR/known_hosts
	SSHD_CONFIG=$SSHD_DIR/ssh_config
	if [ ! -d "$SSHD_DIR" ]; then
		mkdir -m 700 "$SSHD_DIR"
		ssh-keygen -q -t ed25519 -N '' -C test -f "$SSHD_DIR/host"
		ssh-keygen -q -t ed25519 -N '' -C test -f "$SSHD_KEY"
		cp "$SSHD_KEY.pub" "$SSHD_DIR/authorized_keys"
	fi
	# sshd of Debian insists on this directory when root starts it.
	[ "$(id -u)" != 0 ] || mkdir -p /run/sshd
	for tries in 1 2 3 4 5; do
		if [ -z "${SSHD_PORT:-}" ] || [ "$tries" -gt 1 ]; then
			SSHD_PORT=$(free_port)
		fi
		cat > "$SSHD_DIR/sshd_config" <<-END
		ListenAddress 127.0.0.1
		Port $SSHD_PORT
		HostKey $SSHD_DIR/host
		PidFile $SSHD_DIR/pid
		AuthorizedKeysFile $SSHD_DIR/authorized_keys
		StrictModes no
		PermitRootLogin prohibit-password
		PasswordAuthentication no
		KbdInteractiveAuthentication no
		UsePAM no
		UseDNS no
		PrintMotd no
		MaxStartups 100
		MaxSessions 100
		Subsystem sftp internal-sftp
		${SSHD_EXTRA:-}
		END
		/usr/sbin/sshd -D -E "$SSHD_DIR/log" -f "$SSHD_DIR/sshd_config" &
		SSHD_PID=$!
		if wait_for 30 sshd_settled && kill -0 "$SSHD_PID" 2>/dev/null; then
			sshd_write_client_files
			return 0
		fi
		kill "$SSHD_PID" 2>/dev/null || :
		wait "$SSHD_PID" 2>/dev/null || :
	done
	echo "sshd_start: sshd did not come up:" >&2
	cat "$SSHD_DIR/log" >&2
	return 1
}

sshd_write_client_files() {
	{
		printf '[127.0.0.1]:%s ' "$SSHD_PORT"
		cut -d' ' -f1,2 "$SSHD_DIR/host.pub"
	} > "$SSHD_KNOWN_HOSTS"
	cat > "$SSHD_CONFIG" <<-END
	Host test-host
		HostName 127.0.0.1
		Port $SSHD_PORT
		User $SSHD_USER
		IdentityFile $SSHD_KEY
		IdentitiesOnly yes
		UserKnownHostsFile $SSHD_KNOWN_HOSTS
		GlobalKnownHostsFile /dev/null
		StrictHostKeyChecking yes
		BatchMode yes
	END
}

ssh_to() {
	ssh -F "$SSHD_CONFIG" test-host "$@"
}

# The processes of open sessions: what a test kills to cut a connection at the far end.
sshd_sessions() {
	pgrep -P "$SSHD_PID" || :
}

sshd_stop() {
	local pid
	[ -n "${SSHD_PID:-}" ] || return 0
	for pid in $(sshd_sessions); do
		kill -9 "$pid" 2>/dev/null || :
	done
	kill "$SSHD_PID" 2>/dev/null || :
	wait "$SSHD_PID" 2>/dev/null || :
	SSHD_PID=
}
