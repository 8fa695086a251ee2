#include "vrs/store.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "vrs/clock.h"
#include "vrs/conf.h"
#include "vrs/mem.h"

enum { DEFAULT_TIMEOUT_MS = 2000, SCAN_COUNT = 500 };

struct script {
	char *text;
	char sha[64];
	uint64_t generation; /* of the connection it was loaded on */
};

struct vrs_store {
	char *address, *user, *password_file;
	int64_t timeout_ms;
	redisContext *redis; /* NULL: not connected */
	uint64_t generation;
	struct vrs_text out; /* commands not yet sent */
	size_t n_out;
	bool out_broken; /* a format was invalid */
	struct script *script;
	size_t n_scripts;
	struct vrs_store_counts counts;
};

int vrs_store_open(struct vrs_store **ret, const struct vrs_store_conf *conf,
		   struct vrs_err *err)
{
	struct sigaction pipe_action;
	const char *a = conf->address ? conf->address : "";
	const char *colon = strrchr(a, ':');
	bool unix_ok = strncmp(a, "unix:/", 6) == 0;
	bool tcp_ok = strncmp(a, "tcp:", 4) == 0 && colon > a + 4 && colon[1] != '\0';

	if (!unix_ok && !tcp_ok)
		return vrs_fail(
			err, VRS_EINVAL,
			"store: address '%s' is neither unix:/PATH nor tcp:HOST:PORT", a);

	/* hiredis uses write(): SIGPIPE must not end the process. */
	if (sigaction(SIGPIPE, NULL, &pipe_action) == 0 &&
	    pipe_action.sa_handler == SIG_DFL)
		(void)signal(SIGPIPE, SIG_IGN);

	struct vrs_store *s = vrs_calloc(1, sizeof(*s));
	s->address = vrs_strdup(a);
	s->user = vrs_strdup(conf->user);
	s->password_file = vrs_strdup(conf->password_file);
	s->timeout_ms = conf->timeout_ms > 0 ? conf->timeout_ms : DEFAULT_TIMEOUT_MS;
	vrs_histogram_init(&s->counts.seconds, vrs_bounds_seconds,
			   sizeof(vrs_bounds_seconds) / sizeof(vrs_bounds_seconds[0]));
	*ret = s;
	return 0;
}

void vrs_store_counts(const struct vrs_store *s, struct vrs_store_counts *ret)
{
	*ret = s->counts;
	ret->connects = s->generation;
}

static void disconnect(struct vrs_store *s)
{
	if (s->redis)
		redisFree(s->redis);
	s->redis = NULL;
}

void vrs_store_close(struct vrs_store *s)
{
	if (!s)
		return;
	disconnect(s);
	for (size_t i = 0; i < s->n_scripts; i++)
		free(s->script[i].text);
	free(s->script);
	vrs_text_fini(&s->out);
	free(s->address);
	free(s->user);
	free(s->password_file);
	free(s);
}

uint64_t vrs_store_generation(const struct vrs_store *s)
{
	return s->generation;
}

/* Closes a broken connection and reports why. */
static int lost(struct vrs_store *s, struct vrs_err *err)
{
	int status;

	if (s->redis->err == REDIS_ERR_IO && (errno == EAGAIN || errno == EWOULDBLOCK))
		status = vrs_fail(err, VRS_ETIMEOUT, "store: %s: no reply within %lld ms",
				  s->address, (long long)s->timeout_ms);
	else if (s->redis->err == REDIS_ERR_PROTOCOL)
		status = vrs_fail(err, VRS_EPARSE, "store: %s: %s", s->address,
				  s->redis->errstr);
	else
		status = vrs_fail(err, VRS_ECONN, "store: %s: connection lost: %s",
				  s->address, s->redis->errstr);
	disconnect(s);
	return status;
}

static int server_says(struct vrs_store *s, const char *text, struct vrs_err *err)
{
	static const struct {
		const char *word;
		int code;
	} codes[] = {
		{"NOPERM", VRS_EDENIED},      {"NOAUTH", VRS_EDENIED},
		{"WRONGPASS", VRS_EDENIED},   {"LOADING", VRS_ECONN},
		{"MASTERDOWN", VRS_ECONN},    {"OOM", VRS_ENOSPC},
		{"MISCONF", VRS_ENOSPC},      {"WRONGTYPE", VRS_ECONFLICT},
		{"BUSYGROUP", VRS_ECONFLICT},
	};
	int code = VRS_EIO;

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (strncmp(text, codes[i].word, strlen(codes[i].word)) == 0)
			code = codes[i].code;
	return vrs_fail(err, code, "store: %s: %s", s->address, text);
}

static void *one_command(struct vrs_store *s, int argc, const char **argv)
{
	return redisCommandArgv(s->redis, argc, argv, NULL);
}

