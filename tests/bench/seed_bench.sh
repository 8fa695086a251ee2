#!/usr/bin/env bash
# seed_bench.sh - what remembered hashes (image/hashcache.h) save a seed: the same source goes
# to two copies over one private sshd, one whose hashes are remembered and one whose are thrown
# away before each round; rounds interleaved, medians. Before each run both images leave the
# memory, so what is read is read from the disk and counted by the kernel.
#
# Tables: one block of 4 KiB in a hundred changed, in runs (as a file system does it) and here
# and there; the same, all here and there; nothing changed.
#
#   BENCH_ROUNDS=3        rounds
#   BENCH_SEED_MIB=2048   data of the image, in a disk of twice the size
set -euo pipefail
VRS_BUILD=${VRS_BUILD:-build/release}
. "$(dirname "$0")/../kit/tap.sh"
. "$TAP_TOP/tests/kit/shell/sshd.sh"
BIN=$VRS_BUILD/bin
ROUNDS=${BENCH_ROUNDS:-3}
MIB_OF_DATA=${BENCH_SEED_MIB:-2048}

dir=$(mktemp -d "${BENCH_DIR:-/tmp}/vrs-seed-XXXXXX")
trap 'sshd_stop; rm -rf "$dir"' EXIT
mkdir "$dir/here" "$dir/there" "$dir/home"
export HOME=$dir/home
SSHD_EXTRA="SetEnv HOME=$dir/home"
sshd_start "$dir"
source=$dir/here/disk.raw

# counted FILE COMMAND... - runs it; what it and its children read from disks, in bytes
cat > "$dir/counted" <<'END'
#!/usr/bin/env python3
import resource, subprocess, sys
with open(sys.argv[1] + ".begun", "a") as f:
    print("begun", file=f)
code = subprocess.call(sys.argv[2:])
with open(sys.argv[1], "a") as f: # one vrs-image a connection
    print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_inblock * 512, file=f)
sys.exit(code)
END
cat > "$dir/far" <<END
#!/bin/sh
exec "$dir/counted" "$dir/far.read" "$BIN/vrs-image" "\$@"
END
chmod +x "$dir/counted" "$dir/far"

# change KIND - another 1 % of the source's blocks
change() {
	python3 - "$source" "$1" <<'END'
import os, random, sys
f = os.open(sys.argv[1], os.O_RDWR)
half = os.fstat(f).st_size // 8192
want, done = half // 100, set()
while len(done) < want:
    i = random.randrange(half)
    n = random.randint(1, 256) if sys.argv[2] == "runs" and random.random() < 0.14 else 1
    for b in range(i, min(i + n, half)):
        if len(done) < want and b not in done:
            done.add(b)
            os.pwrite(f, os.urandom(4096), b * 4096)
os.fsync(f)
END
}

leave_memory() {
	python3 - "$@" <<'END'
import os, sys
for name in sys.argv[1:]:
    f = os.open(name, os.O_RDONLY)
    os.fsync(f)
    os.posix_fadvise(f, 0, 0, os.POSIX_FADV_DONTNEED)
END
}

seed() {
	"$dir/counted" "$dir/here.read" "$BIN/vrs-mover" seed "$source" \
		"$SSHD_USER@127.0.0.1:$dir/there/$1.raw" -p "$SSHD_PORT" -i "$SSHD_KEY" \
		--known-hosts "$SSHD_KNOWN_HOSTS" --vrs-image "$dir/far" --json > "$dir/said"
}

sum() {
	awk '{ sum += $1 } END { printf "%d", sum }' "$1"
}

all_counted() {
	[[ $(wc -l < "$dir/far.read.begun") == $(wc -l < "$dir/far.read") ]]
}

# round NAME COPY - appends "ms read-here read-there sent" to $dir/t.NAME
round() {
	local t0
	[[ $2 != forgets ]] || rm -f "$dir/there/.forgets.raw.vrs-hashes" "$dir/here/.disk.raw.vrs-hashes"
	leave_memory "$source" "$dir/there/$2.raw"
	rm -f "$dir"/*.read.begun "$dir"/*.read
	t0=${EPOCHREALTIME/[.,]/}
	seed "$2"
	t0=$(((${EPOCHREALTIME/[.,]/} - t0) / 1000))
	wait_for 20 all_counted 2> /dev/null
	echo "$t0 $(sum "$dir/here.read") $(sum "$dir/far.read")" \
		"$(jq -r .bytes_sent "$dir/said")" >> "$dir/t.$1.$2"
	[[ $(jq -r .target_hash "$dir/said") == "$(jq -r .source_hash "$dir/said")" ]]
}

median() {
	awk -v k="$2" '{ print $k }' "$dir/t.$1" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

row() {
	local k values=()
	for k in 1 2 3 4; do values+=("$(median "$1.$2" $k)"); done
	awk -v text="$3" -v base="$(median "$1.forgets" 1)" -v ms="${values[0]}" -v a="${values[1]}" -v b="${values[2]}" -v c="${values[3]}" \
		'BEGIN { m = 1048576; printf "  %-26s %7.2f s %9.0f %9.0f %9.1f %8.2f\n", text, ms / 1000, a / m, b / m, c / m, base / ms }'
}

truncate -s "$((2 * MIB_OF_DATA))M" "$source"
head -c "${MIB_OF_DATA}M" /dev/zero | openssl enc -aes-128-ctr -nosalt -K 00 -iv 00 2> /dev/null |
	dd of="$source" bs=1M conv=notrunc status=none iflag=fullblock
for copy in remembers forgets; do
	cp --sparse=always "$source" "$dir/there/$copy.raw"
done
sync "$dir/there"/*.raw
change runs
for copy in remembers forgets; do seed $copy; done # the first round reads all, for both

for kind in runs single none; do
	for ((i = 0; i < ROUNDS; i++)); do
		[[ $kind == none ]] || change $kind
		[[ $kind != none || $i != 0 ]] || { seed remembers; seed forgets; }
		order=(forgets remembers)
		((i % 2)) || order=(remembers forgets)
		for copy in "${order[@]}"; do round "$kind" "$copy"; done
	done
done
for copy in remembers forgets; do
	cmp "$source" "$dir/there/$copy.raw"
done

printf 'seed of %d MiB of data, medians of %d\n' "$MIB_OF_DATA" "$ROUNDS"
declare -A heads=([runs]="1 % changed, most of it in runs" [single]="1 % changed, block by block"
	[none]="nothing changed")
for kind in runs single none; do
	printf '\n%-28s %9s %9s %9s %9s %8s\n' "${heads[$kind]}" time 'src MiB' 'dst MiB' 'sent MiB' ratio
	row $kind forgets "all is read"
	row $kind remembers "hashes are remembered"
done
