#include "engine/base/host_ops.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "detect/health.h"
#include "vrs/clock.h"
#include "vrs/mem.h"

__attribute__((format(printf, 2, 3))) static void set_text(struct host_op *j,
							   const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(j->text, sizeof(j->text), fmt, ap);
	va_end(ap);
}

static bool too_late(struct host_op *j)
{
	if (!j->lease || (j->lease->token == j->lease_token &&
			  vrs_now_mono_ms() <= j->lease->until_mono_ms))
		return false;
	set_text(j, "the lease ended before the operation began; it is retried");
	return true;
}

/* --- the hypervisor --- */

/* The host did not answer: the result is unknown. */
static bool no_answer(int status)
{
	return status == VRS_ECONN || status == VRS_ETIMEOUT || status == VRS_EIO;
}

static void failed(struct host_op *j, int status, const struct vrs_err *err)
{
	set_text(j, "%.190s", err->text);
	if (status == VRS_ECONN || status == VRS_ETIMEOUT) {
		vrs_hv_close(j->host->hv); /* the next job opens it again */
		j->host->hv = NULL;
	}
}

static bool open_host(struct host_op *j)
{
	struct vrs_err err = {0};

	if (j->host->hv)
		return true;
	if (!j->host->site->uri || !*j->host->site->uri) {
		set_text(j, "its host has no uri in site.conf");
		return false;
	}
	int status = vrs_hv_open(&j->host->hv, j->host->site->uri,
				 j->rules->hv_timeout_ms, &err);
	if (status < 0) {
		j->host->hv = NULL;
		set_text(j, "%.190s", err.text);
		return false;
	}
	return true;
}

/* Reads the VM's state; true when its hypervisor answered (exists: it knows the VM). A
 * stale connection is opened again once. */
static bool read_state(struct host_op *j)
{
	struct vrs_err err = {0};

	for (int round = 0; round < 2; round++) {
		bool fresh = !j->host->hv;

		if (!open_host(j))
			return false;
		j->state = VRS_HV_UNKNOWN;
		int status = vrs_hv_state(j->host->hv, j->rules->hv_timeout_ms, j->vm_id,
					  &j->state, &err);
		if (status == 0 || status == VRS_ENOENT) {
			j->exists = status == 0;
			j->reached = status == VRS_ENOENT || j->state != VRS_HV_UNKNOWN;
			if (!j->reached)
				set_text(j, "the hypervisor reports no state");
			return j->reached;
		}
		failed(j, status, &err);
		if (fresh || status == VRS_ETIMEOUT)
			return false;
		vrs_hv_close(j->host->hv);
		j->host->hv = NULL;
	}
	return false;
}

static bool is_off(const struct host_op *j)
{
	return j->reached &&
	       (!j->exists || j->state == VRS_HV_OFF || j->state == VRS_HV_CRASHED);
}

/* --- stopping --- */

/* A start that hung may take effect later, but not for a VM without a definition. True
 * when the hypervisor then reports it off and undefined. */
static bool forget_vm(struct host_op *j)
{
	struct vrs_err err = {0};

	if (!j->exists)
		return true;
	if (j->state == VRS_HV_CRASHED) /* some keep a crashed VM until it is destroyed */
		(void)vrs_hv_act(j->host->hv, VRS_HV_DESTROY, j->rules->hv_timeout_ms,
				 j->vm_id, NULL);
	(void)vrs_hv_act(j->host->hv, VRS_HV_AUTOSTART_OFF, j->rules->hv_timeout_ms,
			 j->vm_id, NULL);
	int status = vrs_hv_act(j->host->hv, VRS_HV_UNDEFINE, j->rules->hv_timeout_ms,
				j->vm_id, &err);
	if (status < 0 && status != VRS_ENOENT) {
		failed(j, status, &err);
		return false;
	}
	if (!read_state(j))
		return false;
	if (j->exists)
		set_text(j, "off, but its definition could not be removed");
	return !j->exists;
}

/* The last check before a silent guest is destroyed. Without a health address, a running
 * VM counts as answering. */
static bool answers(struct host_op *j)
{
	if (j->health[0])
		j->spared =
			health_check(j->health, j->rules->health_timeout_ms, NULL) == 0;
	else
		j->spared = read_state(j) && j->exists && j->state == VRS_HV_RUNNING;
	if (j->spared)
		set_text(j, "the guest answered before it was stopped: %.150s",
			 j->health[0] ? j->health
				      : "running according to its hypervisor");
	return j->spared;
}

