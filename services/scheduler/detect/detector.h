/* detector.h - is this host dead? What three channels say, weighed over time.
 *
 * Silence is never death. A host becomes suspect when two independent channels say dead:
 *   collector  its collector lives and reports N failed readings in a row, and we have
 *              ourselves seen that in several heartbeats
 *   probe      our own active probes fail, several in a row
 *   word       an operator or an alert of the monitoring says so; both are one channel
 * and likely down when probes made since then agree. A silent collector is no witness:
 * then the probe stands alone, and the note says that a second word is missing. When many
 * hosts of a cluster fall silent at once, the fault is more likely in what looks than in
 * what is looked at: the brake holds all of them.
 *
 * Pure: time comes in as values (any clock that does not jump). */
#ifndef SCHEDULER_DETECT_DETECTOR_H
#define SCHEDULER_DETECT_DETECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct detector_rules {
	uint32_t
		silent_samples; /* failed readings in a row, as the collector counts; 3 */
	uint32_t silent_beats;  /* heartbeats in a row that we saw say so; 2 */
	uint32_t failed_probes; /* in a row; 2 */
	int64_t probe_fresh_ms; /* an older result does not count; 15 s */
	int64_t suspect_ms;     /* at least this long suspect before down; 0 */
	int64_t stable_ms;      /* back for this long: ok again; 60 s */
	double brake_ratio;     /* silent share of a cluster above which we hold; 0.3 */
	uint32_t brake_hosts;   /* and at least so many; 2 */
};
extern const struct detector_rules detector_defaults;

enum detector_word { DETECTOR_NO_WORD, DETECTOR_SAYS_DEAD, DETECTOR_CONFIRMS_OFF };

/* What is known of one host now. */
struct detector_seen {
	bool collector_alive;
	bool collector_says_up;
	uint32_t silent_samples; /* by the collector */
	int64_t beat_at_ms;      /* which heartbeat said so (its own time); 0: none */
	bool maintenance;
	bool handled; /* its death is acted upon already: in fencing, fenced or away */
	bool can_probe;
	uint32_t probes_failed; /* in a row up to now; 0: the last one answered */
	int64_t probe_at_ms;    /* when the last one ended; 0: none */
	enum detector_word word;
	const char *word_by; /* NULL: nobody */
	const char *alert;   /* monitoring says dead: its alert; NULL: none */
};

enum detector_verdict {
	DETECTOR_OK,
	DETECTOR_SILENT,  /* one channel says dead: probe it, tell people */
	DETECTOR_SUSPECT, /* two channels */
	DETECTOR_BRAKE,   /* would be suspect or down, but too many are silent at once */
	DETECTOR_DOWN_LIKELY,
	DETECTOR_BACK, /* was down, answers again, not yet for stable_ms */
};
const char *detector_verdict_name(enum detector_verdict v);

/* What is remembered of one host between two looks; starts as {0}. */
struct detector_host {
	enum detector_verdict verdict;
	int64_t since_ms;         /* of the verdict */
	int64_t silent_since_ms;  /* first sign of this silence; 0: none */
	int64_t answers_since_ms; /* something of it answers since; 0: nothing does */
	int64_t up_since_ms;      /* and nothing says otherwise since; 0: not so */
	uint32_t beats;           /* heartbeats in a row that say silent */
	int64_t last_beat_ms;
	enum detector_verdict inner; /* without the brake */
	int64_t inner_since_ms;
	bool was_down;
	bool wants_probe;  /* look at it now rather than at the next round */
	unsigned channels; /* that say dead */
	char note[240];    /* why, one line */
};

struct detector_brake {
	bool on;
	unsigned silent, hosts;
	char note[160];
};

/* One look at all hosts of one cluster. */
void detector_step(const struct detector_rules *rules, int64_t now_ms,
		   const struct detector_seen *seen, struct detector_host *host, size_t n,
		   struct detector_brake *ret_brake);

#endif
