#!/usr/bin/env bash
# transfer_test.sh [--long] - copies over a link and between machines that fail: bits turned
# on the wire, connections cut, everything killed at random, disks that fill up, sources that
# change or vanish. An image appears under its name only when it is right; that is looked at
# after every fault, with cmp.
#
# --long: 30 kills in one copy, 20 turned bits, 20 changed sources, memory with an image of
# 1 TiB; prints what was seen. Set VRS_BUILD to the build to be measured (build/dev has the
# fault points that turned bits need).
. "$(dirname "$0")/../kit/tap.sh"
. "$TAP_TOP/tests/kit/shell/sshd.sh"
. "$TAP_TOP/tests/kit/shell/files.sh"

BIN=$VRS_BUILD/bin
MIB=1048576
KILLS=6 FLIPS=2 CHANGES=2 KILL_MIB=96
[ "${1:-}" != --long ] || KILLS=30 FLIPS=20 CHANGES=20 KILL_MIB=1024 LONG=yes
for tool in /usr/sbin/sshd jq ssh-keygen; do
	command -v $tool > /dev/null || skip_all "$tool is not installed"
done
relay=$VRS_BUILD/tests/fault/relay
[ -x "$relay" ] || skip_all "$relay is not built"

dir=$(mktemp -d)
mounted='' relay_pid='' mover_pid=''
end() {
	local d
	[ -z "$relay_pid" ] || kill "$relay_pid" 2> /dev/null
	[ -z "$mover_pid" ] || kill -9 "$mover_pid" 2> /dev/null
	sshd_stop
	for d in $mounted; do umount "$d"; done
	rm -rf "$dir"
}
trap end EXIT
export HOME=$dir/home
mkdir -m 700 "$HOME"
mkdir "$dir/here" "$dir/there"
there=$(id -un)@127.0.0.1:$dir/there

# --- the link ----------------------------------------------------------------------------

# link OPTIONS... - a relay to the sshd; its host key is known
link() {
	unlink_relay
	rm -f "$dir/hold" "$dir/relay"
	mkfifo "$dir/hold"
	"$relay" "$SSHD_PORT" "$@" < "$dir/hold" > "$dir/relay" 2>&1 &
	relay_pid=$!
	exec 7> "$dir/hold"
	wait_for 10 test -s "$dir/relay"
	relay_port=$(head -n 1 "$dir/relay")
	echo "[127.0.0.1]:$relay_port $(cut -d' ' -f1,2 "$SSHD_DIR/host.pub")" > "$dir/known"
	ssh_options=(-p "$relay_port" -i "$SSHD_KEY" --known-hosts "$dir/known")
}

unlink_relay() {
	[ -n "$relay_pid" ] || return 0
	exec 7>&-
	kill "$relay_pid" 2> /dev/null
	wait "$relay_pid" 2> /dev/null
	relay_pid=
}

counted() {
	[ "$(wc -l < "$dir/relay")" -gt "$1" ]
}

# Bytes that went to the target so far.
wire_bytes() {
	local lines
	lines=$(wc -l < "$dir/relay")
	kill -USR2 "$relay_pid"
	wait_for 10 counted "$lines"
	tail -n 1 "$dir/relay" | cut -d' ' -f1
}

restart_sshd() {
	sshd_stop
	SSHD_PORT='' SSHD_EXTRA="SetEnv HOME=$HOME"$'\n'"$1"
	sshd_start "$dir" || exit 1
}

# --- copies ------------------------------------------------------------------------------

copy() {
	"$BIN/vrs-mover" copy "$@" "${ssh_options[@]}" --json > "$dir/said" 2> "$dir/errors"
}

said() {
	jq -r ".$1" "$dir/said"
}

# make_image FILE MIB_OF_DATA MIB_IN_ALL
make_image() {
	local i
	rm -f "$1"
	truncate -s "$3M" "$1"
	for i in 0 1 2 3; do
		dd if=/dev/urandom of="$1" bs=1M count=$(($2 / 4)) seek=$(($3 * i / 4)) \
			conv=notrunc status=none
	done
}

nothing_left() {
	[ -z "$(find "$dir/there" "$dir/here" -name '.*vrs-*' ! -name '.*.vrs-hashes')" ]
}

# half_way FILE MIB - its part has so much
half_way() {
	[ "$(written "$(dirname "$1")/.$(basename "$1").vrs-part")" -ge $(($2 * MIB)) ]
}

