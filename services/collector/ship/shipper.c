#include "ship/shipper.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "ship/spool.h"
#include "vrs/bus.h"
#include "vrs/clock.h"
#include "vrs/log.h"
#include "vrs/mem.h"

enum {
	DEFAULT_OFFER_MS = 5000,
	OFFER_SOON_MS = 250,
	ANSWER_MS = 15000, /* etl stores a whole piece before it replies */
	PIECE_BYTES = 512 * 1024,
	PIECE_MAX_RECORDS = 2048,
	TABLE_AGAIN_MS =
		3600 * 1000, /* because samples are useless without their table */
};

struct shipper {
	struct vrs_loop *loop;
	char *cluster, *collector;
	struct spool *spool;
	struct vrs_pub *pub;
	struct vrs_req *fill;
	struct vrs_timer *every, *soon;
	bool asking; /* one request at a time */
	bool closing;
	bool seals;
	struct vrs_seal_key key;
	int64_t sealed_at_ms;  /* time of the newest seal; the next one must be later */
	uint64_t request;      /* number of the last request, part of its id */
	uint64_t pushed;       /* the last piece should raise the watermark to this */
	struct vrs_msg *table; /* the newest host table, as a Record */
	int64_t table_at_mono_ms;
	struct shipper_counts counts;
	struct vrs_complaint refusal;
};

static void offer(struct shipper *f, uint64_t first_seq);

static struct spool_info info_of(const struct shipper *f)
{
	struct spool_info info;

	spool_info(f->spool, &info);
	return info;
}

/* --- seals --- */

struct sealed {
	Vrsas__V1__Sealed msg;
	void *payload; /* the caller frees it */
	unsigned char mac[VRS_SEAL_MAC_BYTES];
};

static void seal(struct shipper *f, enum vrs_seal_use use, const ProtobufCMessage *msg,
		 struct sealed *ret)
{
	int64_t at_ms = vrs_now_wall_ms();
	size_t n;

	if (at_ms <= f->sealed_at_ms)
		at_ms = f->sealed_at_ms + 1;
	f->sealed_at_ms = at_ms;
	ret->payload = vrs_msg_pack(msg, &n);
	vrs_seal(&f->key, use,
		 &(struct vrs_seal_content){f->cluster, at_ms, ret->payload, n},
		 &ret->msg, ret->mac);
}

static int send_live(struct shipper *f, const Vrsas__V1__Live *live, struct vrs_err *err)
{
	Vrsas__V1__Live outer = VRSAS__V1__LIVE__INIT;
	struct sealed sealed = {0};

	if (!f->seals)
		return vrs_pub_send(f->pub, &live->base, err);
	seal(f, VRS_SEAL_LIVE, &live->base, &sealed);
	outer.body_case = VRSAS__V1__LIVE__BODY_SEALED;
	outer.sealed = &sealed.msg;
	int status = vrs_pub_send(f->pub, &outer.base, err);
	free(sealed.payload);
	return status;
}

/* --- filling --- */

struct piece {
	struct vrs_msg *msg[PIECE_MAX_RECORDS];
	Vrsas__V1__Record *record[PIECE_MAX_RECORDS];
	size_t n;
	uint64_t first_seq, next_seq;
};

static int piece_add(void *arg, uint64_t seq, const void *bytes, size_t n_bytes)
{
	struct piece *p = arg;

	/* The records of a piece are consecutive. */
	if (p->n > 0 && seq != p->next_seq)
		return 1;
	if (vrs_msg_unpack(&p->msg[p->n], &vrsas__v1__record__descriptor, bytes, n_bytes,
			   NULL) < 0)
		return p->n > 0; /* not a valid record: treated as damaged */
	p->record[p->n] = (Vrsas__V1__Record *)vrs_msg_get(p->msg[p->n]);
	if (p->n++ == 0)
		p->first_seq = seq;
	p->next_seq = seq + 1;
	return p->n == PIECE_MAX_RECORDS;
}

static void on_answer(void *arg, const ProtobufCMessage *reply,
		      const struct vrs_err *err);

static void ask(struct shipper *f, Vrsas__V1__FillRequest *request)
{
	char *id =
		vrs_asprintf("%s-%llu", f->collector, (unsigned long long)++f->request);

	Vrsas__V1__FillRequest outer = VRSAS__V1__FILL_REQUEST__INIT;
	struct sealed sealed = {0};

	request->request_id = id;
	if (f->seals) {
		seal(f, VRS_SEAL_FILL, &request->base, &sealed);
		outer.request_id = id;
		outer.body_case = VRSAS__V1__FILL_REQUEST__BODY_SEALED;
		outer.sealed = &sealed.msg;
		request = &outer;
	}
	f->asking =
		vrs_req_send(f->fill, &request->base, ANSWER_MS, on_answer, f, NULL) == 0;
	free(sealed.payload);
	free(id);
	if (!f->asking)
		f->counts.failed_offers++;
}

