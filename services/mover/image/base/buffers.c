#include "image/base/buffers.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { HUGE_PAGE = 1 << 21, SLAB = 2 * HUGE_PAGE, BUFFERS_PER_SLAB = 3 };

/* A buffer that is not in use begins with this. */
struct free_buffer {
	struct free_buffer *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct free_buffer *free_buffer;

_Static_assert(BUFFERS_PER_SLAB *BUFFER_BYTES <= SLAB, "a slab holds its buffers");

static void put(uint8_t *buffer)
{
	struct free_buffer *s = (struct free_buffer *)buffer;

	s->next = free_buffer;
	free_buffer = s;
}

uint8_t *buffer_take(void)
{
	(void)pthread_mutex_lock(&lock);
	if (!free_buffer) {
		uint8_t *slab = aligned_alloc(HUGE_PAGE, SLAB);

		if (slab)
			(void)madvise(slab, SLAB, MADV_HUGEPAGE);
		for (int i = 0; slab && i < BUFFERS_PER_SLAB; i++)
			put(slab + (size_t)i * BUFFER_BYTES);
	}
	struct free_buffer *s = free_buffer;
	if (s)
		free_buffer = s->next;
	(void)pthread_mutex_unlock(&lock);
	return (uint8_t *)s;
}

void buffer_put(uint8_t *buffer)
{
	if (!buffer)
		return;
	(void)pthread_mutex_lock(&lock);
	put(buffer);
	(void)pthread_mutex_unlock(&lock);
}
