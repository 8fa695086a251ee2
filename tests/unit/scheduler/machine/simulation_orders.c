/* What hosts, power switches, disks and movers of the simulator do when they are told. */
#include <stdio.h>
#include <string.h>

#include "simulation_parts.h"

static void do_fence(struct sim *s, const struct message *m)
{
	struct reloc_event ev = {.kind = RELOC_FENCE_RESULT};
	enum sim_fence how = s->repairing ? SIM_FENCE_WORKS : s->script->fence;

	switch (how) {
	case SIM_FENCE_WORKS:
		sim_power_off(s, m->host);
		ev.proof = RELOC_F1_POWER_OFF;
		break;
	case SIM_FENCE_SILENT:
		return;
	default:
		(void)snprintf(ev.text, sizeof(ev.text), "the fence proves nothing");
		break;
	}
	sim_answer(s, m, ev);
}

static void do_decide(struct sim *s, const struct message *m)
{
	const struct reloc *r = &s->durable;
	struct reloc_event ev = {.kind = RELOC_DECIDED, .readable = true};
	int good = sim_host_at(&r->copy[r->good].place);
	enum sim_verdict v = s->script->verdict;

	ev.verdict = RELOC_HOLD;
	(void)snprintf(ev.text, sizeof(ev.text), "decided");
	if (v == SIM_WAITS)
		ev.verdict = RELOC_WAIT;
	if (v == SIM_RESTARTS_NEARBY && good == SIM_HOME &&
	    s->host[SIM_NEIGHBOUR].silent_for == 0) {
		ev.verdict = RELOC_LOCAL;
		ev.place = sim_place_of(SIM_NEIGHBOUR);
	}
	for (int h = SIM_AWAY1;
	     v == SIM_RELOCATES && ev.verdict == RELOC_HOLD && h <= SIM_AWAY2; h++) {
		bool tried = false;

		for (uint32_t i = 0; i < r->n_tried; i++)
			tried = tried || sim_host_at(&r->tried[i]) == h;
		if (tried || h == good || s->host[h].silent_for > 0)
			continue;
		ev.verdict = RELOC_RELOCATE;
		ev.place = sim_place_of(h);
	}
	if (ev.place.host[0])
		for (uint32_t i = 0; i < r->n_tried; i++)
			if (sim_host_at(&r->tried[i]) == sim_host_at(&ev.place))
				ev.verdict = RELOC_HOLD;
	sim_answer(s, m, ev);
}

static enum reloc_seen look_at(const struct sim *s, int host)
{
	if (!sim_reachable(s, host))
		return RELOC_UNREACHABLE;
	return s->host[host].running ? RELOC_SEEN_ON : RELOC_SEEN_OFF;
}

static void do_recheck(struct sim *s, const struct message *m)
{
	const struct reloc *r = &s->durable;
	struct reloc_event ev = {.kind = RELOC_RECHECKED, .recheck = RELOC_STANDS};
	enum sim_fence how = s->repairing ? SIM_FENCE_WORKS : s->script->fence;

	if (r->op != m->op)
		return;
	for (uint32_t i = 0; i < r->n_copies; i++) {
		const struct reloc_copy *c = &r->copy[i];
		int h = sim_host_at(&c->place);
		enum reloc_seen power = RELOC_UNREACHABLE;

		if (h == m->host)
			continue;
		if (how != SIM_FENCE_NONE && how != SIM_FENCE_SILENT)
			power = s->host[h].power ? RELOC_SEEN_ON : RELOC_SEEN_OFF;
		enum reloc_recheck w = reloc_weigh(c, look_at(s, h), power);
		if (w == RELOC_STANDS || ev.recheck == RELOC_GONE)
			continue;
		ev.recheck = w;
		ev.place = c->place;
	}
	if (ev.recheck == RELOC_STANDS && !sim_reachable(s, m->host))
		ev.recheck = RELOC_TARGET_SILENT;
	sim_answer(s, m, ev);
}

