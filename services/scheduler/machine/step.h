/* step.h - one step of the machine: what its files share. Callers see machine.h. */
#ifndef SCHEDULER_MACHINE_STEP_H
#define SCHEDULER_MACHINE_STEP_H

#include "machine/states.h"

/* What happened, by which rules, when; and the record that follows. */
struct step {
	const struct reloc_event *ev;
	const struct reloc_rules *rules;
	const struct reloc_state_info *states; /* of all states */
	int64_t now_ms;
	struct reloc *n;
	bool changed;
};

/* --- step.c: copies, proofs, and the change of state --- */

bool step_needs_proof(const struct reloc_copy *c);
bool step_all_proven_but(const struct reloc *r, int32_t except);
void step_prove(struct step *s, struct reloc_copy *c, enum reloc_proof proof);
/* Confirmed off by its hypervisor, after an order of this state to stop it. */
void step_stopped(struct step *s, uint32_t i);
void step_unprove(struct step *s, uint32_t i);
/* The host of copy i answers again: a proof of its power is void, what its hypervisor
 * attested about the VM is not. False: it answered before. */
bool step_answers(struct step *s, uint32_t i);
void step_compact(struct reloc *n);
int32_t step_want_copy(struct reloc *n, const struct reloc_place *place);
/* Index of the copy at the event's place; -1: none. */
int step_at(const struct step *s);
/* A split is open, held or not. */
bool step_in_split(const struct reloc *r);
/* True when it is known that this copy must be stopped, and not the granted one. */
bool step_knows_older(const struct reloc *r, uint32_t i);
void step_because(struct step *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void step_go(struct step *s, enum reloc_state to, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void step_hold(struct step *s, enum reloc_hold kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
bool step_late(const struct step *s);
void step_page_again(struct step *s);
/* A transfer made progress, copying or comparing: the deadline moves. */
void step_progress(struct step *s);
/* A transfer waits, and its mover knows why: the deadline moves. */
void step_patience(struct step *s);
void step_begin(struct step *s);
void step_host_down(struct step *s, const char *why);
void step_regrant_good(struct step *s, const char *why);
void step_next_target(struct step *s, const char *why);

/* --- second_copy.c: a copy is seen running where it must not --- */

/* At a place that the record does not list. */
void step_stranger(struct step *s);
void step_runs_there(struct step *s, uint32_t i);
void step_split(struct step *s, uint32_t i);
/* True when the event reports that a copy which was seen running is off. */
bool step_seen_off(struct step *s);

/* --- watch.c: events with the same meaning wherever the VM runs or starts --- */

/* The disks of a copy that was marked for removal are gone. */
void step_removed(struct step *s);
void step_watch(struct step *s);
void step_suspect(struct step *s);
void step_planned(struct step *s);

/* --- states_split.c: two copies run --- */

/* The VM was found running in two clusters before it had a record. */
void step_seen_twice(struct step *s);
void step_split_suspect(struct step *s);

/* --- states_fence.c: until a target is decided --- */

void step_protected(struct step *s);
void step_suspected(struct step *s);
void step_fencing(struct step *s);
void step_fenced(struct step *s);
void step_deciding(struct step *s);
void step_waiting(struct step *s);
void step_hold_choice(struct step *s);
/* Events that interrupt everything between proof and grant. True when the event was of
 * that kind, whether or not it changed the record. */
bool step_interrupted(struct step *s);

/* --- states_move.c: the copy to the target, and the grant --- */

void step_reserving(struct step *s);
void step_transferring(struct step *s);
void step_granting(struct step *s);

/* --- states_failback.c: from the grant on, and the failback --- */

void step_starting(struct step *s);
void step_start_failed(struct step *s);
void step_running_away(struct step *s);
void step_quiesce(struct step *s);
void step_final_sync(struct step *s);
void step_cleanup(struct step *s);

#endif
