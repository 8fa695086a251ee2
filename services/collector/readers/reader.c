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
	CONNECT_MS = 5000,     /* ssh and a first handshake; not bound to the interval */
	STORE_EVERY_MS = 60000 /* free space costs more than it changes */
};

struct source {
	const struct vrs_site *site;
	const struct vrs_site_host *host;
	const char *images;
	bool is_proc;
	struct replay *replay;
	struct prometheus *prometheus;
	struct vrs_hv *hv; /* NULL: not connected */
	struct vrs_hv_store store;
	bool has_store;
	int64_t store_mono_ms; /* when it was last asked for */
};

void reading_fini(struct reading *r)
{
	vrs_hv_vms_free(r->vm, r->n_vms);
	*r = (struct reading){0};
}

int source_open(struct source **ret, const struct vrs_site *site,
		const struct vrs_site_cluster *cluster, const struct vrs_site_host *host,
		struct vrs_err *err)
{
	struct source *s = vrs_calloc(1, sizeof(*s));
	int status = 0;

	s->site = site;
	s->host = host;
	s->images = host->images && *host->images ? host->images : cluster->images;
	s->store_mono_ms = INT64_MIN / 2;
	if (strcmp(host->uri, "proc:") == 0)
		s->is_proc = true;
	else if (replay_is_uri(host->uri))
		status = replay_open(&s->replay, host->uri, err);
	else if (prometheus_is_uri(host->uri))
		status = prometheus_open(&s->prometheus, host->uri, err);
	if (status < 0) {
		vrs_context(err, "host %s/%s", host->cluster, host->name);
		source_close(s);
		return status;
	}
	*ret = s;
	return 0;
}

void source_close(struct source *s)
{
	if (!s)
		return;
	vrs_hv_close(s->hv);
	replay_close(s->replay);
	prometheus_close(s->prometheus);
	free(s);
}

/* I8: nothing that is protected may start by itself when its host comes back. */
static unsigned tame(struct source *s, int64_t deadline_mono_ms, struct reading *r)
{
	unsigned n = 0;

	for (size_t i = 0; i < r->n_vms; i++) {
		struct vrs_hv_vm *vm = &r->vm[i];
		const struct vrs_site_vm *rule = vrs_site_vm(s->site, vm->id, vm->name);
		int64_t left = deadline_mono_ms - vrs_now_mono_ms();

		if (!vm->autostart || !rule || !rule->protect || left <= 0)
			continue;
		if (vrs_hv_autostart_off(s->hv, left, vm->id, NULL) == 0) {
			vm->autostart = false;
			n++;
		}
	}
	return n;
}

static void read_store(struct source *s, int64_t deadline_mono_ms, struct reading *r)
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

static int read_hv(struct source *s, int64_t timeout_ms, struct reading *r,
		   unsigned *ret_tamed, struct vrs_err *err)
{
	int status;

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
		/* An old connection may hang on for minutes when its host is back. */
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
	*ret_tamed = tame(s, deadline, r);
	read_store(s, deadline, r);
	return 0;
}

int source_read(struct source *s, int64_t at_ms, int64_t timeout_ms, struct reading *ret,
		unsigned *ret_tamed, struct vrs_err *err)
{
	struct reading r = {.cpu_ratio = NAN};
	unsigned tamed = 0;
	int status;

	if (s->is_proc)
		status = proc_read(&r, err);
	else if (s->replay)
		status = replay_read(s->replay, at_ms, &r, err);
	else if (s->prometheus)
		status = prometheus_read(s->prometheus, timeout_ms, &r, err);
	else
		status = read_hv(s, timeout_ms, &r, &tamed, err);
	if (status < 0) {
		reading_fini(&r);
		return status;
	}
	*ret = r;
	*ret_tamed = tamed;
	return 0;
}
