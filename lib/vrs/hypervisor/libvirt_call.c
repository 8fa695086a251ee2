/* Calls to libvirt with a deadline. Any libvirt call can hang, on a host or a QEMU that
 * does not respond. Each call therefore runs on a thread of its own, and the caller
 * waits for it until the deadline. A call abandoned then performs no further step, keeps
 * its connection, and frees itself when libvirt returns; a handle tolerates at most
 * MAX_STUCK of them. Keepalive closes connections to silent hosts.
 *
 * A connection carries one call at a time: with two, the reply to the second has been
 * seen to get lost while the first hung (libvirt 9.0 over libssh). */
#include <errno.h>
#include <inttypes.h>
#include <libvirt/virterror.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "vrs/clock.h"
#include "vrs/hypervisor/libvirt.h"
#include "vrs/mem.h"

enum { MAX_STUCK = 8, KEEPALIVE_S = 2, KEEPALIVE_COUNT = 3, GOODBYE_MS = 500 };

/* --- errors --- */

static void quiet(void *arg, virErrorPtr e)
{
	(void)arg;
	(void)e;
}

int lv_code_of(const virError *e)
{
	switch (e ? e->code : 0) {
	case VIR_ERR_NO_DOMAIN:
	case VIR_ERR_NO_STORAGE_POOL:
		return VRS_ENOENT;
	case VIR_ERR_DOM_EXIST:
		return VRS_ECONFLICT;
	case VIR_ERR_AUTH_FAILED:
	case VIR_ERR_AUTH_CANCELLED:
	case VIR_ERR_AUTH_UNAVAILABLE:
	case VIR_ERR_ACCESS_DENIED:
	case VIR_ERR_OPERATION_DENIED:
	case VIR_ERR_LIBSSH:
	case VIR_ERR_SSH:
		return VRS_EDENIED;
	case VIR_ERR_NO_CONNECT:
	case VIR_ERR_INVALID_CONN:
	case VIR_ERR_RPC:
	case VIR_ERR_NO_SERVER:
		return VRS_ECONN;
	case VIR_ERR_OPERATION_TIMEOUT:
	case VIR_ERR_AGENT_UNRESPONSIVE:
		return VRS_ETIMEOUT;
	case VIR_ERR_NO_SUPPORT:
	case VIR_ERR_CONFIG_UNSUPPORTED:
	case VIR_ERR_OPERATION_UNSUPPORTED:
	case VIR_ERR_ARGUMENT_UNSUPPORTED:
		return VRS_EUNSUPPORTED;
	case VIR_ERR_INVALID_ARG:
	case VIR_ERR_XML_ERROR:
	case VIR_ERR_XML_DETAIL:
	case VIR_ERR_XML_INVALID_SCHEMA:
		return VRS_EINVAL;
	default:
		return VRS_EIO;
	}
}

int lv_failed(struct vrs_err *err, const char *what)
{
	const virError *e = virGetLastError();
	int code = lv_code_of(e);
	const char *said = e && e->message ? e->message : "no reason given";

	if (code == VRS_EIO && strstr(said, "No space left"))
		code = VRS_ENOSPC;
	if (code == VRS_EIO && strstr(said, "already exists with uuid"))
		code = VRS_ECONFLICT;
	/* SSH errors arrive as text of a generic error. */
	if (code == VRS_EIO && e && e->domain == VIR_FROM_RPC)
		code = strstr(said, "Permission denied") ||
				       strstr(said, "Host key verification failed")
			       ? VRS_EDENIED
			       : VRS_ECONN;
	vrs_fail(err, code, "libvirt: %s: %s", what, said);
	for (char *c = err ? err->text : NULL; c && *c; c++)
		if ((unsigned char)*c < ' ')
			*c = ' ';
	return code;
}

/* --- connections --- */

static struct timespec after_ms(int64_t ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += ms % 1000 * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	return t;
}

/* A condition variable on the monotonic clock. */
static void cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
}

/* libvirt's thread for events and keepalive. It is stopped before the libraries that it
 * uses are torn down at process exit. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t ended;
	pthread_t thread;
	bool started, runs;
	atomic_bool stop;
	int timer; /* wakes it */
} events = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void woken(int timer, void *arg)
{
	(void)arg;
	virEventUpdateTimeout(timer, -1);
}

static void *run_events(void *arg)
{
	(void)arg;
	while (!atomic_load(&events.stop))
		(void)virEventRunDefaultImpl();
	pthread_mutex_lock(&events.lock);
	events.runs = false;
	pthread_cond_signal(&events.ended);
	pthread_mutex_unlock(&events.lock);
	return NULL;
}

