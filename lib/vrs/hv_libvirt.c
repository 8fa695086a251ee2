/* libvirt behind hv.h.
 *
 * Any libvirt call can hang: on a host that stopped answering, or behind a QEMU that did.
 * So every call runs on a thread of its own while the caller waits until its deadline and
 * then leaves. A call that was left behind does no further step, takes its connection
 * with it, frees itself when libvirt lets it go, and at most MAX_STUCK of them are
 * tolerated on a handle. Keepalive breaks connections whose host is silent.
 *
 * A connection carries one call at a time. Two at once were seen to lose the answer of
 * the second while the first hung (libvirt 9.0 over libssh).
 *
 * Lists avoid every call that talks to a QEMU process (statistics, block information of
 * running domains); those are asked beside, on a connection of their own, and the last
 * answer is used. */
#include <errno.h>
#include <inttypes.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "vrs/clock.h"
#include "vrs/hv_driver.h"
#include "vrs/hv_xml.h"
#include "vrs/mem.h"

enum { MAX_STUCK = 8, KEEPALIVE_S = 2, KEEPALIVE_COUNT = 3, GOODBYE_MS = 500 };
enum { SIZES_WAIT_MS = 1500, SIZES_DEADLINE_MS = 10000 };

/* The last known size of an image: asking can block, so the answer is kept. */
struct size_known {
	char path[512];
	uint64_t virtual_bytes, allocated_bytes;
};

/* What one call at a time uses. */
struct line {
	virConnectPtr conn; /* NULL: not connected */
};

enum { FOR_CALLS, FOR_SIZES, N_LINES };

struct lv {
	pthread_mutex_t lock;
	int refs, stuck;
	char *uri;
	struct line *line[N_LINES];
	uint32_t vcpus; /* counted once */
	struct size_known *size;
	size_t n_sizes;
	bool sizes_busy;
};

struct call {
	struct lv *lv;
	struct line *line;
	int (*fn)(struct call *c, virConnectPtr conn, struct vrs_err *err);
	int64_t deadline_mono_ms;
	char id[40];
	char *text; /* definition, path */

	struct vrs_hv_host host;
	struct vrs_hv_store store;
	struct vrs_hv_vm *vm;
	size_t n_vms;
	enum vrs_hv_state state;

	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool done, left, asks_sizes, closes;
	int status;
	struct vrs_err err;
};

/* --- errors --- */

static void quiet(void *arg, virErrorPtr e)
{
	(void)arg;
	(void)e;
}

static int code_of(const virError *e)
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

/* What libvirt said, in one line; call it before any other libvirt call. */
static int failed(struct vrs_err *err, const char *what)
{
	const virError *e = virGetLastError();
	int code = code_of(e);
	const char *said = e && e->message ? e->message : "no reason given";

	if (code == VRS_EIO && strstr(said, "No space left"))
		code = VRS_ENOSPC;
	if (code == VRS_EIO && strstr(said, "already exists with uuid"))
		code = VRS_ECONFLICT;
	/* ssh's own words arrive inside a generic error. */
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

/* A condition whose waits go by the clock that does not jump. */
static void cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
}

/* libvirt's thread for events and keepalive. It ends before the libraries below it tear
 * down what it uses, which they do when the process ends. */
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
		return; /* no keepalive, no events: deadlines still hold */
	events.timer = virEventAddTimeout(-1, woken, NULL, NULL);
	events.runs = true; /* before it can say that it does not */
	events.started = pthread_create(&events.thread, NULL, run_events, NULL) == 0;
	if (!events.started)
		events.runs = false;
	(void)atexit(stop_events);
}

/* Handlers run in reverse: this one before those of what the first connection loaded. */
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
		return failed(err, "connect");
	(void)pthread_once(&once, connected_once);
	(void)virConnectSetKeepAlive(l->conn, KEEPALIVE_S, KEEPALIVE_COUNT);
	return 0;
}

/* --- calls that can be left behind --- */

static void call_free(struct call *c)
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

static bool is_late(const struct call *c)
{
	return vrs_mono_ms(vrs_clock_system()) >= c->deadline_mono_ms;
}

