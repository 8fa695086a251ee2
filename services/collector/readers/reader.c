#include "readers/reader.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "readers/procfs.h"
#include "readers/prometheus.h"
#include "readers/replay.h"
#include "vrs/clock.h"
#include "vrs/mem.h"

enum {
	CONNECT_MS = 5000,     /* SSH and a handshake; may exceed the interval */
	STORE_EVERY_MS = 60000 /* expensive to read, changes slowly */
};

struct reader {
	const struct vrs_site *site;
	const struct vrs_site_host *host;
	const char *images;
	const struct reader_kind *kind;
	void *own;         /* the kind's state; NULL: none */
	struct vrs_hv *hv; /* of a hypervisor; NULL: not connected */
	struct vrs_hv_store store;
	bool has_store;
	int64_t store_mono_ms; /* when it was last read */
};

void reading_fini(struct reading *r)
{
	vrs_hv_vms_free(r->vm, r->n_vms);
	*r = (struct reading){0};
}

/* --- kinds of readers, by the scheme of the URI --- */

struct reader_kind {
	const char *scheme; /* NULL: every other URI */
	int (*open)(void **ret, const char *uri,
		    struct vrs_err *err); /* NULL: no state */
	void (*close)(void *own);
	int (*read)(struct reader *s, int64_t at_ms, int64_t timeout_ms,
		    struct reading *r, struct vrs_err *err);
};

/* Rule I8: a protected VM must not start by itself when its host returns. */
static void switch_autostart_off(struct reader *s, int64_t deadline_mono_ms,
				 struct reading *r)
{
	for (size_t i = 0; i < r->n_vms; i++) {
		struct vrs_hv_vm *vm = &r->vm[i];
		const struct vrs_site_vm *rule = vrs_site_vm(s->site, vm->id, vm->name);
		int64_t left = deadline_mono_ms - vrs_now_mono_ms();

		if (!vm->autostart || !rule || !rule->protect || left <= 0)
			continue;
		if (vrs_hv_act(s->hv, VRS_HV_AUTOSTART_OFF, left, vm->id, NULL) == 0) {
			vm->autostart = false;
			r->autostart_off++;
		}
	}
}

static void read_store(struct reader *s, int64_t deadline_mono_ms, struct reading *r)
{
	int64_t now = vrs_now_mono_ms();

	if (now - s->store_mono_ms >= STORE_EVERY_MS && now < deadline_mono_ms) {
		s->store_mono_ms = now;
		s->has_store = vrs_hv_store(s->hv, deadline_mono_ms - now, s->images,
					    &s->store, NULL) == 0;
	}
	r->has_store = s->has_store;
	r->store = s->store;
}

static int read_hv(struct reader *s, int64_t at_ms, int64_t timeout_ms, struct reading *r,
		   struct vrs_err *err)
{
	int status;

	(void)at_ms;
	if (!s->hv) {
		status = vrs_hv_open(&s->hv, s->host->uri,
				     timeout_ms > CONNECT_MS ? timeout_ms : CONNECT_MS,
				     err);
		if (status < 0)
			return status;
		s->store_mono_ms = INT64_MIN / 2;
	}

	int64_t deadline = vrs_now_mono_ms() + timeout_ms;
	status = vrs_hv_host(s->hv, timeout_ms, &r->host, err);
	int64_t left = deadline - vrs_now_mono_ms();
	if (status == 0)
		status = vrs_hv_list(s->hv, left > 1 ? left : 1, &r->vm, &r->n_vms, err);
	if (status == VRS_ECONN || status == VRS_ETIMEOUT) {
		/* An old connection may block for minutes after its host has returned. */
		vrs_hv_close(s->hv);
		s->hv = NULL;
	}
	if (status < 0)
		return status;
	r->has_vms = true;
	for (size_t i = 0; i < r->n_vms; i++)
		if (r->vm[i].state == VRS_HV_RUNNING || r->vm[i].state == VRS_HV_PAUSED ||
		    r->vm[i].state == VRS_HV_IO_ERROR)
			r->vcpus_used += r->vm[i].vcpus;
	switch_autostart_off(s, deadline, r);
	read_store(s, deadline, r);
	return 0;
}

static int read_procfs(struct reader *s, int64_t at_ms, int64_t timeout_ms,
		       struct reading *r, struct vrs_err *err)
{
	(void)s;
	(void)at_ms;
	(void)timeout_ms;
	return procfs_read(r, err);
}

static int open_replay(void **ret, const char *uri, struct vrs_err *err)
{
	return replay_open((struct replay **)ret, uri, err);
}

static void close_replay(void *own)
{
	replay_close(own);
}

static int read_replay(struct reader *s, int64_t at_ms, int64_t timeout_ms,
		       struct reading *r, struct vrs_err *err)
{
	(void)timeout_ms;
	return replay_read(s->own, at_ms, r, err);
}

static int open_prometheus(void **ret, const char *uri, struct vrs_err *err)
{
	return prometheus_open((struct prometheus **)ret, uri, err);
}

static void close_prometheus(void *own)
{
	prometheus_close(own);
}

static int read_prometheus(struct reader *s, int64_t at_ms, int64_t timeout_ms,
			   struct reading *r, struct vrs_err *err)
{
	(void)at_ms;
	return prometheus_read(s->own, timeout_ms, r, err);
}

static const struct reader_kind kinds[] = {
	{"proc:", NULL, NULL, read_procfs},
	{"replay:", open_replay, close_replay, read_replay},
	{"prometheus:", open_prometheus, close_prometheus, read_prometheus},
	{NULL, NULL, NULL, read_hv}, /* connects at the first reading */
};

static const struct reader_kind *kind_of(const char *uri)
{
	const struct reader_kind *k = kinds;

	while (k->scheme && strncmp(uri, k->scheme, strlen(k->scheme)) != 0)
		k++;
	return k;
}

int reader_open(struct reader **ret, const struct vrs_site *site,
		const struct vrs_site_cluster *cluster, const struct vrs_site_host *host,
		struct vrs_err *err)
{
	struct reader *s = vrs_calloc(1, sizeof(*s));

	s->site = site;
	s->host = host;
	s->images = host->images && *host->images ? host->images : cluster->images;
	s->store_mono_ms = INT64_MIN / 2;
	s->kind = kind_of(host->uri);
	int status = s->kind->open ? s->kind->open(&s->own, host->uri, err) : 0;
	if (status < 0) {
		vrs_context(err, "host %s/%s", host->cluster, host->name);
		reader_close(s);
		return status;
	}
	*ret = s;
	return 0;
}

void reader_close(struct reader *s)
{
	if (!s)
		return;
	vrs_hv_close(s->hv);
	if (s->own)
		s->kind->close(s->own);
	free(s);
}

int reader_read(struct reader *s, int64_t at_ms, int64_t timeout_ms, struct reading *ret,
		struct vrs_err *err)
{
	struct reading r = {.cpu_ratio = NAN};
	int status = s->kind->read(s, at_ms, timeout_ms, &r, err);

	if (status < 0) {
		reading_fini(&r);
		return status;
	}
	*ret = r;
	return 0;
}
