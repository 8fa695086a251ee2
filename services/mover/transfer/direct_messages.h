/* direct_messages.h - the messages between a mover and the vrs-mover that it started at a
 * source host (proto/vrsas/v1/direct.proto): as bytes, and whether they make sense. Pure.
 */
#ifndef MOVER_TRANSFER_DIRECT_MESSAGES_H
#define MOVER_TRANSFER_DIRECT_MESSAGES_H

#include <stddef.h>
#include <stdint.h>

#include "transfer/transfer.h"
#include "vrs/err.h"
#include "vrsas/v1/direct.pb-c.h"

enum { DIRECT_MAX_BYTES = 1 << 18 }; /* of one message */

/* A reader that is fed whatever arrives; on_message gets each whole message. */
typedef int (*direct_message_fn)(void *arg, const uint8_t *bytes, size_t n,
				 struct vrs_err *err);
struct direct_reader {
	uint8_t head[4];
	size_t n_head, n, len;
	uint8_t *bytes;
};
int direct_feed(struct direct_reader *r, const void *bytes, size_t n,
		direct_message_fn on_message, void *arg, struct vrs_err *err);
void direct_reader_fini(struct direct_reader *r);

/* With its length before it; the caller's by free. */
uint8_t *direct_pack(const ProtobufCMessage *message, size_t *ret_n);

/* Is it the last word about the copy? */
bool direct_is_over(const Vrsas__V1__DirectNews *news);
/* What a last word of success tells of so many disks; VRS_EPARSE when it makes no sense.
 */
int direct_results(struct copy_result *ret, size_t n_disks,
		   const Vrsas__V1__DirectNews *news, struct vrs_err *err);
/* The error that it tells, as one line; `there` is the name of the machine that calls
 * itself "this machine". Returns its code, which is negative. */
int direct_error(const Vrsas__V1__DirectNews *news, const char *there,
		 struct vrs_err *err);

#endif
