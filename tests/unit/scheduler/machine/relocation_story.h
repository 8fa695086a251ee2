/* relocation_story.h - one record led to a certain state, for tests of single steps. */
#ifndef TESTS_RELOCATION_STORY_H
#define TESTS_RELOCATION_STORY_H

#include "check.h"

#include <string.h>

#include "scheduler_rules.h"

struct story {
	struct reloc r;
	int64_t now_ms;
};

static inline struct story begin(void)
{
	const struct reloc_place home = {"c1", "h1"};
	struct story s = {.now_ms = 1000};

	reloc_init(&s.r, "vm-1", "web1", &home);
	return s;
}

static inline bool feed(struct story *s, struct reloc_event ev)
{
	struct reloc next;

	ev.op = s->r.op;
	ev.job = s->r.job;
	ev.token = s->r.token;
	if (!reloc_step(&s->r, &ev, &reloc_defaults, s->now_ms, &next))
		return false;
	s->r = next;
	return true;
}

static inline void tick(struct story *s)
{
	(void)feed(s, (struct reloc_event){.kind = RELOC_TICK});
}

static inline void is_in(const struct story *s, enum reloc_state state)
{
	if (s->r.state != state)
		fail_msg("in %s (%s), not in %s", reloc_state_name(s->r.state), s->r.why,
			 reloc_state_name(state));
}

static const struct reloc_place home = {"c1", "h1"}, away = {"c2", "a1"};

static inline const struct reloc_order *
ordered(const struct story *s, enum reloc_order_kind kind, struct reloc_order *list)
{
	size_t n = reloc_orders(&s->r, list);

	for (size_t i = 0; i < n; i++)
		if (list[i].kind == kind)
			return &list[i];
	return NULL;
}

static inline void down(struct story *s)
{
	(void)feed(s, (struct reloc_event){.kind = RELOC_HOST_DOWN,
					   .place = home,
					   .text = "two channels say so"});
}

static inline void transferring(struct story *s)
{
	down(s);
	tick(s);
	is_in(s, RELOC_FENCING);
	(void)feed(s, (struct reloc_event){.kind = RELOC_FENCE_RESULT,
					   .place = home,
					   .proof = RELOC_F1_POWER_OFF,
					   .by = "fence",
					   .text = "off"});
	tick(s);
	(void)feed(s, (struct reloc_event){.kind = RELOC_DECIDED,
					   .verdict = RELOC_RELOCATE,
					   .readable = true,
					   .place = away,
					   .text = "most room"});
	is_in(s, RELOC_RESERVING);
	(void)feed(s, (struct reloc_event){
			      .kind = RELOC_RESERVED, .ok = true, .place = away});
	is_in(s, RELOC_TRANSFERRING);
}

static inline void comparing(struct story *s)
{
	transferring(s);
	(void)feed(s, (struct reloc_event){.kind = RELOC_TRANSFER,
					   .transfer = RELOC_XFER_PROVING,
					   .bytes = 1000});
	is_in(s, RELOC_VERIFYING);
}

static inline void starting(struct story *s)
{
	comparing(s);
	(void)feed(s, (struct reloc_event){.kind = RELOC_TRANSFER,
					   .transfer = RELOC_XFER_DONE,
					   .ok = true});
	(void)feed(s, (struct reloc_event){
			      .kind = RELOC_DEFINED, .ok = true, .place = away});
	is_in(s, RELOC_GRANTING);
	(void)feed(s, (struct reloc_event){.kind = RELOC_RECHECKED,
					   .recheck = RELOC_STANDS});
	is_in(s, RELOC_STARTING);
}

static const struct reloc_event healthy = {
	.kind = RELOC_HEALTH, .ok = true, .place = {"c2", "a1"}, .text = "it answers"};

#endif
