#include "vrs/series.h"

#include <math.h>
#include <stdio.h>

#include "vrs/keys.h"

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

/* Converts days since 1970-01-01 to a calendar day (H. Hinnant, "chrono-compatible
 * low-level date algorithms"): eras of 400 years, years begin in March. */
static void civil_from_days(int64_t days, int *ret_y, int *ret_m, int *ret_d)
{
	days += 719468;
	int64_t era = (days >= 0 ? days : days - 146096) / 146097;
	int64_t doe = days - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;

	*ret_d = (int)(doy - (153 * mp + 2) / 5 + 1);
	*ret_m = (int)(mp < 10 ? mp + 3 : mp - 9);
	*ret_y = (int)(yoe + era * 400 + (*ret_m <= 2));
}

static const int64_t day_ms = (int64_t)24 * 3600 * 1000;

void vrs_series_key(char *buf, size_t size, const char *cluster, const char *host,
		    int64_t at_ms)
{
	int64_t days = at_ms / day_ms - (at_ms % day_ms < 0);
	int y, m, d;

	civil_from_days(days, &y, &m, &d);
	(void)snprintf(buf, size, VRS_KEY "m:{%s}:%s:%04d%02d%02d", cluster, host, y, m,
		       d);
}

size_t vrs_series_offset(int64_t at_ms)
{
	int64_t in_day = at_ms % day_ms;

	if (in_day < 0)
		in_day += day_ms;
	return (size_t)(in_day / 60000) * VRS_SLOT_BYTES;
}