static void stop_events(void)
{
	const struct timespec until = after_ms(GOODBYE_MS);

	atomic_store(&events.stop, true);
	virEventUpdateTimeout(events.timer, 0);
	pthread_mutex_lock(&events.lock);
	for (int rc = 0; events.runs && rc == 0;)
		rc = pthread_cond_timedwait(&events.ended, &events.lock, &until);
	bool ended = events.started && !events.runs;
	events.started = false;
	pthread_mutex_unlock(&events.lock);
	if (ended)
		(void)pthread_join(events.thread, NULL);
}

static void start_events(void)
{
	virSetErrorFunc(NULL, quiet);
	cond_init(&events.ended);
	if (virInitialize() < 0 || virEventRegisterDefaultImpl() < 0)
		return; /* without keepalive and events deadlines still work */
	events.timer = virEventAddTimeout(-1, woken, NULL, NULL);
	events.runs = true; /* set first: the thread clears it when it ends */
	events.started = pthread_create(&events.thread, NULL, run_events, NULL) == 0;
	if (!events.started)
		events.runs = false;
	(void)atexit(stop_events);
}

/* Exit handlers run in reverse order: this one before those of the libraries that the
 * first connection loads. */
static void connected_once(void)
{
	(void)atexit(stop_events);
}

static void line_free(struct line *l)
{
	if (l && l->conn)
		(void)virConnectClose(l->conn);
	free(l);
}

static void lv_unref(struct lv *lv)
{
	pthread_mutex_lock(&lv->lock);
	int left = --lv->refs;
	pthread_mutex_unlock(&lv->lock);
	if (left > 0)
		return;
	for (int i = 0; i < N_LINES; i++)
		line_free(lv->line[i]);
	pthread_mutex_destroy(&lv->lock);
	free(lv->size);
	free(lv->uri);
	free(lv);
}

static int connect_line(struct line *l, const char *uri, struct vrs_err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	if (l->conn && virConnectIsAlive(l->conn) == 1)
		return 0;
	if (l->conn)
		(void)virConnectClose(l->conn);
	l->conn = virConnectOpen(uri);
	if (!l->conn)
		return lv_failed(err, "connect");
	(void)pthread_once(&once, connected_once);
	(void)virConnectSetKeepAlive(l->conn, KEEPALIVE_S, KEEPALIVE_COUNT);
	return 0;
}

/* --- calls that can be abandoned --- */

void lv_call_free(struct call *c)
{
	if (c->asks_sizes) {
		pthread_mutex_lock(&c->lv->lock);
		c->lv->sizes_busy = false;
		pthread_mutex_unlock(&c->lv->lock);
	}
	vrs_hv_vms_free(c->vm, c->n_vms);
	free(c->text);
	pthread_mutex_destroy(&c->lock);
	pthread_cond_destroy(&c->cond);
	lv_unref(c->lv);
	free(c);
}

bool lv_is_late(const struct call *c)
{
	return vrs_now_mono_ms() >= c->deadline_mono_ms;
}

static void *call_main(void *arg)
{
	struct call *c = arg;
	struct vrs_err err = {0};
	int status = c->closes ? 0 : connect_line(c->line, c->lv->uri, &err);

	/* The caller has left: do not start. */
	if (status == 0 && lv_is_late(c))
		status = vrs_fail(&err, VRS_ETIMEOUT,
				  "libvirt: connected after the deadline");
	if (status == 0)
		status = c->fn(c, c->line->conn, &err);

	pthread_mutex_lock(&c->lock);
	c->status = status;
	c->err = err;
	c->done = true;
	bool left = c->left;
	pthread_cond_signal(&c->cond);
	pthread_mutex_unlock(&c->lock);
	if (left) {
		pthread_mutex_lock(&c->lv->lock);
		c->lv->stuck--;
		pthread_mutex_unlock(&c->lv->lock);
		if (!c->asks_sizes)
			line_free(c->line);
		lv_call_free(c);
	}
	return NULL;
}

struct call *lv_call_new(struct lv *lv, int64_t timeout_ms, const char *id,
			 int (*fn)(struct call *, virConnectPtr, struct vrs_err *))
{
	struct call *c = vrs_calloc(1, sizeof(*c));

	c->lv = lv;
	c->line = lv->line[FOR_CALLS];
	c->fn = fn;
	c->deadline_mono_ms = vrs_now_mono_ms() + timeout_ms;
	if (id)
		(void)vrs_strcpy(c->id, sizeof(c->id), id);
	pthread_mutex_lock(&lv->lock);
	lv->refs++;
	pthread_mutex_unlock(&lv->lock);
	pthread_mutex_init(&c->lock, NULL);
	cond_init(&c->cond);
	return c;
}

