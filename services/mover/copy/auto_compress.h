/* auto_compress.h - whether packing blocks makes a copy faster, found out by trying.
 *
 * Runs of pieces are sent plain and packed in turn and their rates compared; the better
 * way is kept for a while and then tried again, because links change. A run is short
 * where the link is slow, and long enough to measure where it is fast. Content that does
 * not shrink is found by a piece now and then and costs nothing more; so is a link that
 * takes more than could be packed. Pure. */
#ifndef MOVER_COPY_AUTO_COMPRESS_H
#define MOVER_COPY_AUTO_COMPRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pace_mode { PACE_AUTO, PACE_NEVER, PACE_ALWAYS };

struct pace_trial {
	unsigned number;
	uint64_t given_bytes, arrived_bytes;
	int64_t first_ms, last_ms;
};

enum pace_stage { PACE_KEEP, PACE_TRY_PLAIN, PACE_TRY_PACKED, PACE_WAIT };

struct pace {
	enum pace_mode mode;
	enum pace_stage stage;
	bool packing;           /* the better way, as far as known */
	bool decided;           /* ... by a trial */
	unsigned number;        /* of the run that is being given out */
	uint64_t run_bytes;     /* of this run so far */
	uint64_t run_end_bytes; /* how long a run is; 0: not known yet */
	uint64_t left_bytes;    /* until the next trial */
	struct pace_trial plain, packed;
	unsigned since_look;
	int64_t since_ms; /* what has arrived since then */
	uint64_t since_bytes;
	double flow;    /* bytes a ms of late, packed or not; 0: not known */
	double shrinks; /* packed by plain size of what was packed lately; 0: not known */
};

/* The next piece is of len bytes: shall it be packed? *ret_run goes to pace_arrived. */
bool pace_next(struct pace *p, uint64_t len, unsigned *ret_run);
/* It was written at the target. packed: it was asked to be packed; wire_bytes: what
 * travelled for the data_bytes in it. */
void pace_arrived(struct pace *p, unsigned run, uint64_t len, bool packed,
		  uint64_t data_bytes, uint64_t wire_bytes, int64_t mono_ms);

#endif
