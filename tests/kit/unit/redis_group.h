/* redis_group.h - one Redis and one store for all tests of a program: start and stop are
 * the group's setup and teardown, or part of them. */
#ifndef TESTS_REDIS_GROUP_H
#define TESTS_REDIS_GROUP_H

#include "redis.h"

static struct redis redis;
static struct vrs_store *store;

static int start(void **state)
{
	(void)state;
	redis_start(&redis);
	store = redis_store(&redis);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	vrs_store_close(store);
	redis_stop(&redis);
	return 0;
}

#endif
