/* The feed against a pretend etl, which is away, forgets, or knows too much. */
#include "bus_world.h"
#include "folder.h"

#include "ship/shipper.h"
#include "vrs/mem.h"

struct etl {
	struct vrs_sub *sub;
	struct vrs_rep *rep;
	uint64_t epoch, watermark, head, live, filled, offers;
	uint64_t first_seq; /* of the last offer */
	bool refuses;       /* every piece: nothing gets better */
	uint64_t pieces;
};

struct world {
	char dir[64], samples[80], fill[80];
	struct vrs_loop *loop;
	struct shipper *feed;
	struct etl etl;
	uint64_t wait_for;
};

static void on_live(void *arg, struct vrs_msg *msg)
{
	const Vrsas__V1__Live *live = (const void *)vrs_msg_get(msg);
	struct etl *e = arg;

	if (live->body_case == VRSAS__V1__LIVE__BODY_HEARTBEAT) {
		e->head = live->heartbeat->head_seq;
		return;
	}
	e->live++;
	e->epoch = live->record->epoch;
	assert_string_equal(live->record->cluster, "c1");
	assert_string_equal(live->record->collector, "main");
}

static void take_piece(struct etl *e, const Vrsas__V1__Piece *piece)
{
	e->pieces++;
	if (e->refuses)
		return;
	for (size_t i = 0; i < piece->n_record; i++) {
		const Vrsas__V1__Record *r = piece->record[i];

		assert_int_equal(r->seq, e->watermark + 1);
		assert_string_equal(r->cluster, "c1");
		e->epoch = r->epoch;
		e->watermark++;
		e->filled++;
	}
}

static void on_fill(void *arg, const ProtobufCMessage *msg, struct vrs_req_token *token)
{
	const Vrsas__V1__FillRequest *q = (const Vrsas__V1__FillRequest *)msg;
	Vrsas__V1__FillReply reply = VRSAS__V1__FILL_REPLY__INIT;
	struct etl *e = arg;

	if (q->body_case == VRSAS__V1__FILL_REQUEST__BODY_OFFER) {
		e->offers++;
		e->head = q->offer->head_seq;
		e->first_seq = q->offer->first_seq;
		if (e->watermark + 1 < e->first_seq)
			e->watermark = e->first_seq - 1; /* a hole */
	} else {
		take_piece(e, q->piece);
	}
	reply.request_id = q->request_id;
	reply.watermark = e->watermark;
	if (e->head > e->watermark) {
		reply.want_from = e->watermark + 1;
		reply.want_to = e->head;
	}
	vrs_bus_answer(token, &reply.base);
}

static void etl_open(struct world *w)
{
	struct vrs_err err = {0};

	assert_ok(
		vrs_sub_open(&w->etl.sub, w->loop,
			     &(struct vrs_sub_conf){.url = w->samples,
						    .type = &vrsas__v1__live__descriptor,
						    .fn = on_live,
						    .arg = &w->etl},
			     &err),
		&err);
	assert_ok(vrs_rep_open(&w->etl.rep, w->loop,
			       &(struct vrs_rep_conf){
				       .url = w->fill,
				       .listen = true,
				       .max_open = 4,
				       .type = &vrsas__v1__fill_request__descriptor,
				       .fn = on_fill,
				       .arg = &w->etl},
			       &err),
		  &err);
}

static void etl_close(struct world *w)
{
	vrs_rep_close(w->etl.rep);
	vrs_sub_close(w->etl.sub);
	w->etl.rep = NULL;
	w->etl.sub = NULL;
}

