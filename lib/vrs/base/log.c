#include "vrs/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vrs/clock.h"
#include "vrs/mem.h"

enum { REPEAT_AFTER_MS = 60000 };

static struct {
	const char *service;
	enum vrs_level level;
	bool json;
} settings = {"vrs", VRS_INFO, false};

static atomic_uint_fast64_t written[VRS_LEVELS];

static const char *const level_names[] = {"error", "warn", "notice", "info", "debug"};

void vrs_log_init(const char *service, enum vrs_level level, bool json)
{
	settings.service = service;
	settings.level = level;
	settings.json = json;
}

static void add_json_string(struct vrs_text *t, const char *s)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			vrs_text_add(t, "\\%c", c);
		else if (c < 0x20)
			vrs_text_add(t, "\\u%04x", c);
		else
			vrs_text_add_bytes(t, s, 1);
	}
}

static void write_line(enum vrs_level level, const char *text)
{
	struct vrs_text line = {0};
	char at[40];

	atomic_fetch_add(&written[level], 1);
	vrs_time_format(at, sizeof(at), vrs_now_wall_ms());
	if (settings.json) {
		vrs_text_add(
			&line,
			"{\"time\":\"%s\",\"level\":\"%s\",\"service\":\"%s\",\"msg\":\"",
			at, level_names[level], settings.service);
		add_json_string(&line, text);
		vrs_text_add(&line, "\"}\n");
	} else {
		vrs_text_add(&line, "%s %-6s %s: ", at, level_names[level],
			     settings.service);
		for (const char *s = text; *s; s++) {
			char c = (unsigned char)*s < 0x20 ? ' '
							  : *s; /* one line per event */

			vrs_text_add_bytes(&line, &c, 1);
		}
		vrs_text_add(&line, "\n");
	}
	if (write(STDERR_FILENO, line.text, line.len) < 0) {
		/* stderr is gone: nothing can be reported */
	}
	vrs_text_fini(&line);
}

void vrs_log_counts(uint64_t ret[VRS_LEVELS])
{
	for (int i = 0; i < VRS_LEVELS; i++)
		ret[i] = atomic_load(&written[i]);
}

static void log_va(enum vrs_level level, const char *suffix, const char *fmt, va_list ap)
{
	char text[2048];

	(void)vsnprintf(text, sizeof(text), fmt, ap);
	if (suffix) {
		size_t len = strlen(text);
		(void)snprintf(text + len, sizeof(text) - len, "%s", suffix);
	}
	write_line(level, text);
}

void vrs_log(enum vrs_level level, const char *fmt, ...)
{
	va_list ap;

	if (level > settings.level)
		return;
	va_start(ap, fmt);
	log_va(level, NULL, fmt, ap);
	va_end(ap);
}

void vrs_complain(struct vrs_complaint *c, enum vrs_level level, const char *fmt, ...)
{
	int64_t now = vrs_now_mono_ms();
	char suffix[64] = "";
	va_list ap;

	if (c->active && now - c->logged_mono_ms < REPEAT_AFTER_MS) {
		c->suppressed++;
		return;
	}
	if (c->suppressed > 0)
		(void)snprintf(suffix, sizeof(suffix), " repeated=%llu",
			       (unsigned long long)c->suppressed);
	c->active = true;
	c->logged_mono_ms = now;
	c->suppressed = 0;
	if (level > settings.level)
		return;
	va_start(ap, fmt);
	log_va(level, suffix, fmt, ap);
	va_end(ap);
}

void vrs_complaint_over(struct vrs_complaint *c, const char *fmt, ...)
{
	va_list ap;

	if (!c->active)
		return;
	*c = (struct vrs_complaint){0};
	if (VRS_NOTICE > settings.level)
		return;
	va_start(ap, fmt);
	log_va(VRS_NOTICE, NULL, fmt, ap);
	va_end(ap);
}
