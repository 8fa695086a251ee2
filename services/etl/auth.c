#include "auth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vrs/mem.h"

enum { CLOCK_MAY_DIFFER_MS = 2 * 60 * 1000, MAX_SENDERS = 1024 };

/* Time of the newest heartbeat of a collector. */
struct sender {
	char cluster[65], collector[65];
	int64_t at_ms;
};

struct auth {
	struct vrs_seal_keys *keys;
	struct vrs_msg *opened;
	struct sender *sender;
	size_t n_senders;
	uint64_t refused[AUTH_REASONS];
};

struct auth *auth_new_take(struct vrs_seal_keys *keys)
{
	struct auth *g = vrs_calloc(1, sizeof(*g));

	g->keys = keys;
	return g;
}

void auth_close(struct auth *g)
{
	vrs_msg_free(g->opened);
	g->opened = NULL;
}

struct vrs_msg *auth_opened(const struct auth *g)
{
	return g->opened;
}

void auth_free(struct auth *g)
{
	if (!g)
		return;
	auth_close(g);
	vrs_seal_keys_free(g->keys);
	free(g->sender);
	free(g);
}

uint64_t auth_refused(const struct auth *g, enum auth_reason reason)
{
	return g->refused[reason];
}

static int refuse(struct auth *g, enum auth_reason reason, int status)
{
	g->refused[reason]++;
	return status;
}

/* Checks the seal, if there are keys, and unpacks its payload. */
static int open_seal(struct auth *g, enum vrs_seal_use use, const Vrsas__V1__Sealed *s,
		     const ProtobufCMessageDescriptor *type, struct vrs_err *err)
{
	int status;

	auth_close(g);
	if (g->keys && (status = vrs_seal_check(g->keys, use, s, err)) < 0)
		return refuse(g, AUTH_SIGNATURE, status);
	status = vrs_msg_unpack(&g->opened, type, s->payload.data, s->payload.len, err);
	return status < 0 ? refuse(g, AUTH_MALFORMED, status) : 0;
}

static int not_sealed(struct auth *g, const char *cluster, struct vrs_err *err)
{
	return refuse(g, AUTH_UNSIGNED,
		      vrs_fail(err, VRS_EDENIED,
			       "seal: missing on a message from cluster %.64s",
			       vrs_name_ok(cluster) ? cluster : "?"));
}

/* The key of one cluster was used for messages of another. */
static int same_cluster(struct auth *g, const Vrsas__V1__Sealed *s, const char *cluster,
			struct vrs_err *err)
{
	if (!g->keys || strcmp(s->cluster, cluster) == 0)
		return 0;
	return refuse(g, AUTH_SIGNATURE,
		      vrs_fail(err, VRS_EDENIED,
			       "seal: cluster %s signed a message of cluster %.64s",
			       s->cluster, vrs_name_ok(cluster) ? cluster : "?"));
}

static struct sender *sender_of(struct auth *g, const Vrsas__V1__Heartbeat *hb)
{
	for (size_t i = 0; i < g->n_senders; i++)
		if (strcmp(g->sender[i].cluster, hb->cluster) == 0 &&
		    strcmp(g->sender[i].collector, hb->collector) == 0)
			return &g->sender[i];
	if (g->n_senders == MAX_SENDERS || !vrs_name_ok(hb->collector))
		return NULL;
	g->sender = vrs_realloc(g->sender, g->n_senders + 1, sizeof(*g->sender));
	struct sender *s = &g->sender[g->n_senders++];
	*s = (struct sender){.at_ms = INT64_MIN};
	(void)vrs_strcpy(s->cluster, sizeof(s->cluster), hb->cluster);
	(void)vrs_strcpy(s->collector, sizeof(s->collector), hb->collector);
	return s;
}

