#include "transfer/direct_messages.h"

#include <stdlib.h>
#include <string.h>

#include "vrs/mem.h"

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

int direct_reader_feed(struct direct_reader *r, const void *bytes, size_t n,
		       struct vrs_err *err)
{
	const uint8_t *p = bytes;

	while (n > 0) {
		if (r->n_head < sizeof(r->head)) {
			r->head[r->n_head++] = *p++;
			n--;
			if (r->n_head < sizeof(r->head))
				continue;
			r->len = (size_t)r->head[0] | (size_t)r->head[1] << 8 |
				 (size_t)r->head[2] << 16 | (size_t)r->head[3] << 24;
			if (r->len > DIRECT_MAX_BYTES)
				return vrs_fail(err, VRS_EPARSE,
						"not a message of vrs-mover");
			r->bytes = vrs_realloc(r->bytes, 1, r->len + 1);
			r->n = 0;
		}
		size_t piece = min_size(n, r->len - r->n);
		memcpy(r->bytes + r->n, p, piece);
		r->n += piece;
		p += piece;
		n -= piece;
		if (r->n == r->len) {
			r->n_head = 0;
			int status = r->on_message(r->arg, r->bytes, r->len, err);

			if (status < 0)
				return status;
		}
	}
	return 0;
}

void direct_reader_fini(struct direct_reader *r)
{
	free(r->bytes);
	r->bytes = NULL;
	r->n_head = 0;
}

uint8_t *direct_pack(const ProtobufCMessage *message, size_t *ret_n)
{
	size_t n = protobuf_c_message_get_packed_size(message);
	uint8_t *all = vrs_realloc(NULL, 1, n + 4);

	for (int i = 0; i < 4; i++)
		all[i] = (uint8_t)(n >> (8 * i));
	(void)protobuf_c_message_pack(message, all + 4);
	*ret_n = n + 4;
	return all;
}

bool direct_has_ended(const Vrsas__V1__DirectReport *report)
{
	return report->status && (report->status->state == TRANSFER_STATE(DONE) ||
				  report->status->state == TRANSFER_STATE(FAILED) ||
				  report->status->state == TRANSFER_STATE(CANCELLED));
}

static bool is_hash(const char *s)
{
	return strlen(s) == TREE_HEX_BYTES - 1 &&
	       strspn(s, "0123456789abcdef") == TREE_HEX_BYTES - 1;
}

int direct_results(struct copy_result *ret, size_t n_disks,
		   const Vrsas__V1__DirectReport *report, struct vrs_err *err)
{
	const Vrsas__V1__TransferStatus *s = report->status;

	if (!s || s->state != TRANSFER_STATE(DONE) || s->n_disk != n_disks ||
	    report->n_was_there != n_disks)
		return vrs_fail(err, VRS_EPARSE, "the result is malformed");
	for (size_t i = 0; i < n_disks; i++) {
		const Vrsas__V1__DiskResult *d = s->disk[i];

		/* equal hashes prove the copy */
		if (!is_hash(d->target_hash) ||
		    strcmp(d->source_hash, d->target_hash) != 0)
			return vrs_fail(err, VRS_EPARSE,
					"the result has no matching hashes");
	}
	for (size_t i = 0; i < n_disks; i++) {
		const Vrsas__V1__DiskResult *d = s->disk[i];

		ret[i] = (struct copy_result){
			.disk_bytes = d->virtual_bytes,
			.sent_bytes = d->bytes_sent,
			.base_used = d->base_used,
			.was_there = report->was_there[i],
			.kept_aside = *d->kept_path != '\0',
		};
		(void)vrs_strcpy(ret[i].source_hash, TREE_HEX_BYTES, d->source_hash);
		(void)vrs_strcpy(ret[i].target_hash, TREE_HEX_BYTES, d->target_hash);
	}
	return 0;
}

int direct_error(const Vrsas__V1__DirectReport *report, const char *there,
		 struct vrs_err *err)
{
	static const char here[] = " this machine";
	const char *text = report->status ? report->status->error : "";
	int code = report->code >= 1 && report->code <= 12 ? -(int)report->code : VRS_EIO;
	const char *at = strstr(text, here);
	struct vrs_err why = {0};

	if (at && (size_t)(at - text) == strlen("source")) /* "source", "target" */
		(void)vrs_fail(&why, code, "%.6s %s%s", text, there, at + strlen(here));
	else
		(void)vrs_fail(&why, code, "%s",
			       *text ? text : "failed without an error message");
	for (char *p = why.text; *p; p++) /* keep it one line */
		if ((unsigned char)*p < ' ')
			*p = ' ';
	if (err)
		*err = why;
	return code;
}