# right TEXT CODE SOURCE TARGET - it ended well and equal, or not at all and without image
right() {
	if [ "$2" = 0 ]; then
		check "$1: ended, and equal" cmp "$3" "$4"
	else
		is "$1: rejected in one line, no image" \
			"$(wc -l < "$dir/errors") $(ls "$4" 2> /dev/null)" "1 "
	fi
	rm -f "$4" "$(dirname "$4")/.$(basename "$4")".vrs-*
}

small=$dir/here/small.raw
make_image "$small" 16 64

# --- bits turned on the wire, for each cipher, both ways ---------------------------------

for cipher in aes128-gcm@openssh.com aes256-gcm@openssh.com chacha20-poly1305@openssh.com; do
	restart_sshd "Ciphers $cipher"
	link --flip "up:$((5 * MIB + RANDOM))"
	copy "$small" "$there/x.raw"
	code=$?
	is "$cipher: a bit turned on the way there is noticed" \
		"$(grep -c 'interrupted\|vrs-mover:' "$dir/errors" | sed 's/[1-9].*/yes/')" yes
	right "$cipher, there" $code "$small" "$dir/there/x.raw"
	cp --sparse=always "$small" "$dir/there/small.raw"
	link --flip "down:$((5 * MIB + RANDOM))"
	copy "$there/small.raw" "$dir/here/x.raw"
	code=$?
	is "$cipher: a bit turned on the way back is noticed" \
		"$(grep -c 'interrupted\|vrs-mover:' "$dir/errors" | sed 's/[1-9].*/yes/')" yes
	right "$cipher, back" $code "$small" "$dir/here/x.raw"
done

# --- new keys every 4 MB -----------------------------------------------------------------

restart_sshd "RekeyLimit 4M"
link
copy "$small" "$there/x.raw"
right "new keys every 4 MB, there" $? "$small" "$dir/there/x.raw"
copy "$there/small.raw" "$dir/here/x.raw"
right "new keys every 4 MB, back" $? "$small" "$dir/here/x.raw"
is "and the proxy did it" "$([ -s "$dir/errors" ] && cat "$dir/errors")" ""

# --- everything killed, at random, in one copy -------------------------------------------

restart_sshd ""
link
big=$dir/here/big.raw
make_image "$big" $KILL_MIB $((2 * KILL_MIB))

start_mover() {
	"$BIN/vrs-mover" copy "$big" "$there/big.raw" "${ssh_options[@]}" --json --tries 1000 \
		--limit 200M > "$dir/said" 2>> "$dir/errors" &
	mover_pid=$!
}

# Processes of vrs-image below our sshd.
far_sides() {
	local session
	for session in $(sshd_sessions); do
		pgrep -P "$session" 2> /dev/null || :
	done | while read -r pid; do
		echo "$pid"
		pgrep -P "$pid" || :
	done
}

moved_on() {
	[ "$(written "$dir/there/.big.raw.vrs-part")" -ge "$next" ] || ! kill -0 "$mover_pid"
}

: > "$dir/errors"
start_mover
step=$((KILL_MIB * MIB / (KILLS + 2)))
next=0 killed=0
names=(mover far sshd link)
declare -A kills=([mover]=0 [far]=0 [sshd]=0 [link]=0)
for ((i = 0; i < KILLS; i++)); do
	next=$((next + step / 2 + RANDOM * step / 65536))
	wait_for 120 moved_on
	kill -0 "$mover_pid" 2> /dev/null || break
	victim=${names[i < 4 ? i : RANDOM % 4]}
	case $victim in
	mover)
		kill -9 "$mover_pid"
		wait "$mover_pid" 2> /dev/null
		start_mover
		;;
	far) for pid in $(far_sides); do kill -9 "$pid" 2> /dev/null; done ;;
	sshd) for pid in $(sshd_sessions); do kill -9 "$pid" 2> /dev/null; done ;;
	link) kill -USR1 "$relay_pid" ;;
	esac
	kills[$victim]=$((kills[$victim] + 1))
	killed=$((killed + 1))