static void send_piece(struct shipper *f, uint64_t from, uint64_t to)
{
	Vrsas__V1__FillRequest request = VRSAS__V1__FILL_REQUEST__INIT;
	Vrsas__V1__Piece body = VRSAS__V1__PIECE__INIT;
	struct piece *p = vrs_calloc(1, sizeof(*p));
	uint64_t next = from;

	int status = spool_read(f->spool,
				&(struct spool_range){.from = from,
						      .to = to,
						      .max_bytes = PIECE_BYTES,
						      .fn = piece_add,
						      .arg = p},
				&next, NULL);
	if (status < 0) {
		f->counts.failed_offers++; /* a disk error; the next offer tries again */
	} else if (p->n == 0 && next > from) {
		offer(f, next); /* the requested records have expired: offer the rest */
	} else if (p->n > 0 && p->first_seq > from) {
		offer(f, p->first_seq);
	} else if (p->n > 0) {
		body.record = p->record;
		body.n_record = p->n;
		request.body_case = VRSAS__V1__FILL_REQUEST__BODY_PIECE;
		request.piece = &body;
		f->pushed = from;
		f->counts.filled += p->n;
		ask(f, &request);
	}
	for (size_t i = 0; i < p->n; i++)
		vrs_msg_free(p->msg[i]);
	free(p);
}

static void offer(struct shipper *f, uint64_t first_seq)
{
	Vrsas__V1__FillRequest request = VRSAS__V1__FILL_REQUEST__INIT;
	Vrsas__V1__Offer body = VRSAS__V1__OFFER__INIT;
	struct spool_info info = info_of(f);

	body.cluster = f->cluster;
	body.collector = f->collector;
	body.epoch = info.epoch;
	body.first_seq = first_seq;
	body.head_seq = info.head_seq;
	request.body_case = VRSAS__V1__FILL_REQUEST__BODY_OFFER;
	request.offer = &body;
	f->counts.offers++;
	ask(f, &request);
}

static void take_answer(struct shipper *f, const Vrsas__V1__FillReply *r)
{
	struct spool_info info = info_of(f);
	bool stuck = f->pushed != 0 && r->watermark < f->pushed;

	f->pushed = 0;
	f->counts.refused += r->refused_count;
	if (r->n_refused > 0)
		(void)vrs_strcpy(f->counts.reason, sizeof(f->counts.reason),
				 r->refused[r->n_refused - 1]);
	if (r->error && r->error[0] != '\0') {
		f->counts.failed_offers++;
		vrs_complain(&f->refusal, VRS_WARN,
			     "etl rejects the readings, they stay in the spool: %s",
			     r->error);
		(void)vrs_strcpy(f->counts.reason, sizeof(f->counts.reason), r->error);
		return;
	}
	vrs_complaint_over(&f->refusal, "etl accepts readings again");
	f->counts.stored_seq = r->watermark;
	/* etl has higher numbers than the spool: the disk was restored from an older
	 * copy. Never reuse a number. */
	if (r->watermark > info.head_seq) {
		(void)spool_advance(f->spool, r->watermark, vrs_now_wall_ms(), NULL);
		return;
	}
	if (r->want_from != 0 && !stuck)
		send_piece(f, r->want_from, r->want_to);
}

static void on_answer(void *arg, const ProtobufCMessage *reply, const struct vrs_err *err)
{
	struct shipper *f = arg;

	(void)err;
	f->asking = false;
	if (f->closing)
		return;
	if (reply)
		take_answer(f, (const Vrsas__V1__FillReply *)reply);
	else
		f->counts.failed_offers++;
}

static void on_time_to_offer(void *arg)
{
	struct shipper *f = arg;

	if (!f->asking)
		offer(f, info_of(f).first_seq);
}

static void on_soon(void *arg)
{
	struct shipper *f = arg;

	f->soon = NULL;
	on_time_to_offer(f);
}

static void offer_soon(struct shipper *f, int64_t delay_ms)
{
	if (!f->soon)
		f->soon = vrs_loop_after(f->loop, delay_ms, on_soon, f);
}

/* --- putting --- */

static int publish(struct shipper *f, Vrsas__V1__Record *record)
{
	Vrsas__V1__Live live = VRSAS__V1__LIVE__INIT;

	live.body_case = VRSAS__V1__LIVE__BODY_RECORD;
	live.record = record;
	return send_live(f, &live, NULL);
}

static int put_all(struct shipper *f, Vrsas__V1__Record *const *records, size_t n,
		   struct vrs_err *err)
{
	struct spool_info info = info_of(f);
	int status;

	for (size_t i = 0; i < n; i++) {
		Vrsas__V1__Record *r = records[i];

		r->cluster = f->cluster;
		r->collector = f->collector;
		r->epoch = info.epoch;
		r->seq = info.head_seq + 1 + i;
		size_t size = vrsas__v1__record__get_packed_size(r);
		if (size > SHIPPER_MAX_RECORD)
			return vrs_fail(err, VRS_ENOSPC,
					"record of %zu bytes exceeds the limit of %d",
					size, SHIPPER_MAX_RECORD);
	}
	for (size_t i = 0; i < n; i++) {
		size_t size;
		void *bytes = vrs_msg_pack(&records[i]->base, &size);

		status = spool_append(f->spool, bytes, size, vrs_now_wall_ms(), err);
		free(bytes);
		if (status < 0)
			return vrs_context(err, "spool");
	}
	if ((status = spool_sync(f->spool, err)) < 0)
		return vrs_context(err, "spool");
	f->counts.put += n;
	for (size_t i = 0; i < n; i++)
		if (publish(f, records[i]) == 0)
			f->counts.published++;
	return 0;
}

