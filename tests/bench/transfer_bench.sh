#!/usr/bin/env bash
# transfer_bench.sh - vrs-mover in each of its modes against what people use today, and
# against what the machine can do, over one private sshd on this machine: rounds interleaved,
# medians. vrs-mover's time holds what the others do not do: flush, reading back from the
# disk at the target, comparing with what the source read.
#
# Tables: dense (noise), sparse (a file system with files in it), delta (one block of 4 KiB in
# a hundred changed, the older copy is at the target), qcow2, far (20 ms there and back), slow
# (1 Gbit/s), zip (an image that can be compressed, 50 MB/s).
#
#   BENCH_PARTS="dense delta"    some of them (all)
#   BENCH_ROUNDS=3               rounds
#   BENCH_DENSE_MIB=2048         size of the noise
#   BENCH_SPARSE_MIB=8192        size of the disk with a file system; about a quarter is data
#   BENCH_MOVER_ONLY=yes         without the peers
#
# What is read lies in memory for everybody, and nothing waits to be written.
# Wire bytes are counted by the kernel in a network of our own (root), else not told. CPU is
# user and system of both sides, sshd included. A mode that this vrs-mover has not is left out.
set -euo pipefail
VRS_BUILD=${VRS_BUILD:-build/release}
. "$(dirname "$0")/../kit/tap.sh"
if [[ $(id -u) == 0 && -z ${BENCH_INSIDE:-} ]] && unshare -n true 2> /dev/null; then
	BENCH_INSIDE=yes exec unshare -n bash "$0" "$@"
fi
[[ -z ${BENCH_INSIDE:-} ]] || ip link set lo up
. "$TAP_TOP/tests/kit/shell/sshd.sh"
BIN=$VRS_BUILD/bin
RELAY=$VRS_BUILD/tests/fault/relay
PARTS=${BENCH_PARTS:-dense sparse delta qcow2 far slow zip}
ROUNDS=${BENCH_ROUNDS:-3}
DENSE=${BENCH_DENSE_MIB:-2048}
SPARSE=${BENCH_SPARSE_MIB:-8192}
CIPHER=aes128-gcm@openssh.com
MIB=1048576

WARM=()
dir=$(mktemp -d "${BENCH_DIR:-/tmp}/vrs-bench-XXXXXX")
relay_pid='' sftp_pid=''
end() {
	[[ -z $relay_pid ]] || kill "$relay_pid" 2> /dev/null || :
	[[ -z $sftp_pid ]] || kill "$sftp_pid" 2> /dev/null || :
	mountpoint -q "$dir/mnt" && fusermount3 -u "$dir/mnt"
	sshd_stop
	rm -rf "$dir"
}
trap end EXIT
mkdir "$dir/here" "$dir/there" "$dir/home" "$dir/mnt"
export HOME=$dir/home
SSHD_EXTRA="SetEnv HOME=$dir/home"
sshd_start "$dir"
echo "	Ciphers $CIPHER" >> "$SSHD_CONFIG"
rsh="ssh -F $SSHD_CONFIG"
help=$("$BIN/vrs-mover" copy -h)

has() {
	[[ $help == *" $1"* ]]
}

# --- a second sshd that lets nobody run a program ------------------------------------------

sftp_only() {
	local port
	port=$(free_port)
	sed -e "s/^Port .*/Port $port/" -e "s|^PidFile.*|PidFile $dir/sftp.pid|" \
		"$SSHD_DIR/sshd_config" > "$dir/sftp_config"
	echo "ForceCommand internal-sftp" >> "$dir/sftp_config"
	/usr/sbin/sshd -D -E "$dir/sftp.log" -f "$dir/sftp_config" &
	sftp_pid=$!
	SFTP_PORT=$port
	echo "[127.0.0.1]:$port $(cut -d' ' -f1,2 "$SSHD_DIR/host.pub")" >> "$SSHD_KNOWN_HOSTS"
	wait_for 10 sshd_answers "$port"
}

