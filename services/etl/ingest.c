#include "ingest.h"

#include <stdlib.h>
#include <string.h>

#include "stream.h"
#include "validate.h"
#include "vrs/clock.h"
#include "vrs/mem.h"
#include "vrs/series.h"
#include "vrs/telemetry.h"
#include "watermark.h"
#include "writer.h"

enum {
	RUN_COMMANDS = 8192, /* commands in a pipeline before it is run */
	RETRY_MS = 500,      /* wait after a failure of Redis */
	MAX_REASONS = 16,
	MAX_CLUSTERS = 256, /* clusters in the metrics */
};

struct progress {
	char cluster[65];
	int64_t end_ms; /* end of the newest interval stored */
};

struct ingest {
	struct vrs_loop *loop;
	struct vrs_store *store;
	struct streams streams;
	struct writer writer;
	struct ingest_counts counts;
	bool flush_posted;
	struct vrs_timer *retry;
	int64_t failed_mono_ms;
	struct progress progress[MAX_CLUSTERS];
	size_t n_progress;
	struct vrs_histogram latency;

	/* the reply being built */
	Vrsas__V1__FillReply reply;
	char *reason[MAX_REASONS];
	char error[500];
	bool replying;
};

static void refused(struct ingest *ing, const struct vrs_err *err)
{
	Vrsas__V1__FillReply *r = &ing->reply;

	ing->counts.refused++;
	(void)vrs_strcpy(ing->counts.refused_why, sizeof(ing->counts.refused_why),
			 err->text);
	if (!ing->replying)
		return;
	r->refused_count++;
	if (r->n_refused < MAX_REASONS)
		ing->reason[r->n_refused++] = vrs_strdup(err->text);
}

static void store_failed(struct ingest *ing, const struct vrs_err *err)
{
	ing->counts.store_failures++;
	(void)vrs_strcpy(ing->counts.store_why, sizeof(ing->counts.store_why), err->text);
	ing->failed_mono_ms = vrs_now_mono_ms();
	/* The state in memory may now be ahead of Redis. */
	for (struct stream *s = ing->streams.first; s; s = s->next) {
		s->generation = 0;
		stream_pack_held(s);
	}
}

/* --- storing consecutive records --- */

/* Runs the added commands, then raises the watermark to seq. */
static int commit(struct ingest *ing, struct stream *s, uint64_t seq, struct vrs_err *err)
{
	int status = vrs_store_run(ing->store, NULL, err);

	ing->writer.n_commands = 0;
	if (status == 0)
		status = watermark_raise(ing->store, s, seq, err);
	if (status == 0)
		ing->counts.samples += ing->writer.n_samples;
	ing->writer.n_samples = 0;
	return status;
}

static void note_samples(struct ingest *ing, const struct stream *s,
			 const Vrsas__V1__SampleBatch *b, uint8_t flag, int64_t now_ms)
{
	int64_t end_ms = b->at_ms + b->interval_ms;
	struct progress *p = ing->progress, *end = p + ing->n_progress;

	if (stream_is_import(s))
		return;
	if (flag == VRS_SLOT_LIVE)
		vrs_histogram_add(&ing->latency, (double)(now_ms - end_ms) / 1e3);
	while (p < end && strcmp(p->cluster, s->cluster) != 0)
		p++;
	if (p == end) {
		if (ing->n_progress == MAX_CLUSTERS)
			return;
		ing->n_progress++;
		(void)vrs_strcpy(p->cluster, sizeof(p->cluster), s->cluster);
	}
	if (end_ms > p->end_ms)
		p->end_ms = end_ms;
}

/* Adds the commands of record seq, which follows the previous one directly. */
static int take(struct ingest *ing, struct stream *s, const Vrsas__V1__Record *r,
		uint8_t flag, struct vrs_err *err)
{
	struct vrs_err why = {0};
	int64_t now = vrs_now_wall_ms();

	if (validate_body(r, s->table, now, ing->writer.retention_ms, &why) < 0)
		refused(ing, &why);
	else if (writer_record(&ing->writer, s, r, flag, err) < 0)
		return err->code;
	else if (r->body_case == VRSAS__V1__RECORD__BODY_SAMPLES)
		note_samples(ing, s, r->samples, flag, now);
	if (ing->writer.n_commands >= RUN_COMMANDS)
		return commit(ing, s, r->seq, err);
	return 0;
}

