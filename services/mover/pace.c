#include "pace.h"

enum {
	RUN_BYTES = 32 << 20, /* a trial of one way */
	KEEP_RUNS = 24,       /* until the next trial */
	RETRY_RUNS = 4,       /* ... when the content did not shrink */
	LOOK_EVERY = 48,      /* a piece is packed to see if it shrinks */
};
static const double worth = 0.9; /* of its size */

static double rate(const struct pace_trial *t)
{
	int64_t ms = t->last_ms - t->first_ms;

	return (double)t->arrived_bytes / (double)(ms > 0 ? ms : 1);
}

static bool has_arrived(const struct pace_trial *t)
{
	return t->arrived_bytes >= t->given_bytes - t->given_bytes / 8;
}

static void next_run(struct pace *p)
{
	p->number++;
	p->run_bytes = 0;
	switch (p->stage) {
	case PACE_KEEP:
		if (p->left > 0) {
			p->left--;
		} else if (p->shrinks > 0 && p->shrinks <= worth) {
			p->stage = PACE_TRY_PLAIN;
			p->plain = (struct pace_trial){.number = p->number};
		} else {
			p->packing = false;
			p->left = RETRY_RUNS;
		}
		break;
	case PACE_TRY_PLAIN:
		p->stage = PACE_TRY_PACKED;
		p->packed = (struct pace_trial){.number = p->number};
		break;
	default:
		p->stage = PACE_WAIT;
		if (has_arrived(&p->plain) && has_arrived(&p->packed)) {
			p->packing = rate(&p->packed) > rate(&p->plain);
			p->stage = PACE_KEEP;
			p->left = KEEP_RUNS;
		}
	}
}

bool pace_next(struct pace *p, uint64_t len, unsigned *ret_run)
{
	*ret_run = 0;
	if (p->mode != PACE_AUTO)
		return p->mode == PACE_ALWAYS;
	if (p->run_bytes >= RUN_BYTES)
		next_run(p);
	p->run_bytes += len;
	*ret_run = p->number;
	if (p->stage == PACE_TRY_PLAIN)
		p->plain.given_bytes += len;
	if (p->stage == PACE_TRY_PACKED)
		p->packed.given_bytes += len;
	bool packs =
		p->stage == PACE_TRY_PACKED || (p->stage != PACE_TRY_PLAIN && p->packing);
	return packs || (p->stage == PACE_KEEP && p->since_look++ % LOOK_EVERY == 0);
}

void pace_arrived(struct pace *p, unsigned run, uint64_t len, bool packed,
		  uint64_t data_bytes, uint64_t wire_bytes, int64_t mono_ms)
{
	if (packed && data_bytes > 0) {
		double now = (double)wire_bytes / (double)data_bytes;

		p->shrinks = p->shrinks > 0 ? 0.8 * p->shrinks + 0.2 * now : now;
	}
	if (p->mode != PACE_AUTO || run == 0)
		return;
	struct pace_trial *t = run == p->plain.number    ? &p->plain
			       : run == p->packed.number ? &p->packed
							 : NULL;
	if (!t)
		return;
	if (t->arrived_bytes == 0)
		t->first_ms = mono_ms;
	t->arrived_bytes += len;
	t->last_ms = mono_ms;
}
