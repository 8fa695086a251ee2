/* How many samples a second come from a collector's feed into Redis, against the same
 * SETRANGE commands sent to the same Redis with nothing in between, in the same run.
 *
 *   bench_ingest REDIS SAMPLES_URL FILL_URL SPOOL_DIR */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ship/shipper.h"
#include "vrs/clock.h"
#include "vrs/mem.h"
#include "vrs/series.h"
#include "vrs/stats.h"
#include "vrs/store.h"

enum { HOSTS = 256, BATCHES = 2000, ROUNDS = 3, AT_ONCE = 100, PIPELINE = 8192 };

static const int64_t minute_ms = 60000;

static int64_t now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static _Noreturn void die(const struct vrs_err *err)
{
	(void)fprintf(stderr, "bench_ingest: %s\n", err->text);
	exit(1);
}

static int64_t first_minute(void)
{
	int64_t now = vrs_now_wall_ms();

	return now / minute_ms * minute_ms - (int64_t)(BATCHES + 10) * minute_ms;
}

/* The commands alone, in the pipelines that etl would make, their
 * keys made once a day. */
static double raw(struct vrs_store *s, int round)
{
	static char key[HOSTS][128];
	struct vrs_err err = {0};
	char cluster[16], host[16];
	int64_t begun = now_us(), at_ms = first_minute();
	size_t added = 0;

	(void)snprintf(cluster, sizeof(cluster), "raw%d", round);
	for (int b = 0; b < BATCHES; b++, at_ms += minute_ms) {
		size_t at = vrs_series_offset(at_ms);
		char offset[24];

		for (int h = 0; h < HOSTS && (b == 0 || at == 0); h++) {
			(void)snprintf(host, sizeof(host), "h%d", h);
			vrs_series_key(key[h], sizeof(key[h]), cluster, host, at_ms);
		}
		(void)snprintf(offset, sizeof(offset), "%zu", at);
		for (int h = 0; h < HOSTS; h++) {
			struct vrs_slot slot = {(float)h / HOSTS, 0.5f, 8, 1, 1};
			uint8_t bytes[VRS_SLOT_BYTES];

			vrs_slot_encode(bytes, &slot);
			struct vrs_arg argv[] = {VRS_ARG("SETRANGE"),
						 VRS_ARG(key[h]),
						 VRS_ARG(offset),
						 {bytes, sizeof(bytes)}};
			vrs_store_add(s, argv, 4);
			if (++added % PIPELINE == 0 && vrs_store_run(s, NULL, &err) < 0)
				die(&err);
		}
	}
	if (vrs_store_run(s, NULL, &err) < 0)
		die(&err);
	return (double)HOSTS * BATCHES / ((double)(now_us() - begun) / 1e6);
}

/* --- end to end --- */

struct sender {
	struct vrs_loop *loop;
	struct shipper *feed;
	int64_t at_ms;
	int batch;
	Vrsas__V1__Record record[AT_ONCE], *list[AT_ONCE];
	Vrsas__V1__SampleBatch samples[AT_ONCE];
	uint32_t host[HOSTS], vcpus[HOSTS];
	float cpu[HOSTS], mem[HOSTS];
	Vrsas__V1__HostState state[HOSTS];
};

static void put_table(struct sender *s)
{
	static char name[HOSTS][16];
	Vrsas__V1__HostFacts facts[HOSTS], *list[HOSTS];
	Vrsas__V1__HostTable table = VRSAS__V1__HOST_TABLE__INIT;
	Vrsas__V1__Record record = VRSAS__V1__RECORD__INIT, *records[] = {&record};
	struct vrs_err err = {0};

	for (int h = 0; h < HOSTS; h++) {
		(void)snprintf(name[h], sizeof(name[h]), "h%d", h);
		vrsas__v1__host_facts__init(&facts[h]);
		facts[h].name = name[h];
		list[h] = &facts[h];
	}
	table.version = 1;
	table.host = list;
	table.n_host = HOSTS;
	record.body_case = VRSAS__V1__RECORD__BODY_HOSTS;
	record.hosts = &table;
	if (shipper_put(s->feed, records, 1, &err) < 0)
		die(&err);
}

