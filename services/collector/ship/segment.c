#include "ship/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

/* Head: magic, epoch, first number, time, owner, XXH3 of these. Record: u32 length, u32
 * XXH3 of the length, u64 XXH3 of the payload, payload; both hashes are seeded with the
 * record's number. Integers are little endian. */
static const char magic[8] = "vrspool";

static void put(unsigned char *p, size_t n, uint64_t v)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (unsigned char)(v >> (8 * i));
}

static uint64_t get(const unsigned char *p, size_t n)
{
	uint64_t v = 0;

	while (n-- > 0)
		v = v << 8 | p[n];
	return v;
}

void segment_name(char buf[32], uint64_t first_seq)
{
	(void)snprintf(buf, 32, "%016llx.seg", (unsigned long long)first_seq);
}

static void head_pack(unsigned char out[SEGMENT_HEAD_BYTES], const struct segment_head *h)
{
	memset(out, 0, SEGMENT_HEAD_BYTES);
	memcpy(out, magic, sizeof(magic));
	put(out + 8, 8, h->epoch);
	put(out + 16, 8, h->first_seq);
	put(out + 24, 8, (uint64_t)h->created_at_ms);
	memcpy(out + 32, h->owner, SEGMENT_OWNER_BYTES);
	put(out + SEGMENT_HEAD_BYTES - 8, 8, XXH3_64bits(out, SEGMENT_HEAD_BYTES - 8));
}

static bool head_unpack(struct segment_head *h,
			const unsigned char in[SEGMENT_HEAD_BYTES])
{
	if (memcmp(in, magic, sizeof(magic)) != 0 ||
	    get(in + SEGMENT_HEAD_BYTES - 8, 8) !=
		    XXH3_64bits(in, SEGMENT_HEAD_BYTES - 8))
		return false;
	h->epoch = get(in + 8, 8);
	h->first_seq = get(in + 16, 8);
	h->created_at_ms = (int64_t)get(in + 24, 8);
	memcpy(h->owner, in + 32, SEGMENT_OWNER_BYTES);
	h->owner[SEGMENT_OWNER_BYTES - 1] = '\0';
	return true;
}

static uint64_t checksum(uint64_t seq, const void *bytes, size_t n)
{
	return XXH3_64bits_withSeed(bytes, n, seq);
}

static bool write_at(int fd, const void *bytes, size_t n, size_t offset)
{
	const char *p = bytes;

	while (n > 0) {
		ssize_t k = pwrite(fd, p, n, (off_t)offset);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return false;
		p += k;
		n -= (size_t)k;
		offset += (size_t)k;
	}
	return true;
}

/* Number of bytes read up to the end of the file; -1: the disk failed. */
static ssize_t read_at(int fd, void *bytes, size_t n, size_t offset)
{
	size_t done = 0;

	while (done < n) {
		ssize_t k =
			pread(fd, (char *)bytes + done, n - done, (off_t)(offset + done));

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return -1;
		if (k == 0)
			break;
		done += (size_t)k;
	}
	return (ssize_t)done;
}

int segment_make(int dir_fd, const struct segment_head *head, int *ret_fd,
		 struct vrs_err *err)
{
	unsigned char bytes[SEGMENT_HEAD_BYTES];
	char name[32];

	head_pack(bytes, head);
	segment_name(name, head->first_seq);
	int fd = openat(dir_fd, "new", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return vrs_fail_errno(err, "spool: cannot create a segment");
	if (!write_at(fd, bytes, sizeof(bytes), 0) || fdatasync(fd) < 0 ||
	    renameat(dir_fd, "new", dir_fd, name) < 0 || fsync(dir_fd) < 0) {
		int status = vrs_fail_errno(err, "spool: cannot create %s", name);

		(void)close(fd);
		return status;
	}
	*ret_fd = fd;
	return 0;
}

bool segment_head_read(int fd, struct segment_head *ret)
{
	unsigned char bytes[SEGMENT_HEAD_BYTES];

	return read_at(fd, bytes, sizeof(bytes), 0) == SEGMENT_HEAD_BYTES &&
	       head_unpack(ret, bytes);
}

/* The frame of a record. The length has a checksum of its own, which separates a torn
 * record from a damaged one. */
static void frame_pack(unsigned char out[SEGMENT_FRAME_BYTES], uint64_t seq,
		       const void *bytes, size_t n)
{
	put(out, 4, (uint32_t)n);
	put(out + 4, 4, (uint32_t)checksum(seq, out, 4));
	put(out + 8, 8, checksum(seq, bytes, n));
}

/* Payload bytes according to the frame; 0: no valid frame; -1: the disk failed. */
static ssize_t frame_get(const struct segment_pos *at, size_t max,
			 unsigned char frame[SEGMENT_FRAME_BYTES])
{
	ssize_t k = read_at(at->fd, frame, SEGMENT_FRAME_BYTES, at->offset);

	if (k < SEGMENT_FRAME_BYTES)
		return k < 0 ? -1 : 0;
	uint32_t n = (uint32_t)get(frame, 4);
	if (n > max ||
	    (uint32_t)get(frame + 4, 4) != (uint32_t)checksum(at->seq, frame, 4))
		return 0;
	return n;
}

int segment_put(const struct segment_pos *at, const void *bytes, size_t n,
		struct vrs_err *err)
{
	unsigned char frame[SEGMENT_FRAME_BYTES];

	frame_pack(frame, at->seq, bytes, n);
	if (write_at(at->fd, frame, sizeof(frame), at->offset) &&
	    write_at(at->fd, bytes, n, at->offset + sizeof(frame)))
		return 0;

	int status = vrs_fail_errno(err, "spool: cannot write");
	if (ftruncate(at->fd, (off_t)at->offset) < 0)
		(void)vrs_context(err, "cannot truncate a partial record");
	return status;
}

ssize_t segment_get(const struct segment_pos *at, unsigned char *buf, size_t max,
		    size_t *ret_n)
{
	unsigned char frame[SEGMENT_FRAME_BYTES];
	ssize_t n = frame_get(at, max, frame);

	if (n <= 0)
		return n;
	ssize_t k = read_at(at->fd, buf, (size_t)n, at->offset + SEGMENT_FRAME_BYTES);
	if (k < n)
		return k < 0 ? -1 : 0;
	if (get(frame + 8, 8) != checksum(at->seq, buf, (size_t)n))
		return 0;
	*ret_n = (size_t)n;
	return SEGMENT_FRAME_BYTES + n;
}

size_t segment_skip(const struct segment_pos *at, unsigned char *buf, size_t max)
{
	unsigned char frame[SEGMENT_FRAME_BYTES];
	ssize_t n = frame_get(at, max, frame);
	struct segment_pos next = {at->fd, at->offset + SEGMENT_FRAME_BYTES + (size_t)n,
				   at->seq + 1};
	size_t bytes;

	return n > 0 && segment_get(&next, buf, max, &bytes) > 0 ? next.offset : 0;
}

bool segment_is_torn(const struct segment_pos *at, size_t file_bytes, size_t max)
{
	static const unsigned char empty[SEGMENT_FRAME_BYTES];
	unsigned char frame[SEGMENT_FRAME_BYTES];
	size_t left = file_bytes - at->offset;

	if (left < sizeof(frame))
		return true;
	ssize_t n = frame_get(at, max, frame);
	if (n > 0)
		return left - sizeof(frame) < (size_t)n;
	return n == 0 && memcmp(frame, empty, sizeof(empty)) == 0;
}
