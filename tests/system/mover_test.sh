#!/usr/bin/env bash
# mover_test.sh - vrs-mover's command against a real sshd: every format, holes, changes only,
# what it refuses, and what kill -9 leaves.
. "$(dirname "$0")/../kit/tap.sh"
. "$TAP_TOP/tests/kit/shell/sshd.sh"
. "$TAP_TOP/tests/kit/shell/files.sh"

BIN=$VRS_BUILD/bin
MIB=1048576
WINDOW=$((18 * MIB)) # what two connections have on their way, and a little
for tool in qemu-img qemu-nbd jq /usr/sbin/sshd; do
	command -v $tool >/dev/null || skip_all "$tool is not installed"
done

dir=$(mktemp -d)
mounted=
trap 'sshd_stop; [ -z "$mounted" ] || umount "$mounted"; rm -rf "$dir"' EXIT
export HOME=$dir/home
mkdir -m 700 "$HOME"
SSHD_EXTRA="SetEnv HOME=$HOME"
sshd_start "$dir" || exit 1
there=$SSHD_USER@127.0.0.1:$dir/there
mkdir "$dir/here" "$dir/there"
ssh_options=(-p "$SSHD_PORT" -i "$SSHD_KEY" --known-hosts "$SSHD_KNOWN_HOSTS")

mover() {
	"$BIN/vrs-mover" "$@"
}

# copy SRC DST [options]: over SSH, result in $dir/said
copy() {
	mover copy "$@" "${ssh_options[@]}" --json > "$dir/said" 2> "$dir/errors"
}

said() {
	jq -r ".$1" "$dir/said"
}

# make_image FILE MIB_OF_DATA MIB_IN_ALL - data in several runs, the rest holes
make_image() {
	local i runs=8
	truncate -s "$3M" "$1"
	for ((i = 0; i < runs; i++)); do
		dd if=/dev/urandom of="$1" bs=64K count=$(($2 * 16 / runs)) \
			seek=$(($3 * 16 * i / runs)) conv=notrunc status=none
	done
	printf 'an odd place' | dd of="$1" bs=1 seek=$(($3 * MIB - 70001)) conv=notrunc status=none
}

nothing_left() {
	[ -z "$(find "$dir/there" -name '.*vrs-*' ! -name '.*.vrs-hashes')" ]
}

source=$dir/here/disk.raw
make_image "$source" 40 256
hash=$(mover hash "$source" | cut -d' ' -f1)

# --- content and formats -----------------------------------------------------------------

check "a raw disk arrives over SSH" copy "$source" "$there/a.raw"
check "it is the same to the last byte" cmp "$source" "$dir/there/a.raw"
is "holes stay holes" $(($(allocated "$dir/there/a.raw") <= $(allocated "$source") * 101 / 100 + MIB)) 1
is "both hashes are reported and equal" "$(said source_hash) $(said target_hash)" "$hash $hash"
is "so are sizes, times and rate" \
	"$(jq -r '[.virtual_bytes == 268435456, .ended_unix_ms >= .began_unix_ms, .data_bytes_per_s > 0, (.source | endswith("/disk.raw"))] | all' "$dir/said")" true
is "zeros are not sent" $(($(said bytes_sent) <= 41 * MIB)) 1
check "nothing but the image is left" nothing_left
is "the program installed on the host is in a private directory" \
	"$(stat -c %a "$HOME/.vrsas")" 700

before=raw
from=$dir/there/a.raw
for format in qcow2 vmdk vhdx raw; do
	check "$before is converted to $format" copy "$SSHD_USER@127.0.0.1:$from" "$there/to.$format"
	is "$format holds the same content" "$(said target_hash)" "$hash"
	is "virtual size of $format is the same to the byte" \
		"$(qemu-img info --output=json "$dir/there/to.$format" | jq '."virtual-size"')" \
		$((256 * MIB))
	is "qemu-img agrees about $format" \
		"$(qemu-img compare -q "$source" "$dir/there/to.$format"; echo $?)" 0
	from=$dir/there/to.$format
	before=$format
