#include "api/alertmanager.h"

#include <stdlib.h>
#include <string.h>

#include "facts/inventory.h"
#include "vrs/clock.h"
#include "vrs/http.h"
#include "vrs/log.h"
#include "vrs/mem.h"

static const char source[] = "alertmanager";

struct alertmanager {
	struct gateway *g;
	struct vrs_timer *timer;
	char *url, *token;
	struct vrs_complaint complaint;
	bool asking;
};

struct question {
	struct alertmanager *m;
	struct vrs_http_reply reply;
	struct vrs_err err;
	int status;
};

/* On a worker. */
static void work(void *arg)
{
	struct question *q = arg;
	const struct vrs_http_request req = {
		.url = q->m->url,
		.bearer = q->m->token,
		.ca_file = q->m->g->conf.alertmanager_ca[0]
				   ? q->m->g->conf.alertmanager_ca
				   : NULL,
		.timeout_ms = 2500,
		.max_bytes = 8 << 20,
	};

	q->status = vrs_http(&req, &q->reply, &q->err);
	if (q->status == 0 && q->reply.status != 200)
		q->status = vrs_fail(&q->err, VRS_EIO, "replied with status %d",
				     q->reply.status);
}

static bool fires(const struct alert *list, size_t n, const char *id)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i].id, id) == 0)
			return true; /* a silenced alert has not ended */
	return false;
}

/* An incident whose alert is not listed has ended, though no webhook reported it. */
static int end_others(struct gateway *g, const struct alert *list, size_t n,
		      struct vrs_err *err)
{
	struct incidents open = {0};
	int64_t now = vrs_now_wall_ms();
	int status = incident_read(g->svc->store, INT64_MAX, &open, err);

	for (size_t i = 0; status == 0 && i < open.n; i++) {
		const Vrsas__V1__Incident *in = open.one[i];
		struct alert a = {.starts_at_ms = in->starts_at_ms, .ends_at_ms = now};
		enum incident_result result;

		/* a very recent one may be newer than the list */
		if (fires(list, n, in->id) || now - in->last_at_ms < 10000)
			continue;
		(void)vrs_strcpy(a.id, sizeof(a.id), in->id);
		(void)vrs_strcpy(a.fingerprint, sizeof(a.fingerprint), in->fingerprint);
		(void)vrs_strcpy(a.name, sizeof(a.name), in->alert);
		(void)vrs_strcpy(a.cluster, sizeof(a.cluster), in->cluster);
		(void)vrs_strcpy(a.host, sizeof(a.host), in->host);
		(void)vrs_strcpy(a.severity, sizeof(a.severity), in->severity);
		(void)vrs_strcpy(a.summary, sizeof(a.summary), in->summary);
		status = alerts_take(g, &a, source, &result, err);
	}
	incident_fini(&open);
	return status;
}

static int take_list(struct gateway *g, const struct vrs_http_reply *reply,
		     struct vrs_err *err)
{
	struct inventory inv = {0};
	struct alert *list = NULL;
	size_t n = 0;
	int status = alert_list(reply->body, reply->n_body, &list, &n, err);

	if (status == 0)
		status = inventory_read(&inv, g, err);
	for (size_t i = 0; status == 0 && i < n; i++) {
		enum incident_result result;

		if (!list[i].refused[0] &&
		    inventory_host(&inv, list[i].cluster, list[i].host))
			status = alerts_take(g, &list[i], source, &result, err);
	}
	if (status == 0)
		status = end_others(g, list, n, err);
	inventory_fini(&inv);
	free(list);
	return status;
}

static void done(void *arg)
{
	struct question *q = arg;
	struct alertmanager *m = q->m;

	m->asking = false;
	if (q->status == 0)
		q->status = take_list(m->g, &q->reply, &q->err);
	if (q->status < 0)
		vrs_complain(&m->complaint, VRS_WARN,
			     "alertmanager %s: %s; next poll in %lld ms", m->url,
			     q->err.text, (long long)m->g->conf.alertmanager_ms);
	else
		vrs_complaint_over(&m->complaint, "alertmanager responds again");
	vrs_http_reply_fini(&q->reply);
	free(q);
}

static void look(void *arg)
{
	struct alertmanager *m = arg;

	if (m->asking)
		return;
	struct question *q = vrs_calloc(1, sizeof(*q));
	q->m = m;
	m->asking = true;
	vrs_workers_submit(m->g->workers, "alertmanager", work, done, q);
}

struct alertmanager *alertmanager_new(struct gateway *g)
{
	size_t n = strlen(g->conf.alertmanager);

	if (n == 0)
		return NULL;
	struct alertmanager *m = vrs_calloc(1, sizeof(*m));
	m->g = g;
	while (n > 0 && g->conf.alertmanager[n - 1] == '/')
		n--;
	m->url = vrs_asprintf("%.*s/api/v2/alerts", (int)n, g->conf.alertmanager);
	if (g->conf.alertmanager_token_file[0]) {
		struct vrs_err err = {0};

		if (vrs_secret_read(g->conf.alertmanager_token_file, &m->token, &err) < 0)
			log_warn("alertmanager is polled without a token: %s", err.text);
	}
	m->timer = vrs_loop_every(g->svc->loop, g->conf.alertmanager_ms, look, m);
	look(m);
	return m;
}

void alertmanager_free(struct alertmanager *m)
{
	if (!m)
		return;
	vrs_timer_cancel(m->timer);
	free(m->url);
	free(m->token);
	free(m);
}
