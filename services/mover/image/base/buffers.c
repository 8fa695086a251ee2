#include "image/base/buffers.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { HUGE_PAGE = 1 << 21, SLAB = 2 * HUGE_PAGE, ROOMS_PER_SLAB = 3 };

/* A room that nobody has; it begins with this. */
struct spare {
	struct spare *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct spare *spare;

_Static_assert(ROOMS_PER_SLAB *ROOM_BYTES <= SLAB, "a slab holds its rooms");

static void put(uint8_t *room)
{
	struct spare *s = (struct spare *)room;

	s->next = spare;
	spare = s;
}

uint8_t *room_take(void)
{
	(void)pthread_mutex_lock(&lock);
	if (!spare) {
		uint8_t *slab = aligned_alloc(HUGE_PAGE, SLAB);

		if (slab)
			(void)madvise(slab, SLAB, MADV_HUGEPAGE);
		for (int i = 0; slab && i < ROOMS_PER_SLAB; i++)
			put(slab + (size_t)i * ROOM_BYTES);
	}
	struct spare *s = spare;
	if (s)
		spare = s->next;
	(void)pthread_mutex_unlock(&lock);
	return (uint8_t *)s;
}

void room_put(uint8_t *room)
{
	if (!room)
		return;
	(void)pthread_mutex_lock(&lock);
	put(room);
	(void)pthread_mutex_unlock(&lock);
}