static void do_start(struct sim *s, const struct message *m)
{
	struct sim_host *h = &s->host[m->host];
	struct reloc_event ev = {.kind = RELOC_STARTED};

	if (!sim_reachable(s, m->host)) {
		sim_answer(s, m, ev);
		return;
	}
	h->defined = true;
	s->foreign[m->host] = false;
	if (m->host == SIM_AWAY1 && s->script->start_hangs_for > 0 && !s->repairing &&
	    !h->running) {
		if (h->fires_at == 0)
			h->fires_at = s->now + s->script->start_hangs_for;
		sim_answer(s, m, ev);
		return;
	}
	if (!h->running && s->disk[sim_disk_of[m->host]] < 0) {
		ev.permanent = true; /* no such image */
		sim_answer(s, m, ev);
		return;
	}
	h->runs_since = h->running ? h->runs_since : s->now;
	h->running = true;
	h->fires_at = 0; /* it cannot be started twice */
	ev.ok = true;
	sim_answer(s, m, ev);
}

/* A guest comes up by itself, and may acknowledge writes before anybody asks it. */
void sim_comes_up(struct sim *s, int host)
{
	struct sim_host *h = &s->host[host];

	if (!h->power || !h->running || h->healthy || s->stands[host] || s->clone[host] ||
	    (host == SIM_AWAY1 && s->now - h->runs_since < s->script->boots_for) ||
	    ((s->script->first_target_cannot_start || s->script->start_hangs_for > 0) &&
	     host == SIM_AWAY1))
		return;
	if (s->disk[sim_disk_of[host]] != s->written && !s->tampered)
		sim_broken(s, "it came up on %s with write %lld, %lld was acknowledged",
			   sim_host_name[host], (long long)s->disk[sim_disk_of[host]],
			   (long long)s->written);
	h->healthy = true;
}

static void do_health(struct sim *s, const struct message *m)
{
	struct sim_host *h = &s->host[m->host];
	struct reloc_event ev = {.kind = RELOC_HEALTH};

	if (sim_reachable(s, m->host)) {
		sim_comes_up(s, m->host);
		ev.permanent = !h->running;
		ev.ok = h->running && h->healthy;
	}
	sim_answer(s, m, ev);
}

static void do_transfer(struct sim *s, const struct message *m)
{
	if (s->moving && s->token >= m->ev.token && s->job == m->ev.job)
		return;
	s->moving = true;
	s->job = m->ev.job;
	s->token = m->ev.token;
	s->move_from = m->copy_good;
	s->move_to = m->host;
	s->move_version = s->disk[sim_disk_of[m->copy_good]];
	s->move_ends = s->now + COPY_TAKES;
	s->move_state = RELOC_XFER_MOVING;
	s->lies[sim_disk_of[m->host]] = true;
}

/* A copy that may be all that is left of the VM is not for us to stop. */
static void check_kill(struct sim *s, const struct message *m)
{
	const struct reloc *r = &s->durable;
	const struct reloc_copy *granted = &r->copy[r->active];

	if (r->home_unclear)
		sim_broken(s, "%s was stopped, and nobody knows which one is the VM",
			   sim_host_name[m->host]);
	if (s->host[m->host].healthy && m->op == r->op && r->state == RELOC_START_FAILED)
		sim_broken(s,
			   "the guest on %s answers, and was destroyed for its silence",
			   sim_host_name[m->host]);
	enum { ANSWER_IS_OLD = 3 };
	const struct sim_host *there = &s->host[sim_host_at(&granted->place)];
	bool split = m->op == r->op && s->host[m->host].running &&
		     sim_host_at(&granted->place) != m->host &&
		     (r->state == RELOC_SPLIT_SUSPECT || r->hold == RELOC_NEEDS_STOP);
	if (split && s->clone[m->host] &&
	    (!granted->alive || granted->proof != RELOC_NO_PROOF ||
	     (!there->running && s->now - there->ran_at > ANSWER_IS_OLD)))
		sim_broken(s, "the copy on %s was stopped, and the granted one is dead",
			   sim_host_name[m->host]);
	if (split && granted->proof == RELOC_NO_PROOF &&
	    sim_reachable(s, sim_host_at(&granted->place)) && !there->running &&
	    there->up_for > ANSWER_IS_OLD && s->now - there->ran_at > ANSWER_IS_OLD)
		sim_broken(s, "the copy on %s was stopped, and no other one runs",
			   sim_host_name[m->host]);
}

