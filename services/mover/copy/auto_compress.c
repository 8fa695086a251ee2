#include "copy/auto_compress.h"

enum {
	MIN_RUN_BYTES = 4 << 20, /* of a trial */
	MAX_RUN_BYTES = 32 << 20,
	MIN_RUN_MS = 50,         /* a shorter run is not measurable */
	KEEP_BYTES = 768 << 20,  /* until the next trial */
	RETRY_BYTES = 128 << 20, /* ... when the content did not shrink */
	PROBE_EVERY = 48,        /* one piece in so many measures the ratio */
};
/* A larger ratio is not worth compressing. */
static const double max_ratio = 0.9;
/* Compression must be faster by this factor: if the disk is the bottleneck, both ways
 * have the same rate, and plain costs less CPU. */
static const double min_gain = 1.15;
/* In bytes a ms, about what one core compresses. On a faster link a good run is more
 * often chance, so the gain must be larger. */
static const double fast_rate = 300e3, fast_min_gain = 1.5;
/* At this rate, plain is not tried against compression any longer. */
static const double max_rate = 450e3;

static double rate(const struct auto_compress_trial *t)
{
	int64_t ms = t->last_ms - t->first_ms;

	return (double)t->arrived_bytes / (double)(ms > 0 ? ms : 1);
}

static bool has_arrived(const struct auto_compress_trial *t)
{
	return t->arrived_bytes >= t->given_bytes - t->given_bytes / 8;
}

static void try_plain(struct auto_compress *p)
{
	p->stage = AUTO_COMPRESS_TRY_PLAIN;
	p->plain = (struct auto_compress_trial){.number = p->number};
}

/* Both ways were tried: decides, or makes the runs longer if they were too short. */
static void compare(struct auto_compress *p)
{
	int64_t ms = p->plain.last_ms - p->plain.first_ms;

	if (ms < MIN_RUN_MS && p->run_end_bytes < MAX_RUN_BYTES) {
		uint64_t n =
			p->run_end_bytes * MIN_RUN_MS * 2 / (uint64_t)(ms > 0 ? ms : 1);

		p->run_end_bytes = n < MAX_RUN_BYTES ? n : MAX_RUN_BYTES;
		try_plain(p);
		return;
	}
	double plain = rate(&p->plain);
	p->packing =
		rate(&p->packed) > plain * (plain < fast_rate ? min_gain : fast_min_gain);
	p->decided = true;
	p->stage = AUTO_COMPRESS_KEEP;
	p->left_bytes = KEEP_BYTES;
}

static void next_run(struct auto_compress *p)
{
	uint64_t run = p->run_bytes;

	p->number++;
	p->run_bytes = 0;
	switch (p->stage) {
	case AUTO_COMPRESS_KEEP:
		if (p->left_bytes > run) {
			p->left_bytes -= run;
		} else if (p->ratio <= 0 || p->recent_rate <= 0) {
			p->packing = false;
			p->left_bytes = MIN_RUN_BYTES; /* decide soon */
		} else if (p->ratio > max_ratio ||
			   (!p->packing && p->recent_rate >= max_rate)) {
			p->packing = false;
			p->left_bytes = RETRY_BYTES;
		} else {
			try_plain(p);
		}
		break;
	case AUTO_COMPRESS_TRY_PLAIN:
		p->stage = AUTO_COMPRESS_TRY_PACKED;
		p->packed = (struct auto_compress_trial){.number = p->number};
		break;
	default:
		p->stage = AUTO_COMPRESS_WAIT;
		if (has_arrived(&p->plain) && has_arrived(&p->packed))
			compare(p);
	}
}

/* While the first trial is in flight, compress: the ratio is known to be good. */
static bool packs(const struct auto_compress *p)
{
	switch (p->stage) {
	case AUTO_COMPRESS_TRY_PLAIN:
		return false;
	case AUTO_COMPRESS_TRY_PACKED:
		return true;
	case AUTO_COMPRESS_WAIT:
		return p->packing || !p->decided;
	default:
		return p->packing;
	}
}

void auto_compress_next(struct auto_compress *p, struct auto_compress_piece *piece)
{
	uint64_t len = piece->len;

	piece->run = 0;
	piece->packed = p->mode == AUTO_COMPRESS_ALWAYS;
	if (p->mode != AUTO_COMPRESS_AUTO)
		return;
	if (p->run_end_bytes == 0)
		p->run_end_bytes = MIN_RUN_BYTES;
	if (p->run_bytes >= p->run_end_bytes)
		next_run(p);
	p->run_bytes += len;
	piece->run = p->number;
	if (p->stage == AUTO_COMPRESS_TRY_PLAIN)
		p->plain.given_bytes += len;
	if (p->stage == AUTO_COMPRESS_TRY_PACKED)
		p->packed.given_bytes += len;
	piece->packed = packs(p) || (p->stage == AUTO_COMPRESS_KEEP &&
				     p->since_probe++ % PROBE_EVERY == 0);
}

static void measure_rate(struct auto_compress *p, uint64_t len, int64_t mono_ms)
{
	int64_t ms = mono_ms - p->since_ms;

	p->since_bytes += len;
	if (p->since_ms != 0 && ms < MIN_RUN_MS)
		return;
	if (p->since_ms != 0)
		p->recent_rate = (double)p->since_bytes / (double)ms;
	p->since_ms = mono_ms;
	p->since_bytes = 0;
}

void auto_compress_arrived(struct auto_compress *p,
			   const struct auto_compress_piece *piece, int64_t mono_ms)
{
	if (piece->packed && piece->data_bytes > 0) {
		double now = (double)piece->wire_bytes / (double)piece->data_bytes;

		p->ratio = p->ratio > 0 ? 0.8 * p->ratio + 0.2 * now : now;
	}
	if (p->mode != AUTO_COMPRESS_AUTO)
		return;
	measure_rate(p, piece->len, mono_ms);
	if (piece->run == 0)
		return;
	struct auto_compress_trial *t = piece->run == p->plain.number    ? &p->plain
					: piece->run == p->packed.number ? &p->packed
									 : NULL;
	if (!t)
		return;
	if (t->arrived_bytes == 0)
		t->first_ms = mono_ms;
	t->arrived_bytes += piece->len;
	t->last_ms = mono_ms;
}
