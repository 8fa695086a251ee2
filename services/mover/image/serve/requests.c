#include "image/serve/requests.h"

#include <stdlib.h>
#include <string.h>

#include "image/serve/request_parts.h"
#include "vrs/mem.h"

struct requests *requests_open(const struct sandbox *b, const char *join)
{
	struct requests *all = vrs_calloc(1, sizeof(*all));

	all->sandbox = b;
	all->join = join;
	(void)pthread_rwlock_init(&all->lock, NULL);
	return all;
}

void requests_close(struct requests *all)
{
	for (size_t i = 0; i < WIRE_MAX_SLOTS; i++)
		open_image_close(&all->image[i]);
	(void)pthread_rwlock_destroy(&all->lock);
	free(all);
}

static int request_hello(struct image_request *r, struct vrs_err *err)
{
	struct wire_texts t = {.len = 0};

	if (r->head->a != WIRE_VERSION)
		return vrs_fail(err, VRS_EUNSUPPORTED,
				"protocol version %llu is not supported, this vrs-image "
				"supports %d",
				(unsigned long long)r->head->a, WIRE_VERSION);
	r->all->greeted = true;
	r->reply->a = WIRE_VERSION;
	r->reply->b = WIRE_MAX_PAYLOAD;
	(void)wire_put_text(&t, r->all->join, NULL);
	memcpy(r->out, t.bytes, t.len);
	r->reply->len = (uint32_t)t.len;
	return 0;
}

static int request_ping(struct image_request *r, struct vrs_err *err)
{
	(void)r;
	(void)err;
	return 0;
}

static int request_close(struct image_request *r, struct vrs_err *err)
{
	(void)err;
	open_image_close(r->image);
	return 0;
}

int requests_run(struct requests *all, struct image_request *r, struct vrs_err *err)
{
	static const struct {
		int (*fn)(struct image_request *r, struct vrs_err *err);
		bool about_image; /* its failures name the path of the image */
		bool opens;       /* or closes an image */
	} table[] = {
		[WIRE_HELLO] = {request_hello, false, true},
		[WIRE_PING] = {request_ping, false, false},
		[WIRE_STAT] = {request_stat, false, false},
		[WIRE_SOURCE] = {request_source, false, true},
		[WIRE_EXTENTS] = {request_extents, true, false},
		[WIRE_READ] = {request_read, true, false},
		[WIRE_HASHES] = {request_hashes, true, false},
		[WIRE_TARGET] = {request_target, false, true},
		[WIRE_STATES] = {request_states, true, false},
		[WIRE_WRITE] = {request_write, true, false},
		[WIRE_MARK] = {request_mark, true, false},
		[WIRE_SYNC] = {request_sync, true, false},
		[WIRE_REOPEN] = {request_reopen, true, true},
		[WIRE_SEAL] = {request_commit, true, true},
		[WIRE_DISCARD] = {request_discard, false, true},
		[WIRE_CLOSE] = {request_close, false, true},
		[WIRE_REMOVE] = {request_remove, false, true},
		[WIRE_GROUP] = {request_commit_group, false, true},
		[WIRE_ALLOCATE] = {request_allocate, true, false},
	};
	const struct wire_head *head = r->head;

	if (head->slot >= WIRE_MAX_SLOTS)
		return vrs_fail(err, VRS_EPARSE, "slot is out of range");
	if (head->type >= sizeof(table) / sizeof(table[0]) || !table[head->type].fn)
		return vrs_fail(err, VRS_EPARSE, "request of unknown type");
	r->all = all;
	r->image = &all->image[head->slot];
	r->texts = (struct wire_text_reader){r->payload, head->len, 0};
	if (table[head->type].opens)
		(void)pthread_rwlock_wrlock(&all->lock);
	else
		(void)pthread_rwlock_rdlock(&all->lock);
	int status = all->greeted || head->type == WIRE_HELLO
			     ? table[head->type].fn(r, err)
			     : vrs_fail(err, VRS_EPARSE, "request before HELLO");
	if (status < 0 && table[head->type].about_image && *r->image->path)
		(void)vrs_context(err, "%s", r->image->path);
	(void)pthread_rwlock_unlock(&all->lock);
	return status;
}
