/* err.h - how a function reports that it failed, and why.
 *
 * A function that can fail returns 0 or one of the negative codes below and takes a
 * struct vrs_err as its last argument, which it fills only on failure: one line that
 * names the object and the reason. Callers may add context and may pass NULL. */
#ifndef VRS_ERR_H
#define VRS_ERR_H

enum {
	VRS_EINVAL = -1,        /* the caller's argument or a setting is wrong */
	VRS_ENOENT = -2,        /* no such thing */
	VRS_EPARSE = -3,        /* malformed bytes from outside */
	VRS_EIO = -4,           /* the system or a peer failed during the operation */
	VRS_ETIMEOUT = -5,      /* no answer before the deadline */
	VRS_ECONN = -6,         /* peer not reachable */
	VRS_EDENIED = -7,       /* denied: credentials, policy or a host key */
	VRS_ECONFLICT = -8,     /* exists with other content, or has a newer owner */
	VRS_ENOSPC = -9,        /* target is full, or a bound was reached */
	VRS_EUNSUPPORTED = -10, /* this driver or peer cannot do that */
	VRS_ECANCELLED = -11,   /* cancelled by the caller */
	VRS_EINTERNAL = -12,    /* a bug */
};

struct vrs_err {
	int code; /* VRS_E*, 0 when unused */
	char text[480];
};

/* Fills err and returns code, so that a caller can write `return vrs_fail(...)`. */
int vrs_fail(struct vrs_err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The same with errno's text appended and the matching code. */
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

/* A library's error numbers as codes: the row with this number, else the last row. */
enum { VRS_ELSE = -0x7fffffff - 1 };
struct vrs_code_row {
	int number, code;
};
int vrs_code_of(const struct vrs_code_row *row, int number);

/* "timeout", "not found", ...: the name of a code, for tables and counters. */
const char *vrs_code_name(int code);

#endif
