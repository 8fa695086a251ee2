/* reject.h - the reasons for which a placement candidate is rejected.
 *
 * A reason is one row of reject.c (code, rule with its sentence, kind, summary), and one
 * in docs/OPERATIONS.md. Pure. */
#ifndef SCHEDULER_PLAN_REJECT_H
#define SCHEDULER_PLAN_REJECT_H

#include "plan/parts.h"

/* Applies every rule to a measured candidate: sets rejected and admitted. */
void reject_apply(const struct plan_context *x, const Vrsas__V1__VmFacts *vm,
		  struct candidate *c);

/* One of c's reasons is final: its capacity is not explained. */
bool reject_is_final(const struct candidate *c);

/* The code of reason i; NULL: there is no such reason. */
const char *reject_code(size_t i);

/* Whether reason i is explained for c; if so, its sentence is written. */
enum reject_effect { REJECT_NOT, REJECT_NOT_ADMITTED, REJECT_RULED_OUT };
enum reject_effect reject_text(size_t i, const struct plan_context *x,
			       const Vrsas__V1__VmFacts *vm, const struct candidate *c,
			       char buf[PLAN_TEXT_MAX]);

/* The most frequent reason among n candidates, in a few words. */
const char *reject_summary(const struct candidate *c, size_t n);

#endif