/* AUTH if a password is set, then PING, to which only a ready server replies. */
static int greet(struct vrs_store *s, struct vrs_err *err)
{
	char *password = NULL;
	redisReply *r;
	int status = 0;

	if (s->password_file[0]) {
		status = vrs_secret_read(s->password_file, &password, err);
		if (status < 0)
			return vrs_context(err, "store: cannot read the password for %s",
					   s->address);
		const char *argv[3] = {"AUTH", s->user, password};
		const char *short_argv[2] = {"AUTH", password};

		r = s->user[0] ? one_command(s, 3, argv) : one_command(s, 2, short_argv);
		explicit_bzero(password, strlen(password));
		free(password);
		if (!r)
			return lost(s, err);
		if (r->type == REDIS_REPLY_ERROR)
			status = server_says(s, r->str, err);
		freeReplyObject(r);
	}
	if (status == 0) {
		const char *argv[1] = {"PING"};

		r = one_command(s, 1, argv);
		if (!r)
			return lost(s, err);
		if (r->type == REDIS_REPLY_ERROR)
			status = server_says(s, r->str, err);
		freeReplyObject(r);
	}
	return status;
}

int vrs_store_connect(struct vrs_store *s, struct vrs_err *err)
{
	struct timeval limit = {
		.tv_sec = s->timeout_ms / 1000,
		.tv_usec = (s->timeout_ms % 1000) * 1000,
	};

	if (s->redis)
		return 0;
	if (strncmp(s->address, "unix:", 5) == 0) {
		s->redis = redisConnectUnixWithTimeout(s->address + 5, limit);
	} else {
		char host[256];
		const char *colon = strrchr(s->address, ':');

		(void)snprintf(host, sizeof(host), "%.*s",
			       (int)(colon - (s->address + 4)), s->address + 4);
		s->redis = redisConnectWithTimeout(host, atoi(colon + 1), limit);
	}
	if (!s->redis || s->redis->err) {
		int status = vrs_fail(err, VRS_ECONN, "store: %s: %s", s->address,
				      s->redis ? s->redis->errstr : "out of memory");

		disconnect(s);
		return status;
	}
	(void)redisSetTimeout(s->redis, limit);
	if (s->address[0] == 't')
		(void)redisEnableKeepAlive(s->redis);

	int status = greet(s, err);
	if (status < 0) {
		disconnect(s);
		return status;
	}
	s->generation++;
	return 0;
}

/* --- replies: converts hiredis' tree --- */

static void reply_copy(struct vrs_reply *to, const redisReply *from)
{
	*to = (struct vrs_reply){.type = VRS_REPLY_NIL};
	switch (from->type) {
	case REDIS_REPLY_INTEGER:
		to->type = VRS_REPLY_INT;
		to->integer = from->integer;
		break;
	case REDIS_REPLY_STRING:
	case REDIS_REPLY_STATUS:
	case REDIS_REPLY_ERROR: /* only inside arrays: kept as text */ {
		size_t len = (size_t)from->len;
		char *bytes = vrs_calloc(len + 1, 1);

		memcpy(bytes, from->str, len);
		to->type = VRS_REPLY_BYTES;
		to->bytes = bytes;
		to->len = len;
		break;
	}
	case REDIS_REPLY_ARRAY: {
		struct vrs_reply *item = vrs_calloc(from->elements, sizeof(*item));

		for (size_t i = 0; i < from->elements; i++)
			reply_copy(&item[i], from->element[i]);
		to->type = VRS_REPLY_ARRAY;
		to->item = item;
		to->n_items = from->elements;
		break;
	}
	default:
		break;
	}
}

static void reply_fini(const struct vrs_reply *r)
{
	free((void *)r->bytes);
	for (size_t i = 0; i < r->n_items; i++)
		reply_fini(&r->item[i]);
	free((void *)r->item);
}

void vrs_reply_free(struct vrs_reply *r)
{
	if (!r)
		return;
	reply_fini(r);
	free(r);
}

/* --- commands --- */

void vrs_store_add(struct vrs_store *s, const struct vrs_arg *argv, size_t argc)
{
	char head[32];
	int n = snprintf(head, sizeof(head), "*%zu\r\n", argc);

	vrs_text_add_bytes(&s->out, head, (size_t)n);
	for (size_t i = 0; i < argc; i++) {
		n = snprintf(head, sizeof(head), "$%zu\r\n", argv[i].len);
		vrs_text_add_bytes(&s->out, head, (size_t)n);
		vrs_text_add_bytes(&s->out, argv[i].bytes, argv[i].len);
		vrs_text_add_bytes(&s->out, "\r\n", 2);
	}
	s->n_out++;
}