static void stop(struct host_op *j, bool ask_first)
{
	struct vrs_err err = {0};
	const char *how = "destroyed";

	if ((j->spare && answers(j)) || !read_state(j))
		return;
	if (is_off(j)) {
		if (j->undefine && !forget_vm(j))
			return;
		j->ok = true;
		set_text(j, "off according to its hypervisor%s",
			 j->undefine ? ", not defined" : "");
		return;
	}
	if (j->keep_paused &&
	    (j->state == VRS_HV_PAUSED || j->state == VRS_HV_IO_ERROR)) {
		j->spared = true;
		set_text(j, "its hypervisor reports it %s, it is not stopped for a move",
			 vrs_hv_state_name(j->state));
		return;
	}
	j->was_on = true;
	if (ask_first && j->state == VRS_HV_RUNNING &&
	    vrs_hv_act(j->host->hv, VRS_HV_SHUTDOWN, j->rules->shutdown_ms, j->vm_id,
		       &err) == 0)
		how = "shut down";
	if (!read_state(j))
		return;
	if (!is_off(j)) {
		int status = vrs_hv_act(j->host->hv, VRS_HV_DESTROY,
					j->rules->hv_timeout_ms, j->vm_id, &err);
		if (status < 0 && status != VRS_ENOENT) {
			failed(j, status, &err);
			return;
		}
		if (!read_state(j))
			return;
	}
	if (!is_off(j)) {
		set_text(j, "%s, but still running", how);
		return;
	}
	if (j->undefine && !forget_vm(j))
		return;
	j->ok = true;
	set_text(j, "%s%s; confirmed off by its hypervisor", how,
		 j->undefine ? ", undefined" : "");
}

static bool has_fence(const struct vrs_site_host *site)
{
	return site->fence && *site->fence;
}

static void fence(struct host_op *j)
{
	struct vrs_fence_result r = {0};
	struct vrs_err err = {0};

	j->power = VRS_POWER_UNKNOWN;
	if (!has_fence(j->host->site)) {
		stop(j, false);
		if (!j->ok) {
			char why[120];

			(void)vrs_strcpy(why, sizeof(why), j->text);
			set_text(j, "%s has no fence agent; hypervisor: %s",
				 j->host->site->name, why);
		}
		return;
	}
	int status = vrs_fence_off(j->host->site, j->rules->fence_timeout_ms, &r, &err);
	j->power = r.power;
	j->ok = status == 0 && j->power == VRS_POWER_OFF;
	if (j->ok)
		set_text(j, "powered off, and its power state is off%s%s",
			 r.detail[0] ? ": " : "", r.detail);
	else
		set_text(j, "%s: %.150s", j->host->site->fence,
			 status < 0    ? err.text
			 : r.detail[0] ? r.detail
				       : "its power state is not off");
}

static void power(struct host_op *j)
{
	struct vrs_fence_result r = {0};
	struct vrs_err err = {0};

	j->power = VRS_POWER_UNKNOWN;
	if (!has_fence(j->host->site))
		return;
	if (vrs_fence_status(j->host->site, j->rules->fence_timeout_ms, &r, &err) < 0)
		set_text(j, "%.190s", err.text);
	else
		j->power = r.power;
}

/* --- starting --- */

static void reserve(struct host_op *j)
{
	struct vrs_hv_host host = {0};
	struct vrs_hv_store store = {0};
	struct vrs_err err = {0};

	if (!read_state(j))
		return;
	if (!is_off(j)) {
		set_text(j, "a VM with this ID already runs there");
		return;
	}
	int status = vrs_hv_host(j->host->hv, j->rules->hv_timeout_ms, &host, &err);
	if (status == 0 && j->images[0] && j->disk_bytes > 0)
		status = vrs_hv_store(j->host->hv, j->rules->hv_timeout_ms, j->images,
				      &store, &err);
	if (status == VRS_EUNSUPPORTED)
		status = 0; /* the copy will fail if space is short */
	if (status < 0) {
		failed(j, status, &err);
		return;
	}
	if (store.total_bytes > 0 && store.free_bytes < j->disk_bytes) {
		set_text(j, "%s: %llu MiB free, %llu MiB needed", j->images,
			 (unsigned long long)(store.free_bytes >> 20),
			 (unsigned long long)(j->disk_bytes >> 20));
		return;
	}
	if (host.ram_total_bytes > 0 &&
	    host.ram_total_bytes < host.ram_used_bytes + j->ram_bytes) {
		set_text(j, "memory: %llu MiB free, %llu MiB needed",
			 (unsigned long long)((host.ram_total_bytes -
					       host.ram_used_bytes) >>
					      20),
			 (unsigned long long)(j->ram_bytes >> 20));
		return;
	}
	j->ok = true;
	set_text(j, "capacity available");
}