static int is_fresh(struct auth *g, const Vrsas__V1__Sealed *sealed,
		    const Vrsas__V1__Heartbeat *hb, int64_t now_ms, struct vrs_err *err)
{
	struct sender *s;

	if (!g->keys)
		return 0;
	if (sealed->at_ms < now_ms - CLOCK_MAY_DIFFER_MS ||
	    sealed->at_ms > now_ms + CLOCK_MAY_DIFFER_MS)
		return refuse(g, AUTH_REPLAY,
			      vrs_fail(err, VRS_EDENIED,
				       "heartbeat of cluster %s: its time differs from "
				       "our clock by more than 2 min",
				       sealed->cluster));
	s = sender_of(g, hb);
	if (!s || sealed->at_ms <= s->at_ms)
		return refuse(g, AUTH_REPLAY,
			      vrs_fail(err, VRS_EDENIED,
				       "heartbeat of cluster %s: not newer than the "
				       "previous one",
				       sealed->cluster));
	s->at_ms = sealed->at_ms;
	return 0;
}

static const char *cluster_of(const Vrsas__V1__Live *live)
{
	if (live->body_case == VRSAS__V1__LIVE__BODY_RECORD)
		return live->record->cluster;
	if (live->body_case == VRSAS__V1__LIVE__BODY_HEARTBEAT)
		return live->heartbeat->cluster;
	return "";
}

const Vrsas__V1__Live *auth_live(struct auth *g, const Vrsas__V1__Live *live,
				 int64_t now_ms, struct vrs_err *err)
{
	if (live->body_case != VRSAS__V1__LIVE__BODY_SEALED) {
		if (!g->keys)
			return live;
		(void)not_sealed(g, cluster_of(live), err);
		return NULL;
	}
	if (open_seal(g, VRS_SEAL_LIVE, live->sealed, &vrsas__v1__live__descriptor, err) <
	    0)
		return NULL;
	const Vrsas__V1__Live *inner = (const Vrsas__V1__Live *)vrs_msg_get(g->opened);
	if (inner->body_case == VRSAS__V1__LIVE__BODY_SEALED) {
		(void)refuse(g, AUTH_MALFORMED,
			     vrs_fail(err, VRS_EPARSE, "seal: contains another seal"));
		return NULL;
	}
	if (same_cluster(g, live->sealed, cluster_of(inner), err) < 0)
		return NULL;
	if (inner->body_case == VRSAS__V1__LIVE__BODY_HEARTBEAT &&
	    is_fresh(g, live->sealed, inner->heartbeat, now_ms, err) < 0)
		return NULL;
	return inner;
}

/* Checks the cluster of the offer or of every record of a piece. */
static int fill_of_cluster(struct auth *g, const Vrsas__V1__Sealed *s,
			   const Vrsas__V1__FillRequest *r, struct vrs_err *err)
{
	int status = 0;

	switch (r->body_case) {
	case VRSAS__V1__FILL_REQUEST__BODY_OFFER:
		return same_cluster(g, s, r->offer->cluster, err);
	case VRSAS__V1__FILL_REQUEST__BODY_PIECE:
		for (size_t i = 0; i < r->piece->n_record && status == 0; i++)
			status = same_cluster(g, s, r->piece->record[i]->cluster, err);
		return status;
	default:
		return refuse(g, AUTH_MALFORMED,
			      vrs_fail(err, VRS_EPARSE,
				       "seal: contains neither an offer nor a piece"));
	}
}

const Vrsas__V1__FillRequest *auth_fill(struct auth *g, const Vrsas__V1__FillRequest *r,
					struct vrs_err *err)
{
	if (r->body_case == VRSAS__V1__FILL_REQUEST__BODY_SEALED) {
		if (open_seal(g, VRS_SEAL_FILL, r->sealed,
			      &vrsas__v1__fill_request__descriptor, err) < 0)
			return NULL;
		const Vrsas__V1__FillRequest *inner =
			(const Vrsas__V1__FillRequest *)vrs_msg_get(g->opened);
		return fill_of_cluster(g, r->sealed, inner, err) < 0 ? NULL : inner;
	}
	if (!g->keys || r->body_case == VRSAS__V1__FILL_REQUEST__BODY_EXPORT_PAGE)
		return r; /* an export changes nothing */
	const char *cluster = "";
	if (r->body_case == VRSAS__V1__FILL_REQUEST__BODY_OFFER)
		cluster = r->offer->cluster;
	else if (r->body_case == VRSAS__V1__FILL_REQUEST__BODY_PIECE &&
		 r->piece->n_record > 0)
		cluster = r->piece->record[0]->cluster;
	(void)not_sealed(g, cluster, err);
	return NULL;
}
