#!/usr/bin/env bash
# mover_direct_test.sh - a copy between two other hosts that does not go through the mover: the
# vrs-mover at the source does it. What happens when that one is missing, may not, or dies.
. "$(dirname "$0")/../kit/tap.sh"
. "$TAP_TOP/tests/kit/shell/sshd.sh"
. "$TAP_TOP/tests/kit/shell/files.sh"

BIN=$VRS_BUILD/bin
MIB=1048576
relay=$VRS_BUILD/tests/fault/relay
for tool in qemu-img jq /usr/sbin/sshd "$relay"; do
	command -v "$tool" > /dev/null || skip_all "$tool is not there"
done

dir=$(mktemp -d)
relay_pid=
clean_up() {
	sshd_stop
	[ -z "$relay_pid" ] || kill "$relay_pid" 2> /dev/null
	rm -rf "$dir"
}
trap clean_up EXIT
export HOME=$dir/home
mkdir -m 700 "$HOME"
mkdir "$dir/src" "$dir/dst" "$dir/here"
unset SSH_AUTH_SOCK

# Two hosts are two addresses of one sshd that take different keys. The source's own key is
# taken at the target only; the mover's at both.
ssh-keygen -q -t ed25519 -N '' -C test -f "$dir/own"
touch "$dir/dst_keys"
SSHD_EXTRA="SetEnv HOME=$HOME
ListenAddress 127.0.0.2
Match LocalAddress 127.0.0.2
	AuthorizedKeysFile $dir/dst_keys"
sshd_start "$dir" || exit 1
cat "$SSHD_DIR/id.pub" "$dir/own.pub" > "$dir/dst_keys"
host_key=$(cut -d' ' -f1,2 "$SSHD_DIR/host.pub")

# The way to the source leads over a relay that counts, the way to the target does not.
mkfifo "$dir/hold"
"$relay" "$SSHD_PORT" < "$dir/hold" > "$dir/relay" 2>&1 &
relay_pid=$!
exec 7> "$dir/hold"
wait_for 10 test -s "$dir/relay"
relay_port=$(head -1 "$dir/relay")
{
	echo "[127.0.0.1]:$relay_port $host_key"
	echo "[127.0.0.2]:$SSHD_PORT $host_key"
} >> "$SSHD_KNOWN_HOSTS"

# settings FILE KEY KNOWN_HOSTS
settings() {
	local name
	for name in "src 127.0.0.1 $relay_port" "dst 127.0.0.2 $SSHD_PORT"; do
		# shellcheck disable=SC2086
		printf 'Host %s\n\tHostName %s\n\tPort %s\n' $name
		printf '\tUser %s\n\tIdentityFile %s\n\tUserKnownHostsFile %s\n\tGlobalKnownHostsFile /dev/null\n' \
			"$SSHD_USER" "$2" "$3"
	done > "$1"
}
settings "$dir/config" "$SSHD_KEY" "$SSHD_KNOWN_HOSTS"
settings "$dir/src_config" "$dir/own" "$SSHD_KNOWN_HOSTS"
settings "$dir/src_strange" "$SSHD_DIR/host" "$SSHD_KNOWN_HOSTS"
settings "$dir/src_unknown" "$dir/own" /dev/null

# far NAME COMMANDS: what is started at the source
far() {
	printf '#!/bin/sh\n%s\n' "$2" > "$dir/$1"
	chmod +x "$dir/$1"
}
far far "exec '$BIN/vrs-mover' \"\$@\" -F '$dir/src_config'"
far far-strange "exec '$BIN/vrs-mover' \"\$@\" -F '$dir/src_strange'"
far far-unknown "exec '$BIN/vrs-mover' \"\$@\" -F '$dir/src_unknown'"
far far-old "printf '\\005\\000\\000\\000\\012\\0039.9'; cat > /dev/null"
far far-noise "echo 'Welcome to this machine, which says much.'; cat > /dev/null"

# copy SRC DST [options]: result in $dir/said
copy() {
	timeout 60 "$BIN/vrs-mover" copy "$@" -F "$dir/config" --json > "$dir/said" 2> "$dir/errors"
}

direct=(--direct always --vrs-mover "$dir/far")

said() {
	jq -r ".$1" "$dir/said"
}

# hashes that are kept of an image are for the next look at it
nothing_left() {
	[ -z "$(find "$dir/dst" -name '.*vrs-*' ! -name '*.vrs-hashes')" ]
}

clear_dst() {
	find "$dir/dst" -type f -delete
}

# The bytes that crossed the relay so far, both ways.
crossed() {
	local lines
	lines=$(wc -l < "$dir/relay")
	kill -USR2 "$relay_pid"
	wait_for 10 eval "[ \$(wc -l < '$dir/relay') -gt $lines ]"
	tail -1 "$dir/relay" | tr -c '0-9\n' ' ' | awk '{ print $1 + $2 }'
}