done
check "a remote disk is copied back" copy "$there/to.vmdk" "$dir/here/home.raw"
check "it equals the original" cmp "$source" "$dir/here/home.raw"
check "verify says that two formats are equal" mover verify "$source" "$dir/there/to.qcow2"
check "the same copy again is no copy" copy "$source" "$there/a.raw"
is "and nothing is sent" "$(said was_there) $(said bytes_sent)" "true 0"

# --- only what changed -------------------------------------------------------------------

changed=$dir/here/changed.raw
cp --sparse=always "$source" "$changed"
for at in 1 33 64 130 200; do
	dd if=/dev/urandom of="$changed" bs=4096 count=1 seek=$((at * 256 + 7)) conv=notrunc status=none
done
fallocate -p -o 0 -l $MIB "$changed"
check "with a base only changes are sent" copy "$changed" "$there/new.raw" --base "$dir/there/a.raw"
is "five changed blocks are five blocks" "$(said bytes_sent)" $((5 * 4096))
check "the result is the changed disk" cmp "$changed" "$dir/there/new.raw"
check "the base is what it was" cmp "$source" "$dir/there/a.raw"
is "what became zero became a hole" $(($(allocated "$dir/there/new.raw") <= $(allocated "$changed") + MIB)) 1
check "a base in another format than the source works" \
	copy "$changed" "$there/to.qcow2" --base "$dir/there/to.qcow2"
is "and it is replaced only by the proven copy" \
	"$(qemu-img compare -q "$changed" "$dir/there/to.qcow2"; echo $?)" 0
check "nothing but images is left" nothing_left

cp --sparse=always "$source" "$dir/there/seed.raw"
inode=$(stat -c %i "$dir/there/seed.raw")
check "an older copy under the target's own name is a seed" \
	copy "$changed" "$there/seed.raw" --seed "$dir/there/seed.raw"
is "it is modified in place, and only where it differs" \
	"$(stat -c %i "$dir/there/seed.raw") $(said bytes_sent)" "$inode $((5 * 4096))"
check "it is the changed disk" cmp "$changed" "$dir/there/seed.raw"
twice() {
	[ "$(wc -l < "$dir/rounds")" -ge 2 ]
}
"$BIN/vrs-mover" seed "$changed" "$there/every.raw" --every 1 "${ssh_options[@]}" > "$dir/rounds" 2> /dev/null &
seeder=$!
check "a seed is created and refreshed repeatedly" wait_for 30 twice
kill "$seeder"
wait "$seeder" 2> /dev/null
is "it is the disk, and a round without changes sends nothing" \
	"$(cmp "$changed" "$dir/there/every.raw")$(sed -n '2s/.* \(0 B sent\).*\(changes only\).*/\1, \2/p' "$dir/rounds")" \
	"0 B sent, changes only"
