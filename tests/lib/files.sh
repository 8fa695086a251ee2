# shellcheck shell=bash
# files.sh - what a file holds.

# Bytes of disk that it takes; 0: it is not there.
allocated() {
	echo $(($(stat -c '%b * %B' "$1" 2> /dev/null || echo 0)))
}

# Bytes that were written to it: room that was only taken does not count.
written() {
	python3 - "$1" <<-'END'
		import os, sys
		try:
		    f = os.open(sys.argv[1], os.O_RDONLY)
		except FileNotFoundError:
		    sys.exit(print(0))
		size, at, n = os.fstat(f).st_size, 0, 0
		while at < size:
		    try:
		        at = os.lseek(f, at, os.SEEK_DATA)
		    except OSError:  # no more
		        break
		    end = os.lseek(f, at, os.SEEK_HOLE)
		    n += end - at
		    at = end
		print(n)
	END
}