static void add_va(struct vrs_store *s, const char *fmt, va_list ap)
{
	char *command = NULL;
	int n = redisvFormatCommand(&command, fmt, ap);

	if (n < 0) {
		s->out_broken = true;
		return;
	}
	vrs_text_add_bytes(&s->out, command, (size_t)n);
	redisFreeCommand(command);
	s->n_out++;
}

void vrs_store_addf(struct vrs_store *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_va(s, fmt, ap);
	va_end(ap);
}

/* Discards the added commands. */
static void out_reset(struct vrs_store *s)
{
	s->out.len = 0;
	s->n_out = 0;
	s->out_broken = false;
	if (s->out.cap > 1 << 20)
		vrs_text_fini(&s->out);
}

/* Sends the added commands and reads n replies. Fails with the first error reply. */
static int exchange(struct vrs_store *s, struct vrs_reply *replies, struct vrs_err *err)
{
	size_t n = s->n_out;
	int status = 0;

	(void)redisAppendFormattedCommand(s->redis, s->out.text, s->out.len);
	out_reset(s);
	for (size_t i = 0; i < n; i++) {
		void *p = NULL;

		errno = 0;
		if (redisGetReply(s->redis, &p) != REDIS_OK || !p)
			return lost(s, err);
		redisReply *r = p;
		if (r->type == REDIS_REPLY_ERROR) {
			if (status == 0)
				status = server_says(s, r->str, err);
		} else if (replies) {
			reply_copy(&replies[i], r);
		}
		freeReplyObject(r);
	}
	return status;
}

/* One exchange, counted. */
static int talk(struct vrs_store *s, struct vrs_reply *replies, struct vrs_err *err)
{
	struct vrs_store_counts *c = &s->counts;
	int64_t begun_ns = vrs_tick_ns();

	c->commands += s->n_out;
	int status = vrs_store_connect(s, err);
	if (status == 0)
		status = exchange(s, replies, err);
	c->errors += status < 0;
	c->connected = s->redis != NULL;
	vrs_histogram_add(&c->seconds, (double)(vrs_tick_ns() - begun_ns) / 1e9);
	return status;
}

int vrs_store_run(struct vrs_store *s, struct vrs_reply **ret, struct vrs_err *err)
{
	struct vrs_reply *root = NULL;
	struct vrs_reply *items = NULL;
	int status;

	if (s->out_broken) {
		out_reset(s);
		return vrs_fail(err, VRS_EINTERNAL, "store: invalid command format");
	}
	if (ret) {
		root = vrs_calloc(1, sizeof(*root));
		items = vrs_calloc(s->n_out, sizeof(*items));
		root->type = VRS_REPLY_ARRAY;
		root->item = items;
		root->n_items = s->n_out;
	}
	status = s->n_out > 0 ? talk(s, items, err) : 0;
	out_reset(s);
	if (status < 0) {
		vrs_reply_free(root);
		return status;
	}
	if (ret)
		*ret = root;
	return 0;
}

/* Runs the one added command and unwraps its reply. */
static int run_one(struct vrs_store *s, struct vrs_reply **ret, struct vrs_err *err)
{
	struct vrs_reply *all = NULL;
	int status = vrs_store_run(s, ret ? &all : NULL, err);

	if (status == 0 && ret) {
		struct vrs_reply *one = vrs_calloc(1, sizeof(*one));

		*one = all->item[0];
		free((void *)all->item);
		free(all);
		*ret = one;
	}
	return status;
}

int vrs_store_do(struct vrs_store *s, struct vrs_reply **ret, const struct vrs_arg *argv,
		 size_t argc, struct vrs_err *err)
{
	if (s->n_out > 0 || s->out_broken) {
		out_reset(s);
		return vrs_fail(err, VRS_EINTERNAL,
				"store: an earlier pipeline has not been run");
	}
	vrs_store_add(s, argv, argc);
	return run_one(s, ret, err);
}

int vrs_store_cmd(struct vrs_store *s, struct vrs_reply **ret, struct vrs_err *err,
		  const char *fmt, ...)
{
	va_list ap;

	if (s->n_out > 0 || s->out_broken) {
		out_reset(s);
		return vrs_fail(err, VRS_EINTERNAL,
				"store: an earlier pipeline has not been run");
	}
	va_start(ap, fmt);
	add_va(s, fmt, ap);
	va_end(ap);
	if (s->out_broken) {
		out_reset(s);
		return vrs_fail(err, VRS_EINTERNAL, "store: invalid format '%s'", fmt);
	}
	return run_one(s, ret, err);
}

/* --- scripts --- */

