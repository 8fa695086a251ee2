/* script.h - runs a Lua script whose reply is a list of n texts. */
#ifndef MOVER_JOBS_SCRIPT_H
#define MOVER_JOBS_SCRIPT_H

#include "vrs/store.h"

/* *ret (vrs_reply_free) has exactly n items; none of them is nil. */
int script_run(struct vrs_store *s, const struct vrs_script *script, size_t n,
	       struct vrs_reply **ret, struct vrs_err *err);

#endif