int lv_call_wait(struct call *c, int64_t wait_ms, struct vrs_err *err)
{
	struct lv *lv = c->lv;
	pthread_t thread;

	pthread_mutex_lock(&lv->lock);
	int stuck = lv->stuck;
	pthread_mutex_unlock(&lv->lock);
	if (stuck >= MAX_STUCK) {
		lv_call_free(c);
		return vrs_fail(err, VRS_ETIMEOUT,
				"libvirt: %d earlier calls have not returned", stuck);
	}
	int e = pthread_create(&thread, NULL, call_main, c);
	if (e) {
		lv_call_free(c);
		errno = e;
		return vrs_fail_errno(err, "libvirt: cannot create a thread");
	}

	const struct timespec until = after_ms(wait_ms);
	pthread_mutex_lock(&c->lock);
	for (int rc = 0; !c->done && rc == 0;)
		rc = pthread_cond_timedwait(&c->cond, &c->lock, &until);
	bool done = c->done;
	if (!done) {
		c->left = true;
		for (int i = 0; i < N_LINES && !c->asks_sizes; i++)
			if (lv->line[i] == c->line) /* the call keeps the connection; the
						       handle opens a new one */
				lv->line[i] = vrs_calloc(1, sizeof(struct line));
		pthread_mutex_lock(&lv->lock);
		lv->stuck++;
		pthread_mutex_unlock(&lv->lock);
	}
	int status = c->status;
	struct vrs_err said = c->err;
	pthread_mutex_unlock(&c->lock);
	/* Waits for the thread, whose cleanup in libraries must end before process exit.
	 */
	if (done)
		(void)pthread_join(thread, NULL);
	else
		(void)pthread_detach(thread);
	if (!done)
		return vrs_fail(err, VRS_ETIMEOUT,
				"libvirt: no answer within %" PRId64 " ms", wait_ms);
	if (status < 0) {
		lv_call_free(c);
		return vrs_fail(err, status, "%s", said.text);
	}
	return 0;
}

int lv_call_run(struct call *c, struct vrs_err *err)
{
	int64_t wait_ms = c->deadline_mono_ms - vrs_now_mono_ms();

	return lv_call_wait(c, wait_ms > 0 ? wait_ms : 0, err);
}

int lv_call_finish(struct call *c, struct vrs_err *err)
{
	int status = lv_call_run(c, err);

	if (status == 0)
		lv_call_free(c);
	return status;
}

/* --- open and close --- */

static int connected(struct call *c, virConnectPtr conn, struct vrs_err *err)
{
	(void)c;
	(void)conn;
	(void)err;
	return 0;
}

int lv_open(void **ret, const char *uri, int64_t timeout_ms, struct vrs_err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct lv *lv = vrs_calloc(1, sizeof(*lv));

	(void)pthread_once(&once, start_events);
	pthread_mutex_init(&lv->lock, NULL);
	for (int i = 0; i < N_LINES; i++)
		lv->line[i] = vrs_calloc(1, sizeof(struct line));
	lv->refs = 1;
	lv->uri = vrs_strdup(uri);
	int status = lv_call_finish(lv_call_new(lv, timeout_ms, NULL, connected), err);
	if (status < 0) {
		lv_unref(lv);
		return status;
	}
	*ret = lv;
	return 0;
}

static int do_close(struct call *c, virConnectPtr conn, struct vrs_err *err)
{
	(void)err;
	if (conn)
		(void)virConnectClose(conn);
	c->line->conn = NULL;
	return 0;
}

/* Closing sends a message to the host and waits for its reply, which a working host
 * sends at once. No thread is then left in libraries at process exit. */
void lv_close(void *h)
{
	struct lv *lv = h;

	pthread_mutex_lock(&lv->lock);
	bool sizes_busy = lv->sizes_busy;
	pthread_mutex_unlock(&lv->lock);
	for (int i = 0; i < N_LINES; i++) {
		if (!lv->line[i]->conn || (i == FOR_SIZES && sizes_busy))
			continue; /* the abandoned call closes it */

		struct call *c = lv_call_new(lv, GOODBYE_MS, NULL, do_close);
		c->line = lv->line[i];
		c->closes = true;
		if (lv_call_run(c, NULL) == 0)
			lv_call_free(c);
	}
	lv_unref(lv);
}
