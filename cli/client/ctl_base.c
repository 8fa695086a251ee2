/* What every command uses: errors and hints on stderr, settings, the time. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "client/ctl.h"
#include "vrs/clock.h"

int64_t ctl_now_ms(void)
{
	return vrs_now_wall_ms();
}

int ctl_fail(int code, const char *hint, const char *fmt, ...)
{
	va_list ap;

	(void)fputs("vrsctl: ", stderr);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fputc('\n', stderr);
	if (hint && hint[0])
		(void)fprintf(stderr, "hint: %s\n", hint);
	return code;
}

int ctl_fail_err(const char *peer, const struct vrs_err *err)
{
	switch (err->code) {
	case VRS_ECONN:
		(void)ctl_fail(EXIT_UNREACHABLE, NULL, "%s", err->text);
		(void)fprintf(stderr,
			      "hint: check that the service listens on %s; for another "
			      "address use "
			      "--scheduler URL (VRSAS_CONTROL), --etl URL (VRSAS_FILL); "
			      "for a gateway --gateway URL (VRSAS_GATEWAY)\n",
			      peer);
		return EXIT_UNREACHABLE;
	case VRS_ETIMEOUT:
		return ctl_fail(EXIT_TIMEOUT, "for a busy service use --timeout 30s",
				"%s", err->text);
	case VRS_ENOENT:
		return ctl_fail(EXIT_NOT_FOUND, NULL, "%s", err->text);
	case VRS_EDENIED:
		return ctl_fail(EXIT_REFUSED, NULL, "%s", err->text);
	case VRS_EINVAL:
		return ctl_fail(EXIT_USAGE, NULL, "%s", err->text);
	default:
		return ctl_fail(EXIT_FAILED, NULL, "%s", err->text);
	}
}

const char *ctl_setting(const struct vrs_ctl *ctl, const char *option,
			const char *variable, const char *fallback)
{
	const char *value = vrs_args_value(&ctl->args, option);

	if (!value)
		value = getenv(variable);
	return value && value[0] ? value : fallback;
}
