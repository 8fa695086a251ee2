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

enum auto_compress_mode { AUTO_COMPRESS_AUTO, AUTO_COMPRESS_NEVER, AUTO_COMPRESS_ALWAYS };

struct auto_compress_trial {
	unsigned number;
	uint64_t given_bytes, arrived_bytes;
	int64_t first_ms, last_ms;
};

enum auto_compress_stage {
	AUTO_COMPRESS_KEEP,
	AUTO_COMPRESS_TRY_PLAIN,
	AUTO_COMPRESS_TRY_PACKED,
	AUTO_COMPRESS_WAIT
};

struct auto_compress {
	enum auto_compress_mode mode;
	enum auto_compress_stage stage;
	bool packing;           /* the better way, as far as known */
	bool decided;           /* ... by a trial */
	unsigned number;        /* of the run that is being given out */
	uint64_t run_bytes;     /* of this run so far */
	uint64_t run_end_bytes; /* how long a run is; 0: not known yet */
	uint64_t left_bytes;    /* until the next trial */
	struct auto_compress_trial plain, packed;
	unsigned since_look;
	int64_t since_ms; /* what has arrived since then */
	uint64_t since_bytes;
	double flow;    /* bytes a ms of late, packed or not; 0: not known */
	double shrinks; /* packed by plain size of what was packed lately; 0: not known */
};

/* The next piece is of len bytes: shall it be packed? *ret_run goes to
 * auto_compress_arrived. */
bool auto_compress_next(struct auto_compress *p, uint64_t len, unsigned *ret_run);
/* It was written at the target. packed: it was asked to be packed; wire_bytes: what
 * travelled for the data_bytes in it. */
void auto_compress_arrived(struct auto_compress *p, unsigned run, uint64_t len,
			   bool packed, uint64_t data_bytes, uint64_t wire_bytes,
			   int64_t mono_ms);

#endif
