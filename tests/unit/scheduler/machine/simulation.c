#include "simulation.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "simulation_parts.h"

/* clang-format off */
static const char *const order_names[] = {
	[RELOC_DO_FENCE]           = "fence",
	[RELOC_DO_STOP]            = "stop",
	[RELOC_DO_KILL]            = "kill",
	[RELOC_DO_DECIDE]          = "decide",
	[RELOC_DO_RESERVE]         = "reserve",
	[RELOC_DO_TRANSFER]        = "transfer",
	[RELOC_DO_CANCEL_TRANSFER] = "cancel transfer",
	[RELOC_DO_DEFINE]          = "define",
	[RELOC_DO_RECHECK]         = "recheck",
	[RELOC_DO_START]           = "start",
	[RELOC_DO_HEALTH]          = "health",
	[RELOC_DO_QUERY]           = "query",
	[RELOC_DO_QUARANTINE]      = "quarantine",
	[RELOC_DO_CLEAN]           = "clean",
	[RELOC_DO_REMOVE]          = "remove disks",
};
/* clang-format on */

static const char *order_name(enum reloc_order_kind k)
{
	return order_names[k];
}

static const struct reloc_rules quick = {
	.suspect_ms = 6,
	.fence_ms = 12,
	.decide_ms = 4,
	.reserve_ms = 5,
	.stall_ms = 15,
	.verify_ms = 15,
	.grant_ms = 6,
	.boot_ms = 12,
	.stop_ms = 8,
	.query_ms = 5,
	.review_ms = 20,
	.page_ms = 60,
	.split_ms = 6,
	.cleanup_ms = 10,
	.max_starts = 2,
	.max_decisions = 3,
};

const char *const sim_cluster_of[SIM_HOSTS] = {"c1", "c2", "c3", "c1"};
const int sim_disk_of[SIM_HOSTS] = {0, 1, 2, 0};
const char *const sim_host_name[SIM_HOSTS] = {"h1", "a1", "b1", "h2"};

void sim_broken(struct sim *s, const char *fmt, ...)
{
	char what[300];
	va_list ap;

	if (!s->ret->ok)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	s->ret->ok = false;
	(void)snprintf(s->ret->what, sizeof(s->ret->what), "at %d s in %s: %.300s",
		       s->now, reloc_state_name(s->durable.state), what);
}

void sim_tell(const struct sim *s, const char *fmt, ...)
{
	va_list ap;

	if (!s->script->loud)
		return;
	(void)printf("# %3d %-14s ", s->now, reloc_state_name(s->durable.state));
	va_start(ap, fmt);
	(void)vprintf(fmt, ap);
	va_end(ap);
	(void)printf("\n");
}

int sim_host_at(const struct reloc_place *p)
{
	for (int i = 0; i < SIM_HOSTS; i++)
		if (strcmp(p->host, sim_host_name[i]) == 0)
			return i;
	return -1;
}

struct reloc_place sim_place_of(int host)
{
	struct reloc_place p = {0};

	(void)snprintf(p.cluster, sizeof(p.cluster), "%s", sim_cluster_of[host]);
	(void)snprintf(p.host, sizeof(p.host), "%s", sim_host_name[host]);
	return p;
}

bool sim_reachable(const struct sim *s, int host)
{
	return s->host[host].power && s->host[host].link;
}

void sim_power_off(struct sim *s, int host)
{
	s->host[host].power = false;
	s->host[host].running = s->host[host].healthy = false;
	s->host[host].fires_at = 0;
}

/* Its guests are gone, and nothing starts by itself. */
void sim_reboot(struct sim *s, int host)
{
	if (!s->host[host].power)
		return;
	sim_power_off(s, host);
	s->host[host].power = true;
}

/* --- a second --- */

