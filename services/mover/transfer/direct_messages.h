/* direct_messages.h - the messages between a mover and the vrs-mover that it started on a
 * source host (proto/vrsas/v1/direct.proto): as bytes, and checks of their content. Pure.
 */
#ifndef MOVER_TRANSFER_DIRECT_MESSAGES_H
#define MOVER_TRANSFER_DIRECT_MESSAGES_H

#include <stddef.h>
#include <stdint.h>

#include "transfer/transfer.h"
#include "vrs/err.h"
#include "vrsas/v1/direct.pb-c.h"

enum { DIRECT_MAX_BYTES = 1 << 18 }; /* of one message */

/* Assembles messages from bytes as they arrive; on_message gets each whole message. */
typedef int (*direct_message_fn)(void *arg, const uint8_t *bytes, size_t n,
				 struct vrs_err *err);
struct direct_reader {
	direct_message_fn on_message;
	void *arg;
	uint8_t head[4];
	size_t n_head, n, len;
	uint8_t *bytes;
};
int direct_reader_feed(struct direct_reader *r, const void *bytes, size_t n,
		       struct vrs_err *err);
void direct_reader_fini(struct direct_reader *r);

/* A message with its length before it; the caller frees it. */
uint8_t *direct_pack(const ProtobufCMessage *message, size_t *ret_n);

/* Is it the last report of a copy? */
bool direct_has_ended(const Vrsas__V1__DirectReport *report);
/* The results of so many disks in the last report of a successful copy; VRS_EPARSE if
 * they are not valid. */
int direct_results(struct copy_result *ret, size_t n_disks,
		   const Vrsas__V1__DirectReport *report, struct vrs_err *err);
/* The error in the last report, as one line; `there` replaces "this machine". Returns its
 * code, which is negative. */
int direct_error(const Vrsas__V1__DirectReport *report, const char *there,
		 struct vrs_err *err);

#endif
