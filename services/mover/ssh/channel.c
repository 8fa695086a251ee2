#include "ssh/channel.h"

#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

void channel_init(struct channel *l, const struct channel_ops *ops)
{
	l->ops = ops;
	l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

void channel_fini(struct channel *l)
{
	if (l->wake_fd >= 0)
		(void)close(l->wake_fd);
}

void channel_wake(struct channel *l)
{
	uint64_t one = 1;

	(void)!write(l->wake_fd, &one, sizeof(one));
}

void channel_woken(struct channel *l)
{
	uint64_t n;

	(void)!read(l->wake_fd, &n, sizeof(n));
}
