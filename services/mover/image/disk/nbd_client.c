#include "image/disk/nbd_client.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "vrs/mem.h"

/* Numbers of the protocol (NetworkBlockDevice/nbd, doc/proto.md). */
#define NBD_MAGIC 0x4e42444d41474943ull
#define NBD_OPTION_MAGIC 0x49484156454f5054ull
#define NBD_OPTION_REPLY_MAGIC 0x3e889045565a9ull

enum {
	REQUEST_MAGIC = 0x25609513,
	SIMPLE_MAGIC = 0x67446698,
	STRUCTURED_MAGIC = 0x668e33ef,

	OPT_GO = 7,
	OPT_STRUCTURED = 8,
	OPT_SET_CONTEXT = 10,

	REP_ACK = 1,
	REP_INFO = 3,
	REP_CONTEXT = 4,
	INFO_EXPORT = 0,

	CMD_READ = 0,
	CMD_WRITE = 1,
	CMD_DISC = 2,
	CMD_FLUSH = 3,
	CMD_ZEROES = 6,
	CMD_STATUS = 7,

	CHUNK_DONE = 1,
	CHUNK_NONE = 0,
	CHUNK_DATA = 1,
	CHUNK_HOLE = 2,
	CHUNK_STATUS = 5,
	CHUNK_ERROR = 1 << 15,

	STATE_ZERO = 2,
	MAX_REPLY = 1 << 16,
	MAX_ZEROES = 1 << 30,
};

struct nbd {
	int fd;
	uint64_t size, cookie;
	uint32_t context;
	bool has_context;
};

struct request {
	uint32_t magic;
	uint16_t flags, type;
	uint64_t cookie, off;
	uint32_t len;
} __attribute__((packed));

struct chunk {
	uint32_t magic;
	uint16_t flags, type;
	uint64_t cookie;
	uint32_t len;
} __attribute__((packed));

