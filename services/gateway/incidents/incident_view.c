#include "incidents/incident_view.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef Vrsas__V1__IncidentView view;
typedef Vrsas__V1__RelocationState state;

struct making {
	struct vrs_arena *mem;
	const Vrsas__V1__StatusView *status;
	const Vrsas__V1__HostViews *down;
	Vrsas__V1__IncidentViews *ret;
};

static void *give(struct making *m, size_t n, size_t size)
{
	void *p = vrs_arena_alloc(m->mem, n * size + 1);

	if (!p)
		abort(); /* the arena is larger than bounded input can need */
	return memset(p, 0, n * size);
}

static const char *text(struct making *m, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static const char *text(struct making *m, const char *fmt, ...)
{
	char line[400];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	char *s = give(m, strlen(line) + 1, 1);
	memcpy(s, line, strlen(line) + 1);
	return s;
}

/* --- the next step --- */

/* The most important one ranks highest; 0: the VM runs, and the repair of its host is
 * next. */
static int urgency_of(const Vrsas__V1__RelocationView *v)
{
	const Vrsas__V1__Relocation *r = v->record;

	if (v->severity > VRSAS__V1__SEVERITY__SEVERITY_NOTICE)
		return (int)v->severity;
	return r->alive_at_ms ? 0 : VRSAS__V1__SEVERITY__SEVERITY_NOTICE;
}

static bool is_of(const Vrsas__V1__Relocation *r, const char *cluster, const char *host)
{
	return r && strcmp(r->home_cluster, cluster) == 0 &&
	       strcmp(r->home_host, host) == 0;
}

/* The most urgent relocation of this host; its VMs are added to the view. */
static const Vrsas__V1__RelocationView *relocations_of(struct making *m, view *v)
{
	const Vrsas__V1__RelocationView *first = NULL;
	size_t n = m->status ? m->status->n_open : 0;

	v->vm = give(m, n, sizeof(char *));
	for (size_t i = 0; i < n; i++) {
		const Vrsas__V1__Relocation *r = m->status->open[i]->record;

		if (!is_of(r, v->cluster, v->host))
			continue;
		v->vm[v->n_vm++] = r->vm_name;
		if (!first || urgency_of(m->status->open[i]) > urgency_of(first))
			first = m->status->open[i];
	}
	return first;
}

static const char *next_of_host(const view *v)
{
	if (strcmp(v->host_state, "up") == 0)
		return v->alert ? "the host answers VR-SAS; the alert alone starts "
				  "nothing"
				: "the host is monitored";
	if (strcmp(v->host_state, "silent") == 0)
		return "the host may be down; waiting for a second piece of evidence";
	if (strcmp(v->host_state, "suspect") == 0)
		return "the host is probed, and fenced if it stays silent";
	if (strcmp(v->host_state, "back") == 0)
		return "the host is back; its VMs are failed back when it is stable";
	if (strcmp(v->host_state, "maintenance") == 0)
		return "the host is in maintenance; no action";
	if (v->host_state[0])
		return "repair the host; its VMs run elsewhere or wait, and are failed "
		       "back when it is stable";
	return "unknown: the scheduler does not reply";
}

static void set_next(struct making *m, view *v)
{
	const Vrsas__V1__RelocationView *first = relocations_of(m, v);
	const Vrsas__V1__Relocation *r = first ? first->record : NULL;

	if (!v->open)
		v->next = "resolved";
	else if (!r || !urgency_of(first))
		v->next = next_of_host(v);
	else if (r->hold_reason[0])
		v->next =
			text(m, "%s: %s: %s", r->vm_name, first->meaning, r->hold_reason);
	else if (r->target_host[0])
		v->next = text(m, "%s: %s, to %s/%s", r->vm_name, first->meaning,
			       r->target_cluster, r->target_host);
	else
		v->next = text(m, "%s: %s", r->vm_name, first->meaning);
}

/* --- the list --- */

static const Vrsas__V1__HostView *host_of(const struct making *m, const char *cluster,
					  const char *host)
{
	for (size_t i = 0; m->down && i < m->down->n_host; i++)
		if (strcmp(m->down->host[i]->cluster, cluster) == 0 &&
		    strcmp(m->down->host[i]->name, host) == 0)
			return m->down->host[i];
	return NULL;
}

static view *view_new(struct making *m)
{
	view *v = give(m, 1, sizeof(*v));

	vrsas__v1__incident_view__init(v);
	m->ret->incident[m->ret->n_incident++] = v;
	return v;
}

static void of_alert(struct making *m, const Vrsas__V1__Incident *in)
{
	const Vrsas__V1__HostView *h = host_of(m, in->cluster, in->host);
	view *v = view_new(m);

	v->id = in->id;
	v->open = in->ends_at_ms == 0;
	v->origin = "alert";
	v->severity = in->severity[0] ? in->severity : "critical";
	v->cluster = in->cluster;
	v->host = in->host;
	v->host_state = h ? h->state : m->down ? "up" : "";
	v->summary =
		text(m, "%s%s%s", in->alert, in->summary[0] ? ": " : "", in->summary);
	v->starts_at_ms = in->starts_at_ms;
	v->ends_at_ms = in->ends_at_ms;
	v->alert = (Vrsas__V1__Incident *)(uintptr_t)in;
	set_next(m, v);
}

static bool is_listed(const struct making *m, const char *cluster, const char *host)
{
	for (size_t i = 0; i < m->ret->n_incident; i++) {
		const view *v = m->ret->incident[i];

		if (v->open && strcmp(v->cluster, cluster) == 0 &&
		    strcmp(v->host, host) == 0)
			return true;
	}
	return false;
}

static void of_host(struct making *m, const Vrsas__V1__HostView *h)
{
	if (strcmp(h->state, "maintenance") == 0 || strcmp(h->state, "unknown") == 0 ||
	    strcmp(h->state, "up") == 0 || is_listed(m, h->cluster, h->name))
		return;
	view *v = view_new(m);
	v->id = text(m, "host-%s-%s", h->cluster, h->name);
	v->open = true;
	v->origin = "detector";
	v->severity = strcmp(h->state, "silent") == 0 || strcmp(h->state, "back") == 0
			      ? "warning"
			      : "critical";
	v->cluster = h->cluster;
	v->host = h->name;
	v->host_state = h->state;
	v->summary = text(m, "host %s/%s is %s%s%s", h->cluster, h->name, h->state,
			  h->note[0] ? ": " : "", h->note);
	set_next(m, v);
	const Vrsas__V1__Relocation *r = NULL;
	for (size_t i = 0; m->status && i < m->status->n_open; i++)
		if (is_of(m->status->open[i]->record, h->cluster, h->name))
			r = m->status->open[i]->record;
	v->starts_at_ms = r ? r->silent_since_ms : 0;
}

/* A relocation needs an operator although its host is up. */
static void of_relocation(struct making *m, const Vrsas__V1__RelocationView *of)
{
	const Vrsas__V1__Relocation *r = of->record;

	if (!r || of->severity != VRSAS__V1__SEVERITY__SEVERITY_ERROR ||
	    is_listed(m, r->home_cluster, r->home_host))
		return;
	view *v = view_new(m);
	v->id = text(m, "story-%s", r->id);
	v->open = true;
	v->origin = "detector";
	v->severity = "critical";
	v->cluster = r->home_cluster;
	v->host = r->home_host;
	v->host_state = m->down ? "up" : "";
	v->summary = text(m, "%s waits: %s", r->vm_name,
			  r->hold_reason[0] ? r->hold_reason : "see the relocation");
	v->starts_at_ms = r->state_since_ms;
	set_next(m, v);
}

Vrsas__V1__IncidentViews *incident_views(struct vrs_arena *mem,
					 const struct incidents *told,
					 const Vrsas__V1__StatusView *status,
					 const Vrsas__V1__HostViews *down)
{
	struct making m = {.mem = mem, .status = status, .down = down};
	size_t n = told->n + (down ? down->n_host : 0) + (status ? status->n_open : 0);

	m.ret = give(&m, 1, sizeof(*m.ret));
	vrsas__v1__incident_views__init(m.ret);
	m.ret->incident = give(&m, n, sizeof(view *));
	for (size_t i = 0; i < told->n; i++)
		if (told->one[i]->ends_at_ms == 0)
			of_alert(&m, told->one[i]);
	for (size_t i = 0; down && i < down->n_host; i++)
		of_host(&m, down->host[i]);
	for (size_t i = 0; status && i < status->n_open; i++)
		of_relocation(&m, status->open[i]);
	for (size_t i = 0; i < told->n; i++)
		if (told->one[i]->ends_at_ms != 0)
			of_alert(&m, told->one[i]);
	return m.ret;
}