/* A hundred minutes in one sync, then the loop has its turn. */
static void put_some(void *arg)
{
	struct sender *s = arg;
	struct vrs_err err = {0};
	size_t n = 0;

	for (; n < AT_ONCE && s->batch < BATCHES; n++, s->batch++) {
		Vrsas__V1__SampleBatch *b = &s->samples[n];

		vrsas__v1__sample_batch__init(b);
		b->at_ms = s->at_ms + (int64_t)s->batch * minute_ms;
		b->interval_ms = (uint32_t)minute_ms;
		b->table_version = 1;
		b->host = s->host;
		b->cpu_ratio = s->cpu;
		b->mem_ratio = s->mem;
		b->vcpus_used = s->vcpus;
		b->state = s->state;
		b->n_host = b->n_cpu_ratio = b->n_mem_ratio = b->n_vcpus_used =
			b->n_state = HOSTS;
		vrsas__v1__record__init(&s->record[n]);
		s->record[n].body_case = VRSAS__V1__RECORD__BODY_SAMPLES;
		s->record[n].samples = b;
		s->list[n] = &s->record[n];
	}
	if (n > 0 && shipper_put(s->feed, s->list, n, &err) < 0)
		die(&err);
	if (s->batch < BATCHES)
		vrs_loop_post(s->loop, put_some, s);
}

static void stop_when_stored(void *arg)
{
	struct sender *s = arg;
	struct shipper_counts c;

	shipper_counts(s->feed, &c);
	if (s->batch == BATCHES && c.stored_seq == c.head_seq)
		vrs_loop_stop(s->loop);
}

static double end_to_end(char **argv, int round, uint64_t *filled)
{
	struct sender *s = vrs_calloc(1, sizeof(*s));
	struct shipper_counts counts;
	struct vrs_err err = {0};
	char cluster[16], *dir;

	(void)snprintf(cluster, sizeof(cluster), "feed%d", round);
	dir = vrs_asprintf("%s/%d", argv[4], round);
	struct shipper_conf conf = {
		.cluster = cluster,
		.collector = "bench",
		.samples_url = argv[2],
		.fill_url = argv[3],
		.spool_dir = dir,
		.keep_ms = (int64_t)30 * 86400000,
		.offer_interval_ms = 100,
	};
	for (int h = 0; h < HOSTS; h++) {
		s->host[h] = (uint32_t)h;
		s->cpu[h] = (float)h / HOSTS;
		s->mem[h] = 0.5f;
		s->vcpus[h] = 8;
		s->state[h] = VRSAS__V1__HOST_STATE__HOST_STATE_UP;
	}
	s->at_ms = first_minute();
	if (vrs_loop_open(&s->loop, &err) < 0 ||
	    shipper_open(&s->feed, s->loop, &conf, &err) < 0)
		die(&err);

	int64_t begun = now_us();
	put_table(s);
	vrs_loop_post(s->loop, put_some, s);
	(void)vrs_loop_every(s->loop, 2, stop_when_stored, s);
	if (vrs_loop_run(s->loop, &err) < 0)
		die(&err);
	double rate = (double)HOSTS * BATCHES / ((double)(now_us() - begun) / 1e6);

	shipper_counts(s->feed, &counts);
	*filled = counts.filled;
	shipper_close(s->feed);
	vrs_loop_close(s->loop);
	free(dir);
	free(s);
	return rate;
}

static double median(double *v)
{
	vrs_sort_doubles(v, ROUNDS);
	return v[ROUNDS / 2];
}

int main(int argc, char **argv)
{
	struct vrs_store_conf conf = {.timeout_ms = 30000};
	struct vrs_store *store = NULL;
	struct vrs_err err = {0};
	double raw_rate[ROUNDS], feed_rate[ROUNDS], ratio[ROUNDS];

	if (argc != 5) {
		(void)fprintf(stderr,
			      "bench_ingest: REDIS SAMPLES_URL FILL_URL SPOOL_DIR\n");
		return 2;
	}
	conf.address = argv[1];
	if (vrs_store_open(&store, &conf, &err) < 0)
		die(&err);
	(void)printf("%d batches of %d hosts, samples/s\n", BATCHES, HOSTS);
	(void)printf("%-8s %14s %14s %7s %12s\n", "round", "raw SETRANGE", "end to end",
		     "ratio", "by request");
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t filled = 0;

		raw_rate[i] = raw(store, i);
		feed_rate[i] = end_to_end(argv, i, &filled);
		ratio[i] = feed_rate[i] / raw_rate[i];
		(void)printf("%-8d %14.0f %14.0f %7.2f %11.0f%%\n", i + 1, raw_rate[i],
			     feed_rate[i], ratio[i], 100.0 * (double)filled / BATCHES);
	}
	(void)printf("%-8s %14.0f %14.0f %7.2f  target 0.70\n", "median",
		     median(raw_rate), median(feed_rate), median(ratio));
	vrs_store_close(store);
	return 0;
}
