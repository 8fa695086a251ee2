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

static struct train_queue queue(const char *model, const char *predictor)
{
	return (struct train_queue){store, model, predictor};
}

/* Of predictor `who`, for model m. */
static int claim(const char *who, int64_t claim_ms, struct train_queue_job *job,
		 struct train_queue_dead *dead)
{
	const struct train_queue q = queue("m", who);
	struct vrs_err err = {0};
	int got = train_queue_claim(&q, claim_ms, job, dead, &err);

	assert_ok(got, &err);
	return got;
}

static int add(const char *model, int64_t quiet_ms)
{
	const struct train_queue q = queue(model, "a");
	struct vrs_err err = {0};
	int added = train_queue_add(&q, "old", quiet_ms, &err);

	assert_ok(added, &err);
	return added;
}

static void one_job_is_open_at_a_time_and_one_replica_gets_it(void **state)
{
	const struct train_queue a = queue("m", "a");
	const struct train_queue b = queue("m", "b");
	struct train_queue_job job, other;
	struct vrs_err err = {0};
	struct train_queue_dead dead;

	(void)state;
	assert_int_equal(claim("a", LONG_MS, &job, &dead), 0);
	assert_int_equal(add("m", LONG_MS), 1);
	assert_int_equal(add("m", LONG_MS), 0);
	assert_int_equal(claim("a", LONG_MS, &job, &dead), 1);
	assert_int_equal(job.tries, 1);
	assert_string_equal(job.why, "old");
	assert_int_equal(claim("b", LONG_MS, &other, &dead), 0);
	assert_int_equal(add("m", LONG_MS), 0);
	assert_int_equal(train_queue_renew(&a, job.id, &err), 1);
	assert_int_equal(train_queue_renew(&b, job.id, &err), 0);
	assert_int_equal(train_queue_drop(&b, job.id, &err), 0);
	assert_int_equal(train_queue_drop(&a, job.id, &err), 1);
	assert_int_equal(length(VRS_KEY "q:train"), 0);
	assert_int_equal(add("m", LONG_MS), 1);
}

static void the_job_of_a_dead_replica_goes_to_another(void **state)
{
	const struct train_queue a = queue("m", "a");
	const struct train_queue b = queue("m", "b");
	struct train_queue_job job, other;
	struct vrs_err err = {0};
	struct train_queue_dead dead;

	(void)state;
	assert_int_equal(add("m", LONG_MS), 1);
	assert_int_equal(claim("a", LONG_MS, &job, &dead), 1);
	assert_int_equal(claim("b", 0, &other, &dead), 1); /* claim older than 0 ms */
	assert_string_equal(job.id, other.id);
	assert_int_equal(other.tries, 2);
	assert_int_equal(train_queue_renew(&a, job.id, &err), 0);
	assert_int_equal(train_queue_renew(&b, job.id, &err), 1);
	assert_int_equal(dead.n, 0);
}

static void three_failures_are_enough(void **state)
{
	const struct train_queue a = queue("m", "a");
	struct train_queue_job job;
	struct vrs_reply *r = NULL;
	struct train_queue_dead dead;

	(void)state;
	assert_int_equal(add("m", LONG_MS), 1);
	for (int i = 1; i <= TRAIN_QUEUE_TRIES; i++) {
		assert_int_equal(claim("a", 0, &job, &dead), 1);
		assert_int_equal(job.tries, i);
		train_queue_failed(&a, job.id, "no memory");
	}
	assert_int_equal(claim("b", 0, &job, &dead), 0);
	assert_int_equal(dead.n, 1);
	assert_string_equal(dead.reason, "no memory");
	assert_int_equal(length(VRS_KEY "q:train"), 0);
	assert_int_equal(length(VRS_KEY "q:train:dead"), 1);
	assert_int_equal(vrs_store_cmd(store, &r, NULL, "EXISTS " VRS_KEY "q:train:why"),
			 0);
	assert_int_equal(r->integer, 0);
	vrs_reply_free(r);
	/* no new job within the quiet time */
	assert_int_equal(add("m", LONG_MS), 0);
	assert_int_equal(add("m", 0), 1);
	assert_int_equal(add("another", LONG_MS), 1);
}

static void a_stopped_replica_leaves_the_job_to_the_next(void **state)
{
	const struct train_queue a = queue("m", "a");
	struct train_queue_job job;
	struct train_queue_dead dead;

	(void)state;
	assert_int_equal(add("m", LONG_MS), 1);
	assert_int_equal(claim("a", LONG_MS, &job, &dead), 1);
	train_queue_release(&a, &job);
	assert_int_equal(claim("b", LONG_MS, &job, &dead), 1);
	assert_int_equal(job.tries, 1); /* not counted as a failure */
}

static void jobs_of_other_models_are_left_alone(void **state)
{
	const struct train_queue other = queue("another", "b");
	struct train_queue_job job;
	struct vrs_err err = {0};
	struct train_queue_dead dead;

	(void)state;
	assert_int_equal(add("another", LONG_MS), 1);
	assert_int_equal(claim("a", LONG_MS, &job, &dead), 0);
	assert_int_equal(train_queue_claim(&other, LONG_MS, &job, &dead, &err), 1);
	assert_int_equal(job.tries, 1);
}

static void only_the_holder_of_the_job_stores_its_model(void **state)
{
	const struct train_queue a = queue("m", "a");
	const struct train_queue b = queue("m", "b");
	const struct net_shape shape = features_shape(4);
	struct model *m = model_new(&shape), *got = NULL;
	struct train_queue_job job, other;
	struct vrs_err err = {0};
	struct rng rng = {1};
	struct train_queue_dead dead;

	(void)state;
	net_start(&shape, m->w, &rng);
	assert_int_equal(add("m", LONG_MS), 1);
	assert_int_equal(claim("a", LONG_MS, &job, &dead), 1);
	assert_int_equal(claim("b", 0, &other, &dead), 1);
	assert_fails(model_store_save(&a, job.id, m, &err), VRS_ECONFLICT, &err);
	assert_fails(model_store_load(store, "m", &got, &err), VRS_ENOENT, &err);
	assert_ok(model_store_save(&b, other.id, m, &err), &err);
	assert_ok(model_store_load(store, "m", &got, &err), &err);
	assert_string_equal(got->version, m->version);
	assert_int_equal(length(VRS_KEY "q:train"), 0);
	assert_fails(model_store_save(&b, other.id, m, &err), VRS_ECONFLICT,
		     &err); /* once */
	model_free(m);
	model_free(got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(one_job_is_open_at_a_time_and_one_replica_gets_it,
				       empty),
		cmocka_unit_test_setup(the_job_of_a_dead_replica_goes_to_another, empty),
		cmocka_unit_test_setup(three_failures_are_enough, empty),
		cmocka_unit_test_setup(a_stopped_replica_leaves_the_job_to_the_next,
				       empty),
		cmocka_unit_test_setup(jobs_of_other_models_are_left_alone, empty),
		cmocka_unit_test_setup(only_the_holder_of_the_job_stores_its_model,
				       empty),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
