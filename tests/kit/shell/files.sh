# shellcheck shell=bash
# files.sh - what a file holds.

# Bytes of disk that it takes; 0: it is not there.
allocated() {
	echo $(($(stat -c '%b * %B' "$1" 2> /dev/null || echo 0)))
}

# Bytes that were written to it: room that was only taken does not count. (Not by
# SEEK_DATA: what somebody has read there counts as data for that.) In a file system
# that cannot tell, what it takes; 0: it is not there.
written() {
	local blocks
	if blocks=$(filefrag -b4096 -v "$1" 2> /dev/null); then
		awk '$1 ~ /^[0-9]+:$/ && !/unwritten/ { n += $6 } END { printf "%.0f\n", n * 4096 }' <<< "$blocks"
	else
		allocated "$1"
	fi
}
