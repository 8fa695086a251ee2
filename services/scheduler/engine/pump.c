/* Starts every order of the records that is not in progress. */
#include "engine/parts.h"

/* States that wait for nothing are left at once, not at the next tick. */
static void settle(struct engine *e, struct entry *en)
{
	const struct reloc_event tick = {.kind = RELOC_TICK};

	while ((en->r.state == RELOC_DOWN_LIKELY || en->r.state == RELOC_FENCED ||
		en->r.state == RELOC_FENCING) &&
	       engine_feed(e, en, &tick, NULL))
		;
}

void engine_pump(struct engine *e)
{
	struct reloc_order order[RELOC_MAX_ORDERS];
	struct vrs_err err = {0};

	for (size_t i = 0; i < engine_n_entries(e) && engine_may_act(e); i++) {
		struct entry *en = engine_nth_entry(e, i);

		if (en->stale && engine_entry_reload(e, en, &err) < 0) {
			engine_store_trouble(e, err.text);
			continue;
		}
		settle(e, en);
	}
	engine_decide(e);
	for (size_t i = 0; i < engine_n_entries(e) && engine_may_act(e); i++) {
		struct entry *en = engine_nth_entry(e, i);

		if (en->stale)
			continue;
		size_t n = reloc_orders(&en->r, order);
		uint64_t op = en->r.op;
		for (size_t k = 0; k < n && en->r.op == op && !en->stale; k++)
			if (order[k].kind != RELOC_DO_DECIDE)
				engine_order(e, en, &order[k]);
	}
}