truncate -s 128M "$dir/src/a.raw"
for at in 0 40 100; do
	dd if=/dev/urandom of="$dir/src/a.raw" bs=1M count=16 seek=$at conv=notrunc status=none
done
hash=$("$BIN/vrs-mover" hash "$dir/src/a.raw" | cut -d' ' -f1)
data=$(allocated "$dir/src/a.raw")

# --- the copy ----------------------------------------------------------------------------

check "a disk is copied from one host to another" copy "src:$dir/src/a.raw" "dst:$dir/dst/a.raw" "${direct[@]}"
check "it is the same to the last byte" cmp "$dir/src/a.raw" "$dir/dst/a.raw"
is "result and hashes come back" "$(said direct) $(said source_hash) $(said target_hash)" \
	"true $hash $hash"
is "so does what was sent" $(($(said bytes_sent) >= data - MIB && $(said bytes_sent) <= data)) 1
is "silently" "$(cat "$dir/errors")" ""
is "the mover saw next to nothing of it" $(($(crossed) < 100000)) 1
diag "$(crossed) bytes of $data crossed the mover's link"
check "nothing but the image is left" nothing_left
check "the same copy again is no copy" copy "src:$dir/src/a.raw" "dst:$dir/dst/a.raw" "${direct[@]}"
is "and this is reported" "$(said was_there) $(said bytes_sent)" "true 0"
check "the format is converted on the way" \
	copy "src:$dir/src/a.raw" "dst:$dir/dst/a.qcow2" "${direct[@]}" --compress zstd --connections 3
is "with the same content" \
	"$(qemu-img compare -q "$dir/src/a.raw" "$dir/dst/a.qcow2"; echo $?) $(said target_hash)" "0 $hash"
cp --sparse=always "$dir/src/a.raw" "$dir/src/b.raw"
dd if=/dev/urandom of="$dir/src/b.raw" bs=4096 count=3 seek=700 conv=notrunc status=none
check "with a seed only changes are sent" \
	copy "src:$dir/src/b.raw" "dst:$dir/dst/a.raw" "${direct[@]}" --seed "$dir/dst/a.raw"
is "three changed blocks are three blocks" "$(said base_used) $(said bytes_sent)" "true $((3 * 4096))"
check "and the seed is the new disk" cmp "$dir/src/b.raw" "$dir/dst/a.raw"
check "within one host nothing is sent" \
	copy "src:$dir/src/a.raw" "src:$dir/dst/same.raw" "${direct[@]}"
check "within one host: equal" cmp "$dir/src/a.raw" "$dir/dst/same.raw"
copy "src:$dir/src/b.raw" "dst:$dir/dst/n.raw" --vrs-mover "$dir/far"
is "without the option the copy is not direct" "$? $(said direct)" "0 false"
clear_dst

# --- where it cannot be ------------------------------------------------------------------

# refused TEXT CODE PATTERN SRC DST [options]: one line, nothing there
refused() {
	local text=$1 want=$2 pattern=$3 code
	shift 3
	copy "$@"
	code=$?
	if [ $code = "$want" ] && grep -q "$pattern" "$dir/errors" &&
		[ "$(wc -l < "$dir/errors")" = 1 ] && [ -z "$(ls -A "$dir/dst")" ]; then
		ok "$text"
	else
		not_ok "$text"
		diag "exit code $code, wanted $want with one line that says: $pattern"
		sed 's/^/# /' "$dir/errors"
		find "$dir/dst" -type f | sed 's/^/# left: /'
	fi
}

# no_way TEXT FAR CODE PATTERN: always refuses, auto goes through the mover and says why
no_way() {
	refused "$1: refused" "$3" "$4" "src:$dir/src/a.raw" "dst:$dir/dst/x.raw" \
		--direct always --vrs-mover "$dir/$2"
	copy "src:$dir/src/a.raw" "dst:$dir/dst/x.raw" --direct auto --vrs-mover "$dir/$2"
	is "$1: or it goes through the mover, with one warning" \
		"$? $(said direct) $(grep -c "$4.*; copying through this host instead" "$dir/errors") $(wc -l < "$dir/errors")" \
		"0 false 1 1"
	check "$1: equal" cmp "$dir/src/a.raw" "$dir/dst/x.raw"
	clear_dst
}
no_way "no vrs-mover at the source" far-none 1 "source.*src: vrs-mover ended: .*far-none: No such file"
no_way "one of another version" far-old 1 "source.*src: vrs-mover there has version 9.9, this one"
no_way "something else in its place" far-noise 1 "source.*src: not a message of vrs-mover"

