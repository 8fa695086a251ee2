/* A spool's folder with a segment of any content: it opens, reads, and goes on. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ship/segment.h"
#include "ship/spool.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static char dir[64];

static void remove_dir(void)
{
	char command[96];

	(void)snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	(void)!system(command);
}

static void make_dir(void)
{
	const char *shm = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

	(void)snprintf(dir, sizeof(dir), "%s/vrs-fuzz-XXXXXX", shm);
	if (!mkdtemp(dir))
		abort();
	(void)atexit(remove_dir);
}

static void forget(const char *name)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	(void)unlink(path);
}

/* A right head, so that the records behind it are read. */
static void write_segment(const uint8_t *bytes, size_t n)
{
	struct segment_head head = {7, 1, 0, "c/x"};
	int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd;
	struct vrs_err err;

	if (dir_fd < 0 || segment_make(dir_fd, &head, &fd, &err) < 0)
		abort();
	struct segment_pos at = {fd, SEGMENT_HEAD_BYTES, 1};

	/* First byte: how many good records come before the bytes. */
	for (unsigned good = n ? bytes[0] % 4 : 0; good > 0; good--, at.seq++) {
		if (segment_put(&at, "reading", 7, &err) < 0)
			abort();
		at.offset += SEGMENT_FRAME_BYTES + 7;
	}
	if (n > 1 && pwrite(fd, bytes + 1, n - 1, (off_t)at.offset) < 0)
		abort();
	(void)close(fd);
	(void)close(dir_fd);
}

static int take(void *arg, uint64_t seq, const void *bytes, size_t n)
{
	uint64_t *last = arg;

	if (seq <= *last || n == 0 || n > SPOOL_MAX_RECORD || !bytes)
		abort();
	*last = seq;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct spool_conf conf = {.dir = dir, .owner = "c/x", .keep_ms = 1000};
	struct spool_info info;
	struct spool *s = NULL;
	struct vrs_err err;
	uint64_t next, last = 0;
	char name[32];

	if (!dir[0])
		make_dir();
	write_segment(bytes, n);
	if (spool_open(&s, &conf, 0, &err) < 0)
		abort();
	spool_info(s, &info);
	struct spool_range range = {1, UINT64_MAX, SIZE_MAX, take, &last};
	if (spool_read(s, &range, &next, &err) < 0 || last > info.head_seq ||
	    spool_append(s, "x", 1, 0, &err) < 0)
		abort();
	last = info.head_seq;
	range.from = info.head_seq + 1;
	if (spool_read(s, &range, &next, &err) < 0 || last != info.head_seq + 1)
		abort(); /* what was just written is not there */
	spool_close(s);

	forget("0000000000000001.seg");
	segment_name(name, info.head_seq + 1);
	forget(name);
	return 0;
}
