/* channel.h - standard input and output of a program on another host, over a channel of
 * an SSH session (ssh.c). Used by one thread, except for channel_wake. */
#ifndef MOVER_SSH_CHANNEL_H
#define MOVER_SSH_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "vrs/err.h"

typedef int (*channel_bytes_fn)(void *arg, const void *bytes, size_t n,
				struct vrs_err *err);

struct channel;
struct channel_ops {
	/* Waits until something was read (and passed to on_bytes), something can be
	 * written (when wanted), channel_wake or the timeout. */
	int (*step)(struct channel *l, bool want_write, int timeout_ms,
		    struct vrs_err *err);
	/* Writes as much as is accepted without waiting; 0: nothing. */
	ssize_t (*write)(struct channel *l, const void *bytes, size_t n,
			 struct vrs_err *err);
	void (*close)(struct channel *l);
};

struct channel {
	const struct channel_ops *ops;
	channel_bytes_fn on_bytes;
	void *arg;
	int wake_fd; /* an eventfd */
};

void channel_init(struct channel *l, const struct channel_ops *ops);
void channel_fini(struct channel *l);
void channel_wake(struct channel *l); /* from any thread */
void channel_woken(struct channel *l);

#endif