# link OPTIONS - a relay before the sshd; sets LINK_PORT
link() {
	unlink_relay
	rm -f "$dir/hold" "$dir/relay"
	mkfifo "$dir/hold"
	"$RELAY" "$SSHD_PORT" "$@" < "$dir/hold" > "$dir/relay" 2>&1 &
	relay_pid=$!
	exec 7> "$dir/hold"
	wait_for 10 test -s "$dir/relay"
	LINK_PORT=$(head -n 1 "$dir/relay")
	echo "[127.0.0.1]:$LINK_PORT $(cut -d' ' -f1,2 "$SSHD_DIR/host.pub")" >> "$SSHD_KNOWN_HOSTS"
	sed "s/Port .*/Port $LINK_PORT/" "$SSHD_CONFIG" > "$dir/link_config"
	link_rsh="ssh -F $dir/link_config"
}

unlink_relay() {
	[[ -n $relay_pid ]] || return 0
	exec 7>&-
	kill "$relay_pid" 2> /dev/null || :
	wait "$relay_pid" 2> /dev/null || :
	relay_pid=
}

# --- measuring -----------------------------------------------------------------------------

now_ms() {
	echo $((${EPOCHREALTIME/[.,]/} / 1000))
}

# What our sshds have waited for, user and system, in ms.
far_cpu() {
	local sum=0 pid a
	for pid in "$SSHD_PID" $sftp_pid; do
		read -r -a a < <(sed 's/.*) //' "/proc/$pid/stat")
		sum=$((sum + (a[13] + a[14]) * 10))
	done
	echo $sum
}

wire() {
	awk -v mine="${BENCH_INSIDE:-}" '$1 == "lo:" { print mine ? $10 : 0 }' /proc/net/dev
}

nobody_there() {
	[[ -z $(sshd_sessions) && (-z $sftp_pid || -z $(pgrep -P "$sftp_pid")) ]]
}

# The data of these files are in memory.
warm() {
	python3 - "$@" <<-'END'
		import os, sys
		for name in sys.argv[1:]:
		    f = os.open(name, os.O_RDONLY)
		    size, at, room = os.fstat(f).st_size, 0, bytearray(1 << 20)
		    while at < size:
		        try:
		            at = os.lseek(f, at, os.SEEK_DATA)
		        except OSError:  # no more
		            break
		        end = os.lseek(f, at, os.SEEK_HOLE)
		        while at < end:
		            at += os.preadv(f, [memoryview(room)[:min(len(room), end - at)]], at)
	END
}