static int take_held(struct ingest *ing, struct stream *s, const struct held *h,
		     struct vrs_err *err)
{
	struct vrs_err bad = {0};
	struct vrs_msg *msg;

	if (h->msg)
		return take(ing, s, h->record, VRS_SLOT_LIVE, err);
	if (vrs_msg_unpack(&msg, &vrsas__v1__record__descriptor, h->bytes, h->n_bytes,
			   &bad) < 0) {
		refused(ing, &bad);
		return 0;
	}
	int status = take(ing, s, (const void *)vrs_msg_get(msg), VRS_SLOT_LIVE, err);
	vrs_msg_free(msg);
	return status;
}

/* Stores the held records that are next. */
static int drain(struct ingest *ing, struct stream *s, struct vrs_err *err)
{
	uint64_t next = s->watermark + 1;
	uint64_t n = 0;
	int status = 0;

	stream_drop_held(&ing->streams, s, s->watermark);
	for (size_t i = 0; i < s->n_held && s->held[i].seq == next && status == 0; i++) {
		status = take_held(ing, s, &s->held[i], err);
		next++;
		n++;
	}
	if (status == 0 && next - 1 > s->watermark)
		status = commit(ing, s, next - 1, err);
	if (status < 0)
		return status;
	ing->counts.live += n;
	stream_drop_held(&ing->streams, s, s->watermark);
	if (s->n_held > 0 && !s->in_gap)
		ing->counts.gaps++;
	s->in_gap = s->n_held > 0;
	stream_pack_held(s);
	return 0;
}

/* --- the live path --- */

static bool just_failed(const struct ingest *ing)
{
	return ing->failed_mono_ms != 0 &&
	       vrs_now_mono_ms() - ing->failed_mono_ms < RETRY_MS;
}

static void flush(void *arg);

static void flush_retry(void *arg)
{
	struct ingest *ing = arg;

	ing->retry = NULL;
	flush(ing);
}

static void flush(void *arg)
{
	struct ingest *ing = arg;
	struct vrs_err err = {0};

	ing->flush_posted = false;
	if (!just_failed(ing)) {
		struct stream *s = ing->streams.first;
		int status = 0;

		for (; s && status == 0; s = s->next) {
			if (s->n_held == 0)
				continue;
			status = watermark_load(ing->store, s, &ing->counts.lost, &err);
			if (status == 0)
				status = drain(ing, s, &err);
		}
		if (status == 0) {
			ing->failed_mono_ms = 0;
			return;
		}
		store_failed(ing, &err);
	}
	if (!ing->retry)
		ing->retry = vrs_loop_after(ing->loop, RETRY_MS, flush_retry, ing);
}

static void flush_soon(struct ingest *ing)
{
	if (!ing->flush_posted)
		vrs_loop_post(ing->loop, flush, ing);
	ing->flush_posted = true;
}

static void live_record(struct ingest *ing, const Vrsas__V1__Record *r,
			struct vrs_msg *msg)
{
	struct vrs_err err = {0};

	if (validate_envelope(r, &err) < 0) {
		refused(ing, &err);
		return;
	}
	struct stream *s = stream_get(&ing->streams, r->cluster, r->collector, r->epoch);
	if (r->seq > s->head)
		s->head = r->seq;
	if (s->generation != 0 && r->seq <= s->watermark) {
		ing->counts.duplicates++;
		return;
	}
	stream_hold(&ing->streams, s, r, msg);
	flush_soon(ing);
}

/* Stores a collector's metrics page for the gateway. An invalid page has no other
 * effect. */
