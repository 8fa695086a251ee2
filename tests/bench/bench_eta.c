/* What is said before copies, and what they take: the paper's Table 9 on this machine.
 * bench_eta N carries N + 20 images of random sizes, one after the other, with the
 * service as it is; the first 20 are for learning. */
#include "../unit/mover/jobs/service_world.h"

#include <fcntl.h>
#include <math.h>

#include "jobs/eta.h"

enum { LEARN = 20, LARGEST_MIB = 400, LEAST_MIB = 8 };

static uint64_t dice = 88172645463325252ull;

static double roll(void)
{
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return (double)(dice >> 11) / 9007199254740992.0;
}

static void make_image(const char *path, size_t mib)
{
	uint8_t *bytes = malloc(MIB);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	for (size_t i = 0; i < mib; i++) {
		for (size_t k = 0; k < MIB; k += 8) {
			roll();
			memcpy(bytes + k, &dice, 8);
		}
		assert_int_equal(pwrite(fd, bytes, MIB, (off_t)(2 * i) * MIB), MIB);
	}
	(void)close(fd);
	free(bytes);
}

static void carry(struct world *w, int n)
{
	struct order o;
	struct asked a;
	char job[32];

	(void)snprintf(job, sizeof(job), "copy-%d", n);
	make_image(w->source,
		   (size_t)(LEAST_MIB * exp(roll() * log(LARGEST_MIB / LEAST_MIB))));
	make_other(w, &o, job);
	/* every fifth has a limit */
	o.job.rate_limit_bytes_per_s =
		n % 5 == 4 ? (uint64_t)(60 + 60 * roll()) * MIB : 0;
	hand_out(w, &o.job, &a);
	assert_true(a.accepted);
	for (;;) {
		Vrsas__V1__TransferStatus *s = read_status_of(w, job);
		bool ended = s && s->ended_at_ms;

		status_free(s);
		if (ended)
			break;
		(void)poll(NULL, 0, 10);
	}
	(void)unlink(o.target);
}

static int show(struct world *w, int n)
{
	struct vrs_reply *r = NULL;
	struct vrs_err err = {0};
	int inside = 0, seen = 0;
	double off = 0;

	assert_ok(vrs_store_cmd(w->store, &r, &err,
				"LRANGE " VRS_KEY "eta:{c1}:{c2} 0 %d", n - 1),
		  &err);
	printf("%10s %10s %9s %9s %9s %9s %7s  %s\n", "data MiB", "limit MiB/s", "said s",
	       "low s", "high s", "took s", "off %", "inside");
	for (size_t i = r->n_items; i-- > 0;) {
		struct eta_past p;

		if (eta_past_parse(&p, r->item[i].bytes, &err) < 0)
			continue;
		bool in = p.took_s >= p.predicted.low_s && p.took_s <= p.predicted.high_s;
		seen++;
		inside += in;
		off += fabs(p.predicted.seconds - p.took_s) / p.took_s;
		printf("%10.0f %10.0f %9.2f %9.2f %9.2f %9.2f %+7.0f  %s\n",
		       p.work.data_bytes / MIB, p.work.limit_bytes_per_s / MIB,
		       p.predicted.seconds, p.predicted.low_s, p.predicted.high_s,
		       p.took_s, 100 * (p.predicted.seconds - p.took_s) / p.took_s,
		       in ? "yes" : "no");
	}
	vrs_reply_free(r);
	printf("%d of %d inside the interval that 90 in 100 should end in (%d to %d are "
	       "aimed at); off by %.0f %% on average\n",
	       inside, seen, (int)ceil(0.82 * seen), seen, 100 * off / seen);
	return seen == n && inside * 100 >= 82 * seen ? 0 : 1;
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 40;
	void *state = NULL;

	if (set_up(&state) < 0)
		return 1;
	struct world *w = state;
	start_mover(w, 0, NULL);
	for (int i = 0; i < n + LEARN; i++)
		carry(w, i);
	int code = show(w, n);
	(void)tear_down(&state);
	return code;
}
