/* err.h - how a function says that it failed, and why.
 *
 * A function that can fail returns 0 or one of the negative codes below and takes a
 * struct vrs_err as its last argument, which it fills only on failure: one line that
 * names the thing and the reason. Callers add context on the way up. Passing NULL for
 * the error is fine. */
#ifndef VRS_ERR_H
#define VRS_ERR_H

enum {
	VRS_EINVAL = -1,    /* the caller's argument or a setting is wrong */
	VRS_ENOENT = -2,    /* no such thing */
	VRS_EPARSE = -3,    /* bytes from outside are not what they should be */
	VRS_EIO = -4,       /* the system or a peer failed in the middle */
	VRS_ETIMEOUT = -5,  /* no answer before the deadline */
	VRS_ECONN = -6,     /* peer not reachable */
	VRS_EDENIED = -7,   /* refused: credentials, policy or a host key */
	VRS_ECONFLICT = -8, /* already so with other content, or a newer owner exists */
	VRS_ENOSPC = -9,    /* target is full, or a bound was reached */
	VRS_EUNSUPPORTED = -10, /* this driver or peer cannot do that */
	VRS_ECANCELLED = -11,   /* asked to stop */
	VRS_EINTERNAL = -12,    /* our own mistake */
};

struct vrs_err {
	int code; /* VRS_E*, 0 when unused */
	char text[480];
};

/* Fills err and returns code, so that a caller can write `return vrs_fail(...)`. */
int vrs_fail(struct vrs_err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The same with errno's text appended and the code that fits it. */
int vrs_fail_errno(struct vrs_err *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Puts "context: " before the text; returns the code it already had. */
int vrs_context(struct vrs_err *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* What an analyzer cannot see from here: the result is negative. */
#ifdef __clang_analyzer__
#define vrs_fail(err, code, ...) ((void)(vrs_fail)(err, code, __VA_ARGS__), (code))
#define vrs_fail_errno(...) ((void)(vrs_fail_errno)(__VA_ARGS__), VRS_EIO)
#define vrs_context(...) ((void)(vrs_context)(__VA_ARGS__), VRS_EIO)
#endif

/* "timeout", "not found", ...: a word for a code, for tables and counters. */
const char *vrs_code_name(int code);

#endif
