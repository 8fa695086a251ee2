/* Records into a real Redis: order, gaps, duplicates, lost connections, lost data. */
#include "redis.h"

#include <math.h>

#include "export.h"
#include "ingest.h"
#include "records.h"
#include "vrs/clock.h"
#include "vrs/event.h"
#include "vrs/series.h"

struct world {
	struct redis redis;
	struct vrs_loop *loop;
	struct vrs_store *store; /* etl's */
	struct vrs_store *eye;   /* the test's own */
	struct ingest *ingest;
	int64_t t0; /* minute of record 2; record 1 is the table */
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct vrs_err err = {0};

	assert_non_null(w);
	redis_start(&w->redis);
	w->store = redis_store(&w->redis);
	w->eye = redis_store(&w->redis);
	assert_ok(vrs_loop_open(&w->loop, &err), &err);
	assert_ok(
		ingest_open(&w->ingest, w->loop, w->store, (int64_t)30 * 86400000, &err),
		&err);
	w->t0 = vrs_now_wall_ms() / MINUTE_MS * MINUTE_MS - (int64_t)2000 * MINUTE_MS;
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	ingest_close(w->ingest);
	vrs_loop_close(w->loop);
	vrs_store_close(w->store);
	vrs_store_close(w->eye);
	redis_stop(&w->redis);
	free(w);
	return 0;
}

static void make(struct world *w, struct record *x, uint64_t epoch, uint64_t seq)
{
	if (seq == 1)
		record_table(x, epoch, seq);
	else
		record_samples(x, epoch, seq, w->t0 + (int64_t)(seq - 2) * MINUTE_MS);
}

/* As it comes from the bus: gone after the call, unless ingest keeps it. */
static void deliver(struct world *w, const Vrsas__V1__Live *live)
{
	struct vrs_err err = {0};
	struct vrs_msg *msg;
	size_t n;
	void *bytes = vrs_msg_pack(&live->base, &n);

	assert_ok(vrs_msg_unpack(&msg, &vrsas__v1__live__descriptor, bytes, n, &err),
		  &err);
	ingest_live(w->ingest, msg, NULL);
	vrs_msg_free(msg);
	free(bytes);
}

static void live(struct world *w, uint64_t epoch, uint64_t from, uint64_t to)
{
	Vrsas__V1__Live msg = VRSAS__V1__LIVE__INIT;

	for (uint64_t seq = from; seq <= to; seq++) {
		struct record x;

		make(w, &x, epoch, seq);
		msg.body_case = VRSAS__V1__LIVE__BODY_RECORD;
		msg.record = &x.r;
		deliver(w, &msg);
	}
}

static void stop(void *arg)
{
	vrs_loop_stop(arg);
}

/* Lets what was posted run. */
static void turn(struct world *w)
{
	struct vrs_err err = {0};

	vrs_loop_post(w->loop, stop, w->loop);
	assert_ok(vrs_loop_run(w->loop, &err), &err);
}

static const Vrsas__V1__FillReply *offer(struct world *w, uint64_t epoch, uint64_t first,
					 uint64_t head)
{
	Vrsas__V1__FillRequest request = VRSAS__V1__FILL_REQUEST__INIT;
	Vrsas__V1__Offer body = VRSAS__V1__OFFER__INIT;

	body.cluster = "c1";
	body.collector = "main";
	body.epoch = epoch;
	body.first_seq = first;
	body.head_seq = head;
	request.body_case = VRSAS__V1__FILL_REQUEST__BODY_OFFER;
	request.offer = &body;
	return ingest_fill(w->ingest, &request);
}