rm -f "$dir"/there/*every.raw*
check "zstd makes no difference" copy "$source" "$there/z.raw" --compress zstd --connections 1
check "except in the bytes sent" cmp "$source" "$dir/there/z.raw"
yes "a line that is like the others" | head -c $((16 * MIB)) > "$dir/here/text.raw"
check "text is sent compressed" copy "$dir/here/text.raw" "$there/text.raw" --compress zstd
is "in a tenth of its size" "$(($(said bytes_sent) <= 16 * MIB / 10)) $(said target_hash)" \
	"1 $(mover hash "$dir/here/text.raw" | cut -d' ' -f1)"
check "and is sent back compressed" copy "$there/text.raw" "$dir/here/back.raw" --compress zstd
check "the same" cmp "$dir/here/text.raw" "$dir/here/back.raw"

qemu-img create -q -f qcow2 -b a.raw -F raw "$dir/there/one.qcow2"
qemu-img create -q -f qcow2 -b one.qcow2 -F qcow2 "$dir/there/two.qcow2"
qemu-io -f qcow2 -c "write -P 7 1M 64k" "$dir/there/one.qcow2" > /dev/null
qemu-io -f qcow2 -c "write -P 9 33M 64k" "$dir/there/two.qcow2" > /dev/null
check "an image with backing files becomes one" copy "$there/two.qcow2" "$dir/here/flat.raw"
is "with the content of all of them" \
	"$(qemu-img compare -q -f qcow2 -F raw "$dir/there/two.qcow2" "$dir/here/flat.raw"; echo $?)" 0

# --- a host with SFTP and nothing else ---------------------------------------------------

check "a disk goes to a host that offers SFTP only" copy "$source" "$there/plain.raw" --sftp
is "equal" "$(cmp "$source" "$dir/there/plain.raw") $(said target_hash)" " $hash"
check "and comes back" copy "$there/plain.raw" "$dir/here/plain.raw" --sftp
check "the same" cmp "$source" "$dir/here/plain.raw"
copy "$changed" "$there/plain.raw" --sftp
is "an existing image is not overwritten" "$? $(cmp "$source" "$dir/there/plain.raw")" "4 "
VRSAS_FAULTS=mover.sftp.mark=kill@3 copy "$source" "$there/cut.raw" --sftp
check "an interrupted copy resumes" copy "$source" "$there/cut.raw" --sftp
is "and ends equal" "$(cmp "$source" "$dir/there/cut.raw") $(said target_hash)" " $hash"
check "nothing but images is left there" nothing_left

# --- what it refuses ---------------------------------------------------------------------

# refused TEXT CODE PATTERN SRC DST [options]
refused() {
	local text=$1 want=$2 pattern=$3 code
	shift 3
	mover copy "$@" > /dev/null 2> "$dir/errors"
	code=$?
	if [ $code = "$want" ] && grep -q "$pattern" "$dir/errors" &&
		[ "$(wc -l < "$dir/errors")" = 1 ] && nothing_left; then
		ok "$text"
	else
		not_ok "$text"
		diag "exit code $code, wanted $want with one line that says: $pattern"
		sed 's/^/# /' "$dir/errors"
		find "$dir/there" -name '.*vrs-*' | sed 's/^/# left: /'
	fi
}

refused "an image that is there is never overwritten" 4 "already exists with other content" \
	"$changed" "$there/a.raw" "${ssh_options[@]}"
check "and it is as it was" cmp "$source" "$dir/there/a.raw"
refused "a missing source is named" 3 "source.*none.raw: No such file" \
	"$dir/here/none.raw" "$there/x.raw" "${ssh_options[@]}"
refused "a missing target directory is named" 3 "target.*/nowhere: No such file" \
	"$source" "$there/nowhere/x.raw" "${ssh_options[@]}"
refused "an unknown host is refused" 4 "target.*is not in .*refused" \
	"$source" "$there/x.raw" -p "$SSHD_PORT" -i "$SSHD_KEY" --known-hosts /dev/null
ssh-keygen -q -t ed25519 -N '' -C test -f "$dir/other"
echo "[127.0.0.1]:$SSHD_PORT $(cut -d' ' -f1,2 "$dir/other.pub")" > "$dir/wrong_hosts"
refused "a changed host key is refused" 4 "target.*host key has CHANGED.*refused" \
	"$source" "$there/x.raw" -p "$SSHD_PORT" -i "$SSHD_KEY" --known-hosts "$dir/wrong_hosts"
refused "a key that the host does not take is refused" 4 "target.*public key not accepted" \
	"$source" "$there/x.raw" -p "$SSHD_PORT" -i "$dir/other" --known-hosts "$SSHD_KNOWN_HOSTS"
refused "a host that does not answer is named" 5 "target.*Connection refused" \
	"$source" "$there/x.raw" -p "$(free_port)" -i "$SSHD_KEY" \
	--known-hosts "$SSHD_KNOWN_HOSTS" --tries 1
refused "a path with .. is refused" 4 "'\.\.' path components are not allowed" \
	"$source" "$there/../x.raw" "${ssh_options[@]}"
