#include "image/serve/request_parts.h"

void open_image_close(struct open_image *s)
{
	if (s->cache)
		hashcache_save(s->cache);
	hashcache_close(s->cache);
	disk_close(s->disk);
	part_close(s->part);
	*s = (struct open_image){0};
}
