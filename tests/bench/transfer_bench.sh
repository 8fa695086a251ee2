#!/usr/bin/env bash
# transfer_bench.sh - vrs-mover against scp and rsync over one private sshd, interleaved
# rounds, medians of 3. vrs-mover's time holds what the others do not do: fsync at the
# target, reading it back from the disk and comparing its hash with the source's.
#
# BENCH_DENSE_MIB (256) and BENCH_SPARSE_MIB (256 of data in 4 times as much) set sizes.
set -euo pipefail
VRS_BUILD=${VRS_BUILD:-build/release}
. "$(dirname "$0")/../tap.sh"
. "$TAP_TOP/tests/lib/sshd.sh"
BIN=$VRS_BUILD/bin
DENSE=${BENCH_DENSE_MIB:-256}
SPARSE=${BENCH_SPARSE_MIB:-256}
ROUNDS=${BENCH_ROUNDS:-3}
CIPHER=aes128-gcm@openssh.com

dir=$(mktemp -d)
trap 'sshd_stop; rm -rf "$dir"' EXIT
mkdir "$dir/here" "$dir/there" "$dir/home"
SSHD_EXTRA="SetEnv HOME=$dir/home"
sshd_start "$dir"
echo "	Ciphers $CIPHER" >> "$SSHD_CONFIG"
remote="$SSHD_USER@127.0.0.1:$dir/there"
rsh="ssh -F $SSHD_CONFIG"

head -c $((DENSE << 20)) /dev/zero |
	openssl enc -aes-128-ctr -nosalt -K 00 -iv 00 > "$dir/here/dense.raw" 2> /dev/null
truncate -s $((SPARSE * 4))M "$dir/here/sparse.raw"
for i in 0 1 2 3; do
	dd if="$dir/here/dense.raw" of="$dir/here/sparse.raw" bs=1M count=$((SPARSE / 4)) \
		skip=$((i * SPARSE / 4 % DENSE)) seek=$((i * SPARSE)) conv=notrunc status=none
done
# One block of 4 KiB in a hundred is another one, most of them in short runs.
cp --sparse=always "$dir/here/sparse.raw" "$dir/here/changed.raw"
python3 - "$dir/here/changed.raw" "$SPARSE" <<'END'
import os, random, sys
path, mib = sys.argv[1], int(sys.argv[2])
random.seed(1)
f = os.open(path, os.O_WRONLY)
blocks = mib * 256
left = blocks // 100
while left > 0:
    run = min(left, random.randint(1, 32) if random.random() < 0.2 else 1)
    at = random.randrange(blocks - run)
    quarter, within = divmod(at, blocks // 4)
    os.pwrite(f, os.urandom(run * 4096), quarter * mib * 1048576 + within * 4096)
    left -= run
END

now_ms() {
	echo $((${EPOCHREALTIME/[.,]/} / 1000))
}

# time_of NAME COMMAND... - appends the milliseconds to $dir/NAME
time_of() {
	local name=$1 t
	shift
	t=$(now_ms)
	"$@" > "$dir/said" 2>&1 || {
		echo "transfer_bench: $name failed:" >&2
		cat "$dir/said" >&2
		exit 1
	}
	echo $(($(now_ms) - t)) >> "$dir/$name"
}

median() {
	sort -n "$dir/$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

fresh() {
	rm -rf "$dir/there"
	mkdir "$dir/there"
}

stale() {
	fresh
	cp --sparse=always "$dir/here/sparse.raw" "$dir/there/old.raw"
	sync "$dir/there/old.raw"
}

mover() {
	"$BIN/vrs-mover" copy "$@" -p "$SSHD_PORT" -i "$SSHD_KEY" --known-hosts "$SSHD_KNOWN_HOSTS" --json
}

ceiling() {
	$rsh test-host 'cat > /dev/null' < "$dir/here/dense.raw"
}

for ((round = 0; round < ROUNDS; round++)); do
	time_of ceiling ceiling
	for image in dense sparse; do
		fresh
		time_of "$image.mover" mover "$dir/here/$image.raw" "$remote/to.raw"
		cmp "$dir/here/$image.raw" "$dir/there/to.raw"
		stat -c '%b' "$dir/there/to.raw" > "$dir/$image.blocks"
		fresh
		time_of "$image.scp" scp -q -F "$SSHD_CONFIG" "$dir/here/$image.raw" "test-host:$dir/there/to.raw"
		fresh
		time_of "$image.rsync" rsync -S -e "$rsh" "$dir/here/$image.raw" "test-host:$dir/there/to.raw"
	done
	stale
	time_of delta.mover mover "$dir/here/changed.raw" "$remote/new.raw" --base "$dir/there/old.raw"
	cmp "$dir/here/changed.raw" "$dir/there/new.raw"
	jq -r .bytes_sent "$dir/said" > "$dir/delta.sent"
	stale
	time_of delta.rsync rsync --inplace --no-W -e "$rsh" "$dir/here/changed.raw" "test-host:$dir/there/old.raw"
done

# line TEXT NAME MIB OF - one line; the ratio is OF's time by its own
line() {
	local ms
	ms=$(median "$2")
	printf '%-44s %8d ms %8d MiB/s %7s\n' "$1" "$ms" $(($3 * 1000 / ms)) \
		"$(awk -v a="$(median "$4")" -v b="$ms" 'BEGIN { printf "%.2f", a / b }')"
}

printf 'one sshd on this machine, %s for all, medians of %d; last column: times faster than\n' \
	"$CIPHER" "$ROUNDS"
printf '\n%d MiB of noise                                                        scp = 1\n' "$DENSE"
line "ssh cat > /dev/null (no disk)" ceiling "$DENSE" dense.scp
line "vrs-mover, proven" dense.mover "$DENSE" dense.scp
line "scp" dense.scp "$DENSE" dense.scp
line "rsync -S" dense.rsync "$DENSE" dense.scp
printf '\n%d MiB in a disk of %d MiB                                        rsync -S = 1\n' \
	"$SPARSE" $((SPARSE * 4))
line "vrs-mover, proven" sparse.mover $((SPARSE * 4)) sparse.rsync
line "scp" sparse.scp $((SPARSE * 4)) sparse.rsync
line "rsync -S" sparse.rsync $((SPARSE * 4)) sparse.rsync
printf '%-44s %8d MiB\n' "allocated by vrs-mover" $(($(cat "$dir/sparse.blocks") / 2048))
printf '\nthe same with 1 %% of its blocks changed, old copy there        rsync --inplace = 1\n'
line "vrs-mover --base, proven" delta.mover $((SPARSE * 4)) delta.rsync
line "rsync --inplace" delta.rsync $((SPARSE * 4)) delta.rsync
printf '%-44s %8.2f of the changed bytes\n' "payload sent by vrs-mover" \
	"$(awk -v s="$(cat "$dir/delta.sent")" -v m="$SPARSE" 'BEGIN { print s / (m * 1048576 / 100) }')"
