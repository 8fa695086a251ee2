/* auto_compress.h - measures whether compression makes a copy faster.
 *
 * Runs of pieces are sent plain and compressed in turn and their rates compared; the
 * faster way is kept for a while and then tried again, because links change. A run is
 * short on a slow link, and long enough to measure on a fast one. Incompressible content
 * is detected with one piece now and then, at no other cost; so is a link that is faster
 * than compression. Pure. */
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
	bool packing;           /* the faster way, as far as known */
	bool decided;           /* ... by a trial */
	unsigned number;        /* of the current run */
	uint64_t run_bytes;     /* of the current run so far */
	uint64_t run_end_bytes; /* length of a run; 0: not known yet */
	uint64_t left_bytes;    /* until the next trial */
	struct auto_compress_trial plain, packed;
	unsigned since_probe;
	int64_t since_ms; /* start of the measurement of recent_rate */
	uint64_t since_bytes;
	double recent_rate; /* bytes a ms, either way; 0: not known */
	double ratio;       /* recent compressed by plain size; 0: not known */
};

struct auto_compress_piece {
	uint64_t len;
	unsigned run;
	bool packed;                     /* compression was requested */
	uint64_t data_bytes, wire_bytes; /* bytes that are not zero, and sent for them */
};

/* Fills run and packed of the next piece to be sent. */
void auto_compress_next(struct auto_compress *p, struct auto_compress_piece *piece);
/* The piece was written at the target. */
void auto_compress_arrived(struct auto_compress *p,
			   const struct auto_compress_piece *piece, int64_t mono_ms);

#endif
