/* store.h - Redis, the only state that services share. The only door to hiredis.
 *
 * One connection, used from one thread, synchronous with a deadline; worker threads open
 * their own. The call that finds the connection lost fails with VRS_ECONN (VRS_ETIMEOUT
 * when the server was silent): what it asked for may or may not have happened. The next
 * call connects again. Whoever believes something about the content asks
 * vrs_store_connect and vrs_store_generation before relying on it. Values are bytes.
 * Addresses: unix:/path/to.sock or tcp:HOST:PORT, with user and password file where the
 * server has an ACL. */
#ifndef VRS_STORE_H
#define VRS_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vrs/err.h"
#include "vrs/metrics.h"

struct vrs_store;

struct vrs_store_conf {
	const char *address;
	const char *user;          /* NULL or "": none */
	const char *password_file; /* NULL or "": none */
	int64_t timeout_ms;        /* 0: 2000 */
};

/* Does not need the server to be there: the first call connects. VRS_EINVAL on a bad
 * address. */
int vrs_store_open(struct vrs_store **ret, const struct vrs_store_conf *conf,
		   struct vrs_err *err);
void vrs_store_close(struct vrs_store *s);

/* Connects if that is needed; 0 means that the server is there and ready. */
int vrs_store_connect(struct vrs_store *s, struct vrs_err *err);

/* Rises with every connection made. 0: none yet. */
uint64_t vrs_store_generation(const struct vrs_store *s);

struct vrs_store_counts {
	uint64_t connects, commands, errors; /* errors: calls that failed */
	bool connected;                      /* and the newest call was answered */
	struct vrs_histogram seconds; /* of one call, however many commands it carries */
};
void vrs_store_counts(const struct vrs_store *s, struct vrs_store_counts *ret);

enum vrs_reply_type {
	VRS_REPLY_NIL,
	VRS_REPLY_INT,
	VRS_REPLY_BYTES,
	VRS_REPLY_ARRAY,
};

/* A value as Redis gave it; bytes are terminated with 0 beyond len. Error replies of the
 * server are never given: they are the call's failure. Freed with its root. */
struct vrs_reply {
	enum vrs_reply_type type;
	int64_t integer;
	const char *bytes;
	size_t len;
	const struct vrs_reply *item;
	size_t n_items;
};
void vrs_reply_free(struct vrs_reply *r);

struct vrs_arg {
	const void *bytes;
	size_t len;
};
#define VRS_ARG(s) ((struct vrs_arg){(s), strlen(s)})

/* One command. ret may be NULL when the answer does not matter. */
int vrs_store_do(struct vrs_store *s, struct vrs_reply **ret, const struct vrs_arg *argv,
		 size_t argc, struct vrs_err *err);

/* The same from a format: words split at blanks, %s a C string, %b a (pointer, size_t)
 * pair, %lld a long long, as hiredis has it. */
int vrs_store_cmd(struct vrs_store *s, struct vrs_reply **ret, struct vrs_err *err,
		  const char *fmt, ...);

/* Commands that are sent together and answered together, in order; the first failure is
 * reported after all answers were read. begin, add..., run; run without add is fine.
 * Replies (n of them, in the order of add) are given when ret is not NULL. */
void vrs_store_add(struct vrs_store *s, const struct vrs_arg *argv, size_t argc);
void vrs_store_addf(struct vrs_store *s, const char *fmt, ...);
int vrs_store_run(struct vrs_store *s, struct vrs_reply **ret, struct vrs_err *err);

/* A Lua script with its keys and arguments; sent by its hash, loaded on demand. */
struct vrs_script {
	const char *text;
	const struct vrs_arg *keys;
	size_t n_keys;
	const struct vrs_arg *args;
	size_t n_args;
};
int vrs_store_eval(struct vrs_store *s, struct vrs_reply **ret,
		   const struct vrs_script *script, struct vrs_err *err);

/* Redis server time, Unix milliseconds. */
int vrs_store_time_ms(struct vrs_store *s, int64_t *ret, struct vrs_err *err);

/* SCAN for keys that match a glob; fn is called for each (order
 * undefined, no repeats). */
int vrs_store_scan(struct vrs_store *s, const char *glob,
		   void (*fn)(void *arg, const char *key), void *arg,
		   struct vrs_err *err);

#endif
