#include "image/serve/request_parts.h"

void answer_slot_clear(struct slot *s)
{
	if (s->cache)
		hashcache_save(s->cache);
	hashcache_close(s->cache);
	disk_close(s->disk);
	part_close(s->part);
	*s = (struct slot){0};
}
