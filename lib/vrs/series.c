#include "vrs/series.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

static void put_u16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v & 0xff);
	p[1] = (uint8_t)(v >> 8);
}

static unsigned get_u16(const uint8_t *p)
{
	return (unsigned)p[0] | (unsigned)p[1] << 8;
}

static unsigned encode_ratio(float ratio)
{
	if (isnan(ratio))
		return 0;
	if (ratio < 0)
		ratio = 0;
	if (ratio > 1)
		ratio = 1;
	return 1 + (unsigned)lrintf(10000 * ratio);
}

static float decode_ratio(unsigned v)
{
	if (v == 0 || v > 10001)
		return NAN;
	return (float)(v - 1) / 10000;
}

void vrs_slot_encode(uint8_t out[VRS_SLOT_BYTES], const struct vrs_slot *slot)
{
	put_u16(out, encode_ratio(slot->cpu_ratio));
	put_u16(out + 2, encode_ratio(slot->mem_ratio));
	put_u16(out + 4, slot->vcpus_used);
	out[6] = slot->state;
	out[7] = slot->flags;
}

void vrs_slot_decode(const uint8_t in[VRS_SLOT_BYTES], struct vrs_slot *ret)
{
	ret->cpu_ratio = decode_ratio(get_u16(in));
	ret->mem_ratio = decode_ratio(get_u16(in + 2));
	ret->vcpus_used = (uint16_t)get_u16(in + 4);
	ret->state = in[6];
	ret->flags = in[7];
}

void vrs_series_key(char *buf, size_t size, const char *cluster, const char *host,
		    int64_t at_ms)
{
	time_t s = (time_t)(at_ms / 1000);
	struct tm tm;

	(void)gmtime_r(&s, &tm);
	(void)snprintf(buf, size, "vrsas:v1:m:{%s}:%s:%04d%02d%02d", cluster, host,
		       tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
}

size_t vrs_series_offset(int64_t at_ms)
{
	const int64_t day_ms = (int64_t)24 * 3600 * 1000;
	int64_t in_day = at_ms % day_ms;

	if (in_day < 0)
		in_day += day_ms;
	return (size_t)(in_day / 60000) * VRS_SLOT_BYTES;
}