static void define(struct host_op *j)
{
	struct vrs_err err = {0};

	if (!read_state(j))
		return;
	if (!is_off(j)) {
		j->permanent = true;
		set_text(j, "a VM with this ID already runs there");
		return;
	}
	int status = vrs_hv_define(j->host->hv, j->rules->hv_timeout_ms, j->vm,
				   j->move ? &j->move->move : NULL, &err);
	if (status == 0)
		status = vrs_hv_act(j->host->hv, VRS_HV_AUTOSTART_OFF,
				    j->rules->hv_timeout_ms, j->vm_id, &err);
	if (status < 0 && status != VRS_EUNSUPPORTED) {
		j->permanent = !no_answer(status);
		failed(j, status, &err);
		return;
	}
	j->ok = true;
}

static void start(struct host_op *j)
{
	struct vrs_err err = {0};

	if (!read_state(j))
		return;
	if (j->exists && j->state == VRS_HV_RUNNING) {
		j->ok = true;
		set_text(j, "it runs");
		return;
	}
	if (is_off(j)) {
		define(j);
		if (!j->ok)
			return;
		j->ok = false;
	}
	if (too_late(j))
		return;
	int status = vrs_hv_act(j->host->hv, VRS_HV_START, j->rules->hv_timeout_ms,
				j->vm_id, &err);
	if (status < 0) {
		failed(j, status, &err);
		j->permanent = status != VRS_ECONN && status != VRS_ETIMEOUT;
		return;
	}
	j->ok = true;
	set_text(j, "started");
}

static void health(struct host_op *j)
{
	struct vrs_err err = {0};

	if (health_check(j->health, j->rules->health_timeout_ms, &err) == 0) {
		j->ok = true;
		set_text(j, "its guest answers at %.150s", j->health);
	} else {
		set_text(j, "%.190s", err.text);
	}
}

/* --- quarantine --- */

static void quarantine(struct host_op *j)
{
	if (!read_state(j) || !is_off(j) || !forget_vm(j))
		return;
	j->ok = true;
	set_text(j, "off, its definition removed, its disks kept");
}

static void autostart_off(struct host_op *j)
{
	struct vrs_err err = {0};

	if (!read_state(j) || !j->exists)
		return;
	int status = vrs_hv_act(j->host->hv, VRS_HV_AUTOSTART_OFF,
				j->rules->hv_timeout_ms, j->vm_id, &err);
	j->ok = status == 0;
	if (status < 0)
		failed(j, status, &err);
}

void host_op_run(struct host_op *j)
{
	if (too_late(j))
		return;
	switch (j->kind) {
	case HOST_OP_STATE:
		j->ok = read_state(j);
		break;
	case HOST_OP_FENCE:
		fence(j);
		break;
	case HOST_OP_POWER:
		power(j);
		break;
	case HOST_OP_STOP:
		stop(j, true);
		break;
	case HOST_OP_KILL:
		stop(j, false);
		break;
	case HOST_OP_RESERVE:
		reserve(j);
		break;
	case HOST_OP_DEFINE:
		define(j);
		break;
	case HOST_OP_START:
		start(j);
		break;
	case HOST_OP_HEALTH:
		health(j);
		break;
	case HOST_OP_QUARANTINE:
		quarantine(j);
		break;
	case HOST_OP_AUTOSTART_OFF:
		autostart_off(j);
		break;
	}
}

bool host_op_is_on(const struct host_op *j)
{
	return j->reached && !is_off(j);
}

enum reloc_seen host_op_seen(const struct host_op *j)
{
	if (!j->ok)
		return RELOC_UNREACHABLE;
	return host_op_is_on(j) ? RELOC_SEEN_ON : RELOC_SEEN_OFF;
}

void host_op_fini(struct host_op *j)
{
	fleet_definition_free(j->vm);
	free(j->move);
	j->vm = NULL;
	j->move = NULL;
}

void host_op_host_fini(struct host_op_host *h)
{
	vrs_hv_close(h->hv);
	h->hv = NULL;
}