static void guests_write(struct sim *s)
{
	for (int h = 0; h < SIM_HOSTS; h++) {
		sim_comes_up(s, h);
		if (s->host[h].power && s->host[h].running)
			s->host[h].ran_at = s->now;
		if (s->host[h].power && s->host[h].running && s->host[h].healthy) {
			if (s->disk[sim_disk_of[h]] == s->written)
				s->disk[sim_disk_of[h]] = ++s->written;
		}
	}
}

/* A start that hung comes through, if there is still something to start. */
static void late_starts(struct sim *s)
{
	for (int h = 0; h < SIM_HOSTS; h++) {
		struct sim_host *host = &s->host[h];

		if (host->fires_at == 0 || host->fires_at > s->now)
			continue;
		host->fires_at = 0;
		sim_tell(s, "the start that hung on %s %s", sim_host_name[h],
			 host->power && host->defined ? "comes through"
						      : "finds nothing");
		host->running = host->running || (host->power && host->defined);
	}
}

static void mover_works(struct sim *s)
{
	if (!s->moving || s->move_state == RELOC_XFER_DONE ||
	    s->move_state == RELOC_XFER_FAILED)
		return;
	int64_t *to = &s->disk[sim_disk_of[s->move_to]];

	if (!sim_reachable(s, s->move_to))
		return; /* no progress */
	if (s->now < s->move_ends) {
		if (s->host[s->move_to].running)
			s->move_state = RELOC_XFER_FAILED; /* image in use: refused */
		else
			*to = -1; /* half written */
		return;
	}
	/* the copy is proven against what the source holds now */
	s->move_ok = s->disk[sim_disk_of[s->move_from]] == s->move_version &&
		     s->move_version >= 0;
	s->move_state = s->move_ok ? RELOC_XFER_DONE : RELOC_XFER_FAILED;
	if (s->move_ok)
		*to = s->move_version;
}

static void deliver(struct sim *s)
{
	for (;;) {
		struct message *next = NULL;

		for (int i = 0; i < MAX_MESSAGES; i++)
			if (s->message[i].used && s->message[i].at <= s->now &&
			    (!next || s->message[i].seq < next->seq))
				next = &s->message[i];
		if (!next)
			return;
		struct message m = *next;
		next->used = false;
		if (m.where == TO_HOST) {
			bool was_up = s->scheduler_up;

			(void)sim_point(s); /* before the side effect */
			if (was_up && !s->scheduler_up)
				continue; /* died with it: not begun */
			sim_tell(s, "%s on %s", order_name(m.order),
				 sim_host_name[m.host]);
			sim_carry_out(s, &m);
			(void)sim_point(s); /* after it, before its answer */
		} else if (s->scheduler_up) {
			sim_feed(s, &m.ev);
		}
	}
}

static void watch_hosts(struct sim *s)
{
	for (int h = 0; h < SIM_HOSTS && s->scheduler_up; h++) {
		struct sim_host *host = &s->host[h];
		struct reloc_event ev = {.place = sim_place_of(h), .text = "detector"};
		int at = reloc_copy_at(&s->durable, ev.place.cluster, ev.place.host);

		if (at < 0)
			continue;
		ev.kind = host->silent_for >= DOWN_AFTER      ? RELOC_HOST_DOWN
			  : host->silent_for >= SUSPECT_AFTER ? RELOC_HOST_SUSPECT
			  : host->up_for >= STABLE_AFTER      ? RELOC_HOST_BACK
							      : RELOC_HOST_UP;
		const struct reloc_copy *c = &s->durable.copy[at];
		/* only an answer from after the proof is a sign of life */
		if ((ev.kind == RELOC_HOST_BACK || ev.kind == RELOC_HOST_UP) &&
		    (host->silent_for > 0 ||
		     (c->proof != RELOC_NO_PROOF && c->proof != RELOC_F3_ATTESTED &&
		      s->now <= c->proof_at_ms)))
			continue;
		sim_feed(s, &ev);
	}
	/* inventories: where else does it run? */
	for (int h = 0; h < SIM_HOSTS && s->scheduler_up; h++) {
		struct reloc_event ev = {.kind = RELOC_SEEN_RUNNING,
					 .place = sim_place_of(h)};
		const struct reloc *r = &s->durable;
		int at = reloc_copy_at(r, ev.place.cluster, ev.place.host);

		if (at == (int)r->active && r->copy[at].proof == RELOC_NO_PROOF &&
		    sim_reachable(s, h) && !s->host[h].running &&
		    s->now > r->since_ms + 2) {
			ev.kind = RELOC_WENT_DOWN;
			sim_feed(s, &ev);
			continue;
		}
		if (sim_reachable(s, h) && s->host[h].running &&
		    s->now > r->since_ms + 2 &&
		    !(at == (int)r->active && r->copy[at].proof == RELOC_NO_PROOF))
			sim_feed(s, &ev);
	}
}

