#!/usr/bin/env bash
# mover_ways_test.sh - how vrs-mover gets to a host: settings files, jump hosts, proxies, IPv6,
# certificates, passphrases, the agent; and what it says when it does not get there.
. "$(dirname "$0")/../kit/tap.sh"
. "$TAP_TOP/tests/kit/shell/sshd.sh"

BIN=$VRS_BUILD/bin
for tool in ssh ssh-agent jq /usr/sbin/sshd; do
	command -v $tool >/dev/null || skip_all "$tool is not installed"
done

dir=$(mktemp -d)
agent_pid=
trap 'sshd_stop; [ -z "$agent_pid" ] || kill "$agent_pid"; rm -rf "$dir"' EXIT
export HOME=$dir/home
mkdir -m 700 "$HOME"
mkdir "$dir/here" "$dir/there"
unset SSH_AUTH_SOCK

# Keys: one that is signed, one with a passphrase, one of the jump host; who signs.
for key in authority signed jump stranger; do
	ssh-keygen -q -t ed25519 -N '' -C test -f "$dir/$key"
done
ssh-keygen -q -t ecdsa -N '' -C test -f "$dir/h2"
ssh-keygen -q -t ed25519 -N 'open sesame' -C test -f "$dir/locked"
ssh-keygen -q -s "$dir/authority" -I test -n "$(id -un)" "$dir/signed.pub" 2>/dev/null
ssh-keygen -q -s "$dir/authority" -h -I test "$dir/h2.pub" 2>/dev/null

sftp_port=$(free_port)
ipv6=
[ ! -e /proc/net/if_inet6 ] || ! grep -q ' lo$' /proc/net/if_inet6 || ipv6="ListenAddress ::1"
SSHD_EXTRA="SetEnv HOME=$HOME
$ipv6
Port $sftp_port
LogLevel VERBOSE
HostKey $dir/h2
HostCertificate $dir/h2-cert.pub
TrustedUserCAKeys $dir/authority.pub
Match LocalPort $sftp_port
	ForceCommand internal-sftp"
sshd_start "$dir" || exit 1
cat "$dir/locked.pub" "$dir/jump.pub" >> "$SSHD_DIR/authorized_keys"
host_key=$(cut -d' ' -f1,2 "$SSHD_DIR/host.pub")
for name in "[::1]:$SSHD_PORT" "[127.0.0.1]:$sftp_port"; do
	echo "$name $host_key" >> "$SSHD_KNOWN_HOSTS"
done
me=$SSHD_USER

dd if=/dev/urandom of="$dir/here/disk.raw" bs=1M count=4 status=none
n=0

# arrives TEXT HOST [options]: a copy to HOST succeeds, is equal, and is silent
arrives() {
	local text=$1 host=$2 file=$dir/there/$((++n)).raw code
	shift 2
	"$BIN/vrs-mover" copy "$dir/here/disk.raw" "$host:$file" "$@" --tries 1 \
		> "$dir/said" 2> "$dir/errors"
	code=$?
	if [ $code = 0 ] && cmp -s "$dir/here/disk.raw" "$file" && [ ! -s "$dir/errors" ]; then
		ok "$text"
	else
		not_ok "$text"
		diag "exit code $code"
		sed 's/^/# /' "$dir/errors" "$dir/said"
	fi
}

# refused TEXT CODE PATTERN HOST [options]: one line that says so, nothing is there
refused() {
	local text=$1 want=$2 pattern=$3 host=$4 file=$dir/there/$((++n)).raw code
	shift 4
	"$BIN/vrs-mover" copy "$dir/here/disk.raw" "$host:$file" "$@" --tries 1 \
		> "$dir/said" 2> "$dir/errors"
	code=$?
	if [ $code = "$want" ] && grep -q "$pattern" "$dir/errors" &&
		[ "$(wc -l < "$dir/errors")" = 1 ] && [ ! -e "$file" ]; then
		ok "$text"
	else
		not_ok "$text"
		diag "exit code $code, wanted $want with one line that says: $pattern"
		sed 's/^/# /' "$dir/errors" "$dir/said"
	fi
}

