/* states.h - what each state of a relocation is: one table for the machine, the engine,
 * the metrics and, through the messages, for people.
 *
 * A new state is one row in states.c (and its number in relocation.proto). Pure. */
#ifndef SCHEDULER_MACHINE_STATES_H
#define SCHEDULER_MACHINE_STATES_H

#include "machine/machine.h"

struct step;
struct order_list;

/* Severity of the event that leads into the state, and effect on the system's health. */
enum reloc_severity { RELOC_NOTICE, RELOC_WARNING, RELOC_ERROR };

/* Part of a relocation that a state belongs to; as RelocationPhase of control.proto. */
enum reloc_phase {
	RELOC_PHASE_NONE,
	RELOC_PHASE_HOME, /* runs at home */
	RELOC_PHASE_DETECT,
	RELOC_PHASE_FENCE,
	RELOC_PHASE_DECIDE,
	RELOC_PHASE_MOVE,
	RELOC_PHASE_AWAY, /* runs away from home */
	RELOC_PHASE_FAILBACK,
};

/* Capacity that a relocation claims before readings show it. */
enum {
	RELOC_CLAIMS_TARGET = 1,
	RELOC_CLAIMS_TARGET_DISK = 2,
	RELOC_CLAIMS_ACTIVE = 4,
	RELOC_CLAIMS_HOME = 8,
};

struct reloc_state_info {
	const char *name;
	/* the machine */
	void (*handle)(struct step *s);
	void (*orders)(struct order_list *o); /* NULL: none */
	size_t budget;  /* of struct reloc_rules, until the deadline; 0: none */
	bool transfers; /* a mover works for this state */
	bool quiet;     /* no relocation is in progress */
	/* operator orders that it accepts */
	bool may_relocate, may_cancel, may_fail_back;
	/* others */
	enum reloc_phase phase;
	enum reloc_severity severity;
	unsigned claims; /* RELOC_CLAIMS_* */
	/* for people: what the state means, what to do */
	const char *meaning, *action;
};

/* Rows are in the order of enum reloc_state: reloc_state(RELOC_NONE) is the first. */
const struct reloc_state_info *reloc_state(enum reloc_state s);

#endif
