#include "render/human.h"

#include <math.h>
#include <stdio.h>

#include "vrs/clock.h"
#include "vrs/mem.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR };

static char *unknown(char buf[HUMAN_MAX])
{
	(void)vrs_strcpy(buf, HUMAN_MAX, "-");
	return buf;
}

static void scaled(char buf[HUMAN_MAX], double value, const char *tail)
{
	static const char *const unit[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	size_t i = 0;

	/* 1023.7 KiB would be shown as 1024 KiB: the next unit reads better. */
	while (value >= (i ? 1023.5 : 1024) && i + 1 < sizeof(unit) / sizeof(unit[0])) {
		value /= 1024;
		i++;
	}
	(void)snprintf(buf, HUMAN_MAX, i && value < 9.95 ? "%.1f %s%s" : "%.0f %s%s",
		       value, unit[i], tail);
}

char *human_bytes(char buf[HUMAN_MAX], uint64_t bytes)
{
	scaled(buf, (double)bytes, "");
	return buf;
}

char *human_rate(char buf[HUMAN_MAX], double bytes_per_s)
{
	if (!isfinite(bytes_per_s) || bytes_per_s < 0)
		return unknown(buf);
	scaled(buf, bytes_per_s, "/s");
	return buf;
}

char *human_span(char buf[HUMAN_MAX], int64_t ms)
{
	if (ms < 0)
		return unknown(buf);
	if (ms < SECOND)
		(void)snprintf(buf, HUMAN_MAX, "%lld ms", (long long)ms);
	else if (ms < MINUTE)
		(void)snprintf(buf, HUMAN_MAX, "%lld.%lld s", (long long)(ms / SECOND),
			       (long long)(ms % SECOND / 100));
	else if (ms < HOUR)
		(void)snprintf(buf, HUMAN_MAX, "%lld min %02lld s",
			       (long long)(ms / MINUTE),
			       (long long)(ms % MINUTE / SECOND));
	else if (ms < DAY)
		(void)snprintf(buf, HUMAN_MAX, "%lld h %02lld min",
			       (long long)(ms / HOUR), (long long)(ms % HOUR / MINUTE));
	else
		(void)snprintf(buf, HUMAN_MAX, "%lld d %lld h", (long long)(ms / DAY),
			       (long long)(ms % DAY / HOUR));
	return buf;
}

char *human_age(char buf[HUMAN_MAX], int64_t now_ms, int64_t at_ms)
{
	int64_t ms = now_ms - at_ms;
	const char *before = ms < -SECOND ? "in " : "";
	const char *after = ms < -SECOND ? "" : " ago";

	if (at_ms == 0) {
		(void)vrs_strcpy(buf, HUMAN_MAX, "never");
		return buf;
	}
	if (ms < 0)
		ms = ms < -SECOND ? -ms : 0;
	if (ms < 2 * MINUTE)
		(void)snprintf(buf, HUMAN_MAX, "%s%lld s%s", before,
			       (long long)(ms / SECOND), after);
	else if (ms < 2 * HOUR)
		(void)snprintf(buf, HUMAN_MAX, "%s%lld min%s", before,
			       (long long)(ms / MINUTE), after);
	else if (ms < 2LL * DAY)
		(void)snprintf(buf, HUMAN_MAX, "%s%lld h%s", before,
			       (long long)(ms / HOUR), after);
	else
		(void)snprintf(buf, HUMAN_MAX, "%s%lld d%s", before,
			       (long long)(ms / DAY), after);
	return buf;
}

char *human_time(char buf[HUMAN_MAX], int64_t at_ms)
{
	if (at_ms == 0)
		return unknown(buf);
	(void)vrs_time_format(buf, HUMAN_MAX, at_ms);
	buf[10] = ' ';
	buf[19] = 'Z';
	buf[20] = '\0';
	return buf;
}

char *human_ratio(char buf[HUMAN_MAX], double ratio)
{
	if (!isfinite(ratio))
		return unknown(buf);
	(void)snprintf(buf, HUMAN_MAX, "%.0f %%", ratio * 100);
	return buf;
}
