#include "live/progress.h"

#include <stdlib.h>
#include <string.h>

#include "vrs/bus.h"
#include "vrs/json.h"
#include "vrs/keys.h"
#include "vrs/mem.h"
#include "vrsas/v1/transfer.pb-c.h"

enum { MAX_FOLLOWED = 1000 };

struct followed {
	char job[132], vm_id[132], vm_name[132], relocation[132];
	int64_t beat_at_ms;
};

struct progress {
	struct followed *one;
	size_t n;
};

struct progress *progress_new(void)
{
	return vrs_calloc(1, sizeof(struct progress));
}

void progress_free(struct progress *p)
{
	if (p)
		free(p->one);
	free(p);
}

static const struct followed *known(const struct progress *p, const char *job)
{
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->one[i].job, job) == 0)
			return &p->one[i];
	return NULL;
}

static bool moves(const Vrsas__V1__RelocationView *v)
{
	return v->transfers && v->record && v->record->transfer_job[0];
}

void progress_follow(struct progress *p, Vrsas__V1__RelocationView *const *open, size_t n)
{
	struct followed *list = vrs_calloc(n + 1, sizeof(*list));
	size_t kept = 0;

	for (size_t i = 0; i < n && kept < MAX_FOLLOWED; i++) {
		if (!moves(open[i]))
			continue;
		const Vrsas__V1__Relocation *r = open[i]->record;
		const struct followed *old = known(p, r->transfer_job);
		struct followed *f = &list[kept++];

		if (old)
			*f = *old;
		(void)vrs_strcpy(f->job, sizeof(f->job), r->transfer_job);
		(void)vrs_strcpy(f->vm_id, sizeof(f->vm_id), r->vm_id);
		(void)vrs_strcpy(f->vm_name, sizeof(f->vm_name), r->vm_name);
		(void)vrs_strcpy(f->relocation, sizeof(f->relocation), r->id);
	}
	free(p->one);
	p->one = list;
	p->n = kept;
}

static void view_of(struct followed *f, const Vrsas__V1__TransferStatus *t,
		    Vrsas__V1__ProgressView *v)
{
	const char *state =
		vrs_enum_name(&vrsas__v1__transfer_state__descriptor, (int)t->state);

	vrsas__v1__progress_view__init(v);
	v->vm_id = f->vm_id;
	v->vm_name = f->vm_name;
	v->relocation = f->relocation;
	v->state = state ? state : "";
	v->bytes_total = t->bytes_total;
	v->bytes_done = t->bytes_done;
	v->bytes_sent = t->bytes_sent;
	v->rate_now_bytes_per_s = t->rate_now_bytes_per_s;
	v->rate_avg_bytes_per_s = t->rate_avg_bytes_per_s;
	v->eta_ms = t->eta_ms;
	v->beat_at_ms = t->beat_at_ms;
	v->eta_low_ms = t->eta_low_ms;
	v->eta_high_ms = t->eta_high_ms;
}

static char *views_text(Vrsas__V1__ProgressView **list, size_t n)
{
	Vrsas__V1__ProgressViews v = VRSAS__V1__PROGRESS_VIEWS__INIT;

	v.progress = list;
	v.n_progress = n;
	json_t *json = vrs_json_of_message(&v.base);
	char *text = vrs_json_text(json, true);
	json_decref(json);
	return text;
}

char *progress_json(struct progress *p, struct vrs_store *store)
{
	struct vrs_reply *r;
	char *text = NULL;
	size_t n = 0;

	if (p->n == 0)
		return NULL;
	for (size_t i = 0; i < p->n; i++)
		vrs_store_addf(store, "HGET %s rec",
			       vrs_key_transfer(p->one[i].job).text);
	if (vrs_store_run(store, &r, NULL) < 0)
		return NULL;
	Vrsas__V1__ProgressView *view = vrs_calloc(p->n, sizeof(*view));
	Vrsas__V1__ProgressView **list = vrs_calloc(p->n, sizeof(*list));
	for (size_t i = 0; i < p->n; i++) {
		struct vrs_msg *msg;

		if (r->item[i].type != VRS_REPLY_BYTES ||
		    vrs_msg_unpack(&msg, &vrsas__v1__transfer_status__descriptor,
				   r->item[i].bytes, r->item[i].len, NULL) < 0)
			continue;
		const Vrsas__V1__TransferStatus *t = (const void *)vrs_msg_get(msg);
		if (t->beat_at_ms != p->one[i].beat_at_ms) {
			p->one[i].beat_at_ms = t->beat_at_ms;
			view_of(&p->one[i], t, &view[n]);
			list[n] = &view[n];
			n++;
		}
		vrs_msg_free(msg);
	}
	if (n)
		text = views_text(list, n);
	free(list);
	free(view);
	vrs_reply_free(r);
	return text;
}