static struct script *script_find(struct vrs_store *s, const char *text)
{
	for (size_t i = 0; i < s->n_scripts; i++)
		if (strcmp(s->script[i].text, text) == 0)
			return &s->script[i];
	s->script = vrs_realloc(s->script, s->n_scripts + 1, sizeof(*s->script));
	s->script[s->n_scripts] = (struct script){.text = vrs_strdup(text)};
	return &s->script[s->n_scripts++];
}

static int script_load(struct vrs_store *s, struct script *script, struct vrs_err *err)
{
	struct vrs_reply *r;
	int status = vrs_store_cmd(s, &r, err, "SCRIPT LOAD %s", script->text);

	if (status < 0)
		return status;
	(void)vrs_strcpy(script->sha, sizeof(script->sha), r->bytes ? r->bytes : "");
	script->generation = s->generation;
	vrs_reply_free(r);
	return 0;
}

int vrs_store_eval(struct vrs_store *s, struct vrs_reply **ret,
		   const struct vrs_script *call, struct vrs_err *err)
{
	struct script *script = script_find(s, call->text);
	size_t argc = 3 + call->n_keys + call->n_args;
	struct vrs_arg *argv = vrs_calloc(argc, sizeof(*argv));
	struct vrs_err first = {0};
	char n_keys[24];
	int status = vrs_store_connect(s, &first);

	(void)snprintf(n_keys, sizeof(n_keys), "%zu", call->n_keys);
	argv[0] = VRS_ARG("EVALSHA");
	argv[2] = VRS_ARG(n_keys);
	if (call->n_keys)
		memcpy(argv + 3, call->keys, call->n_keys * sizeof(*argv));
	if (call->n_args)
		memcpy(argv + 3 + call->n_keys, call->args, call->n_args * sizeof(*argv));
	for (int round = 0; status == 0 && round < 2; round++) {
		if (script->generation != s->generation)
			status = script_load(s, script, &first);
		argv[1] = VRS_ARG(script->sha);
		if (status == 0)
			status = vrs_store_do(s, ret, argv, argc, &first);
		/* the server has lost the script and did nothing: load it again */
		if (status == 0 || round > 0 || !strstr(first.text, "NOSCRIPT"))
			break;
		script->generation = 0;
		status = 0;
	}
	free(argv);
	if (status < 0 && err)
		*err = first;
	return status;
}

/* --- small questions --- */

int vrs_store_time_ms(struct vrs_store *s, int64_t *ret, struct vrs_err *err)
{
	struct vrs_reply *r;
	int status = vrs_store_cmd(s, &r, err, "TIME");

	if (status < 0)
		return status;
	if (r->n_items == 2 && r->item[0].bytes && r->item[1].bytes)
		*ret = strtoll(r->item[0].bytes, NULL, 10) * 1000 +
		       strtoll(r->item[1].bytes, NULL, 10) / 1000;
	else
		status = vrs_fail(err, VRS_EPARSE, "store: %s: unexpected reply to TIME",
				  s->address);
	vrs_reply_free(r);
	return status;
}

struct key_list {
	char **key;
	size_t n, cap;
};

static void keys_add(struct key_list *l, const struct vrs_reply *page)
{
	for (size_t i = 0; i < page->n_items; i++) {
		l->key = vrs_grow(l->key, l->n, &l->cap, sizeof(*l->key));
		l->key[l->n++] = vrs_strdup(page->item[i].bytes);
	}
}

static int key_order(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int vrs_store_scan(struct vrs_store *s, const char *glob,
		   void (*fn)(void *arg, const char *key), void *arg, struct vrs_err *err)
{
	struct key_list found = {0};
	char cursor[32] = "0";
	int status = 0;

	do {
		struct vrs_reply *r;

		status = vrs_store_cmd(s, &r, err, "SCAN %s MATCH %s COUNT %d", cursor,
				       glob, SCAN_COUNT);
		if (status < 0)
			break;
		if (r->n_items == 2 && r->item[0].bytes) {
			(void)vrs_strcpy(cursor, sizeof(cursor), r->item[0].bytes);
			keys_add(&found, &r->item[1]);
		} else {
			status = vrs_fail(err, VRS_EPARSE,
					  "store: %s: unexpected reply to SCAN",
					  s->address);
		}
		vrs_reply_free(r);
	} while (status == 0 && strcmp(cursor, "0") != 0);

	if (found.n > 1) /* SCAN may return a key twice */
		qsort(found.key, found.n, sizeof(*found.key), key_order);
	for (size_t i = 0; status == 0 && i < found.n; i++)
		if (i == 0 || strcmp(found.key[i - 1], found.key[i]) != 0)
			fn(arg, found.key[i]);
	for (size_t i = 0; i < found.n; i++)
		free(found.key[i]);
	free(found.key);
	return status;
}