# entered KEY: the sshd has let somebody in with this key since the last time it was asked
entered() {
	local print count last
	print=$(ssh-keygen -lf "$dir/$1.pub" | cut -d' ' -f2)
	last=$(cat "$dir/count.$1" 2>/dev/null || echo 0)
	count=$(grep -c "Accepted publickey.*$print" "$SSHD_DIR/log")
	echo "$count" > "$dir/count.$1"
	[ "$count" -gt "$last" ]
}

exact=(-i "$SSHD_KEY" --known-hosts "$SSHD_KNOWN_HOSTS")

# --- a settings file ---------------------------------------------------------------------

common="	User $me
	IdentityFile $SSHD_KEY
	UserKnownHostsFile $SSHD_KNOWN_HOSTS
	GlobalKnownHostsFile /dev/null"
cat > "$dir/config" <<END
Host plain
	HostName 127.0.0.1
	Port $SSHD_PORT
$common
Host wrong-port
	HostName 127.0.0.1
	Port 1
$common
Host careless
	HostName 127.0.0.1
	Port $SSHD_PORT
	User $me
	IdentityFile $SSHD_KEY
	UserKnownHostsFile $dir/nobody
	GlobalKnownHostsFile /dev/null
	StrictHostKeyChecking no
Host gate
	HostName 127.0.0.1
	Port $SSHD_PORT
	User $me
	IdentityFile $dir/jump
	IdentitiesOnly yes
	HostKeyAlgorithms ssh-ed25519
	UserKnownHostsFile $SSHD_KNOWN_HOSTS
Host behind
	HostName 127.0.0.1
	Port $SSHD_PORT
	ProxyJump gate
$common
Host far-behind
	HostName 127.0.0.1
	Port $SSHD_PORT
	ProxyJump gate,gate
$common
Host unknown-gate
	HostName 127.0.0.1
	Port $SSHD_PORT
	User $me
	IdentityFile $dir/jump
	UserKnownHostsFile $dir/nobody
	StrictHostKeyChecking ask
Host behind-unknown
	HostName 127.0.0.1
	Port $SSHD_PORT
	ProxyJump unknown-gate
$common
Host piped
	HostName 127.0.0.1
	Port $SSHD_PORT
	ProxyCommand $dir/pipe %h %p %r %n
$common
Host pipe-broken
	HostName 127.0.0.1
	Port $SSHD_PORT
	ProxyCommand $dir/pipe burst
$common
Host pipe-strange
	ProxyCommand nc %i %p
$common
END
cat > "$dir/pipe" <<END
#!/bin/sh
echo "\$@" >> "$dir/asked"
if [ "\$1" = burst ]; then
	echo the pipe has burst >&2
	exit 7
fi
exec ssh -F "$dir/config" -o BatchMode=yes -W "\$1:\$2" gate
END
chmod +x "$dir/pipe"

arrives "a host of a settings file" plain -F "$dir/config"
arrives "a port that is said goes before the file's" wrong-port -F "$dir/config" -p "$SSHD_PORT"
refused "the file's port is used when none is said" 5 "target.*wrong-port.*Connection refused" \
	wrong-port -F "$dir/config"
refused "a settings file that is not there" 2 "target.*SSH settings $dir/none: No such file" \
	plain -F "$dir/none"
refused "no setting makes an unknown host known" 4 "target.*is not in .*refused" \
	careless -F "$dir/config"
refused "known hosts that are said go before the file's" 4 "target.*is not in /dev/null.*refused" \
	plain -F "$dir/config" --known-hosts /dev/null

# --- jump hosts and proxies --------------------------------------------------------------

entered jump || :
arrives "a host behind a jump host" behind -F "$dir/config"
check "and the way went through it" entered jump
arrives "a host behind two of them" far-behind -F "$dir/config"
check "through both" entered jump
arrives "several connections through a jump host" behind -F "$dir/config" --connections 4
refused "an unknown jump host is refused" 5 \
	"target.*through the proxy: Host key verification failed" behind-unknown -F "$dir/config"
arrives "a ProxyCommand" piped -F "$dir/config"
check "it was told where to go" grep -qx "127.0.0.1 $SSHD_PORT $me piped" "$dir/asked"
arrives "SFTP alone through a ProxyCommand" piped -F "$dir/config" --sftp
refused "a ProxyCommand that fails is quoted" 5 "target.*through the proxy: the pipe has burst" \
	pipe-broken -F "$dir/config"
