/* detector.h - is this host dead? The evidence of three channels over time.
 *
 * Silence alone is no proof of death. A host becomes suspect when two independent
 * channels report it dead:
 *   collector  its collector is alive and reports N failed readings in a row, in several
 *              heartbeats
 *   probe      the scheduler's own probes fail, several in a row
 *   claim      an operator or an alert of the monitoring declares it dead; both count as
 *              one channel
 * and likely down when probes made since then fail too. A silent collector is no
 * evidence: the probe is then the only channel, and one is not enough. When many hosts of
 * a cluster fall silent at once, the network or the collector has probably failed: the
 * brake holds all of them.
 *
 * Pure: time comes in as values (any clock that does not jump). */
#ifndef SCHEDULER_DETECT_DETECTOR_H
#define SCHEDULER_DETECT_DETECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct detector_rules {
	int64_t silent_samples; /* failed readings in a row, counted by the collector; 3
				 */
	int64_t silent_beats;   /* heartbeats in a row that report them; 2 */
	int64_t failed_probes;  /* in a row; 2 */
	int64_t probe_fresh_ms; /* an older result does not count; 15 s */
	int64_t suspect_ms;     /* at least this long suspect before down; 0 */
	int64_t stable_ms;      /* ok again after answering this long; 60 s */
	double brake_ratio;     /* share of silent hosts above which all are held; 0.3 */
	int64_t brake_hosts;    /* and at least this many; 2 */
	int64_t boot_ms; /* a host that was switched on may boot this long; 5 min */
};

/* What an operator declared. */
enum detector_claim { DETECTOR_NO_CLAIM, DETECTOR_CLAIM_DEAD, DETECTOR_CLAIM_OFF };

/* What is known of one host now. */
struct detector_seen {
	bool collector_alive;
	bool collector_says_up;
	uint32_t silent_samples; /* by the collector */
	int64_t beat_at_ms;      /* time of the heartbeat that reported it; 0: none */
	bool maintenance;
	bool handled; /* its death is proven already for some VM */
	bool can_probe;
	uint32_t probes_failed; /* in a row up to now; 0: the last one answered */
	int64_t probe_at_ms;    /* when the last one ended; 0: none */
	enum detector_claim claim;
	const char *claim_by; /* NULL: unknown */
	const char *alert;    /* of the monitoring that reports it dead; NULL: none */
};

enum detector_verdict {
	DETECTOR_OK,
	DETECTOR_SILENT,  /* one channel reports it dead: it is probed and reported */
	DETECTOR_SUSPECT, /* two channels */
	DETECTOR_BRAKE,   /* suspect or down, but too many are silent at once */
	DETECTOR_DOWN_LIKELY,
	DETECTOR_BACK, /* was down, answers again, not yet for stable_ms */
};
const char *detector_verdict_name(enum detector_verdict v);

/* What is kept about one host between two evaluations; starts as {0}. */
struct detector_host {
	enum detector_verdict verdict;
	int64_t since_ms;         /* of the verdict */
	int64_t silent_since_ms;  /* first sign of this silence; 0: none */
	int64_t answers_since_ms; /* the collector or a probe reaches it; 0: neither */
	int64_t up_since_ms;      /* and no channel reports it dead; 0: one does */
	uint32_t beats;           /* heartbeats in a row that report it silent */
	int64_t last_beat_ms;
	enum detector_verdict inner; /* without the brake */
	int64_t inner_since_ms;
	bool was_down;
	bool came_on;           /* on after its death was proven; not ok or down since */
	int64_t boot_since_ms;  /* may still be booting; 0: not so */
	uint32_t silent_before; /* failed readings from before it came on */
	bool wants_probe;       /* probe it at once, not at the next interval */
	unsigned channels;      /* that report it dead */
	char note[240];         /* the evidence, one line */
};

struct detector_brake {
	bool on;
	unsigned silent, hosts;
	char note[160];
};

/* Its power reads on, or it answers, after its death was proven: all evidence from before
 * is void. For boot_ms, or until its collector reads it, its silence is no evidence. */
void detector_power_on(struct detector_host *h, int64_t now_ms);

/* Evaluates all hosts of one cluster. */
void detector_step(const struct detector_rules *rules, int64_t now_ms,
		   const struct detector_seen *seen, struct detector_host *host, size_t n,
		   struct detector_brake *ret_brake);

#endif
