#include "engine/base/counters.h"

#include <math.h>

#define LENGTH(list) (sizeof(list) / sizeof((list)[0]))

void counters_init(struct counters *n)
{
	static const double outage[] = {5,   10,  20,  30,  45,   60,   90,
					120, 180, 300, 600, 1800, 3600, 14400};

	*n = (struct counters){0};
	vrs_histogram_init(&n->outage_seconds, outage, LENGTH(outage));
	vrs_histogram_init(&n->eta_error_ratio, vrs_bounds_ratio,
			   LENGTH(vrs_bounds_ratio));
	vrs_histogram_init(&n->decision_seconds, vrs_bounds_seconds,
			   LENGTH(vrs_bounds_seconds));
}

/* What the decision predicted for the transfer; 0: nothing. */
static int64_t predicted_transfer_ms(const Vrsas__V1__Relocation *msg)
{
	const Vrsas__V1__Decision *d = msg ? msg->decision : NULL;

	for (size_t i = 0; d && i < d->n_candidate; i++)
		if (d->candidate[i]->rank == 1)
			return d->candidate[i]->transfer_ms;
	return 0;
}

void counters_change(struct counters *n, const struct reloc *was, const struct reloc *now,
		     const Vrsas__V1__Relocation *msg)
{
	if (now->state != was->state) {
		n->reached[now->state]++;
		if (now->state == RELOC_PROTECTED &&
		    (was->state == RELOC_CLEANUP || was->state == RELOC_RESTORING_HOME))
			n->home++;
	}
	if (now->bytes_moved > was->bytes_moved)
		n->bytes_out += now->bytes_moved - was->bytes_moved;
	if (now->fb_bytes_moved > was->fb_bytes_moved)
		n->bytes_home += now->fb_bytes_moved - was->fb_bytes_moved;
	if (now->alive_ms > 0 && was->alive_ms == 0 && now->silent_since_ms > 0 &&
	    !now->planned)
		vrs_histogram_add(&n->outage_seconds,
				  (double)(now->alive_ms - now->silent_since_ms) / 1e3);
	int64_t real_ms = now->copied_ms - now->copy_started_ms;
	int64_t predicted_ms = predicted_transfer_ms(msg);
	if (now->copied_ms > 0 && was->copied_ms == 0 && now->copy_started_ms > 0 &&
	    real_ms > 0 && predicted_ms > 0)
		vrs_histogram_add(&n->eta_error_ratio,
				  fabs((double)(predicted_ms - real_ms)) /
					  (double)real_ms);
}

void counters_decided(struct counters *n, const Vrsas__V1__Decision *d)
{
	if ((size_t)d->verdict < LENGTH(n->verdicts))
		n->verdicts[d->verdict]++;
}

void counters_event(struct counters *n, Vrsas__V1__Severity severity)
{
	if ((size_t)severity < LENGTH(n->events))
		n->events[severity]++;
}