# The bytes of the program arrive together with sshd's reply to the request that starts it, and
# none follow: they must be read at once, not when the other side has been silent for 30 s.
cat > "$dir/gather" <<'END'
import os, select, socket, sys, time
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
while True:
    ready = select.select([0, s], [], [])[0]
    if 0 in ready:
        data = os.read(0, 65536)
        if not data:
            break
        s.sendall(data)
    if s in ready:
        time.sleep(0.2)  # the delay of the link that this proxy stands for, not a wait
        data = s.recv(65536)
        if not data:
            break
        os.write(1, data)
END
{
	printf 'Host src\n\tProxyCommand python3 %s %s\n' "$dir/gather" "$SSHD_PORT"
	cat "$dir/config"
} > "$dir/gather_config"
timeout 20 "$BIN/vrs-mover" copy "src:$dir/src/a.raw" "dst:$dir/dst/x.raw" --direct always \
	--vrs-mover "$dir/far-noise" -F "$dir/gather_config" > /dev/null 2> "$dir/errors"
is "bytes that arrive with the reply to the request are read at once" \
	"$? $(grep -c "not a message of vrs-mover" "$dir/errors")" "1 1"

no_way "a key that the target does not take" far-strange 4 "from src: target dst: public key not accepted"
no_way "a target that the source does not know" far-unknown 4 "from src: target dst: host key.*is not in"

refused "a missing image is missed at the source" 3 "source src: .*none.raw: No such file" \
	"src:$dir/src/none.raw" "dst:$dir/dst/x.raw" "${direct[@]}"
refused "a missing directory is missed at the target" 3 "target dst: .*nowhere: No such file" \
	"src:$dir/src/a.raw" "dst:$dir/nowhere/x.raw" "${direct[@]}"
refused "what is here cannot be copied between others" 2 "a.raw is local" \
	"$dir/src/a.raw" "dst:$dir/dst/x.raw" "${direct[@]}"
copy "$dir/src/a.raw" "dst:$dir/dst/x.raw" --direct auto
is "and needs no warning where it may go through here" "$? $(cat "$dir/errors")" "0 "
clear_dst
echo "different" > "$dir/dst/x.raw"
copy "src:$dir/src/a.raw" "dst:$dir/dst/x.raw" "${direct[@]}"
is "an image that is there is not overwritten" \
	"$? $(cat "$dir/dst/x.raw") $(grep -c 'already exists' "$dir/errors")" "4 different 1"
clear_dst

# --- death -------------------------------------------------------------------------------

# half_way FILE
half_way() {
	[ "$(written "$dir/dst/.$1.vrs-part")" -ge $((16 * MIB)) ]
}
far_movers() {
	pgrep -f "vrs-mover direct -F $dir/src_config"
}
far_is_gone() {
	! far_movers > /dev/null
}

# kill_near NAME: kill -9 of the mover half way
kill_near() {
	"$BIN/vrs-mover" copy "src:$dir/src/a.raw" "dst:$dir/dst/$1" -F "$dir/config" "${direct[@]}" \
		--limit 40M > /dev/null 2>&1 &
	local pid=$!
	check "$1: it is half way" wait_for 30 half_way "$1"
	kill -9 "$pid"
	wait "$pid" 2> /dev/null
	check "$1: with the mover the one at the source ends" wait_for 10 far_is_gone
	is "$1: no image has the name" "$(ls "$dir/dst/$1" 2> /dev/null)" ""
}

# goes_on NAME [options]: the next run ends equal and sends what is missing
goes_on() {
	local there name=$1
	there=$(written "$dir/dst/.$1.vrs-part")
	shift
	copy "src:$dir/src/a.raw" "dst:$dir/dst/$name" "$@"
	is "$name: the next run ends equal" "$? $(said target_hash)" "0 $hash"
	is "$name: and sends what was missing" $(($(said bytes_sent) + there <= data + 8 * MIB)) 1
	check "$name: nothing else is left" nothing_left
}
kill_near one.raw
goes_on one.raw "${direct[@]}"
kill_near two.raw
goes_on two.raw --direct never

copy "src:$dir/src/a.raw" "dst:$dir/dst/three.raw" "${direct[@]}" --limit 40M &
copier=$!
wait_for 30 half_way three.raw
first=$(far_movers)
kill -USR1 "$relay_pid"
wait $copier
is "a cut between mover and source: it goes on by itself" \
	"$? $(said target_hash) $(said direct) $(grep -c interrupted "$dir/errors")" "0 $hash true 1"
is "and what it had started before is gone" "$(far_movers | grep -x "$first")" ""

copy "src:$dir/src/a.raw" "dst:$dir/dst/four.raw" "${direct[@]}" --limit 40M &
copier=$!
wait_for 30 half_way four.raw
kill -9 "$(far_movers)"
wait $copier
is "kill -9 of the one at the source: it goes on by itself" \
	"$? $(said target_hash) $(said direct) $(grep -c interrupted "$dir/errors")" "0 $hash true 1"
check "nothing but images is left" nothing_left

tap_done