done
wait "$mover_pid"
code=$?
mover_pid=
is "$KILLS kills in one copy: all were done, and it ended" "$killed $code" "$KILLS 0"
check "and equal" cmp "$big" "$dir/there/big.raw"
sent=$(wire_bytes)
data=$(allocated "$big")
again=$((sent > data ? (sent - data) / (killed ? killed : 1) : 0))
is "at most 64 MiB per kill were sent again" $((again <= 64 * MIB)) 1
diag "killed: mover ${kills[mover]}, far side ${kills[far]}, sshd ${kills[sshd]}, link ${kills[link]};" \
	"data $((data / MIB)) MiB, over the wire $((sent / MIB)) MiB, $((again / 1024)) KiB more a kill"
check "nothing but the image is left" nothing_left
rm -f "$dir/there/big.raw" "$big"

# --- a bit at the target turned before it is proven --------------------------------------

# turn_bit FILE - one bit of its data, somewhere; says in which MiB
turn_bit() {
	python3 - "$1" <<'END'
import os, random, sys
f = os.open(sys.argv[1], os.O_RDWR)
runs, at = [], 0
while True:
    try:
        at = os.lseek(f, at, os.SEEK_DATA)
    except OSError:
        break
    end = os.lseek(f, at, os.SEEK_HOLE)
    runs.append((at, end))
    at = end
first, end = random.choice(runs)
at = random.randrange(first, end)
byte = os.pread(f, 1, at)
os.pwrite(f, bytes([byte[0] ^ (1 << random.randrange(8))]), at)
print(at >> 20)
END
}

stopped() {
	local pid
	for pid in $(far_sides); do
		grep -qs '^State:.*T' "/proc/$pid/status" && grep -qs vrs-image "/proc/$pid/cmdline" &&
			echo "$pid" > "$dir/stopped" && return 0
	done
	return 1
}

if strings -a "$BIN/vrs-image" | grep -q VRSAS_FAULTS; then
	cat > "$dir/far" <<-END
	#!/bin/sh
	VRSAS_FAULTS=\$(cat "$dir/fault" 2> /dev/null)
	rm -f "$dir/fault"
	export VRSAS_FAULTS
	exec "$BIN/vrs-image" "\$@"
	END
	chmod +x "$dir/far"
	found=0 named=0
	for ((i = 0; i < FLIPS; i++)); do
		echo "mover.target.sync=stop@1" > "$dir/fault"
		copy "$small" "$there/x.raw" --vrs-image "$dir/far" &
		mover_pid=$!
		if wait_for 30 stopped; then
			mib=$(turn_bit "$dir/there/.x.raw.vrs-part")
			kill -CONT "$(cat "$dir/stopped")"
		fi
		wait "$mover_pid"
		code=$?
		mover_pid=
		if [ $code = 0 ] && cmp -s "$small" "$dir/there/x.raw"; then found=$((found + 1)); fi
		! grep -q "differs from the source.*\b$((mib / 4 * 4)) MiB" "$dir/errors" ||
			named=$((named + 1))
		rm -f "$dir/there/x.raw"
	done
	is "a bit flipped at the target before verification: found, reported, repaired" \
		"$found $named of $FLIPS" "$FLIPS $FLIPS of $FLIPS"
else
	skip "a bit flipped at the target before verification" "this build has no fault points"
fi

# --- a source that is written to, or vanishes ---------------------------------------------

noticed=0
for ((i = 0; i < CHANGES; i++)); do
	copy "$small" "$there/x.raw" --limit 10M --tries 1 &
	mover_pid=$!
	wait_for 30 half_way "$dir/there/x.raw" $((2 + RANDOM % 10))
	printf 'Y' | dd of="$small" bs=1 seek=$((RANDOM * 16)) conv=notrunc status=none
	wait "$mover_pid"
	code=$?
	mover_pid=
	[ $code = 0 ] || [ -e "$dir/there/x.raw" ] ||
		! grep -q 'source.*small.raw was modified during' "$dir/errors" ||
		noticed=$((noticed + 1))
	rm -f "$dir"/there/.x.raw.vrs-* "$dir/there/x.raw"
done
is "a source that is written to while it is copied: noticed and named" \
	"$noticed of $CHANGES" "$CHANGES of $CHANGES"