# run NAME COMMAND... - appends "ms cpu_ms wire_bytes" to $dir/t.NAME; a failure is told and
# the line left out.
run() {
	local name=$1 t0 t1 c0 w0 cpu
	shift
	wait_for 20 nobody_there || :
	sync -f "$dir" # what the one before left to be written is not this one's work
	[[ ${#WARM[@]} == 0 ]] || warm "${WARM[@]}"
	c0=$(far_cpu) w0=$(wire) t0=$(now_ms)
	if ! TIMEFORMAT='%U %S' bash -c 'time "$@" > "$0.out" 2> "$0.err"' "$dir/said" "$@" 2> "$dir/cpu"; then
		echo "transfer_bench: $name: $(tail -n 1 "$dir/said.err")" >&2
		return 0
	fi
	t1=$(now_ms)
	wait_for 20 nobody_there || :
	cpu=$(awk 'END { print int(($1 + $2) * 1000) }' "$dir/cpu")
	echo "$((t1 - t0)) $((cpu + $(far_cpu) - c0)) $(($(wire) - w0))" >> "$dir/t.$name"
}

median() {
	sort -n "$dir/t.$1" | awk -v k="$2" '{ v[NR] = $k } END { print v[int((NR + 1) / 2)] }'
}

fresh() {
	rm -rf "$dir/there"
	mkdir "$dir/there"
}

equal() {
	cmp "$1" "$2" || echo "transfer_bench: $2 IS NOT EQUAL" >&2
}

# --- the movers ----------------------------------------------------------------------------

mover() {
	"$BIN/vrs-mover" copy "$@" -i "$SSHD_KEY" --known-hosts "$SSHD_KNOWN_HOSTS" --json
}

sshfs_cp() { # the paper's way: a mount, and cp
	sshfs -f -F "$SSHD_CONFIG" "test-host:$1" "$dir/mnt" &
	wait_for 20 mountpoint -q "$dir/mnt"
	cp --sparse="$3" "$2" "$dir/mnt/to.raw"
	fusermount3 -u "$dir/mnt"
	wait $!
}

tar_ssh() {
	tar -S -C "$(dirname "$1")" -cf - "$(basename "$1")" |
		ssh -F "$SSHD_CONFIG" test-host "tar -S -C $dir/there -xf -"
}

sftp_put() {
	echo "put $1 $dir/there/to.raw" | sftp -q -B 261120 -R 128 -F "$SSHD_CONFIG" -b - test-host
}

qemu_ssh() {
	ssh -F "$SSHD_CONFIG" test-host "qemu-img create -q -f raw $dir/there/to.raw $2" &&
		ssh -F "$SSHD_CONFIG" -o ExitOnForwardFailure=yes -L "$dir/nbd.near:$dir/nbd.far" test-host \
			"qemu-nbd -f raw -k $dir/nbd.far --discard=unmap --detect-zeroes=unmap $dir/there/to.raw" &
	local pid=$!
	wait_for 20 test -S "$dir/nbd.near" -a -S "$dir/nbd.far"
	qemu-img convert -n -W -m 8 -f "$3" -O raw "$1" "nbd+unix:///?socket=$dir/nbd.near"
	wait $pid
	rm -f "$dir/nbd.near" "$dir/nbd.far"
}

nbd_ssh() {
	ssh -F "$SSHD_CONFIG" test-host "truncate -s $2 $dir/there/to.raw"
	ssh -F "$SSHD_CONFIG" -o ExitOnForwardFailure=yes -L "$dir/nbd.near:$dir/nbd.far" test-host \
		"nbdkit -f -U $dir/nbd.far --exit-with-parent file $dir/there/to.raw & \
		 p=\$!; while [ ! -e $dir/nbd.done ]; do sleep 0.05; done; kill \$p; wait" &
	local pid=$!
	wait_for 20 test -S "$dir/nbd.near" -a -S "$dir/nbd.far"
	nbdcopy "$1" "nbd+unix:///?socket=$dir/nbd.near"
	touch "$dir/nbd.done"
	wait $pid || :
	rm -f "$dir"/nbd.*
}
export -f sshfs_cp tar_ssh sftp_put qemu_ssh nbd_ssh mover wait_for
export dir SSHD_CONFIG SSHD_KEY SSHD_KNOWN_HOSTS BIN

peers() {
	[[ -z ${BENCH_MOVER_ONLY:-} ]]
}

# peer NAME COMMAND... - to a fresh directory
peer() {
	peers || return 0
	fresh
	run "$@"
}

# as NAME PORT IMAGE TARGET OPTIONS... - the mover to a fresh directory, and is it equal?
as() {
	local name=$1 port=$2 image=$3 target=$4
	shift 4
	[[ -n ${KEEP:-} ]] || fresh
	run "$name" mover "$image" "$SSHD_USER@127.0.0.1:$dir/there/$target" -p "$port" "$@"
}

# all_modes PART IMAGE TARGET
all_modes() {
	local c
	as "$1.mover" "$SSHD_PORT" "$2" "$3"
	[[ ! -f $dir/there/$3 || $3 == *.qcow2 ]] || equal "$2" "$dir/there/$3"
	stat -c '%b' "$dir/there/$3" > "$dir/$1.blocks" 2> /dev/null || :
	if has --connections; then
		for c in 1 2 4; do
			as "$1.mover$c" "$SSHD_PORT" "$2" "$3" --connections $c
		done
		has --compress && as "$1.off" "$SSHD_PORT" "$2" "$3" --compress off
		if [[ -n $sftp_pid ]]; then
			as "$1.sftp" "$SFTP_PORT" "$2" "$3"
			[[ ! -f $dir/there/$3 || $3 == *.qcow2 ]] || equal "$2" "$dir/there/$3"
		fi
	fi
}

# --- tables --------------------------------------------------------------------------------

# row TEXT NAME MIB BASE... - one line; times faster than each base; nothing if NAME was not run
row() {
	local text=$1 name=$2 mib=$3 ms base
	shift 3
	[[ -s $dir/t.$name ]] || return 0
	ms=$(median "$name" 1)
	printf '%-42s %7d ms %6d MiB/s %7.1f s %8d' "$text" "$ms" $((mib * 1000 / (ms > 0 ? ms : 1))) \
		"$(awk -v c="$(median "$name" 2)" 'BEGIN { print c / 1000 }')" $(($(median "$name" 3) / MIB))
	for base in "$@"; do
		if [[ -s $dir/t.$base ]]; then
			printf ' %7.2f' "$(awk -v a="$(median "$base" 1)" -v b="$ms" 'BEGIN { print a / b }')"
		else
			printf ' %7s' -
		fi
	done
	printf '\n'
}

modes_rows() {
	local part=$1 mib=$2
	shift 2
	row "vrs-mover" "$part.mover" "$mib" "$@"
	row "vrs-mover, 1 connection" "$part.mover1" "$mib" "$@"
	row "vrs-mover, 2 connections" "$part.mover2" "$mib" "$@"
	row "vrs-mover, 4 connections" "$part.mover4" "$mib" "$@"
	row "vrs-mover, never compressed" "$part.off" "$mib" "$@"
	row "vrs-mover, SFTP only" "$part.sftp" "$mib" "$@"
}

# head TEXT BASES...
head_line() {
	printf '\n%s\n%-42s %10s %12s %9s %8s' "$1" "" time speed CPU "wire MiB"
	shift
	printf ' %7s' "$@"
	printf '\n'
}

wanted() {
	[[ " $PARTS " == *" $1 "* ]]
}

# --- images --------------------------------------------------------------------------------

noise() {
	head -c "$1" /dev/zero | openssl enc -aes-128-ctr -nosalt -K "${2:-00}" -iv 00 2> /dev/null
}

# A file system with programs, documents and a database in a quarter of it.
make_sparse() {
	local img=$dir/here/sparse.raw tree=$dir/tree
	mkdir "$tree"
	noise $((SPARSE / 40))M 01 > "$tree/database"
	find /usr/bin /usr/share/doc /usr/lib/x86_64-linux-gnu /usr/include -xdev -type f \
		-printf '%s %p\n' 2> /dev/null |
		awk -v max=$((SPARSE / 5 * MIB)) '{ sum += $1 + 4096; if (sum > max) exit; $1 = ""; print substr($0, 2) }' |
		tar -cf - -T - 2> /dev/null | tar -C "$tree" -xf - || : # find is cut short
	truncate -s "${SPARSE}M" "$img"
	mke2fs -q -t ext4 -d "$tree" "$img" "${SPARSE}M"
	rm -rf "$tree"
	fallocate -d "$img"
	SPARSE_DATA=$(($(stat -c %b "$img") / 2048))
}

# One block of 4 KiB in a hundred of its data is another one, 7 of 10 in runs of 1 to 32.
make_changed() {
	cp --sparse=always "$dir/here/sparse.raw" "$dir/here/changed.raw"
	python3 - "$dir/here/changed.raw" <<'END'
import os, random, sys
random.seed(1)
f = os.open(sys.argv[1], os.O_RDWR)
size, at, runs = os.fstat(f).st_size, 0, []
while at < size:
    try:
        at = os.lseek(f, at, os.SEEK_DATA)
    except OSError:
        break
    end = os.lseek(f, at, os.SEEK_HOLE)
    runs.append((at // 4096, end // 4096))
    at = end
blocks = [b for first, end in runs for b in range(first, end)]
want, done = len(blocks) // 100, set()
while len(done) < want:
    i = random.randrange(len(blocks))
    n = random.randint(1, 32) if random.random() < 0.14 else 1
    for b in blocks[i:i + n]:
        if len(done) < want and b not in done:
            done.add(b)
            os.pwrite(f, os.urandom(4096), b * 4096)
print(want * 4096)
END
}

stale() {
	fresh
	cp --sparse=always "$dir/here/sparse.raw" "$dir/there/old.raw"
	sync "$dir/there/old.raw"
}

# --- the tables' rounds --------------------------------------------------------------------

cat_ssh() { ssh -F "$SSHD_CONFIG" test-host 'cat > /dev/null' < "$1"; }
tcp() {
	socat -u -b 262144 "TCP-LISTEN:$2,bind=127.0.0.1" - > /dev/null &
	wait_for 10 sh -c "ss -ltn | grep -q 127.0.0.1:$2"
	socat -u -b 262144 "$1" "TCP:127.0.0.1:$2"
	wait
}
export -f cat_ssh tcp

dense() {
	WARM=("$dir/here/dense.raw")
	run dense.ceiling cat_ssh "$dir/here/dense.raw"
	run dense.tcp tcp "$dir/here/dense.raw" "$(free_port)"
	fresh
	run dense.disk dd if="$dir/here/dense.raw" of="$dir/there/to.raw" bs=1M conv=fsync status=none
	all_modes dense "$dir/here/dense.raw" to.raw
	peer dense.scp scp -q -F "$SSHD_CONFIG" "$dir/here/dense.raw" "test-host:$dir/there/to.raw"
	peer dense.sftpput sftp_put "$dir/here/dense.raw"
	peer dense.rsync rsync -W -e "$rsh" "$dir/here/dense.raw" "test-host:$dir/there/to.raw"
	peer dense.sshfs sshfs_cp "$dir/there" "$dir/here/dense.raw" never
	peer dense.nbd nbd_ssh "$dir/here/dense.raw" "${DENSE}M"
}

dense_table() {
	local bases=(dense.ceiling dense.scp dense.rsync dense.sshfs dense.disk)
	head_line "$DENSE MiB of noise; times as fast as" "ssh cat" scp rsync sshfs disk
	modes_rows dense "$DENSE" "${bases[@]}"
	row "scp" dense.scp "$DENSE" "${bases[@]}"
	row "sftp -B 255K -R 128" dense.sftpput "$DENSE" "${bases[@]}"
	row "rsync -W" dense.rsync "$DENSE" "${bases[@]}"
	row "sshfs + cp (the paper's way)" dense.sshfs "$DENSE" "${bases[@]}"
	row "nbdcopy over ssh" dense.nbd "$DENSE" "${bases[@]}"
	row "ceiling: ssh cat > /dev/null" dense.ceiling "$DENSE" "${bases[@]}"
	row "ceiling: TCP" dense.tcp "$DENSE" "${bases[@]}"
	row "ceiling: disk, with fsync" dense.disk "$DENSE" "${bases[@]}"
}

sparse() {
	local image=$dir/here/sparse.raw to=test-host:$dir/there/to.raw
	WARM=("$image")
	all_modes sparse "$image" to.raw
	peer sparse.rsync rsync -S -e "$rsh" "$image" "$to"
	peer sparse.rsyncz rsync -S --compress-choice=zstd --compress-level=1 -z -e "$rsh" "$image" "$to"
	peer sparse.tar tar_ssh "$image"
	peer sparse.sshfs sshfs_cp "$dir/there" "$image" auto
	peer sparse.qemu qemu_ssh "$image" "${SPARSE}M" raw
	peer sparse.nbd nbd_ssh "$image" "${SPARSE}M"
	[[ -z ${BENCH_SCP_SPARSE:-} ]] || peer sparse.scp scp -q -F "$SSHD_CONFIG" "$image" "$to"
}

sparse_table() {
	local bases=(sparse.rsync sparse.rsyncz sparse.tar sparse.sshfs sparse.nbd)
	head_line "$SPARSE_DATA MiB of files in a disk of $SPARSE MiB; times as fast as" rsync-S rsync-z tar-S sshfs nbdcopy
	modes_rows sparse "$SPARSE" "${bases[@]}"
	row "rsync -S" sparse.rsync "$SPARSE" "${bases[@]}"
	row "rsync -S, zstd" sparse.rsyncz "$SPARSE" "${bases[@]}"
	row "tar -S over ssh" sparse.tar "$SPARSE" "${bases[@]}"
	row "sshfs + cp (the paper's way)" sparse.sshfs "$SPARSE" "${bases[@]}"
	row "qemu-img convert over ssh" sparse.qemu "$SPARSE" "${bases[@]}"
	row "nbdcopy over ssh" sparse.nbd "$SPARSE" "${bases[@]}"
	row "scp (holes become zeros)" sparse.scp "$SPARSE" "${bases[@]}"
	printf '%-42s %7.3f of what the source has\n' "allocated at the target" \
		"$(awk -v t="$(cat "$dir/sparse.blocks")" -v s="$(stat -c %b "$dir/here/sparse.raw")" 'BEGIN { print t / s }')"
}

delta() {
	local seed=--base
	! has --seed || seed=--seed
	WARM=("$dir/here/changed.raw" "$dir/there/old.raw")
	stale
	KEEP=yes as delta.mover "$SSHD_PORT" "$dir/here/changed.raw" old.raw $seed "$dir/there/old.raw"
	equal "$dir/here/changed.raw" "$dir/there/old.raw"
	jq -r .bytes_sent "$dir/said.out" > "$dir/delta.sent"
	stale
	KEEP=yes as delta.beside "$SSHD_PORT" "$dir/here/changed.raw" new.raw $seed "$dir/there/old.raw"
	equal "$dir/here/changed.raw" "$dir/there/new.raw"
	peers || return 0
	stale
	run delta.rsync rsync --inplace --no-W -e "$rsh" "$dir/here/changed.raw" "test-host:$dir/there/old.raw"
	stale
	run delta.rsync4 rsync --inplace --no-W -B 4096 -e "$rsh" "$dir/here/changed.raw" "test-host:$dir/there/old.raw"
}

delta_table() {
	local bases=(delta.rsync delta.rsync4)
	head_line "the same disk, 1 % of its blocks changed; times as fast as" inplace -B4096
	row "vrs-mover, the old copy becomes the new" delta.mover "$SPARSE" "${bases[@]}"
	row "vrs-mover, the old copy stays beside it" delta.beside "$SPARSE" "${bases[@]}"
	row "rsync --inplace" delta.rsync "$SPARSE" "${bases[@]}"
	row "rsync --inplace -B 4096" delta.rsync4 "$SPARSE" "${bases[@]}"
	printf '%-42s %7.2f payload, %.2f on the wire\n' "of the changed bytes vrs-mover sent" \
		"$(awk -v s="$(cat "$dir/delta.sent")" -v c="$CHANGED" 'BEGIN { print s / c }')" \
		"$(awk -v s="$(median delta.mover 3)" -v c="$CHANGED" 'BEGIN { print s / c }')"
}

qcow2() {
	WARM=("$dir/here/disk.qcow2")
	as qcow2.mover "$SSHD_PORT" "$dir/here/disk.qcow2" to.qcow2
	as qcow2.raw "$SSHD_PORT" "$dir/here/disk.qcow2" to.raw
	[[ ! -f $dir/there/to.raw ]] || equal "$dir/here/sparse.raw" "$dir/there/to.raw"
	peer qcow2.scp scp -q -F "$SSHD_CONFIG" "$dir/here/disk.qcow2" "test-host:$dir/there/to.qcow2"
	peer qcow2.qemu qemu_ssh "$dir/here/disk.qcow2" "${SPARSE}M" qcow2
}

qcow2_table() {
	head_line "the same disk as qcow2; times as fast as" scp qemu-img
	row "vrs-mover, to qcow2" qcow2.mover "$SPARSE" qcow2.scp qcow2.qemu
	row "vrs-mover, to raw" qcow2.raw "$SPARSE" qcow2.scp qcow2.qemu
	row "scp (a file, not converted)" qcow2.scp "$SPARSE" qcow2.scp qcow2.qemu
	row "qemu-img convert over ssh, to raw" qcow2.qemu "$SPARSE" qcow2.scp qcow2.qemu
}

# far_link IMAGE NAME - mover, scp and rsync through the relay
through() {
	local name=$1 image=$2
	WARM=("$image")
	as "$name.mover" "$LINK_PORT" "$image" to.raw
	peer "$name.scp" scp -q -F "$dir/link_config" "$image" "test-host:$dir/there/to.raw"
	peer "$name.rsync" rsync -S -e "$link_rsh" "$image" "test-host:$dir/there/to.raw"
	peer "$name.rsyncz" rsync -S -z --compress-choice=zstd --compress-level=1 -e "$link_rsh" \
		"$image" "test-host:$dir/there/to.raw"
}

far() {
	link --delay-ms 10
	through far "$dir/here/far.raw"
	unlink_relay
}

slow() {
	link --rate 117000000
	WARM=("$dir/here/sparse.raw")
	as slow.mover "$LINK_PORT" "$dir/here/sparse.raw" to.raw
	has --compress && as slow.off "$LINK_PORT" "$dir/here/sparse.raw" to.raw --compress off
	peer slow.rsyncz rsync -S -z --compress-choice=zstd --compress-level=1 -e "$link_rsh" \
		"$dir/here/sparse.raw" "test-host:$dir/there/to.raw"
	unlink_relay
}

zip() {
	link --rate 50000000
	WARM=("$dir/here/text.raw")
	as zip.mover "$LINK_PORT" "$dir/here/text.raw" to.raw
	peer zip.rsyncz rsync -z --compress-choice=zstd --compress-level=1 -e "$link_rsh" \
		"$dir/here/text.raw" "test-host:$dir/there/to.raw"
	unlink_relay
}

far_table() {
	head_line "$((DENSE / 4)) MiB of noise, 20 ms there and back; times as fast as" scp rsync
	row "vrs-mover" far.mover $((DENSE / 4)) far.scp far.rsync
	row "scp" far.scp $((DENSE / 4)) far.scp far.rsync
	row "rsync -S" far.rsync $((DENSE / 4)) far.scp far.rsync
}

slow_table() {
	head_line "the disk with files over 1 Gbit/s; times as fast as" rsync-z
	row "vrs-mover" slow.mover "$SPARSE" slow.rsyncz
	row "vrs-mover, never compressed" slow.off "$SPARSE" slow.rsyncz
	row "rsync -S, zstd" slow.rsyncz "$SPARSE" slow.rsyncz
}

zip_table() {
	head_line "$((DENSE / 4)) MiB that can be compressed over 50 MB/s; times as fast as" rsync-z
	row "vrs-mover" zip.mover $((DENSE / 4)) zip.rsyncz
	row "rsync, zstd" zip.rsyncz $((DENSE / 4)) zip.rsyncz
	printf '%-42s %7.2f times the link\n' "effective rate of vrs-mover" \
		"$(awk -v ms="$(median zip.mover 1)" -v m=$((DENSE / 4)) 'BEGIN { print m * 1048576 / ms / 50000 }')"
}

if wanted dense; then noise "${DENSE}M" > "$dir/here/dense.raw"; fi
if wanted far; then noise $((DENSE / 4))M 07 > "$dir/here/far.raw"; fi
if wanted zip; then # log lines: about a third of it is left by zstd
	python3 - "$dir/here/text.raw" $((DENSE / 4)) <<'END'
import random, sys
random.seed(2)
lines = b"".join(
    b"%d host%d vrs[%d]: request %x took %d ms, status %d\n" % (
        random.randrange(1 << 31), random.randrange(40), random.randrange(32768),
        random.getrandbits(48), random.randrange(900), random.choice((200, 200, 404)))
    for _ in range(150000))
with open(sys.argv[1], "wb") as f:
    left = int(sys.argv[2]) << 20
    while left > 0: # what repeats is farther away than a packer looks
        left -= f.write(lines[:left])
END
fi
if wanted sparse || wanted delta || wanted qcow2 || wanted slow; then make_sparse; fi
if wanted delta; then CHANGED=$(make_changed); fi
if wanted qcow2; then qemu-img convert -f raw -O qcow2 "$dir/here/sparse.raw" "$dir/here/disk.qcow2"; fi
sync
sftp_only

printf 'one sshd on this machine, %d cores, %s for all, medians of %d; CPU is of both sides\n' \
	"$(nproc)" "$CIPHER" "$ROUNDS"
for part in dense sparse delta qcow2 far slow zip; do
	wanted "$part" || continue
	for ((round = 0; round < ROUNDS; round++)); do
		"$part"
	done
	"${part}_table"
done
