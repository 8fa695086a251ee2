/* relocation_sim.h - a small world in which the machine of machine/machine.h is let
 * loose.
 *
 * Four hosts in three clusters, one VM, one scheduler, one mover. The world keeps what is
 * really so (power, links, running guests, what lies on each disk); the scheduler knows
 * only its durable record and what comes back from orders. A run is a sequence of points:
 * before and after every durable write, before and after every side effect, and when an
 * answer arrives. At any point something may go wrong (enum sim_trouble). After every
 * second the invariants are checked; when everything has been repaired, the run must end
 * with exactly one running copy that has lost nothing. */
#ifndef TESTS_RELOCATION_SIM_H
#define TESTS_RELOCATION_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "machine/machine.h"

enum { SIM_HOME, SIM_AWAY1, SIM_AWAY2, SIM_NEIGHBOUR, SIM_HOSTS };
enum { SIM_CLUSTERS = 3 };

/* What happens first. */
enum sim_story {
	SIM_POWER_LOSS,
	SIM_PARTITION,    /* the host is cut off; its guest goes on writing */
	SIM_ORDERED_MOVE, /* an operator moves a healthy VM */
	SIM_QUICK_REBOOT, /* the host is back before its silence is noticed */
	SIM_FOUND_TWICE,  /* it runs in two clusters when it is first looked at */
	SIM_N_STORIES,
};

enum sim_fence {
	SIM_FENCE_WORKS,
	SIM_FENCE_REFUSES, /* says no at once */
	SIM_FENCE_SILENT,  /* never answers in time */
	SIM_FENCE_HALF,    /* says done, but the power still reads on */
	SIM_FENCE_NONE,    /* there is none; only people can say */
	SIM_N_FENCES,
};

enum sim_verdict {
	SIM_RELOCATES, /* to the first target that lives and was not tried */
	SIM_WAITS,
	SIM_RESTARTS_NEARBY, /* on the neighbour that shares the disks */
	SIM_HOLDS,
	SIM_N_VERDICTS,
};

enum sim_trouble {
	SIM_NOTHING,
	SIM_CRASH,        /* scheduler dies; what it had ordered but not begun is lost */
	SIM_CRASH_LATE,   /* it dies; what it had ordered is still carried out */
	SIM_LOSE_ANSWERS, /* what is on its way to the scheduler never arrives */
	SIM_DOUBLE_ANSWERS, /* it arrives twice, the second time much later */
	SIM_HOME_RETURNS,
	SIM_HOME_DIES,
	SIM_HOME_CUT_OFF,
	SIM_HOME_REBOOTS, /* faster than anybody notices */
	SIM_TARGET_DIES,
	SIM_TARGET_RETURNS,
	SIM_TARGET_CUT_OFF,
	SIM_TARGET_REBOOTS,
	SIM_MOVER_DIES,
	SIM_STALE_STARTED, /* somebody starts the older copy by hand */
	SIM_CLONE_STARTED, /* or one where nobody of ours ever sent it */
	SIM_OPERATOR_CANCELS,
	SIM_OPERATOR_CONFIRMS, /* truthfully: the host is off by then */
	SIM_N_TROUBLES,
};

struct sim_script {
	enum sim_story story;
	enum sim_fence fence;
	enum sim_verdict verdict;
	bool first_target_cannot_start; /* guests never come up on AWAY1 */
	int boots_for;                  /* seconds until a guest answers on AWAY1 */
	int start_hangs_for; /* on AWAY1, in seconds; it fires then, whatever was said */
	bool home_returns;   /* after a while, by itself */
	bool auto_failback, keep_away;
	struct {
		int point; /* -1: none */
		enum sim_trouble what;
	} trouble[3];
	bool loud; /* tell every step */
};

struct sim_result {
	bool ok;
	char what[400];  /* the first broken promise */
	int points;      /* passed before the repair began */
	uint64_t states; /* bit set of states seen */
	enum reloc_state end;
	int seconds;
	int disks_away; /* sets that lie in other clusters at the end */
};

void sim_run(const struct sim_script *script, struct sim_result *ret);
const char *sim_trouble_name(enum sim_trouble t);

#endif