static void off_or_not(struct sim *s, const struct message *m, enum reloc_event_kind kind)
{
	struct sim_host *h = &s->host[m->host];
	struct reloc_event ev = {.kind = kind};

	if (sim_reachable(s, m->host)) {
		switch (m->order) {
		case RELOC_DO_STOP:
		case RELOC_DO_KILL:
			if (m->spare && h->healthy) {
				ev.kind = RELOC_HEALTH;
				ev.ok = true;
				break;
			}
			check_kill(s, m);
			ev.seen = h->running ? RELOC_SEEN_ON : RELOC_SEEN_OFF;
			h->running = h->healthy = false;
			h->defined = h->defined && !m->undefine;
			ev.ok = true;
			break;
		case RELOC_DO_QUERY:
			ev.seen = h->running ? RELOC_SEEN_ON : RELOC_SEEN_OFF;
			break;
		default: /* quarantine, clean */
			if (h->running) {
				ev.kind = RELOC_SEEN_RUNNING;
				break;
			}
			h->defined = false;
			ev.ok = true;
			break;
		}
	}
	sim_answer(s, m, ev);
}

static void do_remove(struct sim *s, const struct message *m)
{
	struct reloc_event ev = {.kind = RELOC_REMOVED};

	if (sim_disk_of[m->host] == 0)
		sim_broken(s, "home's own disks were to be removed");
	ev.ok = sim_reachable(s, m->host) && !s->host[m->host].running &&
		(!s->host[m->host].defined || s->foreign[m->host]);
	if (ev.ok)
		s->lies[sim_disk_of[m->host]] = false;
	if (ev.ok)
		s->disk[sim_disk_of[m->host]] = -1;
	sim_answer(s, m, ev);
}

void sim_carry_out(struct sim *s, const struct message *m)
{
	struct reloc_event ev = {0};

	switch (m->order) {
	case RELOC_DO_FENCE:
		do_fence(s, m);
		break;
	case RELOC_DO_STOP:
	case RELOC_DO_KILL:
		off_or_not(s, m, RELOC_STOPPED);
		break;
	case RELOC_DO_DECIDE:
		do_decide(s, m);
		break;
	case RELOC_DO_RESERVE:
		ev.kind = RELOC_RESERVED;
		ev.ok = sim_reachable(s, m->host) && !s->host[m->host].running;
		if (sim_reachable(s, m->host))
			sim_answer(s, m, ev);
		break;
	case RELOC_DO_TRANSFER:
		do_transfer(s, m);
		break;
	case RELOC_DO_CANCEL_TRANSFER:
		if (s->job == m->ev.job)
			s->moving = false;
		break;
	case RELOC_DO_DEFINE:
		ev.kind = RELOC_DEFINED;
		ev.ok = sim_reachable(s, m->host);
		if (ev.ok) {
			s->host[m->host].defined = true;
			s->foreign[m->host] = false;
		}
		sim_answer(s, m, ev);
		break;
	case RELOC_DO_RECHECK:
		do_recheck(s, m);
		break;
	case RELOC_DO_START:
		do_start(s, m);
		break;
	case RELOC_DO_HEALTH:
		do_health(s, m);
		break;
	case RELOC_DO_QUERY:
		off_or_not(s, m, RELOC_QUERIED);
		break;
	case RELOC_DO_QUARANTINE:
		off_or_not(s, m, RELOC_QUARANTINED);
		break;
	case RELOC_DO_CLEAN:
		off_or_not(s, m, RELOC_CLEANED);
		break;
	case RELOC_DO_REMOVE:
		do_remove(s, m);
		break;
	}
}
