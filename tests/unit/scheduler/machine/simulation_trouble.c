/* What goes wrong in the simulator, and when. */
#include <stdio.h>
#include <string.h>

#include "simulation_parts.h"

static int target_host(const struct sim *s)
{
	const struct reloc *r = &s->durable;

	if (r->active != 0)
		return sim_host_at(&r->copy[r->active].place);
	if (r->target > 0)
		return sim_host_at(&r->copy[r->target].place);
	return SIM_AWAY1;
}

static const char *const trouble_names[SIM_N_TROUBLES] = {
	"nothing",
	"crash",
	"crash, orders late",
	"answers lost",
	"answers doubled",
	"home returns",
	"home dies",
	"home cut off",
	"home reboots",
	"target dies",
	"target returns",
	"target cut off",
	"target reboots",
	"mover dies",
	"stale copy started",
	"clone started",
	"operator cancels",
	"operator confirms",
};

const char *sim_trouble_name(enum sim_trouble t)
{
	return trouble_names[t];
}

static void crash(struct sim *s, bool orders_live)
{
	s->scheduler_up = false;
	s->restart_at = s->now + SCHEDULER_RESTARTS_AFTER;
	s->n_busy = 0;
	s->handed_job = 0;
	for (int i = 0; i < MAX_MESSAGES; i++) {
		struct message *m = &s->message[i];

		if (m->used && (m->where == TO_SCHEDULER || !orders_live))
			m->used = false;
	}
}

static void start_stale_copy(struct sim *s)
{
	const struct reloc *r = &s->durable;

	for (uint32_t i = 0; i < r->n_copies; i++) {
		int h = sim_host_at(&r->copy[i].place);

		/* two of one cluster that share a disk: their hypervisors' lock */
		bool locked = h >= 0 && s->foreign[h] &&
			      strcmp(r->copy[i].place.cluster,
				     r->copy[r->active].place.cluster) == 0;

		if (i == r->active || h < 0 || locked || !sim_reachable(s, h) ||
		    !s->host[h].defined || s->host[h].running)
			continue;
		s->host[h].running = true;
		s->stands[h] = s->tampered = true;
		s->clone[h] = s->foreign[h];
		return;
	}
}

static void start_clone(struct sim *s)
{
	const struct reloc *r = &s->durable;
	const struct reloc_place *active = &r->copy[r->active].place;

	for (int h = SIM_HOSTS - 1; h >= 0; h--) {
		struct reloc_place p = sim_place_of(h);

		if (reloc_copy_at(r, p.cluster, p.host) >= 0 || !sim_reachable(s, h) ||
		    strcmp(p.cluster, active->cluster) == 0 ||
		    sim_disk_of[h] == sim_disk_of[sim_host_at(&r->copy[r->good].place)])
			continue;
		s->foreign[h] = !s->host[h].defined || s->foreign[h];
		s->host[h].defined = s->host[h].running = true;
		s->stands[h] = s->clone[h] = s->tampered = true;
		return;
	}
}

void sim_operator_says(struct sim *s, enum reloc_event_kind kind)
{
	const struct reloc *r = &s->durable;
	struct reloc_event ev = {.kind = kind, .by = "operator", .text = "says so"};

	ev.place = r->copy[r->active].place;
	if (kind == RELOC_OPERATOR_CONFIRM_OFF) {
		int h = sim_host_at(&ev.place);

		if (h < 0 || s->host[h].power)
			return; /* our operator does not lie */
	}
	if (s->scheduler_up && !reloc_refuses(r, &ev))
		sim_feed(s, &ev);
}

static void do_trouble(struct sim *s, enum sim_trouble what)
{
	int target = target_host(s);

	sim_tell(s, "*** %s", trouble_names[what]);
	switch (what) {
	case SIM_CRASH:
		crash(s, false);
		break;
	case SIM_CRASH_LATE:
		crash(s, true);
		break;
	case SIM_LOSE_ANSWERS:
		for (int i = 0; i < MAX_MESSAGES; i++)
			if (s->message[i].where == TO_SCHEDULER)
				s->message[i].used = false;
		break;
	case SIM_DOUBLE_ANSWERS:
		for (int i = 0; i < MAX_MESSAGES; i++)
			if (s->message[i].used && s->message[i].where == TO_SCHEDULER)
				for (int k = 0; k < MAX_MESSAGES; k++)
					if (!s->message[k].used) {
						s->message[k] = s->message[i];
						s->message[k].at = s->now + 9;
						i = MAX_MESSAGES;
						break;
					}
		break;
	case SIM_HOME_RETURNS:
		s->host[SIM_HOME].power = s->host[SIM_HOME].link = true;
		break;
	case SIM_HOME_DIES:
		sim_power_off(s, SIM_HOME);
		break;
	case SIM_HOME_CUT_OFF:
		s->host[SIM_HOME].link = false;
		break;
	case SIM_HOME_REBOOTS:
		sim_reboot(s, SIM_HOME);
		break;
	case SIM_TARGET_REBOOTS:
		sim_reboot(s, target);
		break;
	case SIM_TARGET_DIES:
		sim_power_off(s, target);
		break;
	case SIM_TARGET_RETURNS:
		s->host[target].power = s->host[target].link = true;
		break;
	case SIM_TARGET_CUT_OFF:
		s->host[target].link = false;
		break;
	case SIM_MOVER_DIES:
		s->moving = false;
		break;
	case SIM_STALE_STARTED:
		start_stale_copy(s);
		break;
	case SIM_CLONE_STARTED:
		start_clone(s);
		break;
	case SIM_OPERATOR_CANCELS:
		s->said = RELOC_OPERATOR_CANCEL;
		break;
	case SIM_OPERATOR_CONFIRMS:
		s->said = RELOC_OPERATOR_CONFIRM_OFF;
		break;
	default:
		break;
	}
}

bool sim_point(struct sim *s)
{
	int here = s->repairing ? -2 : s->ret->points++;

	for (int i = 0; i < 3; i++)
		if (s->script->trouble[i].point == here)
			do_trouble(s, s->script->trouble[i].what);
	return s->scheduler_up;
}
