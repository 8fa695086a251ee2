/* Publishing is best effort, and counts (docs/ARCHITECTURE.md, "Bus"). */
#include "bus_world.h"

#include "vrsas/v1/sample.pb-c.h"

static const char any_tcp[] = "tcp://127.0.0.1:0";

struct hearer {
	struct vrs_loop *loop;
	struct vrs_sub *sub;
	struct vrs_pub *pub;
	uint64_t heard, last_seq, wait_for;
};

static void on_live(void *arg, struct vrs_msg *msg)
{
	const Vrsas__V1__Heartbeat *hb = (const void *)vrs_msg_get(msg);
	struct hearer *h = arg;

	h->heard++;
	h->last_seq = hb->head_seq;
}

static bool heard_the_last(void *arg)
{
	struct hearer *h = arg;

	return h->last_seq == h->wait_for;
}

/* On both sides: what is published in between vanishes. */
static bool is_connected(void *arg)
{
	struct vrs_bus_counts here, there;
	struct hearer *h = arg;

	vrs_sub_counts(h->sub, &here);
	vrs_pub_counts(h->pub, &there);
	return here.peers > 0 && there.peers > 0;
}

static void hearer_open(struct hearer *h, struct vrs_pub **pub)
{
	struct vrs_err err = {0};

	*h = (struct hearer){0};
	assert_ok(vrs_loop_open(&h->loop, &err), &err);
	assert_ok(vrs_sub_open(&h->sub, h->loop,
			       &(struct vrs_sub_conf){
				       .url = any_tcp,
				       .type = &vrsas__v1__heartbeat__descriptor,
				       .fn = on_live,
				       .arg = h},
			       &err),
		  &err);
	assert_ok(vrs_pub_open(pub, vrs_sub_url(h->sub), &err), &err);
	h->pub = *pub;
	assert_true(run_until(h->loop, is_connected, h));
}

static void publish(struct vrs_pub *pub, uint64_t from, uint64_t to)
{
	Vrsas__V1__Heartbeat hb = VRSAS__V1__HEARTBEAT__INIT;
	struct vrs_err err = {0};

	for (hb.head_seq = from; hb.head_seq <= to; hb.head_seq++)
		assert_ok(vrs_pub_send(pub, &hb.base, &err), &err);
}

static void hearer_close(struct hearer *h, struct vrs_pub *pub)
{
	vrs_pub_close(pub);
	vrs_sub_close(h->sub);
	vrs_loop_close(h->loop);
}

static void a_stalled_subscriber_misses_nothing_that_its_queue_holds(void **state)
{
	(void)state;
	struct hearer h;
	struct vrs_pub *pub;

	hearer_open(&h, &pub);
	publish(pub, 1, 3000); /* nobody runs the loop meanwhile */
	h.wait_for = 3000;
	assert_true(run_until(h.loop, heard_the_last, &h));
	assert_int_equal(h.heard, 3000);
	hearer_close(&h, pub);
}

static void a_full_queue_drops_the_oldest_and_counts(void **state)
{
	(void)state;
	struct vrs_bus_counts counts = {0};
	struct hearer h;
	struct vrs_pub *pub;

	hearer_open(&h, &pub);
	/* Twice what fits, in steps that the publisher's own queue holds. */
	for (uint64_t n = 0; n < 60000 && counts.dropped < 1000; n += 500) {
		publish(pub, n + 1, n + 500);
		h.wait_for = n + 500;
		(void)poll(NULL, 0, 5);
		vrs_sub_counts(h.sub, &counts);
	}
	assert_true(counts.dropped >= 1000);
	assert_true(run_until(h.loop, heard_the_last, &h));
	vrs_sub_counts(h.sub, &counts);
	assert_int_equal(counts.received, h.heard);
	assert_true(h.heard >= 8000 && h.heard + counts.dropped <= h.wait_for);
	hearer_close(&h, pub);
}

static void without_a_subscriber_messages_are_lost_silently(void **state)
{
	(void)state;
	struct vrs_err err = {0};
	struct vrs_pub *pub;

	assert_ok(vrs_pub_open(&pub, "tcp://127.0.0.1:1", &err), &err);
	publish(pub, 1, 20000);
	vrs_pub_close(pub);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_stalled_subscriber_misses_nothing_that_its_queue_holds),
		cmocka_unit_test(a_full_queue_drops_the_oldest_and_counts),
		cmocka_unit_test(without_a_subscriber_messages_are_lost_silently),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