refused "a ProxyCommand with an unknown word is refused" 2 "target.*only %h %n %p %r and %%" \
	pipe-strange -F "$dir/config"
is "no proxy outlives its copy" "$(pgrep -f "ssh -F $dir/config" || :)" ""

# --- IPv6 --------------------------------------------------------------------------------

if [ -n "$ipv6" ]; then
	arrives "an IPv6 address" "$me@[::1]" -p "$SSHD_PORT" "${exact[@]}"
	is "and back again" "$("$BIN/vrs-mover" hash "$me@[::1]:$dir/there/$n.raw" \
		-p "$SSHD_PORT" "${exact[@]}" | cut -d' ' -f1)" \
		"$("$BIN/vrs-mover" hash "$dir/here/disk.raw" | cut -d' ' -f1)"
	refused "an IPv6 address that does not answer is named" 5 \
		"target $me@\[::1\]:1: .*Connection refused" "$me@[::1]" -p 1 "${exact[@]}"
else
	skip "an IPv6 address" "this machine has no IPv6"
fi

# --- certificates ------------------------------------------------------------------------

arrives "a key that nobody knows, with a certificate beside it" "$me@127.0.0.1" -p "$SSHD_PORT" \
	-i "$dir/signed" --known-hosts "$SSHD_KNOWN_HOSTS"
cat >> "$dir/config" <<END
Host certified
	HostName 127.0.0.1
	Port $SSHD_PORT
	User $me
	IdentityFile $dir/signed
	UserKnownHostsFile $SSHD_KNOWN_HOSTS
	GlobalKnownHostsFile /dev/null
END
arrives "the same key out of a settings file" certified -F "$dir/config"
mv "$dir/signed-cert.pub" "$dir/aside"
refused "without the certificate it is refused" 4 "target.*public key not accepted" \
	"$me@127.0.0.1" -p "$SSHD_PORT" -i "$dir/signed" --known-hosts "$SSHD_KNOWN_HOSTS"
ssh-keygen -q -s "$dir/authority" -I test -n somebody-else "$dir/signed.pub" 2>/dev/null
refused "a certificate for somebody else is refused" 4 "target.*public key not accepted" \
	"$me@127.0.0.1" -p "$SSHD_PORT" -i "$dir/signed" --known-hosts "$SSHD_KNOWN_HOSTS"
mv "$dir/aside" "$dir/signed-cert.pub"
cp "$SSHD_KEY" "$dir/both"
cp "$SSHD_KEY.pub" "$dir/both.pub"
ssh-keygen -q -s "$dir/stranger" -I test -n "$me" "$dir/both.pub" 2>/dev/null
arrives "a certificate that the host does not take leaves the key" "$me@127.0.0.1" \
	-p "$SSHD_PORT" -i "$dir/both" --known-hosts "$SSHD_KNOWN_HOSTS"

echo "@cert-authority * $(cut -d' ' -f1,2 "$dir/authority.pub")" > "$dir/by_authority"
refused "a host that only its certificate vouches for is refused, and why" 4 \
	"target.*is not in .*host certificates, @cert-authority, are not supported.*refused" \
	"$me@127.0.0.1" -p "$SSHD_PORT" -i "$SSHD_KEY" --known-hosts "$dir/by_authority"
{
	cat "$SSHD_KNOWN_HOSTS"
	echo "@revoked * $host_key"
} > "$dir/revoked"
refused "a host key that is marked as revoked is refused" 4 "target.*is revoked in known_hosts; refused" \
	"$me@127.0.0.1" -p "$SSHD_PORT" -i "$SSHD_KEY" --known-hosts "$dir/revoked"

# --- passphrase and agent ----------------------------------------------------------------

locked=("$me@127.0.0.1" -p "$SSHD_PORT" -i "$dir/locked" --known-hosts "$SSHD_KNOWN_HOSTS")
refused "without a terminal a key with a passphrase is refused" 4 \
	"target.*locked has a passphrase and there is no terminal.*refused" "${locked[@]}"
