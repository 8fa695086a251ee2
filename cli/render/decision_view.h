/* decision_view.h - a decision as a page that one can argue with at 3 a.m. Pure. */
#ifndef CLI_RENDER_DECISION_VIEW_H
#define CLI_RENDER_DECISION_VIEW_H

#include <stdbool.h>

#include "render/table.h"
#include "vrs/mem.h"
#include "vrsas/v1/relocation.pb-c.h"

/* The whole of it: verdict, what it rests on, every candidate with its reasons. */
void explain_decision(struct vrs_text *out, const Vrsas__V1__Decision *d, bool colour);

/* "relocate to c2/h1", "wait for the repair", ... */
void explain_verdict(struct vrs_text *out, const Vrsas__V1__Decision *d);
enum tone explain_tone(Vrsas__V1__Verdict verdict);

/* The chosen candidate, or NULL. */
const Vrsas__V1__Candidate *explain_chosen(const Vrsas__V1__Decision *d);

#endif