static const Vrsas__V1__FillReply *piece(struct world *w, uint64_t epoch, uint64_t from,
					 uint64_t to)
{
	Vrsas__V1__FillRequest request = VRSAS__V1__FILL_REQUEST__INIT;
	Vrsas__V1__Piece body = VRSAS__V1__PIECE__INIT;
	size_t n = (size_t)(to - from + 1);
	struct record *x = calloc(n, sizeof(*x));
	Vrsas__V1__Record **list = calloc(n, sizeof(*list));

	assert_true(x && list);
	for (size_t i = 0; i < n; i++) {
		make(w, &x[i], epoch, from + i);
		list[i] = &x[i].r;
	}
	body.record = list;
	body.n_record = n;
	request.body_case = VRSAS__V1__FILL_REQUEST__BODY_PIECE;
	request.piece = &body;
	const Vrsas__V1__FillReply *reply = ingest_fill(w->ingest, &request);
	free(list);
	free(x);
	return reply;
}

/* Every sample of records up to seq is in Redis and right; with
 * which flag, per record. */
static void assert_stored(struct world *w, uint64_t seq)
{
	struct vrs_err err = {0};

	for (uint64_t k = 2; k <= seq; k++) {
		int64_t at = w->t0 + (int64_t)(k - 2) * MINUTE_MS;

		for (int h = 0; h < RECORD_HOSTS; h++) {
			char key[128], name[16];
			struct vrs_reply *r;
			struct vrs_slot slot;
			int offset = (int)vrs_series_offset(at);

			(void)snprintf(name, sizeof(name), "h%d", h);
			vrs_series_key(key, sizeof(key), "c1", name, at);
			assert_ok(vrs_store_cmd(w->eye, &r, &err, "GETRANGE %s %d %d",
						key, offset, offset + 7),
				  &err);
			assert_int_equal(r->len, VRS_SLOT_BYTES);
			vrs_slot_decode((const uint8_t *)r->bytes, &slot);
			assert_float_equal(slot.cpu_ratio, record_cpu(h, at), 1e-4);
			assert_float_equal(slot.mem_ratio, 0.5, 1e-4);
			assert_int_equal(slot.vcpus_used, 10);
			assert_int_equal(slot.state, 1);
			vrs_reply_free(r);
		}
	}
}

static uint64_t watermark(struct world *w, const char *field)
{
	struct vrs_err err = {0};
	struct vrs_reply *r;

	assert_ok(vrs_store_cmd(w->eye, &r, &err, "HGET vrsas:v1:wm:{c1} %s", field),
		  &err);
	uint64_t v = r->bytes ? strtoull(r->bytes, NULL, 10) : 0;
	vrs_reply_free(r);
	return v;
}

static struct ingest_counts counts(struct world *w)
{
	struct ingest_counts c;

	ingest_counts(w->ingest, &c);
	return c;
}

static void live_records_in_order_are_stored(void **state)
{
	struct world *w = *state;
	struct vrs_err err = {0};
	struct vrs_reply *r;
	char key[128];

	live(w, 7, 1, 20);
	turn(w);
	assert_stored(w, 20);
	assert_int_equal(watermark(w, "main/0000000000000007"), 20);
	assert_int_equal(counts(w).live, 20);
	assert_int_equal(counts(w).samples, 19 * RECORD_HOSTS);

	/* the string of a day has its full size at once, and goes when it is old */
	vrs_series_key(key, sizeof(key), "c1", "h3", w->t0);
	assert_ok(vrs_store_cmd(w->eye, &r, &err, "STRLEN %s", key), &err);
	assert_int_equal(r->integer, VRS_DAY_BYTES);
	vrs_reply_free(r);
	assert_ok(vrs_store_cmd(w->eye, &r, &err, "TTL %s", key), &err);
	assert_in_range(r->integer, 28 * 86400, 31 * 86400);
	vrs_reply_free(r);
	assert_ok(vrs_store_cmd(w->eye, &r, &err, "HLEN vrsas:v1:host:{c1}"), &err);
	assert_int_equal(r->integer, RECORD_HOSTS);
	vrs_reply_free(r);
}