static void check_world(struct sim *s)
{
	int running = 0;
	bool safe = false;

	for (int h = 0; h < SIM_HOSTS; h++)
		running += s->host[h].power && s->host[h].running && !s->stands[h];
	if (running > 1)
		sim_broken(s, "%d copies run", running);
	for (int c = 0; c < SIM_CLUSTERS; c++)
		safe = safe || s->disk[c] == s->written;
	if (!safe && !s->tampered)
		sim_broken(s, "the last good copy is gone");
	for (int h = 0; h < SIM_HOSTS; h++)
		if (s->stands[h] && !s->host[h].running)
			s->stands[h] = s->clone[h] = false;
	/* no state without an exit: somebody acts, or a deadline comes */
	struct reloc_order order[RELOC_MAX_ORDERS];
	const struct reloc *r = &s->durable;
	if (!reloc_quiet(r) && r->state != RELOC_DOWN_LIKELY &&
	    r->state != RELOC_FENCED && r->deadline_ms == 0 &&
	    reloc_orders(r, order) == 0)
		sim_broken(s, "nobody acts and no deadline comes");
}

static int copies_of_any_kind(const struct sim *s)
{
	int n = 0;

	for (int h = 0; h < SIM_HOSTS; h++)
		n += s->host[h].power && s->host[h].running;
	return n;
}

/* From now on everything works, and whoever is asked helps. */
static void repair(struct sim *s)
{
	const struct reloc *r = &s->durable;

	for (int h = 0; h < SIM_HOSTS; h++)
		if (!s->repairing || s->host[h].silent_for > 15)
			s->host[h].power = s->host[h].link = true;
	s->repairing = true;
	for (int h = 0; h < SIM_HOSTS; h++) /* somebody reads the page */
		if ((s->clone[h] ||
		     (s->stands[h] && r->granted_seen == RELOC_SEEN_OFF)) &&
		    r->state == RELOC_HOLD_OPERATOR &&
		    (!r->home_unclear || copies_of_any_kind(s) > 1))
			s->host[h].running = false;
	/* called because its guest does not answer where it is: a person sends it home */
	if (s->scheduler_up && r->state == RELOC_FAILBACK_READY && !r->failback_asked &&
	    !s->host[sim_host_at(&r->copy[r->active].place)].healthy)
		sim_operator_says(s, RELOC_OPERATOR_FAILBACK);
	if (s->scheduler_up && r->state == RELOC_WAIT_REPAIR && r->cancelled)
		sim_operator_says(s, RELOC_OPERATOR_RELOCATE);
}

static void second(struct sim *s)
{
	const struct reloc_event tick = {.kind = RELOC_TICK};

	s->now++;
	if (!s->scheduler_up && s->now >= s->restart_at)
		s->scheduler_up = true;
	for (int h = 0; h < SIM_HOSTS; h++) {
		struct sim_host *host = &s->host[h];

		host->silent_for = sim_reachable(s, h) ? 0 : host->silent_for + 1;
		host->up_for = sim_reachable(s, h) ? host->up_for + 1 : 0;
	}
	late_starts(s);
	guests_write(s);
	mover_works(s);
	if (s->said != RELOC_TICK) {
		sim_operator_says(s, s->said);
		s->said = RELOC_TICK;
	}
	deliver(s);
	if (s->scheduler_up)
		watch_hosts(s);
	for (int i = 0; i < 4 && s->scheduler_up; i++)
		sim_feed(s, &tick);
	if (s->scheduler_up)
		sim_give_orders(s);
	check_world(s);
}