ln -s "$source" "$dir/there/link.raw"
refused "a symbolic link is refused" 4 "symbolic links are not allowed" \
	"$there/link.raw" "$there/x.raw" "${ssh_options[@]}"
rm "$dir/there/link.raw"
qemu-img create -q -f qcow2 -b "$source" -F raw "$dir/there/child.qcow2"
refused "an image that leads out of its directory is refused" 4 "backing file" \
	"$there/child.qcow2" "$there/x.raw" "${ssh_options[@]}"
refused "a file of another format than it says is refused" 1 "not a qcow2 image" \
	"$source" "$there/x.raw" --from-format qcow2 --tries 1 "${ssh_options[@]}"

qemu-img create -q -f qcow2 "$dir/there/busy.qcow2" 64M
mkfifo "$dir/hold"
qemu-io -f qcow2 "$dir/there/busy.qcow2" < "$dir/hold" > "$dir/qemu-io" 2>&1 &
holder=$!
exec 8> "$dir/hold"
echo "write 0 64k" >&8
wait_for 10 grep -q wrote "$dir/qemu-io"
refused "a disk that a running QEMU writes is refused" 4 "lock\|open for writing" \
	"$there/busy.qcow2" "$there/x.raw" "${ssh_options[@]}"
exec 8>&-
wait "$holder"

if [ "$(id -u)" = 0 ]; then
	mkdir "$dir/there/small"
	if mount -t tmpfs -o size=16M none "$dir/there/small" 2>/dev/null; then
		mounted=$dir/there/small
		refused "a target without room is told before the first byte" 1 \
			"target.*not enough space.*MiB needed" \
			"$source" "$there/small/x.raw" "${ssh_options[@]}"
		dd if=/dev/zero of="$dir/here/zeros.raw" bs=1M count=1 status=none
		check "a disk that fits is copied" copy "$dir/here/zeros.raw" "$there/small/fits.raw"
		mount -o remount,ro "$mounted"
		refused "a read-only target is named" 4 "target.*Read-only file system" \
			"$source" "$there/small/x.raw" "${ssh_options[@]}"
		umount "$mounted"
		mounted=
	else
		skip "a full target is reported" "this machine cannot mount a tmpfs"
		skip "a read-only target is named" "this machine cannot mount a tmpfs"
	fi
else
	skip "a full target is reported" "only root can mount"
	skip "a read-only target is named" "only root can mount"
fi

# --- hostile bytes -----------------------------------------------------------------------

survives() {
	timeout 20 "$BIN/vrs-image" serve --root "$dir/there" > /dev/null 2> "$dir/errors"
	case $? in
	0 | 1) return 0 ;;
	esac
	cat "$dir/errors"
	return 1
}
check "vrs-image ends in order on random bytes" survives < <(head -c 100000 /dev/urandom)
check "on a length of 4 GiB" survives < <(printf 'VRI1\x01\0\0\0\1\0\0\0\xff\xff\xff\xff'; head -c 100 /dev/zero)
check "on a frame that is cut" survives < <(printf 'VRI1\x01\0\0\0\1\0\0\0\x10\0\0\0'; head -c 20 /dev/zero)
check "on requests without a greeting" survives < <(for i in 1 2 3; do printf 'VRI1\x05\0\0\0\1\0\0\0\0\0\0\0'; head -c 16 /dev/zero; done)
# A far side that lies, as the source of a copy: one line, nothing at the target.
cat > "$dir/liar" <<END
#!/bin/sh
exec "$TAP_TOP/tests/system/pretend-far.py" "\$(cat "$dir/mode")"
END
chmod +x "$dir/liar"
for mode in noise cut flood size extents short long seq type text digest identity half; do
	echo $mode > "$dir/mode"
	mover copy "$there/a.raw" "$dir/here/lie.raw" --tries 1 --vrs-image "$dir/liar" \
		"${ssh_options[@]}" > "$dir/said" 2> "$dir/errors"
	code=$?
	is "a lying remote side ($mode) is rejected in one line" \
		"$((code > 0 && code < 7)) $(wc -l < "$dir/errors") $(grep -c '^vrs-mover: ' "$dir/errors")" \
		"1 1 1"
	[ "$(ls "$dir/here/lie.raw" 2>/dev/null)" = "" ] || not_ok "a far side that lies ($mode) gave an image"
	rm -f "$dir"/here/.lie.raw.*