static void keep_page(struct ingest *ing, const Vrsas__V1__Heartbeat *hb)
{
	struct vrs_page *scratch = vrs_page_new("", "");
	struct vrs_err err = {0};

	if (vrs_page_take(scratch, "collector", hb->collector, hb->metrics,
			  strlen(hb->metrics), &err) < 0)
		refused(ing, &err);
	else
		(void)vrs_page_store(ing->store, "collector", hb->collector, hb->metrics,
				     NULL);
	vrs_page_free(scratch);
}

static void live_heartbeat(struct ingest *ing, const Vrsas__V1__Heartbeat *hb,
			   const Vrsas__V1__Sealed *seal)
{
	struct vrs_err err = {0};

	if (validate_heartbeat(hb, &err) < 0) {
		refused(ing, &err);
		return;
	}
	struct stream *s =
		stream_get(&ing->streams, hb->cluster, hb->collector, hb->epoch);
	if (hb->head_seq > s->head)
		s->head = hb->head_seq;
	if (just_failed(ing))
		return; /* the next one follows within seconds */
	if (writer_heartbeat(&ing->writer, hb, seal, &err) < 0)
		store_failed(ing, &err);
	else
		ing->counts.heartbeats++;
	if (hb->metrics[0] && !just_failed(ing))
		keep_page(ing, hb);
}

void ingest_live(struct ingest *ing, struct vrs_msg *msg, const Vrsas__V1__Sealed *seal)
{
	const Vrsas__V1__Live *live = (const void *)vrs_msg_get(msg);
	struct vrs_err err = {0};

	switch (live->body_case) {
	case VRSAS__V1__LIVE__BODY_RECORD:
		live_record(ing, live->record, msg);
		break;
	case VRSAS__V1__LIVE__BODY_HEARTBEAT:
		live_heartbeat(ing, live->heartbeat, seal);
		break;
	default:
		vrs_fail(&err, VRS_EPARSE, "live message without a known body");
		refused(ing, &err);
		break;
	}
}

/* --- the lossless path --- */

static int fill_offer(struct ingest *ing, const Vrsas__V1__Offer *offer,
		      struct stream **ret, struct vrs_err *err)
{
	if (validate_offer(offer, err) < 0) {
		refused(ing, err);
		return err->code;
	}
	struct stream *s =
		stream_get(&ing->streams, offer->cluster, offer->collector, offer->epoch);
	*ret = s;
	if (offer->head_seq > s->head)
		s->head = offer->head_seq;
	int status = watermark_load(ing->store, s, &ing->counts.lost, err);
	if (status == 0)
		status = watermark_begin_at(ing->store, s, offer->first_seq,
					    &ing->counts.lost, err);
	if (status == 0)
		status = drain(ing, s, err);
	if (status == 0)
		status = watermark_note_head(ing->store, s, err);
	if (status < 0)
		store_failed(ing, err);
	return status;
}

static bool same_stream(const struct stream *s, const Vrsas__V1__Record *r)
{
	return r->epoch == s->epoch && strcmp(r->cluster, s->cluster) == 0 &&
	       strcmp(r->collector, s->collector) == 0;
}

static int fill_piece(struct ingest *ing, const Vrsas__V1__Piece *piece,
		      struct stream **ret, struct vrs_err *err)
{
	uint64_t n = 0;

	if (piece->n_record == 0)
		return vrs_fail(err, VRS_EPARSE, "empty piece");
	for (size_t i = 0; i < piece->n_record; i++)
		if (validate_envelope(piece->record[i], err) < 0) {
			refused(ing, err);
			return err->code;
		}
	const Vrsas__V1__Record *first = piece->record[0];
	struct stream *s =
		stream_get(&ing->streams, first->cluster, first->collector, first->epoch);
	*ret = s;

