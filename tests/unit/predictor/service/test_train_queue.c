/* Training jobs in a real Redis: shared, taken over, given up, and never done twice. */
#include <string.h>

#include "check.h"
#include "kernels/rng.h"
#include "net/feature.h"
#include "redis_group.h"
#include "service/model_store.h"
#include "service/train_queue.h"
#include "vrs/keys.h"

enum { LONG_MS = 3600000 };

static int empty(void **state)
{
	(void)state;
	return vrs_store_cmd(store, NULL, NULL, "FLUSHALL");
}

static int64_t length(const char *key)
{
	struct vrs_reply *r = NULL;

	assert_int_equal(vrs_store_cmd(store, &r, NULL, "XLEN %s", key), 0);
	int64_t n = r->integer;
	vrs_reply_free(r);
	return n;
}

static int claim(const char *who, int64_t claim_ms, struct train_queue_job *job,
		 int *dead, char why[128])
{
	struct vrs_err err = {0};
	int got = train_queue_claim(store, "m", who, claim_ms, job, dead, why, &err);

	assert_ok(got, &err);
	return got;
}

static void one_job_is_open_at_a_time_and_one_gets_it(void **state)
{
	struct train_queue_job job, other;
	struct vrs_err err = {0};
	char why[128];
	int dead;

	(void)state;
	assert_int_equal(claim("a", LONG_MS, &job, &dead, why), 0);
	assert_int_equal(train_queue_add(store, "m", "old", LONG_MS, &err), 1);
	assert_int_equal(train_queue_add(store, "m", "old", LONG_MS, &err), 0);
	assert_int_equal(claim("a", LONG_MS, &job, &dead, why), 1);
	assert_int_equal(job.tries, 1);
	assert_string_equal(job.why, "old");
	assert_int_equal(claim("b", LONG_MS, &other, &dead, why), 0);
	assert_int_equal(train_queue_add(store, "m", "old", LONG_MS, &err), 0);
	assert_int_equal(train_queue_renew(store, "a", job.id, &err), 1);
	assert_int_equal(train_queue_renew(store, "b", job.id, &err), 0);
	assert_int_equal(train_queue_drop(store, "b", job.id, &err), 0);
	assert_int_equal(train_queue_drop(store, "a", job.id, &err), 1);
	assert_int_equal(length(VRS_KEY "q:train"), 0);
	assert_int_equal(train_queue_add(store, "m", "old", LONG_MS, &err), 1);
}

static void the_job_of_a_dead_one_goes_to_another(void **state)
{
	struct train_queue_job job, other;
	struct vrs_err err = {0};
	char why[128];
	int dead;

	(void)state;
	assert_int_equal(train_queue_add(store, "m", "old", LONG_MS, &err), 1);
	assert_int_equal(claim("a", LONG_MS, &job, &dead, why), 1);
	assert_int_equal(claim("b", 0, &other, &dead, why),
			 1); /* not heard of for 0 ms */
	assert_string_equal(job.id, other.id);
	assert_int_equal(other.tries, 2);
	assert_int_equal(train_queue_renew(store, "a", job.id, &err), 0);
	assert_int_equal(train_queue_renew(store, "b", job.id, &err), 1);
	assert_int_equal(dead, 0);
}

static void three_failures_are_enough(void **state)
{
	struct train_queue_job job;
	struct vrs_err err = {0};
	struct vrs_reply *r = NULL;
	char why[128];
	int dead;

	(void)state;
	assert_int_equal(train_queue_add(store, "m", "old", LONG_MS, &err), 1);
	for (int i = 1; i <= TRAIN_QUEUE_TRIES; i++) {
		assert_int_equal(claim("a", 0, &job, &dead, why), 1);
		assert_int_equal(job.tries, i);
		train_queue_failed(store, job.id, "no memory");
	}
	assert_int_equal(claim("b", 0, &job, &dead, why), 0);
	assert_int_equal(dead, 1);
	assert_string_equal(why, "no memory");
	assert_int_equal(length(VRS_KEY "q:train"), 0);
	assert_int_equal(length(VRS_KEY "q:train:dead"), 1);
	assert_int_equal(vrs_store_cmd(store, &r, NULL, "EXISTS " VRS_KEY "q:train:why"),
			 0);
	assert_int_equal(r->integer, 0);
	vrs_reply_free(r);
	/* not the same again at once */
	assert_int_equal(train_queue_add(store, "m", "old", LONG_MS, &err), 0);
	assert_int_equal(train_queue_add(store, "m", "old", 0, &err), 1);
	assert_int_equal(train_queue_add(store, "another", "old", LONG_MS, &err), 1);
}

static void who_is_asked_to_stop_leaves_the_job_to_the_next(void **state)
{
	struct train_queue_job job;
	struct vrs_err err = {0};
	char why[128];
	int dead;

	(void)state;
	assert_int_equal(train_queue_add(store, "m", "old", LONG_MS, &err), 1);
	assert_int_equal(claim("a", LONG_MS, &job, &dead, why), 1);
	train_queue_release(store, "a", &job);
	assert_int_equal(claim("b", LONG_MS, &job, &dead, why), 1);
	assert_int_equal(job.tries, 1); /* it was no failure */
}

static void jobs_of_other_models_are_left_alone(void **state)
{
	struct train_queue_job job;
	struct vrs_err err = {0};
	char why[128];
	int dead;

	(void)state;
	assert_int_equal(train_queue_add(store, "another", "old", LONG_MS, &err), 1);
	assert_int_equal(claim("a", LONG_MS, &job, &dead, why), 0);
	assert_int_equal(
		train_queue_claim(store, "another", "b", LONG_MS, &job, &dead, why, &err),
		1);
	assert_int_equal(job.tries, 1);
}

static void only_the_holder_of_the_job_stores_its_model(void **state)
{
	const struct net_shape shape = features_shape(4);
	struct model *m = model_new(&shape), *got = NULL;
	struct train_queue_job job, other;
	struct vrs_err err = {0};
	struct rng rng = {1};
	char why[128];
	int dead;

	(void)state;
	net_start(&shape, m->w, &rng);
	assert_int_equal(train_queue_add(store, "m", "old", LONG_MS, &err), 1);
	assert_int_equal(claim("a", LONG_MS, &job, &dead, why), 1);
	assert_int_equal(claim("b", 0, &other, &dead, why), 1);
	assert_fails(model_store_save(store, "m", m, "a", job.id, &err), VRS_ECONFLICT,
		     &err);
	assert_fails(model_store_load(store, "m", &got, &err), VRS_ENOENT, &err);
	assert_ok(model_store_save(store, "m", m, "b", other.id, &err), &err);
	assert_ok(model_store_load(store, "m", &got, &err), &err);
	assert_string_equal(got->version, m->version);
	assert_int_equal(length(VRS_KEY "q:train"), 0);
	assert_fails(model_store_save(store, "m", m, "b", other.id, &err), VRS_ECONFLICT,
		     &err); /* once */
	model_free(m);
	model_free(got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(one_job_is_open_at_a_time_and_one_gets_it, empty),
		cmocka_unit_test_setup(the_job_of_a_dead_one_goes_to_another, empty),
		cmocka_unit_test_setup(three_failures_are_enough, empty),
		cmocka_unit_test_setup(who_is_asked_to_stop_leaves_the_job_to_the_next,
				       empty),
		cmocka_unit_test_setup(jobs_of_other_models_are_left_alone, empty),
		cmocka_unit_test_setup(only_the_holder_of_the_job_stores_its_model,
				       empty),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