done
is "images are as they were" "$(mover hash "$dir/there/a.raw" | cut -d' ' -f1)" "$hash"

# --- kill -9 at every step, then again ---------------------------------------------------

big=$dir/here/big.raw
make_image "$big" 96 512
big_hash=$(mover hash "$big" | cut -d' ' -f1)
big_data=$(allocated "$big")

# finish TEXT FORMAT ALREADY: a further run ends equal and sends at most one chunk twice
finish() {
	local code
	copy "$big" "$there/k.$2"
	code=$?
	is "$1: the next run ends equal" "$code $(said target_hash)" "0 $big_hash"
	is "$1: at most what was in flight is sent twice" \
		$(($(said bytes_resent) <= WINDOW && $(said bytes_sent) + $3 <= big_data + WINDOW + MIB)) 1
	rm -f "$dir/there/k.$2"
	check "$1: nothing is left" nothing_left
}

if "$BIN/vrs-mover" --version > /dev/null && strings -a "$BIN/vrs-image" | grep -q VRSAS_FAULTS; then
	for at in 1 7 20; do
		VRSAS_FAULTS=mover.chunk=kill@$at copy "$big" "$there/k.raw"
		is "kill -9 of the mover at chunk $at: no image under the name" \
			"$(ls "$dir/there/k.raw" 2>/dev/null)" ""
		finish "kill -9 of the mover at chunk $at" raw "$(written "$dir/there/.k.raw.vrs-part")"
	done
	VRSAS_FAULTS=mover.before_seal=kill@1 copy "$big" "$there/k.raw"
	finish "kill -9 of the mover before the name is given" raw "$big_data"
	VRSAS_FAULTS=mover.chunk=kill@12 copy "$big" "$there/k.qcow2"
	finish "kill -9 of the mover, qcow2" qcow2 0

	# the far side gets its faults from a script in its place
	cat > "$dir/far" <<-END
	#!/bin/sh
	VRSAS_FAULTS=\$(cat "$dir/fault")
	rm -f "$dir/fault"
	export VRSAS_FAULTS
	exec "$BIN/vrs-image" "\$@"
	END
	chmod +x "$dir/far"
	for point in begin@1 write@1 write@25 write@75 mark@3 sync@1 seal@1 sealed@1; do
		echo "mover.target.${point%@*}=kill@${point#*@}" > "$dir/fault"
		copy "$big" "$there/k.raw" --vrs-image "$dir/far"
		is "kill -9 of vrs-image at $point: the mover goes on by itself" \
			"$? $(said target_hash) $(grep -c interrupted "$dir/errors")" "0 $big_hash 1"
		is "kill -9 of vrs-image at $point: at most what was in flight is sent twice" \
			$(($(said bytes_resent) <= WINDOW && $(said bytes_sent) <= big_data + WINDOW + MIB)) 1
		rm -f "$dir/there/k.raw"
		check "kill -9 of vrs-image at $point: nothing is left" nothing_left
	done
	for point in commit@1 apply@1 apply@4; do
		cp --sparse=always "$source" "$dir/there/s.raw"
		echo "mover.target.${point%@*}=kill@${point#*@}" > "$dir/fault"
		copy "$changed" "$there/s.raw" --seed "$dir/there/s.raw" --vrs-image "$dir/far"
		is "kill -9 of vrs-image at $point of a seed: the mover goes on by itself" \
			"$? $(cmp "$changed" "$dir/there/s.raw") $(grep -c interrupted "$dir/errors")" "0  1"
		check "kill -9 of vrs-image at $point of a seed: nothing is left" nothing_left
	done
	cp --sparse=always "$source" "$dir/there/s.raw"
	for point in fill@1 fill@20; do # where the file system cannot clone
		echo "mover.target.${point%@*}=kill@${point#*@}" > "$dir/fault"
		copy "$changed" "$there/f.raw" --seed "$dir/there/s.raw" --vrs-image "$dir/far"
		is "kill -9 of vrs-image at $point of what a seed gives: the mover goes on by itself" \
			"$? $(cmp "$changed" "$dir/there/f.raw") $(($(said bytes_sent) <= 10 * 4096))" "0  1"
		check "kill -9 of vrs-image at $point of what a seed gives: nothing is left" nothing_left
		rm -f "$dir/there/f.raw" "$dir/fault"
	done
	check "a seed under another name is what it was" cmp "$source" "$dir/there/s.raw"
	VRSAS_FAULTS=mover.before_seal=kill@1 copy "$changed" "$there/s.raw" --seed "$dir/there/s.raw"
	check "until all is proven a seed is what it was" cmp "$source" "$dir/there/s.raw"
	cp --sparse=always "$source" "$dir/there/s2.raw"
	echo "mover.target.apply=kill@2" > "$dir/fault"
	copy "$changed" "$there/s2.raw" --seed "$dir/there/s2.raw" --vrs-image "$dir/far" --tries 1
	is "kill -9 while a seed is modified: the next vrs-image completes it" \
		"$? $(mover hash "$SSHD_USER@127.0.0.1:$dir/there/s2.raw" "${ssh_options[@]}" | cut -d' ' -f1)" \
		"5 $(mover hash "$changed" | cut -d' ' -f1)"
	check "completely" cmp "$changed" "$dir/there/s2.raw"
	rm -f "$dir"/there/s.raw "$dir"/there/.s.raw.vrs-* "$dir/there/s2.raw"