/* Keeps the host table that samples refer to. */
static int keep_table(struct shipper *f, const Vrsas__V1__Record *r, struct vrs_err *err)
{
	struct vrs_msg *copy;
	size_t n;
	void *bytes = vrs_msg_pack(&r->base, &n);
	int status = vrs_msg_unpack(&copy, &vrsas__v1__record__descriptor, bytes, n, err);

	free(bytes);
	if (status < 0)
		return status;
	vrs_msg_free(f->table);
	f->table = copy;
	f->table_at_mono_ms = vrs_now_mono_ms();
	return 0;
}

int shipper_put(struct shipper *f, Vrsas__V1__Record *const *records, size_t n,
		struct vrs_err *err)
{
	int64_t age = vrs_now_mono_ms() - f->table_at_mono_ms;
	int status = 0;

	/* Repeated regularly, because the table expires with its segment. */
	if (f->table && age >= TABLE_AGAIN_MS) {
		Vrsas__V1__Record *table = (Vrsas__V1__Record *)vrs_msg_get(f->table);

		status = put_all(f, &table, 1, err);
		f->table_at_mono_ms = vrs_now_mono_ms();
	}
	if (status == 0)
		status = put_all(f, records, n, err);
	for (size_t i = 0; i < n && status == 0; i++)
		if (records[i]->body_case == VRSAS__V1__RECORD__BODY_HOSTS)
			status = keep_table(f, records[i], err);
	offer_soon(f, OFFER_SOON_MS);
	return status;
}

int shipper_heartbeat(struct shipper *f, Vrsas__V1__Heartbeat *hb, struct vrs_err *err)
{
	Vrsas__V1__Live live = VRSAS__V1__LIVE__INIT;
	struct spool_info info = info_of(f);

	hb->cluster = f->cluster;
	hb->collector = f->collector;
	hb->epoch = info.epoch;
	hb->head_seq = info.head_seq;
	live.body_case = VRSAS__V1__LIVE__BODY_HEARTBEAT;
	live.heartbeat = hb;
	return send_live(f, &live, err);
}

void shipper_counts(const struct shipper *f, struct shipper_counts *ret)
{
	struct spool_info info = info_of(f);

	*ret = f->counts;
	ret->head_seq = info.head_seq;
	ret->first_seq = info.first_seq;
}

void shipper_bus_counts(const struct shipper *f, struct vrs_bus_counts *ret_samples,
			struct vrs_bus_counts *ret_fill)
{
	vrs_pub_counts(f->pub, ret_samples);
	vrs_req_counts(f->fill, ret_fill);
}

int shipper_open(struct shipper **ret, struct vrs_loop *loop,
		 const struct shipper_conf *conf, struct vrs_err *err)
{
	struct shipper *f = vrs_calloc(1, sizeof(*f));
	char *owner = vrs_asprintf("%s/%s", conf->cluster, conf->collector);
	struct spool_conf spool = {
		.dir = conf->spool_dir,
		.owner = owner,
		.keep_ms = conf->keep_ms,
	};
	int status;

	f->loop = loop;
	f->cluster = vrs_strdup(conf->cluster);
	f->collector = vrs_strdup(conf->collector);
	f->seals = conf->key != NULL;
	if (conf->key)
		f->key = *conf->key;
	if (!vrs_name_ok(f->cluster) || !vrs_name_ok(f->collector))
		status = vrs_fail(err, VRS_EINVAL, "'%s' is not a valid collector name",
				  owner);
	else if ((status = spool_open(&f->spool, &spool, vrs_now_wall_ms(), err)) == 0 &&
		 (status = vrs_pub_open(&f->pub, conf->samples_url, err)) == 0)
		status = vrs_req_open(
			&f->fill, loop,
			&(struct vrs_req_conf){
				.url = conf->fill_url,
				.reply_type = &vrsas__v1__fill_reply__descriptor},
			err);
	free(owner);
	if (status < 0) {
		shipper_close(f);
		return status;
	}
	f->every = vrs_loop_every(loop,
				  conf->offer_interval_ms > 0 ? conf->offer_interval_ms
							      : DEFAULT_OFFER_MS,
				  on_time_to_offer, f);
	offer_soon(f, 0);
	*ret = f;
	return 0;
}

void shipper_close(struct shipper *f)
{
	if (!f)
		return;
	f->closing = true;
	vrs_timer_cancel(f->every);
	vrs_timer_cancel(f->soon);
	vrs_req_close(f->fill);
	vrs_pub_close(f->pub);
	spool_close(f->spool);
	vrs_msg_free(f->table);
	explicit_bzero(&f->key, sizeof(f->key));
	free(f->cluster);
	free(f->collector);
	free(f);
}
