/* channel.h - a pair of pipes to a vrs-image, over a channel of an SSH session
 * (ssh.c). Owned by one thread, except for link_wake. */
#ifndef MOVER_SSH_CHANNEL_H
#define MOVER_SSH_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "vrs/err.h"

typedef int (*link_bytes_fn)(void *arg, const void *bytes, size_t n, struct vrs_err *err);

struct link;
struct link_ops {
	/* Waits until something can be read (it goes to on_bytes), something can be
	 * written (when wanted), link_wake or the timeout. */
	int (*step)(struct link *l, bool want_write, int timeout_ms, struct vrs_err *err);
	/* As much as fits now; 0: nothing. */
	ssize_t (*write)(struct link *l, const void *bytes, size_t n,
			 struct vrs_err *err);
	void (*close)(struct link *l);
};

struct link {
	const struct link_ops *ops;
	link_bytes_fn on_bytes;
	void *arg;
	int wake_fd; /* an eventfd */
};

void link_init(struct link *l, const struct link_ops *ops);
void link_fini(struct link *l);
void link_wake(struct link *l); /* from any thread */
void link_woken(struct link *l);

#endif
