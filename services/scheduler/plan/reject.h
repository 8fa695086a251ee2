/* reject.h - the reasons for which a placement candidate is rejected.
 *
 * All that belongs to a reason (rule, sentence, summary, kind) stands in one row of
 * reject.c: a new reason is an edit of that file. Pure. */
#ifndef SCHEDULER_PLAN_REJECT_H
#define SCHEDULER_PLAN_REJECT_H

#include "plan/parts.h"

/* Applies every rule to a measured candidate: sets rejected and admitted. */
void reject_apply(const struct plan_context *x, const Vrsas__V1__VmFacts *vm,
		  struct candidate *c);

/* One of c's reasons is final: its capacity does not matter and is not explained. */
bool reject_is_final(const struct candidate *c);

/* Number of reasons; reject_text writes the sentence of reason i, or returns false when c
 * is not rejected for it. */
size_t reject_count(void);
bool reject_text(size_t i, const struct plan_context *x, const Vrsas__V1__VmFacts *vm,
		 const struct candidate *c, char buf[PLAN_TEXT_MAX]);

/* What rejects most of n candidates, in a few words. */
const char *reject_summary(const struct candidate *c, size_t n);

#endif