static void a_gap_is_requested_and_held_records_follow(void **state)
{
	struct world *w = *state;

	live(w, 7, 1, 5);
	live(w, 7, 9, 12); /* 6, 7 and 8 were lost on the way */
	turn(w);
	const Vrsas__V1__FillReply *r = offer(w, 7, 1, 12);
	assert_string_equal(r->error, "");
	assert_int_equal(r->watermark, 5);
	assert_int_equal(r->want_from, 6);
	assert_int_equal(r->want_to, 8);
	r = piece(w, 7, 6, 8);
	assert_int_equal(r->watermark, 12);
	assert_int_equal(r->want_from, 0);
	assert_stored(w, 12);
	assert_int_equal(counts(w).filled, 3);
	assert_int_equal(counts(w).live, 9);
	assert_int_equal(counts(w).gaps, 1);
	assert_int_equal(counts(w).held_bytes, 0);
}

static void a_record_received_twice_is_stored_once(void **state)
{
	struct world *w = *state;

	live(w, 7, 1, 5);
	turn(w);
	live(w, 7, 1, 5);
	turn(w);
	const Vrsas__V1__FillReply *r = piece(w, 7, 2, 8);
	assert_int_equal(r->watermark, 8);
	assert_stored(w, 8);
	assert_int_equal(counts(w).duplicates, 9);
	assert_int_equal(counts(w).samples, 7 * RECORD_HOSTS);
}

static void a_rejected_record_is_skipped_and_reported(void **state)
{
	struct world *w = *state;
	Vrsas__V1__Live msg = VRSAS__V1__LIVE__INIT;
	struct record x;

	live(w, 7, 1, 2);
	make(w, &x, 7, 3);
	x.cpu[0] = 7;
	msg.body_case = VRSAS__V1__LIVE__BODY_RECORD;
	msg.record = &x.r;
	deliver(w, &msg);
	live(w, 7, 4, 4);
	turn(w);
	assert_int_equal(watermark(w, "main/0000000000000007"), 4);
	assert_int_equal(counts(w).refused, 1);
	assert_non_null(strstr(counts(w).refused_why, "ratio"));
}

static void records_without_their_table_are_refused_until_it_comes(void **state)
{
	struct world *w = *state;
	const Vrsas__V1__FillReply *r = offer(w, 7, 4, 6); /* an old spool, a new Redis */

	assert_int_equal(r->watermark, 3);
	assert_int_equal(counts(w).lost, 0);
	r = piece(w, 7, 4, 6);
	assert_int_equal(r->watermark, 6);
	assert_int_equal(r->refused_count, 3);
	assert_non_null(strstr(r->refused[0], "table"));
}

static void after_redis_lost_data_the_watermark_is_read_again(void **state)
{
	struct world *w = *state;
	struct vrs_err err = {0};

	live(w, 7, 1, 50);
	turn(w);
	assert_stored(w, 50);
	/* As after a crash under everysec: everything is gone, watermark and data. */
	assert_ok(vrs_store_cmd(w->eye, NULL, &err, "FLUSHALL"), &err);
	assert_ok(vrs_store_cmd(w->eye, NULL, &err, "CLIENT KILL TYPE normal SKIPME yes"),
		  &err);
	live(w, 7, 51, 51);
	turn(w);
	uint64_t from = 0;
	for (int i = 0; i < 3 && from == 0; i++) { /* the first one finds the line cut */
		const Vrsas__V1__FillReply *r = offer(w, 7, 1, 51);

		if (r->error[0] == '\0')
			from = r->want_from;
	}
	assert_int_equal(from, 1);
	assert_int_equal(piece(w, 7, 1, 30)->watermark, 30);
	assert_int_equal(piece(w, 7, 31, 51)->watermark, 51);
	assert_stored(w, 51);
}