static void *call_main(void *arg)
{
	struct call *c = arg;
	struct vrs_err err = {0};
	int status = c->closes ? 0 : connect_line(c->line, c->lv->uri, &err);

	/* Nothing is begun for a caller who has gone. */
	if (status == 0 && is_late(c))
		status = vrs_fail(&err, VRS_ETIMEOUT, "libvirt: connected too late");
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
		call_free(c);
	}
	return NULL;
}

static int do_sizes(struct call *c, virConnectPtr conn, struct vrs_err *err);

static struct call *call_new(struct lv *lv, int64_t timeout_ms, const char *id,
			     int (*fn)(struct call *, virConnectPtr, struct vrs_err *))
{
	struct call *c = vrs_calloc(1, sizeof(*c));

	c->lv = lv;
	c->line = lv->line[fn == do_sizes ? FOR_SIZES : FOR_CALLS];
	c->asks_sizes = fn == do_sizes;
	c->fn = fn;
	c->deadline_mono_ms = vrs_mono_ms(vrs_clock_system()) + timeout_ms;
	if (id)
		(void)vrs_strcpy(c->id, sizeof(c->id), id);
	pthread_mutex_lock(&lv->lock);
	lv->refs++;
	pthread_mutex_unlock(&lv->lock);
	pthread_mutex_init(&c->lock, NULL);
	cond_init(&c->cond);
	return c;
}

/* Runs the call. On 0 the results are in c and the caller frees c; otherwise c is gone
 * (or will go by itself). */
static int call_wait(struct call *c, int64_t wait_ms, struct vrs_err *err)
{
	struct lv *lv = c->lv;
	pthread_t thread;

	pthread_mutex_lock(&lv->lock);
	int stuck = lv->stuck;
	pthread_mutex_unlock(&lv->lock);
	if (stuck >= MAX_STUCK) {
		call_free(c);
		return vrs_fail(err, VRS_ETIMEOUT,
				"libvirt: %d earlier calls have not come back", stuck);
	}
	int e = pthread_create(&thread, NULL, call_main, c);
	if (e) {
		call_free(c);
		errno = e;
		return vrs_fail_errno(err, "libvirt: thread");
	}

	const struct timespec until = after_ms(wait_ms);
	pthread_mutex_lock(&c->lock);
	for (int rc = 0; !c->done && rc == 0;)
		rc = pthread_cond_timedwait(&c->cond, &c->lock, &until);
	bool done = c->done;
	if (!done) {
		c->left = true;
		for (int i = 0; i < N_LINES && !c->asks_sizes; i++)
			if (lv->line[i] == c->line) /* it keeps that, we begin anew */
				lv->line[i] = vrs_calloc(1, sizeof(struct line));
		pthread_mutex_lock(&lv->lock);
		lv->stuck++;
		pthread_mutex_unlock(&lv->lock);
	}
	int status = c->status;
	struct vrs_err said = c->err;
	pthread_mutex_unlock(&c->lock);
	/* Libraries clean up behind a thread when it ends: before the process does. */
	if (done)
		(void)pthread_join(thread, NULL);
	else
		(void)pthread_detach(thread);
	if (!done)
		return vrs_fail(err, VRS_ETIMEOUT,
				"libvirt: no answer within %" PRId64 " ms", wait_ms);
	if (status < 0) {
		call_free(c);
		return vrs_fail(err, status, "%s", said.text);
	}
	return 0;
}

static int call_run(struct call *c, struct vrs_err *err)
{
	int64_t wait_ms = c->deadline_mono_ms - vrs_mono_ms(vrs_clock_system());

	return call_wait(c, wait_ms > 0 ? wait_ms : 0, err);
}

/* For calls without a result. */
static int run_plain(void *h, int64_t timeout_ms, const char *id,
		     int (*fn)(struct call *, virConnectPtr, struct vrs_err *),
		     struct vrs_err *err)
{
	struct call *c = call_new(h, timeout_ms, id, fn);
	int status = call_run(c, err);