	int status = watermark_load(ing->store, s, &ing->counts.lost, err);
	uint64_t next = s->watermark + 1;
	for (size_t i = 0; i < piece->n_record && status == 0; i++) {
		const Vrsas__V1__Record *r = piece->record[i];

		if (!same_stream(s, r) || r->seq > next)
			break; /* not consecutive: the missing records are requested later
				*/
		if (r->seq > s->head)
			s->head = r->seq;
		if (r->seq < next) {
			ing->counts.duplicates++;
			continue;
		}
		status = take(ing, s, r, VRS_SLOT_FILLED, err);
		next++;
		n++;
	}
	if (status == 0 && next - 1 > s->watermark)
		status = commit(ing, s, next - 1, err);
	if (status == 0) {
		ing->counts.filled += n;
		status = drain(ing, s, err);
	}
	if (status < 0)
		store_failed(ing, err);
	return status;
}

static void reply_begin(struct ingest *ing, const char *request_id)
{
	for (size_t i = 0; i < ing->reply.n_refused; i++)
		free(ing->reason[i]);
	vrsas__v1__fill_reply__init(&ing->reply);
	ing->reply.request_id = request_id;
	ing->reply.refused = (const char **)ing->reason;
	ing->replying = true;
}

const Vrsas__V1__FillReply *ingest_fill(struct ingest *ing,
					const Vrsas__V1__FillRequest *request)
{
	Vrsas__V1__FillReply *reply = &ing->reply;
	struct vrs_err err = {0};
	struct stream *s = NULL;
	int status;

	reply_begin(ing, request->request_id);
	if (request->body_case == VRSAS__V1__FILL_REQUEST__BODY_OFFER)
		status = fill_offer(ing, request->offer, &s, &err);
	else if (request->body_case == VRSAS__V1__FILL_REQUEST__BODY_PIECE)
		status = fill_piece(ing, request->piece, &s, &err);
	else
		status = vrs_fail(&err, VRS_EPARSE, "unknown request");
	ing->replying = false;

	if (status < 0 || !s) {
		(void)vrs_strcpy(ing->error, sizeof(ing->error), err.text);
		reply->error = ing->error;
		return reply;
	}
	reply->watermark = s->watermark;
	if (s->head > s->watermark) {
		reply->want_from = s->watermark + 1;
		reply->want_to = s->n_held ? s->held[0].seq - 1 : s->head;
	}
	return reply;
}

int ingest_open(struct ingest **ret, struct vrs_loop *loop, struct vrs_store *store,
		int64_t retention_ms, struct vrs_err *err)
{
	struct ingest *ing = vrs_calloc(1, sizeof(*ing));

	(void)err;
	ing->loop = loop;
	ing->store = store;
	vrs_histogram_init(&ing->latency, vrs_bounds_seconds,
			   sizeof(vrs_bounds_seconds) / sizeof(vrs_bounds_seconds[0]));
	ing->writer = (struct writer){.store = store, .retention_ms = retention_ms};
	vrsas__v1__fill_reply__init(&ing->reply);
	*ret = ing;
	return 0;
}

void ingest_close(struct ingest *ing)
{
	if (!ing)
		return;
	vrs_timer_cancel(ing->retry);
	reply_begin(ing, "");
	streams_fini(&ing->streams);
	free(ing);
}

void ingest_counts(const struct ingest *ing, struct ingest_counts *ret)
{
	*ret = ing->counts;
	ret->sources = ing->streams.n;
	ret->held_bytes = ing->streams.held_bytes;
}

const struct vrs_histogram *ingest_latency(const struct ingest *ing)
{
	return &ing->latency;
}

void ingest_clusters(const struct ingest *ing, int64_t now_ms,
		     void (*fn)(void *arg, const struct ingest_cluster *c), void *arg)
{
	for (size_t i = 0; i < ing->n_progress; i++) {
		const struct progress *p = &ing->progress[i];
		struct ingest_cluster c = {.name = p->cluster};

		c.lag_s = now_ms > p->end_ms ? (double)(now_ms - p->end_ms) / 1e3 : 0;
		for (const struct stream *s = ing->streams.first; s; s = s->next)
			if (strcmp(s->cluster, p->cluster) == 0 && s->head > s->watermark)
				c.backlog += s->head - s->watermark;
		fn(arg, &c);
	}
}