static int get(struct nbd *n, void *buf, size_t len, struct vrs_err *err)
{
	for (size_t done = 0; done < len;) {
		ssize_t got = read(n->fd, (char *)buf + done, len - done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return vrs_fail_errno(err, "qemu-nbd");
		if (got == 0)
			return vrs_fail(err, VRS_EIO, "qemu-nbd closed the connection");
		done += (size_t)got;
	}
	return 0;
}

/* Sends what the two pieces name; they are changed. */
static int put(struct nbd *n, struct iovec piece[2], struct vrs_err *err)
{
	while (piece[0].iov_len + piece[1].iov_len > 0) {
		struct msghdr msg = {.msg_iov = piece, .msg_iovlen = 2};
		ssize_t sent = sendmsg(n->fd, &msg, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return vrs_fail_errno(err, "qemu-nbd");
		for (int i = 0; i < 2; i++) {
			size_t k = (size_t)sent < piece[i].iov_len ? (size_t)sent
								   : piece[i].iov_len;

			piece[i].iov_base = (char *)piece[i].iov_base + k;
			piece[i].iov_len -= k;
			sent -= (ssize_t)k;
		}
	}
	return 0;
}

static struct iovec piece(const void *bytes, size_t n)
{
	return (struct iovec){(void *)(uintptr_t)bytes, n};
}

static int option(struct nbd *n, uint32_t opt, const void *data, uint32_t len,
		  struct vrs_err *err)
{
	uint8_t head[16];
	uint64_t magic = htobe64(NBD_OPTION_MAGIC);
	uint32_t be_opt = htobe32(opt), be_len = htobe32(len);

	memcpy(head, &magic, 8);
	memcpy(head + 8, &be_opt, 4);
	memcpy(head + 12, &be_len, 4);
	return put(n, (struct iovec[]){piece(head, sizeof(head)), piece(data, len)}, err);
}

struct option_reply {
	uint32_t type, len;
	uint8_t bytes[MAX_REPLY];
};

static int option_reply(struct nbd *n, uint32_t opt, struct option_reply *ret,
			struct vrs_err *err)
{
	struct {
		uint64_t magic;
		uint32_t opt, type, len;
	} __attribute__((packed)) head;
	int status = get(n, &head, sizeof(head), err);

	if (status < 0)
		return status;
	ret->type = be32toh(head.type);
	ret->len = be32toh(head.len);
	if (be64toh(head.magic) != NBD_OPTION_REPLY_MAGIC || be32toh(head.opt) != opt ||
	    ret->len > MAX_REPLY)
		return vrs_fail(err, VRS_EPARSE, "qemu-nbd sent an invalid reply");
	return get(n, ret->bytes, ret->len, err);
}

/* Reads replies to one option until its end; INFO and META_CONTEXT are kept. */
static int settle(struct nbd *n, uint32_t opt, bool must, struct option_reply *r,
		  struct vrs_err *err)
{
	for (;;) {
		int status = option_reply(n, opt, r, err);
		uint32_t id;

		if (status < 0)
			return status;
		if (r->type == REP_ACK)
			return 0;
		if (r->type & 0x80000000u)
			return must ? vrs_fail(err, VRS_EIO,
					       "qemu-nbd rejected the request: %.*s",
					       r->len < 200 ? (int)r->len : 200, r->bytes)
				    : 0;
		if (r->type == REP_CONTEXT && r->len >= 4) {
			memcpy(&id, r->bytes, 4);
			n->context = be32toh(id);
			n->has_context = true;
		}
		uint16_t info = 0;
		if (r->type == REP_INFO && r->len >= 12) {
			memcpy(&info, r->bytes, 2);
			if (be16toh(info) == INFO_EXPORT) {
				memcpy(&n->size, r->bytes + 2, 8);
				n->size = be64toh(n->size);
			}
		}
	}
}

static int handshake(struct nbd *n, struct option_reply *r, struct vrs_err *err)
{
	static const char query[] = "base:allocation";
	uint8_t hello[18], ask[64] = {0};
	uint32_t client_flags = htobe32(3), one = htobe32(1);
	uint32_t query_len = htobe32(sizeof(query) - 1);
	uint64_t magic, opt_magic;
	int status = get(n, hello, sizeof(hello), err);

	if (status < 0)
		return status;
	memcpy(&magic, hello, 8);
	memcpy(&opt_magic, hello + 8, 8);
	if (be64toh(magic) != NBD_MAGIC || be64toh(opt_magic) != NBD_OPTION_MAGIC)
		return vrs_fail(err, VRS_EPARSE, "qemu-nbd sent an invalid reply");
	if ((status = put(n, (struct iovec[2]){piece(&client_flags, 4)}, err)) < 0 ||
	    (status = option(n, OPT_STRUCTURED, NULL, 0, err)) < 0 ||
	    (status = settle(n, OPT_STRUCTURED, true, r, err)) < 0)
		return status;
	/* export name (empty), one query */
	memcpy(ask + 4, &one, 4);
	memcpy(ask + 8, &query_len, 4);
	memcpy(ask + 12, query, sizeof(query) - 1);
	if ((status = option(n, OPT_SET_CONTEXT, ask, 12 + sizeof(query) - 1, err)) < 0 ||
	    (status = settle(n, OPT_SET_CONTEXT, false, r, err)) < 0)
		return status;
	memset(ask, 0, 6); /* export name (empty), no information requests */
	if ((status = option(n, OPT_GO, ask, 6, err)) < 0)
		return status;
	return settle(n, OPT_GO, true, r, err);
}

int nbd_open(struct nbd **ret, int fd, struct vrs_err *err)
{
	struct nbd *n = vrs_calloc(1, sizeof(*n));
	struct option_reply *r = vrs_calloc(1, sizeof(*r));

	n->fd = fd;
	int status = handshake(n, r, err);
	free(r);
	if (status == 0 && n->size == 0)
		status = vrs_fail(err, VRS_EINVAL, "the image is empty");
	if (status < 0) {
		(void)close(fd);
		free(n);
		return status;
	}
	*ret = n;
	return 0;
}

uint64_t nbd_size(const struct nbd *n)
{
	return n->size;
}

/* A request, and where its reply goes. */
struct exchange {
	uint16_t type;
	uint64_t off;
	uint32_t len;
	const void *body;     /* of a write */
	uint8_t *buf;         /* of a read */
	struct disk_run *run; /* of a block status */
};

static int send_request(struct nbd *n, const struct exchange *x, struct vrs_err *err)
{
	struct request r = {
		.magic = htobe32(REQUEST_MAGIC),
		.type = htobe16(x->type),
		.cookie = htobe64(++n->cookie),
		.off = htobe64(x->off),
		.len = htobe32(x->len),
	};

	return put(n,
		   (struct iovec[]){piece(&r, sizeof(r)),
				    piece(x->body, x->body ? x->len : 0)},
		   err);
}

static int refused(struct nbd *n, uint32_t len, struct vrs_err *err)
{
	uint8_t text[MAX_REPLY];
	uint32_t number;

	if (len < 6 || len > sizeof(text))
		return vrs_fail(err, VRS_EPARSE, "qemu-nbd sent an invalid reply");
	int status = get(n, text, len, err);
	if (status < 0)
		return status;
	memcpy(&number, text, 4);
	/* error numbers of NBD are those of Linux */
	errno = (int)be32toh(number);
	return vrs_fail_errno(err, "qemu-nbd");
}

/* One chunk of an answer to a read, into buf. */
static int take_data(struct nbd *n, const struct chunk *c, const struct exchange *x,
		     struct vrs_err *err)
{
	uint64_t at;
	uint32_t hole;
	int status;

	if (c->type == CHUNK_NONE && c->len == 0)
		return 0;
	if ((c->type != CHUNK_DATA && c->type != CHUNK_HOLE) || c->len < 8 ||
	    (c->type == CHUNK_HOLE && c->len != 12))
		return vrs_fail(err, VRS_EPARSE, "qemu-nbd sent an invalid reply");
	if ((status = get(n, &at, 8, err)) < 0)
		return status;
	at = be64toh(at);
	if (c->type == CHUNK_HOLE) {
		if ((status = get(n, &hole, 4, err)) < 0)
			return status;
		hole = be32toh(hole);
	} else {
		hole = c->len - 8;
	}
	if (!x->buf || at < x->off || at - x->off > x->len ||
	    hole > x->len - (at - x->off))
		return vrs_fail(err, VRS_EPARSE, "qemu-nbd replied beyond the request");
	if (c->type == CHUNK_HOLE) {
		memset(x->buf + (at - x->off), 0, hole);
		return 0;
	}
	return get(n, x->buf + (at - x->off), hole, err);
}

/* The first run of an answer to a block status. */
static int take_status(struct nbd *n, const struct chunk *c, const struct exchange *x,
		       struct vrs_err *err)
{
	uint8_t body[MAX_REPLY];
	uint32_t len, flags, context;
	int status;

	if (c->len > sizeof(body))
		return vrs_fail(err, VRS_EPARSE, "qemu-nbd sent an invalid reply");
	if ((status = get(n, body, c->len, err)) < 0 || c->type == CHUNK_NONE)
		return status;
	if (c->type != CHUNK_STATUS || c->len < 12)
		return vrs_fail(err, VRS_EPARSE, "qemu-nbd sent an invalid reply");
	memcpy(&context, body, 4);
	memcpy(&len, body + 4, 4);
	memcpy(&flags, body + 8, 4);
	if (be32toh(context) != n->context || len == 0)
		return vrs_fail(err, VRS_EPARSE, "qemu-nbd sent an invalid reply");
	x->run->end = x->off + be32toh(len);
	x->run->data = (be32toh(flags) & STATE_ZERO) == 0;
	return 0;
}

static int exchange(struct nbd *n, const struct exchange *x, struct vrs_err *err)
{
	int result = send_request(n, x, err);

	if (result < 0)
		return result;

	for (;;) {
		struct chunk c;
		int status = get(n, &c, 4, err);

		if (status < 0)
			return status;
		if (be32toh(c.magic) == SIMPLE_MAGIC) { /* error number and cookie */
			uint32_t rest[3];

			if ((status = get(n, rest, sizeof(rest), err)) < 0)
				return status;
			if (rest[0] == 0)
				return 0;
			errno = (int)be32toh(rest[0]);
			return vrs_fail_errno(err, "qemu-nbd");
		}
		if ((status = get(n, (uint8_t *)&c + 4, sizeof(c) - 4, err)) < 0)
			return status;
		c.flags = be16toh(c.flags);
		c.type = be16toh(c.type);
		c.len = be32toh(c.len);
		if (be32toh(c.magic) != STRUCTURED_MAGIC ||
		    be64toh(c.cookie) != n->cookie)
			return vrs_fail(err, VRS_EPARSE,
					"qemu-nbd sent an invalid reply");
		if (c.type & CHUNK_ERROR)
			result = refused(n, c.len, err);
		else if (x->run)
			status = take_status(n, &c, x, err);
		else
			status = take_data(n, &c, x, err);
		if (status < 0)
			return status;
		if (c.flags & CHUNK_DONE)
			return result;
	}
}

int nbd_read(struct nbd *n, void *buf, uint64_t off, size_t len, struct vrs_err *err)
{
	struct exchange x = {
		.type = CMD_READ, .off = off, .len = (uint32_t)len, .buf = buf};

	return exchange(n, &x, err);
}

int nbd_write(struct nbd *n, const void *buf, uint64_t off, size_t len,
	      struct vrs_err *err)
{
	struct exchange x = {
		.type = CMD_WRITE, .off = off, .len = (uint32_t)len, .body = buf};

	return exchange(n, &x, err);
}

int nbd_zero(struct nbd *n, uint64_t off, uint64_t len, struct vrs_err *err)
{
	while (len > 0) {
		struct exchange x = {
			.type = CMD_ZEROES,
			.off = off,
			.len = len < MAX_ZEROES ? (uint32_t)len : MAX_ZEROES,
		};
		int status = exchange(n, &x, err);

		if (status < 0)
			return status;
		off += x.len;
		len -= x.len;
	}
	return 0;
}

int nbd_flush(struct nbd *n, struct vrs_err *err)
{
	struct exchange x = {.type = CMD_FLUSH};

	return exchange(n, &x, err);
}

int nbd_status(struct nbd *n, uint64_t off, uint64_t end, struct disk_run *ret,
	       struct vrs_err *err)
{
	const uint64_t most = (uint64_t)1 << 31;
	struct exchange x = {
		.type = CMD_STATUS,
		.off = off,
		.len = (uint32_t)(end - off < most ? end - off : most),
		.run = ret,
	};

	*ret = (struct disk_run){.end = end, .data = true};
	if (!n->has_context) /* not known: all of it may be data */
		return 0;
	ret->end = off;
	int status = exchange(n, &x, err);
	if (status == 0 && ret->end == off)
		return vrs_fail(err, VRS_EPARSE, "qemu-nbd sent an invalid reply");
	if (ret->end > end)
		ret->end = end;
	return status;
}

void nbd_close(struct nbd *n)
{
	char byte;

	if (!n)
		return;
	if (send_request(n, &(struct exchange){.type = CMD_DISC}, NULL) == 0 &&
	    shutdown(n->fd, SHUT_WR) == 0)
		(void)!read(n->fd, &byte, 1); /* until it has closed its end */
	(void)close(n->fd);
	free(n);
}
