/* stored - is everything that a trace tells in Redis, each minute, each host, each value?
 *
 *   stored trace HOSTS [FROM_MS]                    writes a day of HOSTS as CSV
 *   stored check FILE REDIS CLUSTER FROM_MS TO_MS   compares; exit code 0: all is there
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vrs/event.h"
#include "vrs/keys.h"
#include "vrs/mem.h"
#include "vrs/sample_csv.h"
#include "vrs/series.h"
#include "vrs/store.h"

enum { MAX_HOSTS = 256 };

static const int64_t minute_ms = 60000, day_ms = (int64_t)1440 * 60000;
static const int64_t a_monday = 1767571200000;

struct day {
	char name[65];
	float cpu[VRS_SLOTS_PER_DAY];
};

static int die(const char *what, const struct vrs_err *err)
{
	(void)fprintf(stderr, "stored: %s: %s\n", what, err->text);
	return 2;
}

static int write_trace(int n_hosts, int64_t from_ms)
{
	struct vrs_text out = {0};

	vrs_samples_write_header(&out);
	for (int m = 0; m < VRS_SLOTS_PER_DAY; m++) {
		for (int h = 0; h < n_hosts; h++) {
			struct vrs_sample_row row = {
				.at_ms = from_ms + m * minute_ms,
				.vcpus_total = 32,
				.vcpus_left = 12,
				.ram_total_bytes = 1ull << 37,
				.ram_left_bytes = 1ull << 36,
				.cpu_ratio =
					(float)((m * 7919 + h * 104729) % 10001) / 10000,
			};

			(void)snprintf(row.host, sizeof(row.host), "h%03d", h);
			(void)snprintf(row.address, sizeof(row.address), "10.9.0.%d", h);
			vrs_samples_write(&out, &row);
		}
	}
	(void)fwrite(out.text, 1, out.len, stdout);
	vrs_text_fini(&out);
	return fflush(stdout) == 0 ? 0 : 2;
}

static int read_trace(const char *path, struct day *days, int *ret_n, struct vrs_err *err)
{
	struct vrs_samples samples;
	struct vrs_csv *csv = NULL;
	struct vrs_sample_row row;
	int n = 0;
	int status = vrs_csv_open(&csv, path, err);

	if (status == 0)
		status = vrs_samples_begin(&samples, csv, err);
	while (status == 0 && (status = vrs_samples_next(&samples, &row, err)) > 0) {
		int h = 0;
		while (h < n && strcmp(days[h].name, row.host) != 0)
			h++;
		if (h == MAX_HOSTS)
			return vrs_fail(err, VRS_ENOSPC, "more than %d hosts", MAX_HOSTS);
		if (h == n) {
			(void)vrs_strcpy(days[n].name, sizeof(days[n].name), row.host);
			n++;
		}
		days[h].cpu[row.at_ms % day_ms / minute_ms] = (float)row.cpu_ratio;
		status = 0;
	}
	vrs_csv_close(csv);
	*ret_n = n;
	return status;
}

struct tally {
	long right, missing, wrong;
};

static int check_host(struct vrs_store *s, const char *cluster, const struct day *d,
		      int64_t from_ms, int64_t to_ms, struct tally *t,
		      struct vrs_err *err)
{
	for (int64_t day = from_ms / day_ms; day * day_ms < to_ms; day++) {
		char key[VRS_KEY_MAX];
		struct vrs_reply *r;

		vrs_series_key(key, sizeof(key), cluster, d->name, day * day_ms);
		int status = vrs_store_cmd(s, &r, err, "GET %s", key);
		if (status < 0)
			return status;
		for (int m = 0; m < VRS_SLOTS_PER_DAY; m++) {
			int64_t at = day * day_ms + m * minute_ms;
			struct vrs_slot slot = {.cpu_ratio = NAN};
			size_t end = (size_t)(m + 1) * VRS_SLOT_BYTES;

			if (at < from_ms || at >= to_ms)
				continue;
			if (r->bytes && r->len >= end)
				vrs_slot_decode((const uint8_t *)r->bytes + end -
							VRS_SLOT_BYTES,
						&slot);
			if (isnan(slot.cpu_ratio))
				t->missing++;
			else if (fabsf(slot.cpu_ratio - d->cpu[m]) > 1.5e-4f)
				t->wrong++;
			else
				t->right++;
		}
		vrs_reply_free(r);
	}
	return 0;
}

static int check(char **argv)
{
	static struct day days[MAX_HOSTS];
	struct vrs_store_conf conf = {.address = argv[3]};
	struct vrs_store *s = NULL;
	struct vrs_err err = {0};
	struct tally t = {0};
	int n = 0;

	if (read_trace(argv[2], days, &n, &err) < 0)
		return die("trace", &err);
	if (vrs_store_open(&s, &conf, &err) < 0)
		return die("store", &err);
	for (int h = 0; h < n; h++)
		if (check_host(s, argv[4], &days[h], atoll(argv[5]), atoll(argv[6]), &t,
			       &err) < 0) {
			vrs_store_close(s);
			return die("store", &err);
		}
	vrs_store_close(s);
	(void)printf("right=%ld missing=%ld wrong=%ld\n", t.right, t.missing, t.wrong);
	return t.right > 0 && t.missing == 0 && t.wrong == 0 ? 0 : 1;
}

/* Events as services write them; their text is a number. */
static int put_events(char **argv)
{
	struct vrs_store_conf conf = {.address = argv[2]};
	struct vrs_store *s = NULL;
	struct vrs_err err = {0};
	int status = vrs_store_open(&s, &conf, &err);

	for (long i = atol(argv[3]); status == 0 && i <= atol(argv[4]); i++) {
		Vrsas__V1__Event ev = VRSAS__V1__EVENT__INIT;
		char text[24];

		(void)snprintf(text, sizeof(text), "%ld", i);
		ev.service = "test";
		ev.severity = (Vrsas__V1__Severity)atoi(argv[5]);
		ev.kind = "test.event";
		ev.text = text;
		status = vrs_event_put(s, &ev, &err);
	}
	vrs_store_close(s);
	return status < 0 ? die("events", &err) : 0;
}

int main(int argc, char **argv)
{
	if ((argc == 3 || argc == 4) && strcmp(argv[1], "trace") == 0)
		return write_trace(atoi(argv[2]), argc == 4 ? atoll(argv[3]) : a_monday);
	if (argc == 7 && strcmp(argv[1], "check") == 0)
		return check(argv);
	if (argc == 6 && strcmp(argv[1], "events") == 0)
		return put_events(argv);
	(void)fprintf(stderr,
		      "stored: trace HOSTS [FROM] | check FILE REDIS CLUSTER FROM TO | "
		      "events REDIS FROM TO SEVERITY\n");
	return 2;
}
