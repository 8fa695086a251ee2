#include "ssh/channel.h"

#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

void link_init(struct link *l, const struct link_ops *ops)
{
	l->ops = ops;
	l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

void link_fini(struct link *l)
{
	if (l->wake_fd >= 0)
		(void)close(l->wake_fd);
}

void link_wake(struct link *l)
{
	uint64_t one = 1;

	(void)!write(l->wake_fd, &one, sizeof(one));
}

void link_woken(struct link *l)
{
	uint64_t n;

	(void)!read(l->wake_fd, &n, sizeof(n));
}