	if (status == 0)
		call_free(c);
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

static int lv_open(void **ret, const char *uri, int64_t timeout_ms, struct vrs_err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct lv *lv = vrs_calloc(1, sizeof(*lv));

	(void)pthread_once(&once, start_events);
	pthread_mutex_init(&lv->lock, NULL);
	for (int i = 0; i < N_LINES; i++)
		lv->line[i] = vrs_calloc(1, sizeof(struct line));
	lv->refs = 1;
	lv->uri = vrs_strdup(uri);
	int status = run_plain(lv, timeout_ms, NULL, connected, err);
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

/* Closing says goodbye to the host and waits for its answer. A host that answers does so
 * at once; then no thread of ours is left inside libraries when the process ends. */
static void lv_close(void *h)
{
	struct lv *lv = h;

	pthread_mutex_lock(&lv->lock);
	bool sizes_busy = lv->sizes_busy;
	pthread_mutex_unlock(&lv->lock);
	for (int i = 0; i < N_LINES; i++) {
		if (!lv->line[i]->conn || (i == FOR_SIZES && sizes_busy))
			continue; /* who hangs on it closes it */

		struct call *c = call_new(lv, GOODBYE_MS, NULL, do_close);
		c->line = lv->line[i];
		c->asks_sizes = false;
		c->closes = true;
		if (call_run(c, NULL) == 0)
			call_free(c);
	}
	lv_unref(lv);
}

/* --- host --- */

/* Containers show fewer CPUs in /proc/stat than in /sys, where libvirt counts them: a CPU
 * without counters is not there. */
static uint32_t count_cpus(virConnectPtr conn)
{
	virNodeInfo info;
	uint32_t n = 0;

	if (virNodeGetInfo(conn, &info) < 0)
		return 0;
	for (unsigned i = 0; i < info.cpus; i++) {
		int nparams = 0;
		virNodeCPUStats st[16];

		if (virNodeGetCPUStats(conn, (int)i, NULL, &nparams, 0) < 0)
			continue;
		if (nparams > 16 ||
		    virNodeGetCPUStats(conn, (int)i, st, &nparams, 0) == 0)
			n++;
	}
	return n ? n : info.cpus;
}

static void read_cpu(virConnectPtr conn, struct vrs_hv_host *h)
{
	virNodeCPUStats st[16];
	int n = 0;
	double total = 0, idle = 0;
	bool has_idle = false;

	if (virNodeGetCPUStats(conn, VIR_NODE_CPU_STATS_ALL_CPUS, NULL, &n, 0) < 0 ||
	    n <= 0 || n > 16 ||
	    virNodeGetCPUStats(conn, VIR_NODE_CPU_STATS_ALL_CPUS, st, &n, 0) < 0)
		return;
	for (int i = 0; i < n; i++) {
		if (strcmp(st[i].field, VIR_NODE_CPU_STATS_UTILIZATION) == 0)
			continue;
		total += (double)st[i].value;
		if (strcmp(st[i].field, VIR_NODE_CPU_STATS_IDLE) == 0 ||
		    strcmp(st[i].field, VIR_NODE_CPU_STATS_IOWAIT) == 0) {
			idle += (double)st[i].value;
			has_idle = true;
		}
	}
	h->cpu_busy = total - idle;
	h->cpu_total = total;
	h->cpu_known = has_idle;
}

/* virNodeInfo.memory was seen to be wrong by 40 %; it is what remains where a driver has
 * no statistics. */
static void read_memory(virConnectPtr conn, struct vrs_hv_host *h)
{
	virNodeMemoryStats st[16];
	int n = 0;
	uint64_t total = 0, unused = 0;

	if (virNodeGetMemoryStats(conn, VIR_NODE_MEMORY_STATS_ALL_CELLS, NULL, &n, 0) <
		    0 ||
	    n <= 0 || n > 16 ||
	    virNodeGetMemoryStats(conn, VIR_NODE_MEMORY_STATS_ALL_CELLS, st, &n, 0) < 0) {
		virNodeInfo info;

		if (virNodeGetInfo(conn, &info) == 0)
			h->ram_total_bytes = (uint64_t)info.memory * 1024;
		return;
	}
	for (int i = 0; i < n; i++) {
		if (strcmp(st[i].field, VIR_NODE_MEMORY_STATS_TOTAL) == 0)
			total = st[i].value;
		else
			unused += st[i].value; /* free, buffers, cached */
	}
	h->ram_total_bytes = total * 1024;
	h->ram_used_bytes = (total > unused ? total - unused : 0) * 1024;
}

static int do_host(struct call *c, virConnectPtr conn, struct vrs_err *err)
{
	pthread_mutex_lock(&c->lv->lock);
	uint32_t vcpus = c->lv->vcpus;
	pthread_mutex_unlock(&c->lv->lock);
	if (vcpus == 0) {
		vcpus = count_cpus(conn);
		if (vcpus == 0)
			return failed(err, "node info");
		pthread_mutex_lock(&c->lv->lock);
		c->lv->vcpus = vcpus;
		pthread_mutex_unlock(&c->lv->lock);
	}
	c->host.vcpus = vcpus;
	read_cpu(conn, &c->host);
	read_memory(conn, &c->host);
	return 0;
}

static int lv_host(void *h, int64_t timeout_ms, struct vrs_hv_host *ret,
		   struct vrs_err *err)
{
	struct call *c = call_new(h, timeout_ms, NULL, do_host);
	int status = call_run(c, err);

	if (status == 0) {
		*ret = c->host;
		call_free(c);
	}
	return status;
}

/* --- virtual machines --- */

static enum vrs_hv_state state_of(virDomainPtr dom)
{
	int state = 0, reason = 0;

	if (virDomainGetState(dom, &state, &reason, 0) < 0)
		return VRS_HV_UNKNOWN;
	switch (state) {
	case VIR_DOMAIN_RUNNING:
	case VIR_DOMAIN_BLOCKED:
	case VIR_DOMAIN_SHUTDOWN: /* on its way down, the process still lives */
		return VRS_HV_RUNNING;
	case VIR_DOMAIN_PAUSED:
		return reason == VIR_DOMAIN_PAUSED_IOERROR ? VRS_HV_IO_ERROR
							   : VRS_HV_PAUSED;
	case VIR_DOMAIN_PMSUSPENDED:
		return VRS_HV_PAUSED;
	case VIR_DOMAIN_SHUTOFF:
		return reason == VIR_DOMAIN_SHUTOFF_CRASHED ? VRS_HV_CRASHED : VRS_HV_OFF;
	case VIR_DOMAIN_CRASHED: /* a crashed guest may be kept with its process */
		return virDomainIsActive(dom) == 0 ? VRS_HV_CRASHED : VRS_HV_PAUSED;
	default:
		return VRS_HV_UNKNOWN;
	}
}

/* Why a VM is off lives no longer than the daemon that saw it. */
static bool is_unexplained(virDomainPtr dom)
{
	int state = 0, reason = 0;

	return virDomainGetState(dom, &state, &reason, 0) == 0 &&
	       state == VIR_DOMAIN_SHUTOFF &&
	       (reason == VIR_DOMAIN_SHUTOFF_UNKNOWN ||
		reason == VIR_DOMAIN_SHUTOFF_DAEMON);
}

static bool is_running(enum vrs_hv_state s)
{
	return s != VRS_HV_OFF && s != VRS_HV_CRASHED;
}

/* Everything but sizes; none of it asks the VM's process. */
static int read_vm(virDomainPtr dom, struct vrs_hv_vm *ret, struct vrs_err *err)
{
	virDomainInfo info;
	int autostart = 0;
	char *xml = virDomainGetXMLDesc(dom, VIR_DOMAIN_XML_INACTIVE);

	if (!xml)
		return failed(err, "definition");
	int status = vrs_hv_xml_parse(xml, strlen(xml), ret, err);
	free(xml);
	if (status < 0)
		return status;
	ret->state = state_of(dom);
	ret->unexplained = is_unexplained(dom);
	if (virDomainGetAutostart(dom, &autostart) == 0)
		ret->autostart = autostart;
	if (is_running(ret->state) && virDomainGetInfo(dom, &info) == 0)
		ret->cpu_time_s = (double)info.cpuTime / 1e9;
	return 0;
}

static void remember_size(struct lv *lv, const char *path, uint64_t virtual_bytes,
			  uint64_t allocated_bytes)
{
	size_t i = 0;

	pthread_mutex_lock(&lv->lock);
	while (i < lv->n_sizes && strcmp(lv->size[i].path, path) != 0)
		i++;
	if (i == lv->n_sizes) {
		lv->size = vrs_realloc(lv->size, lv->n_sizes + 1, sizeof(*lv->size));
		memset(&lv->size[i], 0, sizeof(lv->size[i]));
		(void)vrs_strcpy(lv->size[i].path, sizeof(lv->size[i].path), path);
		lv->n_sizes++;
	}
	lv->size[i].virtual_bytes = virtual_bytes;
	lv->size[i].allocated_bytes = allocated_bytes;
	pthread_mutex_unlock(&lv->lock);
}

/* Fills in what is known; false when some image's size is not. */
static bool recall_sizes(struct lv *lv, struct vrs_hv_vm *vm, size_t n)
{
	bool all = true;

	pthread_mutex_lock(&lv->lock);
	for (size_t d = 0; d < n * VRS_HV_MAX_DISKS; d++) {
		struct vrs_hv_vm *v = &vm[d / VRS_HV_MAX_DISKS];
		struct vrs_hv_disk *disk = &v->disk[d % VRS_HV_MAX_DISKS];
		size_t i = 0;

		if (d % VRS_HV_MAX_DISKS >= v->n_disks)
			continue;
		while (i < lv->n_sizes && strcmp(lv->size[i].path, disk->path) != 0)
			i++;
		if (i < lv->n_sizes) {
			disk->virtual_bytes = lv->size[i].virtual_bytes;
			disk->allocated_bytes = lv->size[i].allocated_bytes;
		} else {
			all = false;
		}
	}
	pthread_mutex_unlock(&lv->lock);
	return all;
}

/* Sizes of the images of one VM. Of a running VM its process is asked, which may hang. */
static void learn_sizes(struct lv *lv, virDomainPtr dom, const struct vrs_hv_vm *vm)
{
	for (size_t i = 0; i < vm->n_disks; i++) {
		virDomainBlockInfo info;

		if (virDomainGetBlockInfo(dom, vm->disk[i].path, &info, 0) == 0)
			remember_size(lv, vm->disk[i].path, info.capacity,
				      info.allocation);
	}
}

static int do_sizes(struct call *c, virConnectPtr conn, struct vrs_err *err)
{
	(void)err;
	for (size_t i = 0; i < c->n_vms && !is_late(c); i++) {
		virDomainPtr dom = virDomainLookupByUUIDString(conn, c->vm[i].id);

		if (!dom)
			continue;
		learn_sizes(c->lv, dom, &c->vm[i]);
		virDomainFree(dom);
	}
	return 0;
}

/* Sizes are asked for in the background; only a VM that is new is worth a short wait.
 * While an earlier question hangs no other is asked. */
static void find_sizes(struct lv *lv, int64_t left_ms, struct vrs_hv_vm *vm, size_t n)
{
	bool known = recall_sizes(lv, vm, n);

	pthread_mutex_lock(&lv->lock);
	bool busy = lv->sizes_busy;
	lv->sizes_busy = true;
	pthread_mutex_unlock(&lv->lock);
	if (busy)
		return;

	struct call *c = call_new(lv, SIZES_DEADLINE_MS, NULL, do_sizes);
	c->vm = vrs_calloc(n, sizeof(*c->vm));
	c->n_vms = n;
	for (size_t i = 0; i < n; i++) {
		c->vm[i] = vm[i];
		c->vm[i].native = NULL;
	}
	if (call_wait(c,
		      known || left_ms < 0      ? 0
		      : left_ms < SIZES_WAIT_MS ? left_ms
						: SIZES_WAIT_MS,
		      NULL) == 0)
		call_free(c);
	(void)recall_sizes(lv, vm, n);
}

/* A definition that we cannot read: the VM is there all the same. */
static void read_outline(virDomainPtr dom, struct vrs_hv_vm *vm)
{
	virDomainInfo info;
	char uuid[VIR_UUID_STRING_BUFLEN] = "";
	const char *name = virDomainGetName(dom);

	*vm = (struct vrs_hv_vm){.cpu_time_s = NAN, .state = state_of(dom)};
	(void)virDomainGetUUIDString(dom, uuid);
	(void)vrs_strcpy(vm->id, sizeof(vm->id), uuid);
	(void)vrs_strcpy(vm->name, sizeof(vm->name), name ? name : uuid);
	if (virDomainGetInfo(dom, &info) == 0) {
		vm->vcpus = info.nrVirtCpu;
		vm->ram_bytes = (uint64_t)info.maxMem * 1024;
	}
}

static int do_list(struct call *c, virConnectPtr conn, struct vrs_err *err)
{
	virDomainPtr *dom = NULL;
	int n = virConnectListAllDomains(conn, &dom, 0);

	if (n < 0)
		return failed(err, "list domains");
	c->vm = vrs_calloc((size_t)n, sizeof(*c->vm));
	int status = 0;
	for (int i = 0; i < n; i++) {
		if (status == 0) {
			status = read_vm(dom[i], &c->vm[c->n_vms], err);
			if (status == VRS_ENOENT) { /* gone since it was listed */
				status = 0;
				continue;
			}
			if (status == VRS_EPARSE || status == VRS_ENOSPC) {
				read_outline(dom[i], &c->vm[c->n_vms]);
				status = 0;
			}
			if (status == 0)
				c->n_vms++;
		}
	}
	for (int i = 0; i < n; i++)
		virDomainFree(dom[i]);
	free(dom);
	return status;
}

static int lv_list(void *h, int64_t timeout_ms, struct vrs_hv_vm **ret, size_t *ret_n,
		   struct vrs_err *err)
{
	struct call *c = call_new(h, timeout_ms, NULL, do_list);
	int status = call_run(c, err);

	if (status < 0)
		return status;
	int64_t left = c->deadline_mono_ms - vrs_mono_ms(vrs_clock_system());
	if (c->n_vms > 0)
		find_sizes(h, left, c->vm, c->n_vms);
	*ret = c->vm;
	*ret_n = c->n_vms;
	c->vm = NULL;
	c->n_vms = 0;
	call_free(c);
	return 0;
}

static virDomainPtr lookup(struct call *c, virConnectPtr conn, struct vrs_err *err)
{
	virDomainPtr dom = virDomainLookupByUUIDString(conn, c->id);

	if (!dom) {
		failed(err, "lookup");
		vrs_context(err, "vm %s", c->id);
	}
	return dom;
}

static int do_get(struct call *c, virConnectPtr conn, struct vrs_err *err)
{
	virDomainPtr dom = lookup(c, conn, err);

	if (!dom)
		return err->code;
	c->vm = vrs_calloc(1, sizeof(*c->vm));
	int status = read_vm(dom, c->vm, err);
	if (status == 0)
		c->n_vms = 1;
	virDomainFree(dom);
	return status;
}

static int lv_get(void *h, int64_t timeout_ms, const char *id, struct vrs_hv_vm *ret,
		  struct vrs_err *err)
{
	struct call *c = call_new(h, timeout_ms, id, do_get);
	int status = call_run(c, err);

	if (status < 0)
		return status;
	int64_t left = c->deadline_mono_ms - vrs_mono_ms(vrs_clock_system());
	find_sizes(h, left, c->vm, 1);
	*ret = c->vm[0];
	c->n_vms = 0;
	call_free(c);
	return 0;
}

static int do_state(struct call *c, virConnectPtr conn, struct vrs_err *err)
{
	virDomainPtr dom = lookup(c, conn, err);

	if (!dom)
		return err->code;
	c->state = state_of(dom);
	virDomainFree(dom);
	return 0;
}

static int lv_state(void *h, int64_t timeout_ms, const char *id, enum vrs_hv_state *ret,
		    struct vrs_err *err)
{
	struct call *c = call_new(h, timeout_ms, id, do_state);
	int status = call_run(c, err);

	if (status == 0) {
		*ret = c->state;
		call_free(c);
	}
	return status;
}

/* --- changes --- */

static int do_define(struct call *c, virConnectPtr conn, struct vrs_err *err)
{
	virDomainPtr old = virDomainLookupByUUIDString(conn, c->id);
	const char *type = virConnectGetType(conn);
	int status = 0;

	if (old) {
		if (is_running(state_of(old)))
			status = vrs_fail(err, VRS_ECONFLICT,
					  "libvirt: vm %s runs there already", c->id);
		virDomainFree(old);
		if (status < 0)
			return status;
	}
	/* Its generator of .vmx files was seen to crash the caller. */
	if (type && strcmp(type, "ESX") == 0)
		return vrs_fail(err, VRS_EUNSUPPORTED,
				"libvirt: cannot define on an ESX host");

	virDomainPtr dom = virDomainDefineXML(conn, c->text);
	if (!dom)
		return failed(err, "define");
	/* Drivers that cannot start by themselves have nothing to switch off. */
	int autostart = 0;
	if (virDomainGetAutostart(dom, &autostart) == 0 && autostart &&
	    virDomainSetAutostart(dom, 0) < 0)
		status = failed(err, "autostart off");
	virDomainFree(dom);
	return status;
}

static int lv_define(void *h, int64_t timeout_ms, const struct vrs_hv_vm *vm,
		     const struct vrs_hv_move *move, struct vrs_err *err)
{
	const char *native = vm->native;
	char *built = NULL, *xml = NULL;
	int status = 0;

	if (!native || native[strspn(native, " \t\r\n")] != '<') {
		status = vrs_hv_xml_build(vm, &built, err);
		native = built;
	}
	if (status == 0)
		status = vrs_hv_xml_rewrite(native, strlen(native), move, &xml, err);
	free(built);
	if (status < 0)
		return status;

	struct call *c = call_new(h, timeout_ms, vm->id, do_define);
	c->text = xml;
	status = call_run(c, err);
	if (status == 0)
		call_free(c);
	return status;
}

static int do_start(struct call *c, virConnectPtr conn, struct vrs_err *err)
{
	virDomainPtr dom = lookup(c, conn, err);
	int status = 0;

	if (!dom)
		return err->code;
	if (state_of(dom) != VRS_HV_RUNNING && virDomainCreateWithFlags(dom, 0) < 0) {
		status = failed(err, "start");
		if (virDomainIsActive(dom) == 1 && state_of(dom) == VRS_HV_RUNNING)
			status = 0; /* somebody was faster */
	}
	virDomainFree(dom);
	return status;
}

static int lv_start(void *h, int64_t timeout_ms, const char *id, struct vrs_err *err)
{
	return run_plain(h, timeout_ms, id, do_start, err);
}

static int do_shutdown(struct call *c, virConnectPtr conn, struct vrs_err *err)
{
	enum { ASK_AGAIN_MS = 5000, LOOK_MS = 100 };
	const struct timespec look = {.tv_nsec = LOOK_MS * 1000000};
	virDomainPtr dom = lookup(c, conn, err);
	int64_t asked = INT64_MIN / 2;
	int status = 0;

	if (!dom)
		return err->code;
	/* A guest that is still booting misses the first press of its button. */
	while (is_running(state_of(dom))) {
		int64_t now = vrs_mono_ms(vrs_clock_system());

		if (is_late(c)) {
			status = vrs_fail(err, VRS_ETIMEOUT,
					  "libvirt: vm %s did not shut down", c->id);
			break;
		}
		if (now - asked >= ASK_AGAIN_MS) {
			if (virDomainShutdownFlags(dom, 0) < 0 &&
			    is_running(state_of(dom)) && asked < 0) {
				status = failed(err, "shutdown");
				break;
			}
			asked = now;
		}
		(void)nanosleep(&look, NULL);
	}
	virDomainFree(dom);
	return status;
}

static int lv_shutdown(void *h, int64_t timeout_ms, const char *id, struct vrs_err *err)
{
	return run_plain(h, timeout_ms, id, do_shutdown, err);
}

static int do_destroy(struct call *c, virConnectPtr conn, struct vrs_err *err)
{
	virDomainPtr dom = lookup(c, conn, err);
	int status = 0;

	if (!dom)
		return err->code;
	if (is_running(state_of(dom)) && virDomainDestroyFlags(dom, 0) < 0) {
		status = failed(err, "destroy");
		if (!is_running(state_of(dom)))
			status = 0;
	}
	virDomainFree(dom);
	return status;
}

static int lv_destroy(void *h, int64_t timeout_ms, const char *id, struct vrs_err *err)
{
	return run_plain(h, timeout_ms, id, do_destroy, err);
}

static int do_undefine(struct call *c, virConnectPtr conn, struct vrs_err *err)
{
	virDomainPtr dom = lookup(c, conn, err);
	int status = 0;

	if (!dom)
		return err->code == VRS_ENOENT ? 0 : err->code;
	if (is_running(state_of(dom)))
		status = vrs_fail(err, VRS_ECONFLICT, "libvirt: vm %s is running", c->id);
	else if (virDomainUndefineFlags(dom, VIR_DOMAIN_UNDEFINE_MANAGED_SAVE |
						     VIR_DOMAIN_UNDEFINE_KEEP_NVRAM) <
			 0 &&
		 virDomainUndefine(dom) < 0)
		status = failed(err, "undefine");
	virDomainFree(dom);
	return status;
}

static int lv_undefine(void *h, int64_t timeout_ms, const char *id, struct vrs_err *err)
{
	return run_plain(h, timeout_ms, id, do_undefine, err);
}

static int do_autostart_off(struct call *c, virConnectPtr conn, struct vrs_err *err)
{
	virDomainPtr dom = lookup(c, conn, err);
	int autostart = 0, status = 0;

	if (!dom)
		return err->code;
	if (virDomainGetAutostart(dom, &autostart) < 0)
		status = failed(err, "autostart");
	else if (autostart && virDomainSetAutostart(dom, 0) < 0)
		status = failed(err, "autostart off");
	virDomainFree(dom);
	return status;
}

static int lv_autostart_off(void *h, int64_t timeout_ms, const char *id,
			    struct vrs_err *err)
{
	return run_plain(h, timeout_ms, id, do_autostart_off, err);
}

/* --- storage --- */

/* libvirt tells free space of storage pools only. Where none covers the path, a pool that
 * exists just for the question is made and stopped; that changes nothing on the disk. */
static int do_store(struct call *c, virConnectPtr conn, struct vrs_err *err)
{
	virStoragePoolInfo info;
	virStoragePoolPtr pool = virStoragePoolLookupByTargetPath(conn, c->text);
	bool ours = false;
	int status = 0;

	if (!pool && code_of(virGetLastError()) == VRS_EUNSUPPORTED)
		return failed(err, "storage");
	if (!pool) {
		struct vrs_text xml = {0};

		if (strpbrk(c->text, "<>&'\""))
			return vrs_fail(err, VRS_EINVAL, "libvirt: path '%s'", c->text);
		vrs_text_add(&xml, "<pool type='dir'><name>vrsas");
		for (const char *p = c->text; *p; p++)
			vrs_text_add(&xml, "%c", *p == '/' ? '-' : *p);
		vrs_text_add(&xml, "</name><target><path>%s</path></target></pool>",
			     c->text);
		pool = virStoragePoolCreateXML(conn, xml.text, 0);
		vrs_text_fini(&xml);
		ours = true;
	}
	if (!pool)
		return failed(err, "storage");
	if (!ours)
		(void)virStoragePoolRefresh(pool, 0);
	if (virStoragePoolGetInfo(pool, &info) < 0)
		status = failed(err, "storage");
	if (ours)
		(void)virStoragePoolDestroy(pool);
	virStoragePoolFree(pool);
	if (status < 0)
		return status;
	(void)vrs_strcpy(c->store.path, sizeof(c->store.path), c->text);
	c->store.total_bytes = info.capacity;
	c->store.free_bytes = info.available;
	return 0;
}

static int lv_store(void *h, int64_t timeout_ms, const char *path,
		    struct vrs_hv_store *ret, struct vrs_err *err)
{
	struct call *c = call_new(h, timeout_ms, NULL, do_store);

	c->text = vrs_strdup(path);
	int status = call_run(c, err);
	if (status == 0) {
		*ret = c->store;
		call_free(c);
	}
	return status;
}

const struct vrs_hv_driver vrs_hv_libvirt = {
	.open = lv_open,
	.close = lv_close,
	.host = lv_host,
	.list = lv_list,
	.get = lv_get,
	.state = lv_state,
	.define = lv_define,
	.start = lv_start,
	.shutdown = lv_shutdown,
	.destroy = lv_destroy,
	.undefine = lv_undefine,
	.autostart_off = lv_autostart_off,
	.store = lv_store,
};