else
	skip "kill -9 at named points" "this build has no fault points"
fi

half_way() {
	[ "$(written "$dir/there/.k.raw.vrs-part")" -ge $((32 * MIB)) ]
}
copy "$big" "$there/k.raw" --limit 60M &
copier=$!
check "a copy is half way" wait_for 30 half_way
for pid in $(sshd_sessions); do
	kill -9 "$pid"
done
wait $copier
is "kill -9 of the sshd session: the mover goes on by itself" "$? $(said target_hash)" "0 $big_hash"
is "kill -9 of the sshd session: at most what was in flight is sent twice" \
	$(($(said bytes_resent) <= WINDOW && $(said bytes_sent) <= big_data + WINDOW + MIB)) 1
rm -f "$dir/there/k.raw"

# One flipped bit at the target, after it was written and before it is proven.
copy "$big" "$there/k.raw" --limit 60M &
copier=$!
wait_for 30 half_way
first=$(($(filefrag -v "$big" 2>/dev/null | awk '$1 == "0:" { print $2 + 0 }') * 4096))
printf 'X' | dd of="$dir/there/.k.raw.vrs-part" bs=1 seek=$((first + 4321)) conv=notrunc status=none
wait $copier
is "a changed byte at the target is detected and sent again" "$? $(said target_hash)" "0 $big_hash"
is "and the place was named" "$(grep -c 'target differs from the source.*at=0 MiB' "$dir/errors")" 1
check "the image is right" cmp "$big" "$dir/there/k.raw"
rm -f "$dir/there/k.raw"

copy "$big" "$there/k.raw" --limit 60M --tries 1 &
copier=$!
wait_for 30 half_way
printf 'Y' | dd of="$big" bs=1 seek=$((first + 999)) conv=notrunc status=none
wait $copier
is "a source that is written to is noticed" "$? $(grep -c 'was modified during the copy' "$dir/errors")" "1 1"
is "and gives no image" "$(ls "$dir/there/k.raw" 2>/dev/null)" ""

tap_done
