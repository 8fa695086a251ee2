/* store.h - Redis, the only state that services share. The only door to hiredis.
 *
 * One synchronous connection with a deadline, used by one thread; worker threads open
 * their own. A call that finds the connection lost fails with VRS_ECONN (VRS_ETIMEOUT if
 * the server did not answer): its command may or may not have been executed. The next
 * call reconnects. Before relying on anything cached, call vrs_store_connect and compare
 * vrs_store_generation. Values are bytes. Addresses: unix:/path/to.sock or tcp:HOST:PORT,
 * with user and password file if the server has an ACL. */
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

/* Does not connect; the first call does. VRS_EINVAL: invalid address. */
int vrs_store_open(struct vrs_store **ret, const struct vrs_store_conf *conf,
		   struct vrs_err *err);
void vrs_store_close(struct vrs_store *s);

/* Connects if needed; 0: the server is ready. */
int vrs_store_connect(struct vrs_store *s, struct vrs_err *err);

/* Increases with every new connection. 0: none yet. */
uint64_t vrs_store_generation(const struct vrs_store *s);

struct vrs_store_counts {
	uint64_t connects, commands, errors; /* errors: calls that failed */
	bool connected;                      /* and the newest call succeeded */
	struct vrs_histogram seconds;        /* per call, with all of its commands */
};
void vrs_store_counts(const struct vrs_store *s, struct vrs_store_counts *ret);

enum vrs_reply_type {
	VRS_REPLY_NIL,
	VRS_REPLY_INT,
	VRS_REPLY_BYTES,
	VRS_REPLY_ARRAY,
};

/* A value from Redis; a zero byte follows its bytes. An error reply of the server makes
 * the call fail instead. Freed with its root. */
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

/* One command. ret may be NULL if the reply is not needed. */
int vrs_store_do(struct vrs_store *s, struct vrs_reply **ret, const struct vrs_arg *argv,
		 size_t argc, struct vrs_err *err);

/* The same from a format of hiredis: split at blanks; %s a C string, %b a (pointer,
 * size_t) pair, %lld a long long. */
int vrs_store_cmd(struct vrs_store *s, struct vrs_reply **ret, struct vrs_err *err,
		  const char *fmt, ...);

/* A pipeline: add commands, then run sends them together and reads all replies; it
 * returns the first failure. ret (may be NULL) gets an array of the replies, in order. */
void vrs_store_add(struct vrs_store *s, const struct vrs_arg *argv, size_t argc);
void vrs_store_addf(struct vrs_store *s, const char *fmt, ...);
int vrs_store_run(struct vrs_store *s, struct vrs_reply **ret, struct vrs_err *err);

/* A Lua script with its keys and arguments; called by its hash, loaded on demand. */
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

#endif