static void while_redis_is_down_nothing_is_lost(void **state)
{
	struct world *w = *state;

	live(w, 7, 1, 5);
	turn(w);
	redis_end(&w->redis, SIGTERM);
	live(w, 7, 6, 9);
	turn(w);
	assert_true(counts(w).store_failures > 0);
	assert_true(offer(w, 7, 1, 9)->error[0] != '\0');
	assert_true(piece(w, 7, 6, 9)->error[0] != '\0');
	redis_restart(&w->redis);
	const Vrsas__V1__FillReply *r = offer(w, 7, 1, 9);
	assert_string_equal(r->error, "");
	assert_int_equal(r->watermark, 9); /* the live ones were held */
	vrs_store_close(w->eye);
	w->eye = redis_store(&w->redis);
	assert_stored(w, 9);
}

static size_t events(struct world *w, const char *says)
{
	Vrsas__V1__Event **ev;
	struct vrs_err err = {0};
	size_t n, hits = 0;

	assert_ok(vrs_event_read(w->eye, NULL, 100, &ev, &n, &err), &err);
	for (size_t i = 0; i < n; i++)
		hits += strcmp(ev[i]->kind, "ingest.lost") == 0 &&
			strstr(ev[i]->text, says) != NULL;
	vrs_events_free(ev, n);
	return hits;
}

static void a_lost_spool_is_counted_and_reported(void **state)
{
	struct world *w = *state;

	live(w, 7, 1, 5);
	turn(w);
	(void)offer(w, 7, 1, 8); /* 6, 7, 8 exist somewhere */
	live(w, 9, 1, 2);        /* and then a new spool begins */
	turn(w);
	assert_int_equal(counts(w).lost, 3);
	assert_int_equal(events(w, "3 records"), 1);
	(void)offer(w, 9, 1, 2);
	(void)offer(w, 9, 1, 2);
	assert_int_equal(counts(w).lost, 3);
	assert_int_equal(watermark(w, "main/0000000000000009"), 2);
}

static void a_gap_in_the_spool_is_counted_and_reported(void **state)
{
	struct world *w = *state;

	live(w, 7, 1, 5);
	turn(w);
	const Vrsas__V1__FillReply *r = offer(w, 7, 9, 12);
	assert_int_equal(r->want_from, 9);
	assert_int_equal(counts(w).lost, 3);
	assert_int_equal(events(w, "6 to 8"), 1);
	assert_int_equal(piece(w, 7, 9, 12)->watermark, 12);
}

static void heartbeats_carry_redis_time(void **state)
{
	struct world *w = *state;
	Vrsas__V1__Live msg = VRSAS__V1__LIVE__INIT;
	Vrsas__V1__Heartbeat hb = VRSAS__V1__HEARTBEAT__INIT, *got;
	Vrsas__V1__HostHealth health = VRSAS__V1__HOST_HEALTH__INIT, *list[] = {&health};
	struct vrs_err err = {0};
	struct vrs_reply *r;

	health.name = "h1";
	health.silent_samples = 3;
	hb.cluster = "c1";
	hb.collector = "main";
	hb.epoch = 7;
	hb.head_seq = 44;
	hb.host = list;
	hb.n_host = 1;
	msg.body_case = VRSAS__V1__LIVE__BODY_HEARTBEAT;
	msg.heartbeat = &hb;
	deliver(w, &msg);
	assert_int_equal(counts(w).heartbeats, 1);
	assert_ok(vrs_store_cmd(w->eye, &r, &err, "HMGET vrsas:v1:hb:{c1} @ @at h1"),
		  &err);
	got = vrsas__v1__heartbeat__unpack(NULL, r->item[0].len,
					   (const uint8_t *)r->item[0].bytes);
	assert_int_equal(got->head_seq, 44);
	assert_int_equal(got->n_host, 0);
	vrsas__v1__heartbeat__free_unpacked(got, NULL);
	int64_t at = strtoll(r->item[1].bytes, NULL, 10);
	assert_true(llabs(at - vrs_now_wall_ms()) < 60000);
	assert_true(r->item[2].len > 0);
	vrs_reply_free(r);
}

