/* Transfers on the control socket: shown, held, limited, given up. */
#include "control_world.h"

static void put_transfer(const char *job, const char *name,
			 Vrsas__V1__TransferState state, int64_t ended_at_ms)
{
	Vrsas__V1__TransferStatus t = VRSAS__V1__TRANSFER_STATUS__INIT;
	struct vrs_store *own = redis_store(&redis);
	struct vrs_err err = {0};
	size_t n;

	t.job_id = (char *)(uintptr_t)job;
	t.vm_name = (char *)(uintptr_t)name;
	t.state = state;
	t.ended_at_ms = ended_at_ms;
	void *bytes = vrs_msg_pack(&t.base, &n);
	vrs_store_addf(own, "HSET " VRS_KEY "xfer:%s rec %b", job, bytes, n);
	vrs_store_addf(own, "ZADD " VRS_KEY "xfer 1 %s", job);
	assert_ok(vrs_store_run(own, NULL, &err), &err);
	free(bytes);
	vrs_store_close(own);
}

static void word_is(const char *job, const char *field, const char *want)
{
	struct vrs_store *own = redis_store(&redis);
	struct vrs_reply *r = NULL;
	struct vrs_err err = {0};

	assert_ok(vrs_store_cmd(own, &r, &err, "HGET " VRS_KEY "xfer:%s %s", job, field),
		  &err);
	if (want)
		assert_string_equal(r->bytes, want);
	else
		assert_null(r->bytes);
	vrs_reply_free(r);
	vrs_store_close(own);
}

static void give_word(const char *id, const char *job, Vrsas__V1__TransferAct act,
		      uint64_t rate, Vrsas__V1__ControlCode want)
{
	Vrsas__V1__TransferOrder o = VRSAS__V1__TRANSFER_ORDER__INIT;
	REQUEST(r, "", TRANSFER_ORDER);
	r.request_id = (char *)(uintptr_t)id;
	r.actor = "ann";
	r.transfer_order = &o;
	o.job = (char *)(uintptr_t)job;
	o.act = act;
	o.rate_bytes_per_s = rate;
	Vrsas__V1__ControlReply *reply = ask(&r);
	assert_int_equal(reply->code, want);
	assert_true(want != VRSAS__V1__CONTROL_CODE__CONTROL_OK || reply->done[0]);
	done(reply);
}

#define ACT(x) VRSAS__V1__TRANSFER_ACT__TRANSFER_ACT_##x
#define CODE(x) VRSAS__V1__CONTROL_CODE__CONTROL_##x

static void transfers_are_shown_and_take_words(void **state)
{
	(void)state;
	Vrsas__V1__TransferQuery q = VRSAS__V1__TRANSFER_QUERY__INIT;
	Vrsas__V1__Relocation story = VRSAS__V1__RELOCATION__INIT;
	REQUEST(r, "", TRANSFERS);

	put_transfer("web1-3", "web1", VRSAS__V1__TRANSFER_STATE__TRANSFER_STATE_DONE, 5);
	put_transfer("web1-4", "web1", VRSAS__V1__TRANSFER_STATE__TRANSFER_STATE_COPYING,
		     0);
	put_transfer("db1-1", "db1", VRSAS__V1__TRANSFER_STATE__TRANSFER_STATE_FAILED, 7);
	r.transfers = &q;
	Vrsas__V1__ControlReply *reply = ask(&r);
	assert_int_equal(reply->transfers->n_transfer, 3);
	assert_string_equal(reply->transfers->transfer[0]->job_id, "web1-4");
	done(reply);
	q.open_only = true;
	reply = ask(&r);
	assert_int_equal(reply->transfers->n_transfer, 1);
	done(reply);
	q.job = "web9";
	reply = ask(&r);
	assert_int_equal(reply->code, CODE(NOT_FOUND));
	done(reply);

	give_word("t1", "web1", ACT(PAUSE), 0, CODE(OK));
	word_is("web1-4", "pause", "1");
	give_word("t2", "web1-4", ACT(RESUME), 0, CODE(OK));
	word_is("web1-4", "pause", "0");
	give_word("t3", "web1", ACT(RATE), 5000000, CODE(OK));
	word_is("web1-4", "rate", "5000000");
	give_word("t4", "db1", ACT(PAUSE), 0, CODE(REFUSED)); /* it has ended */
	word_is("db1-1", "pause", NULL);
	give_word("t5", "web1", ACT(UNSPECIFIED), 0, CODE(USAGE));
	give_word("t6", "../x", ACT(PAUSE), 0, CODE(USAGE));

	/* what a relocation waits for is given up with the relocation */
	story.vm_name = "web1";
	story.transfer_job = "web1-4";
	story.state = VRSAS__V1__RELOCATION_STATE__TRANSFERRING;
	engine.record = &story;
	give_word("t7", "web1", ACT(CANCEL), 0, CODE(REFUSED));
	word_is("web1-4", "cancel", NULL);
	engine.record = NULL;
	give_word("t8", "web1", ACT(CANCEL), 0, CODE(OK));
	word_is("web1-4", "cancel", "1");
}

static void what_copies_were_expected_to_take_is_shown_beside_what_they_took(void **state)
{
	(void)state;
	Vrsas__V1__TransferTimesQuery q = VRSAS__V1__TRANSFER_TIMES_QUERY__INIT;
	struct vrs_store *own = redis_store(&redis);
	struct vrs_err err = {0};
	REQUEST(r, "", TRANSFER_TIMES);

	vrs_store_addf(own, "LPUSH " VRS_KEY "eta:{c1}:{c2} %s",
		       "100 full 1000 900 50 40 30 60 0 0 web1-1");
	vrs_store_addf(own, "LPUSH " VRS_KEY "eta:{c1}:{c2} %s", "no such line");
	vrs_store_addf(own, "LPUSH " VRS_KEY "eta:{c2}:{c1} %s",
		       "200 changes 1000 9 7 0 0 0 0 0 web1-2");
	assert_ok(vrs_store_run(own, NULL, &err), &err);
	vrs_store_close(own);
	r.transfer_times = &q;
	Vrsas__V1__ControlReply *reply = ask(&r);
	assert_int_equal(reply->transfer_times->n_past, 2);
	const Vrsas__V1__TransferPast *p = reply->transfer_times->past[0];
	assert_string_equal(p->job_id, "web1-2");
	assert_true(p->changes_only);
	p = reply->transfer_times->past[1];
	assert_string_equal(p->source_cluster, "c1");
	assert_int_equal(p->took_ms, 50);
	assert_int_equal(p->predicted_ms, 40);
	assert_int_equal(p->predicted_low_ms, 30);
	assert_int_equal(p->predicted_high_ms, 60);
	done(reply);
	q.source_cluster = "c1";
	reply = ask(&r);
	assert_int_equal(reply->transfer_times->n_past, 1);
	done(reply);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(transfers_are_shown_and_take_words),
		cmocka_unit_test(
			what_copies_were_expected_to_take_is_shown_beside_what_they_took),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
