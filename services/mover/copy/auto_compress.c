#include "copy/auto_compress.h"

enum {
	MIN_RUN_BYTES = 4 << 20, /* a trial of one way */
	MAX_RUN_BYTES = 32 << 20,
	MIN_RUN_MS = 50,         /* less says little */
	KEEP_BYTES = 768 << 20,  /* until the next trial */
	RETRY_BYTES = 128 << 20, /* ... when the content did not shrink */
	LOOK_EVERY = 48,         /* a piece is packed to see if it shrinks */
};
static const double worth = 0.9; /* of its size */
/* Where the disk is what all wait for, both ways look alike, and one costs less. */
static const double clearly = 1.15;
/* About what one core packs, in bytes a ms: beyond it, a good run is more often luck. */
static const double fast = 300e3, by_far = 1.5;
/* Plain bytes that arrive like this leave nothing to win, and a trial costs. */
static const double too_fast = 450e3;

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

/* Both ways were tried: which is better? If that cannot be told, they are tried longer.
 */
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
	p->packing = rate(&p->packed) > plain * (plain < fast ? clearly : by_far);
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
		} else if (p->shrinks <= 0 || p->flow <= 0) {
			p->packing = false;
			p->left_bytes = MIN_RUN_BYTES; /* ask again soon */
		} else if (p->shrinks > worth || (!p->packing && p->flow >= too_fast)) {
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

/* While the first answer is on its way: that it shrinks is known. */
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

bool auto_compress_next(struct auto_compress *p, uint64_t len, unsigned *ret_run)
{
	*ret_run = 0;
	if (p->mode != AUTO_COMPRESS_AUTO)
		return p->mode == AUTO_COMPRESS_ALWAYS;
	if (p->run_end_bytes == 0)
		p->run_end_bytes = MIN_RUN_BYTES;
	if (p->run_bytes >= p->run_end_bytes)
		next_run(p);
	p->run_bytes += len;
	*ret_run = p->number;
	if (p->stage == AUTO_COMPRESS_TRY_PLAIN)
		p->plain.given_bytes += len;
	if (p->stage == AUTO_COMPRESS_TRY_PACKED)
		p->packed.given_bytes += len;
	return packs(p) ||
	       (p->stage == AUTO_COMPRESS_KEEP && p->since_look++ % LOOK_EVERY == 0);
}

static void measure_flow(struct auto_compress *p, uint64_t len, int64_t mono_ms)
{
	int64_t ms = mono_ms - p->since_ms;

	p->since_bytes += len;
	if (p->since_ms != 0 && ms < MIN_RUN_MS)
		return;
	if (p->since_ms != 0)
		p->flow = (double)p->since_bytes / (double)ms;
	p->since_ms = mono_ms;
	p->since_bytes = 0;
}

void auto_compress_arrived(struct auto_compress *p, unsigned run, uint64_t len,
			   bool packed, uint64_t data_bytes, uint64_t wire_bytes,
			   int64_t mono_ms)
{
	if (packed && data_bytes > 0) {
		double now = (double)wire_bytes / (double)data_bytes;

		p->shrinks = p->shrinks > 0 ? 0.8 * p->shrinks + 0.2 * now : now;
	}
	if (p->mode != AUTO_COMPRESS_AUTO)
		return;
	measure_flow(p, len, mono_ms);
	if (run == 0)
		return;
	struct auto_compress_trial *t = run == p->plain.number    ? &p->plain
					: run == p->packed.number ? &p->packed
								  : NULL;
	if (!t)
		return;
	if (t->arrived_bytes == 0)
		t->first_ms = mono_ms;
	t->arrived_bytes += len;
	t->last_ms = mono_ms;
}