static bool at_rest(const struct sim *s)
{
	int running = 0;

	for (int h = 0; h < SIM_HOSTS; h++)
		running += s->host[h].power && s->host[h].running &&
			   (s->host[h].healthy || s->stands[h]);
	if (running != 1 || !s->scheduler_up || !reloc_quiet(&s->durable))
		return false;
	const struct reloc *r = &s->durable;
	for (uint32_t i = 1; i < r->n_copies && r->state == RELOC_PROTECTED; i++)
		if (r->copy[i].remove)
			return false; /* there is something left to do */
	for (uint32_t i = 0; i < r->n_copies && !s->tampered; i++)
		if (i != r->active && (r->copy[i].defined ||
				       s->host[sim_host_at(&r->copy[i].place)].defined))
			return false; /* an old copy can still be started */
	return s->host[sim_host_at(&r->copy[r->active].place)].running;
}

static void begin(struct sim *s)
{
	const struct reloc_place home = sim_place_of(SIM_HOME);
	struct reloc_event move = {.kind = RELOC_OPERATOR_RELOCATE, .by = "operator"};
	struct reloc_event twice = {.kind = RELOC_SEEN_TWICE};

	switch (s->script->story) {
	case SIM_POWER_LOSS:
		sim_power_off(s, SIM_HOME);
		break;
	case SIM_PARTITION:
		s->host[SIM_HOME].link = false;
		break;
	case SIM_QUICK_REBOOT:
		sim_reboot(s, SIM_HOME);
		break;
	case SIM_FOUND_TWICE:
		s->host[SIM_AWAY2].defined = s->host[SIM_AWAY2].running = true;
		s->stands[SIM_AWAY2] = s->clone[SIM_AWAY2] = s->tampered = true;
		twice.place = sim_place_of(SIM_AWAY2);
		sim_feed(s, &twice);
		break;
	default:
		sim_feed(s, &move);
		break;
	}
	(void)home;
}

void sim_run(const struct sim_script *script, struct sim_result *ret)
{
	struct sim sim = {.script = script, .ret = ret, .scheduler_up = true};
	struct sim *s = &sim;
	const struct reloc_place home = sim_place_of(SIM_HOME);
	int rest = 0;

	*ret = (struct sim_result){.ok = true};
	s->rules = quick;
	s->rules.auto_failback = script->auto_failback;
	s->rules.keep_away = script->keep_away;
	reloc_init(&s->durable, "vm-1", "web1", &home);
	for (int h = 0; h < SIM_HOSTS; h++)
		s->host[h] = (struct sim_host){.power = true, .link = true};
	s->host[SIM_HOME].defined = s->host[SIM_HOME].running = true;
	s->host[SIM_HOME].healthy = true;
	s->disk[0] = s->written = 1;
	s->disk[1] = s->disk[2] = -1;
	while (ret->ok && s->now < MUST_BE_OVER) {
		if (s->now == TROUBLE_BEGINS)
			begin(s);
		if (s->now == HOME_COMES_BACK && script->home_returns)
			s->host[SIM_HOME].power = s->host[SIM_HOME].link = true;
		if (s->now >= REPAIR_BEGINS)
			repair(s);
		second(s);
		rest = at_rest(s) ? rest + 1 : 0;
		if (s->now > REPAIR_BEGINS && rest > 6)
			break;
	}
	ret->end = s->durable.state;
	for (int c = 1; c < SIM_CLUSTERS; c++)
		ret->disks_away += s->lies[c];
	ret->seconds = s->now;
	if (ret->ok && rest == 0)
		sim_broken(s, "never came to rest: hold '%s', why '%s'",
			   s->durable.hold_reason, s->durable.why);
}