static void feed_begin(struct world *w)
{
	struct vrs_err err = {0};
	struct shipper_conf conf = {
		.cluster = "c1",
		.collector = "main",
		.samples_url = w->samples,
		.fill_url = w->fill,
		.spool_dir = w->dir,
		.keep_ms = 86400000,
		.offer_interval_ms = 50,
	};

	shipper_close(w->feed);
	w->feed = NULL;
	assert_ok(shipper_open(&w->feed, w->loop, &conf, &err), &err);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct vrs_err err = {0};

	assert_non_null(w);
	(void)snprintf(w->dir, sizeof(w->dir), "/tmp/vrs-feed-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	(void)snprintf(w->samples, sizeof(w->samples), "ipc://%s/samples", w->dir);
	(void)snprintf(w->fill, sizeof(w->fill), "ipc://%s/fill", w->dir);
	assert_ok(vrs_loop_open(&w->loop, &err), &err);
	feed_begin(w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	shipper_close(w->feed);
	etl_close(w);
	vrs_loop_close(w->loop);
	remove_tree(w->dir);
	free(w);
	return 0;
}

static void put(struct world *w, int n)
{
	Vrsas__V1__HostInventory inv = VRSAS__V1__HOST_INVENTORY__INIT;
	struct vrs_err err = {0};

	inv.host = "h1";
	for (int i = 0; i < n; i++) {
		Vrsas__V1__Record r = VRSAS__V1__RECORD__INIT, *list[] = {&r};

		r.body_case = VRSAS__V1__RECORD__BODY_INVENTORY;
		r.inventory = &inv;
		assert_ok(shipper_put(w->feed, list, 1, &err), &err);
	}
}

static struct shipper_counts counts(const struct world *w)
{
	struct shipper_counts c;

	shipper_counts(w->feed, &c);
	return c;
}

static bool is_stored(void *arg)
{
	const struct world *w = arg;

	return w->etl.watermark >= w->wait_for && counts(w).stored_seq >= w->wait_for;
}

static bool offers_were_made(void *arg)
{
	const struct world *w = arg;

	return w->etl.offers >= w->wait_for;
}

static void assert_stored(struct world *w, uint64_t seq)
{
	w->wait_for = seq;
	assert_true(run_until(w->loop, is_stored, w));
}

static void records_put_while_etl_is_down_are_filled(void **state)
{
	struct world *w = *state;

	put(w, 300);
	assert_int_equal(counts(w).head_seq, 300);
	etl_open(w);
	assert_stored(w, 300);
	assert_int_equal(w->etl.filled, 300);
}

static void a_restarted_shipper_continues(void **state)
{
	struct world *w = *state;

	etl_open(w);
	put(w, 10);
	assert_stored(w, 10);
	uint64_t epoch = w->etl.epoch;
	feed_begin(w);
	put(w, 10);
	assert_stored(w, 20);
	assert_true(w->etl.epoch == epoch);
}

static void an_etl_without_data_gets_everything_again(void **state)
{
	struct world *w = *state;

	etl_open(w);
	put(w, 50);
	assert_stored(w, 50);
	w->etl.watermark = 7; /* Redis came back older than it was */
	assert_stored(w, 50);
	assert_int_equal(w->etl.filled, 93);
}

static void a_restarted_etl_is_reconnected(void **state)
{
	struct world *w = *state;

	etl_open(w);
	put(w, 5);
	assert_stored(w, 5);
	etl_close(w);
	put(w, 5);
	etl_open(w);
	assert_stored(w, 10);
}

static void numbers_known_to_etl_are_not_reused(void **state)
{
	struct world *w = *state;

	put(w, 5);
	w->etl.watermark = 20; /* of this epoch: our disk went back */
	etl_open(w);
	w->wait_for = 2;
	assert_true(run_until(w->loop, offers_were_made, w));
	assert_int_equal(counts(w).head_seq, 20);
	put(w, 1);
	assert_stored(w, 21);
}

static void pieces_that_change_nothing_do_not_spin(void **state)
{
	struct world *w = *state;

	put(w, 5);
	w->etl.refuses = true;
	etl_open(w);
	w->wait_for = 5;
	assert_true(run_until(w->loop, offers_were_made, w));
	assert_in_range(w->etl.pieces, 4, 6); /* one an offer */
}

static void a_record_too_big_for_the_bus_is_rejected_when_it_is_put(void **state)
{
	struct world *w = *state;
	Vrsas__V1__HostInventory inv = VRSAS__V1__HOST_INVENTORY__INIT;
	Vrsas__V1__Record r = VRSAS__V1__RECORD__INIT, *list[] = {&r};
	char *big = malloc(SHIPPER_MAX_RECORD + 1);
	struct vrs_err err = {0};

	assert_non_null(big);
	memset(big, 'x', SHIPPER_MAX_RECORD);
	big[SHIPPER_MAX_RECORD] = '\0';
	inv.host = big;
	r.body_case = VRSAS__V1__RECORD__BODY_INVENTORY;
	r.inventory = &inv;
	assert_fails(shipper_put(w->feed, list, 1, &err), VRS_ENOSPC, &err);
	assert_int_equal(counts(w).head_seq, 0);
	free(big);
}

static bool heartbeat_came(void *arg)
{
	struct world *w = arg;
	Vrsas__V1__Heartbeat hb = VRSAS__V1__HEARTBEAT__INIT;

	assert_int_equal(shipper_heartbeat(w->feed, &hb, NULL), 0);
	return w->etl.head == 3;
}

static void a_heartbeat_contains_the_newest_number(void **state)
{
	struct world *w = *state;

	put(w, 3);
	etl_open(w);
	assert_true(run_until(w->loop, heartbeat_came, w));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		TEST(records_put_while_etl_is_down_are_filled),
		TEST(a_restarted_shipper_continues),
		TEST(an_etl_without_data_gets_everything_again),
		TEST(a_restarted_etl_is_reconnected),
		TEST(numbers_known_to_etl_are_not_reused),
		TEST(pieces_that_change_nothing_do_not_spin),
		TEST(a_record_too_big_for_the_bus_is_rejected_when_it_is_put),
		TEST(a_heartbeat_contains_the_newest_number),
#undef TEST
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