cp --sparse=always "$small" "$dir/here/gone.raw"
copy "$dir/here/gone.raw" "$there/x.raw" --limit 10M --tries 2 &
mover_pid=$!
wait_for 30 half_way "$dir/there/x.raw" 4
rm "$dir/here/gone.raw"
wait "$mover_pid"
code=$?
mover_pid=
is "a source that vanishes: one line about it, no image" \
	"$((code > 0)) $(grep -c '^vrs-mover: .*source' "$dir/errors") $(ls "$dir/there/x.raw" 2> /dev/null)" "1 1 "
rm -f "$dir"/there/.x.raw.vrs-*

# --- a target that fills up in the middle -------------------------------------------------

# In runs so short that nothing takes room for them ahead.
scattered=$dir/here/scattered.raw
truncate -s 64M "$scattered"
for ((i = 0; i < 32; i++)); do
	dd if=/dev/urandom of="$scattered" bs=512K count=1 seek=$((4 * i)) conv=notrunc status=none
done
if [ "$(id -u)" = 0 ] && mkdir "$dir/there/full" && mount -t tmpfs -o size=24M none "$dir/there/full" 2> /dev/null; then
	mounted=$dir/there/full
	copy "$scattered" "$there/full/x.raw" --limit 10M &
	mover_pid=$!
	wait_for 30 half_way "$dir/there/full/x.raw" 4
	dd if=/dev/zero of="$dir/there/full/fill" bs=64K status=none 2> /dev/null
	wait "$mover_pid"
	code=$?
	mover_pid=
	is "a disk that fills up in the middle: one line, no image, nothing left" \
		"$code $(grep -c '^vrs-mover: .*target.*No space left' "$dir/errors") $(ls -A "$dir/there/full")" \
		"1 1 fill"
	rm "$dir/there/full/fill"
	copy "$scattered" "$there/full/x.raw"
	right "with room again it goes there" $? "$scattered" "$dir/there/full/x.raw"
	umount "$mounted"
	mounted=
else
	skip "a disk that fills up in the middle" "this machine cannot mount a tmpfs"
fi

# --- a far side that lies, as the target --------------------------------------------------

cat > "$dir/liar" <<END
#!/bin/sh
exec "$TAP_TOP/tests/system/pretend-far.py" "\$(cat "$dir/mode")"
END
chmod +x "$dir/liar"
for mode in noise cut flood short seq type text digest; do
	echo $mode > "$dir/mode"
	copy "$small" "$there/lie.raw" --tries 1 --vrs-image "$dir/liar"
	code=$?
	is "a lying target ($mode): rejected in one line" \
		"$((code > 0 && code < 7)) $(wc -l < "$dir/errors") $(ls "$dir/there/lie.raw" 2> /dev/null)" "1 1 "
done

# --- memory, whatever the image's size ----------------------------------------------------

if [ -n "${LONG:-}" ]; then
	tera=$dir/here/tera.raw
	truncate -s 1T "$tera"
	for at in 1 300000 700000 1048000; do
		dd if=/dev/urandom of="$tera" bs=1M count=64 seek=$at conv=notrunc status=none 2> /dev/null
	done
	copy "$tera" "$there/tera.raw" &
	mover_pid=$!
	peak_mover=0 peak_far=0
	while kill -0 "$mover_pid" 2> /dev/null; do
		for pid in $(pgrep -P "$mover_pid") $(far_sides); do
			kib=$(awk '/^VmHWM/ { print $2 }' "/proc/$pid/status" 2> /dev/null)
			case $(tr '\0' ' ' 2> /dev/null < "/proc/$pid/cmdline") in
			*vrs-mover\ copy*) ((${kib:-0} <= peak_mover)) || peak_mover=$kib ;;
			*vrs-image*) ((${kib:-0} <= peak_far)) || peak_far=$kib ;;
			esac
		done
		read -rt 0.02 <> <(:) || :
	done
	wait "$mover_pid"
	code=$?
	mover_pid=
	is "an image of 1 TiB: ended, with the right hash" \
		"$code $(said source_hash)" "0 $(said target_hash)"
	if grep -qa __asan_init "$BIN/vrs-mover"; then
		skip "neither side takes more than 96 MiB" "sanitizers take memory of their own"
	else
		is "neither side takes more than 96 MiB" \
			"$((peak_mover <= 98304 && peak_mover > 0)) $((peak_far <= 98304 && peak_far > 0))" "1 1"
	fi
	diag "mover $((peak_mover / 1024)) MiB, far side $((peak_far / 1024)) MiB, $(said seconds) s"
fi

tap_done