# typed TEXT CODE PATTERN ANSWER [options]: at a terminal; connections ask once
typed() {
	local text=$1 want=$2 pattern=$3 answer=$4 file=$dir/there/$((++n)).raw code
	shift 4
	timeout 30 "$TAP_TOP/tests/kit/shell/answer.py" Passphrase "$answer" "$BIN/vrs-mover" copy \
		"$dir/here/disk.raw" "${locked[0]}:$file" "${locked[@]:1}" "$@" > "$dir/said"
	code=$?
	is "$text" "$code $(grep -c "$pattern" "$dir/said")" "$want 1"
	[ "$want" != 0 ] || check "$text: equal" cmp "$dir/here/disk.raw" "$file"
}
typed "at a terminal its passphrase is asked for, once" 0 "equal" "open sesame" --connections 3
is "by the name of the file" "$(grep -c "Passphrase for $dir/locked" "$dir/said")" 1
typed "who mistypes is asked again" 0 "equal" "open barley|open wheat|open sesame"
typed "but not for ever" 4 "target.*locked: wrong passphrase" "open barley"
is "three times" "$(grep -c "Passphrase for" "$dir/said")" 3
refused "who wants JSON is not asked" 4 "there is no terminal" "${locked[@]}" --json
refused "a key file that is not there is named" 4 "target.*key file $dir/none: No such file" \
	"$me@127.0.0.1" -p "$SSHD_PORT" -i "$dir/none" --known-hosts "$SSHD_KNOWN_HOSTS"
refused "a key file that is none is named" 4 "target.*key file $dir/config is not a private key" \
	"$me@127.0.0.1" -p "$SSHD_PORT" -i "$dir/config" --known-hosts "$SSHD_KNOWN_HOSTS"

cat >> "$dir/config" <<END
Host by-agent
	HostName 127.0.0.1
	Port $SSHD_PORT
	User $me
	IdentityFile $dir/none
	UserKnownHostsFile $SSHD_KNOWN_HOSTS
	GlobalKnownHostsFile /dev/null
Host by-locked
	HostName 127.0.0.1
	Port $SSHD_PORT
	User $me
	IdentityFile $dir/locked
	UserKnownHostsFile $SSHD_KNOWN_HOSTS
	GlobalKnownHostsFile /dev/null
END
refused "without an agent and a key nobody gets in" 4 "target.*public key not accepted" \
	by-agent -F "$dir/config"
refused "a key of the settings that is locked is told" 4 \
	"target.*public key not accepted (a key with a passphrase was skipped" \
	by-locked -F "$dir/config"
export SSH_AUTH_SOCK=$dir/agent
eval "$(ssh-agent -a "$SSH_AUTH_SOCK")" > /dev/null
agent_pid=$SSH_AGENT_PID
timeout 30 "$TAP_TOP/tests/kit/shell/answer.py" "Enter passphrase" "open sesame" ssh-add -q "$dir/locked" > /dev/null
arrives "a key that the agent holds" by-agent -F "$dir/config"
arrives "a named key with a passphrase lies open in the agent" "${locked[@]}"
ssh-add -q -D 2>/dev/null
ssh-add -q "$dir/signed" 2>/dev/null
arrives "a certificate that the agent holds" by-agent -F "$dir/config"
kill "$agent_pid"
agent_pid=
refused "an agent that is gone is as none" 4 "target.*public key not accepted" \
	by-agent -F "$dir/config"
unset SSH_AUTH_SOCK SSH_AGENT_PID

# --- a host that starts no programs ------------------------------------------------------

file=$dir/there/plain.raw
"$BIN/vrs-mover" copy "$dir/here/disk.raw" "$me@127.0.0.1:$file" -p "$sftp_port" "${exact[@]}" \
	--json > "$dir/said" 2> "$dir/errors"
is "ForceCommand internal-sftp: SFTP alone is used, and said so in one line" \
	"$? $(grep -c 'target.*falling back to SFTP' "$dir/errors") $(wc -l < "$dir/errors")" "0 1 1"
check "ForceCommand internal-sftp: equal" cmp "$dir/here/disk.raw" "$file"
"$BIN/vrs-mover" copy "$me@127.0.0.1:$file" "$dir/here/back.raw" -p "$sftp_port" "${exact[@]}" \
	> "$dir/said" 2> "$dir/errors"
is "ForceCommand internal-sftp: and back" \
	"$? $(grep -c 'source.*falling back to SFTP' "$dir/errors")" "0 1"
check "ForceCommand internal-sftp: the same" cmp "$dir/here/disk.raw" "$dir/here/back.raw"

tap_done