static void removed_hosts_are_deleted(void **state)
{
	struct world *w = *state;
	Vrsas__V1__Live msg = VRSAS__V1__LIVE__INIT;
	struct vrs_err err = {0};
	struct vrs_reply *r;
	struct record x;

	live(w, 7, 1, 1);
	turn(w);
	record_table(&x, 7, 2);
	x.hosts.n_host = 3;
	x.hosts.version = 2;
	msg.body_case = VRSAS__V1__LIVE__BODY_RECORD;
	msg.record = &x.r;
	deliver(w, &msg);
	turn(w);
	assert_ok(vrs_store_cmd(w->eye, &r, &err, "HLEN vrsas:v1:host:{c1}"), &err);
	assert_int_equal(r->integer, 3);
	vrs_reply_free(r);
}

static void an_export_gives_back_what_was_stored(void **state)
{
	struct world *w = *state;
	Vrsas__V1__FillRequest request = VRSAS__V1__FILL_REQUEST__INIT;
	Vrsas__V1__ExportPage page = VRSAS__V1__EXPORT_PAGE__INIT;
	int64_t last = w->t0 + (int64_t)1500 * MINUTE_MS;
	size_t rows = 0;

	assert_int_equal(piece(w, 7, 1, 1502)->watermark, 1502);
	page.cluster = "c1";
	page.from_ms = w->t0 - (int64_t)5 * 86400000; /* days without anything before */
	page.to_ms = last + 1;
	request.body_case = VRSAS__V1__FILL_REQUEST__BODY_EXPORT_PAGE;
	request.export_page = &page;
	for (int pages = 0; pages < 100; pages++) {
		Vrsas__V1__FillReply *r = export_page(w->eye, &request);

		assert_string_equal(r->error, "");
		for (size_t i = 0; i < r->n_row; i++, rows++) {
			const Vrsas__V1__ExportRow *row = r->row[i];
			int host = (int)(rows % RECORD_HOSTS);
			int64_t at = w->t0 + (int64_t)(rows / RECORD_HOSTS) * MINUTE_MS;

			assert_int_equal(row->at_ms, at);
			assert_int_equal(row->host[1] - '0', host);
			assert_float_equal(row->cpu_ratio, record_cpu(host, at), 1e-4);
			assert_int_equal(row->vcpus_left, 54);
			assert_int_equal(row->ram_left_bytes, 1ull << 37);
		}
		page.from_ms = r->next_at_ms;
		export_free(r);
		if (page.from_ms == 0)
			break;
	}
	assert_int_equal(rows, 1501 * RECORD_HOSTS);

	page.from_ms = 0;
	page.host = "nobody";
	Vrsas__V1__FillReply *r = export_page(w->eye, &request);
	assert_non_null(strstr(r->error, "no host nobody"));
	export_free(r);
}

static void many_new_epochs_use_bounded_memory(void **state)
{
	struct world *w = *state;

	for (uint64_t epoch = 1; epoch < 3000; epoch++)
		live(w, epoch, 5, 6); /* never in turn: held */
	assert_true(counts(w).sources <= 1024);
	assert_true(counts(w).held_bytes < 4 * 1024 * 1024);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		TEST(live_records_in_order_are_stored),
		TEST(a_gap_is_requested_and_held_records_follow),
		TEST(a_record_received_twice_is_stored_once),
		TEST(a_rejected_record_is_skipped_and_reported),
		TEST(records_without_their_table_are_refused_until_it_comes),
		TEST(after_redis_lost_data_the_watermark_is_read_again),
		TEST(while_redis_is_down_nothing_is_lost),
		TEST(a_lost_spool_is_counted_and_reported),
		TEST(a_gap_in_the_spool_is_counted_and_reported),
		TEST(heartbeats_carry_redis_time),
		TEST(removed_hosts_are_deleted),
		TEST(an_export_gives_back_what_was_stored),
		TEST(many_new_epochs_use_bounded_memory),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
