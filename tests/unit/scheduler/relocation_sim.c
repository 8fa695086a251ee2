#include "relocation_sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Seconds are the unit of everything here. */
enum {
	MAX_MESSAGES = 96,
	TROUBLE_BEGINS = 5,
	HOME_COMES_BACK = 40,
	REPAIR_BEGINS = 90,
	MUST_BE_OVER = 450,
	SUSPECT_AFTER = 2,
	DOWN_AFTER = 4,
	STABLE_AFTER = 4,
	COPY_TAKES = 3,
	SCHEDULER_RESTARTS_AFTER = 3,
};

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
	.look_ms = 5,
	.review_ms = 20,
	.page_ms = 60,
	.split_ms = 6,
	.cleanup_ms = 10,
	.max_starts = 2,
	.max_decisions = 3,
};

static const char *const cluster_of[SIM_HOSTS] = {"c1", "c2", "c3", "c1"};
static const int disk_of[SIM_HOSTS] = {0, 1, 2, 0};
static const char *const host_name[SIM_HOSTS] = {"h1", "a1", "b1", "h2"};

/* --- the world as it is --- */

struct sim_host {
	bool power, link; /* link: can be reached */
	int silent_for, up_for;
	bool defined, running, healthy;
	int fires_at; /* a start that hangs in its hypervisor; 0: none */
	int runs_since;
};

enum where { TO_HOST, TO_SCHEDULER };

struct message {
	bool used;
	enum where where;
	int at; /* second of arrival */
	uint64_t seq;
	enum reloc_order_kind order;
	int host, copy_good; /* of the order; good: host whose disks are copied */
	uint64_t op;
	bool undefine, spare;
	struct reloc_event ev;
};

struct sim {
	const struct sim_script *script;
	struct sim_result *ret;
	int now;
	struct sim_host host[SIM_HOSTS];
	int64_t disk[SIM_CLUSTERS]; /* newest write that lies there; -1: none, or torn */
	bool lies[SIM_CLUSTERS];    /* something of ours was put there */
	int64_t written;            /* the guest's last acknowledged write */
	bool repairing;
	enum reloc_event_kind said; /* by the operator, heard next second */
	struct reloc_rules rules;

	/* scheduler */
	struct reloc durable, seen;
	bool scheduler_up;
	int restart_at;
	bool stands[SIM_HOSTS];  /* hosts whose older copy was started by hand */
	bool clone[SIM_HOSTS];   /* of these: what the record did not know */
	bool tampered;           /* such a thing happened at all */
	uint64_t lost_token_job; /* bookkeeping of what this scheduler handed out */
	uint64_t handed_job, handed_token;
	uint64_t busy_op[16];
	enum reloc_order_kind busy_kind[16];
	int busy_host[16], busy_until[16], n_busy;

	/* mover */
	bool moving;
	uint64_t job, token;
	int move_from, move_to, move_ends;
	int64_t move_version;
	enum reloc_transfer move_state;
	bool move_ok;

	struct message message[MAX_MESSAGES];
	uint64_t seq;
};

static void broken(struct sim *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static void broken(struct sim *s, const char *fmt, ...)
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

static void tell(const struct sim *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static void tell(const struct sim *s, const char *fmt, ...)
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

static int host_at(const struct reloc_place *p)
{
	for (int i = 0; i < SIM_HOSTS; i++)
		if (strcmp(p->host, host_name[i]) == 0)
			return i;
	return -1;
}

static struct reloc_place place_of(int host)
{
	struct reloc_place p = {0};

	(void)snprintf(p.cluster, sizeof(p.cluster), "%s", cluster_of[host]);
	(void)snprintf(p.host, sizeof(p.host), "%s", host_name[host]);
	return p;
}

static bool reachable(const struct sim *s, int host)
{
	return s->host[host].power && s->host[host].link;
}

static void power_off(struct sim *s, int host)
{
	s->host[host].power = false;
	s->host[host].running = s->host[host].healthy = false;
	s->host[host].fires_at = 0;
}

/* Its guests are gone, and nothing starts by itself. */
static void reboot(struct sim *s, int host)
{
	if (!s->host[host].power)
		return;
	power_off(s, host);
	s->host[host].power = true;
}

static int target_host(const struct sim *s)
{
	const struct reloc *r = &s->durable;

	if (r->active != 0)
		return host_at(&r->copy[r->active].place);
	if (r->target > 0)
		return host_at(&r->copy[r->target].place);
	return SIM_AWAY1;
}

/* --- trouble --- */

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

static void feed(struct sim *s, const struct reloc_event *ev);

static void start_stale_copy(struct sim *s)
{
	const struct reloc *r = &s->durable;

	for (uint32_t i = 0; i < r->n_copies; i++) {
		int h = host_at(&r->copy[i].place);

		if (i == r->active || h < 0 || !reachable(s, h) || !s->host[h].defined ||
		    s->host[h].running)
			continue;
		s->host[h].running = true;
		s->stands[h] = s->tampered = true;
		return;
	}
}

static void start_clone(struct sim *s)
{
	const struct reloc *r = &s->durable;
	const struct reloc_place *active = &r->copy[r->active].place;

	for (int h = SIM_HOSTS - 1; h >= 0; h--) {
		struct reloc_place p = place_of(h);

		if (reloc_copy_at(r, p.cluster, p.host) >= 0 || !reachable(s, h) ||
		    strcmp(p.cluster, active->cluster) == 0 ||
		    disk_of[h] == disk_of[host_at(&r->copy[r->good].place)])
			continue;
		s->host[h].defined = s->host[h].running = true;
		s->stands[h] = s->clone[h] = s->tampered = true;
		return;
	}
}

static void operator_says(struct sim *s, enum reloc_event_kind kind)
{
	const struct reloc *r = &s->durable;
	struct reloc_event ev = {.kind = kind, .by = "operator", .text = "says so"};

	ev.place = r->copy[r->active].place;
	if (kind == RELOC_OPERATOR_CONFIRM_OFF) {
		int h = host_at(&ev.place);

		if (h < 0 || s->host[h].power)
			return; /* our operator does not lie */
	}
	if (s->scheduler_up && !reloc_refuses(r, &ev))
		feed(s, &ev);
}

static void do_trouble(struct sim *s, enum sim_trouble what)
{
	int target = target_host(s);

	tell(s, "*** %s", trouble_names[what]);
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
		power_off(s, SIM_HOME);
		break;
	case SIM_HOME_CUT_OFF:
		s->host[SIM_HOME].link = false;
		break;
	case SIM_HOME_REBOOTS:
		reboot(s, SIM_HOME);
		break;
	case SIM_TARGET_REBOOTS:
		reboot(s, target);
		break;
	case SIM_TARGET_DIES:
		power_off(s, target);
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

/* A point of the run. False: the scheduler died in it. */
static bool point(struct sim *s)
{
	int here = s->repairing ? -2 : s->ret->points++;

	for (int i = 0; i < 3; i++)
		if (s->script->trouble[i].point == here)
			do_trouble(s, s->script->trouble[i].what);
	return s->scheduler_up;
}

/* --- scheduler: one durable change, then its consequences --- */

static void check_change(struct sim *s, const struct reloc *was, const struct reloc *next)
{
	if (next->epoch < was->epoch || next->epoch > was->epoch + 1)
		broken(s, "epoch went from %llu to %llu", (unsigned long long)was->epoch,
		       (unsigned long long)next->epoch);
	if (next->state != was->state && next->op <= was->op)
		broken(s, "a change of state without a new op");
	if (next->state != was->state && !next->why[0])
		broken(s, "it left %s and did not say why", reloc_state_name(was->state));
	for (uint32_t i = 0; i < next->n_copies && next->epoch > was->epoch; i++)
		if (i != next->active && next->copy[i].defined &&
		    next->copy[i].epoch > 0 && next->copy[i].proof == RELOC_NO_PROOF &&
		    next->state != RELOC_PROTECTED && next->state != RELOC_RUNNING_AWAY)
			broken(s, "granted while copy %u is not proven dead", i);
}

static void feed(struct sim *s, const struct reloc_event *ev)
{
	struct reloc next;

	if (!s->scheduler_up || !reloc_step(&s->durable, ev, &s->rules, s->now, &next))
		return;
	if (!point(s)) /* died before the write */
		return;
	struct reloc was = s->durable;
	if (was.home_unclear && next.epoch > was.epoch)
		broken(s, "granted, and nobody knows where it is at home");
	s->durable = next;
	s->ret->states |= 1ULL << next.state;
	check_change(s, &was, &next);
	if (next.state != was.state)
		tell(s, "<- %s: %s", reloc_event_name(ev->kind), next.why);
	if (next.job != was.job || next.token != was.token)
		s->handed_job = 0;
	(void)point(s); /* or after it */
}

static void send(struct sim *s, const struct message *m)
{
	for (int i = 0; i < MAX_MESSAGES; i++)
		if (!s->message[i].used) {
			s->message[i] = *m;
			s->message[i].used = true;
			s->message[i].seq = s->seq++;
			return;
		}
	broken(s, "the simulator ran out of room for messages");
}

static void answer(struct sim *s, const struct message *order, struct reloc_event ev)
{
	struct message m = {.where = TO_SCHEDULER, .at = s->now + 1, .ev = ev};

	m.ev.op = order->op;
	m.ev.place = place_of(order->host);
	if (ev.place.host[0])
		m.ev.place = ev.place;
	(void)snprintf(m.ev.by, sizeof(m.ev.by), "%s", host_name[order->host]);
	send(s, &m);
}

/* --- what orders do --- */

static void do_fence(struct sim *s, const struct message *m)
{
	struct reloc_event ev = {.kind = RELOC_FENCE_RESULT};
	enum sim_fence how = s->repairing ? SIM_FENCE_WORKS : s->script->fence;

	switch (how) {
	case SIM_FENCE_WORKS:
		power_off(s, m->host);
		ev.proof = RELOC_F1_POWER_OFF;
		break;
	case SIM_FENCE_SILENT:
		return;
	default:
		(void)snprintf(ev.text, sizeof(ev.text), "the fence proves nothing");
		break;
	}
	answer(s, m, ev);
}

static void do_decide(struct sim *s, const struct message *m)
{
	const struct reloc *r = &s->durable;
	struct reloc_event ev = {.kind = RELOC_DECIDED, .readable = true};
	int good = host_at(&r->copy[r->good].place);
	enum sim_verdict v = s->script->verdict;

	ev.verdict = RELOC_HOLD;
	(void)snprintf(ev.text, sizeof(ev.text), "decided");
	if (v == SIM_WAITS)
		ev.verdict = RELOC_WAIT;
	if (v == SIM_RESTARTS_NEARBY && good == SIM_HOME &&
	    s->host[SIM_NEIGHBOUR].silent_for == 0) {
		ev.verdict = RELOC_LOCAL;
		ev.place = place_of(SIM_NEIGHBOUR);
	}
	for (int h = SIM_AWAY1;
	     v == SIM_RELOCATES && ev.verdict == RELOC_HOLD && h <= SIM_AWAY2; h++) {
		bool tried = false;

		for (uint32_t i = 0; i < r->n_tried; i++)
			tried = tried || host_at(&r->tried[i]) == h;
		if (tried || h == good || s->host[h].silent_for > 0)
			continue;
		ev.verdict = RELOC_RELOCATE;
		ev.place = place_of(h);
	}
	if (ev.place.host[0])
		for (uint32_t i = 0; i < r->n_tried; i++)
			if (host_at(&r->tried[i]) == host_at(&ev.place))
				ev.verdict = RELOC_HOLD;
	answer(s, m, ev);
}

static enum reloc_seen look_at(const struct sim *s, int host)
{
	if (!reachable(s, host))
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
		int h = host_at(&c->place);
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
	if (ev.recheck == RELOC_STANDS && !reachable(s, m->host))
		ev.recheck = RELOC_TARGET_SILENT;
	answer(s, m, ev);
}

static void do_start(struct sim *s, const struct message *m)
{
	struct sim_host *h = &s->host[m->host];
	struct reloc_event ev = {.kind = RELOC_STARTED};

	if (!reachable(s, m->host)) {
		answer(s, m, ev);
		return;
	}
	h->defined = true;
	if (m->host == SIM_AWAY1 && s->script->start_hangs_for > 0 && !s->repairing &&
	    !h->running) {
		if (h->fires_at == 0)
			h->fires_at = s->now + s->script->start_hangs_for;
		answer(s, m, ev);
		return;
	}
	if (!h->running && s->disk[disk_of[m->host]] < 0) {
		ev.permanent = true; /* no such image */
		answer(s, m, ev);
		return;
	}
	h->runs_since = h->running ? h->runs_since : s->now;
	h->running = true;
	h->fires_at = 0; /* it cannot be started twice */
	ev.ok = true;
	answer(s, m, ev);
}

/* A guest comes up by itself, and may acknowledge writes before anybody asks it. */
static void comes_up(struct sim *s, int host)
{
	struct sim_host *h = &s->host[host];

	if (!h->power || !h->running || h->healthy || s->stands[host] || s->clone[host] ||
	    (host == SIM_AWAY1 && s->now - h->runs_since < s->script->boots_for) ||
	    ((s->script->first_target_cannot_start || s->script->start_hangs_for > 0) &&
	     host == SIM_AWAY1))
		return;
	if (s->disk[disk_of[host]] != s->written && !s->tampered)
		broken(s, "it came up on %s with write %lld, %lld was acknowledged",
		       host_name[host], (long long)s->disk[disk_of[host]],
		       (long long)s->written);
	h->healthy = true;
}

static void do_health(struct sim *s, const struct message *m)
{
	struct sim_host *h = &s->host[m->host];
	struct reloc_event ev = {.kind = RELOC_HEALTH};

	if (reachable(s, m->host)) {
		comes_up(s, m->host);
		ev.permanent = !h->running;
		ev.ok = h->running && h->healthy;
	}
	answer(s, m, ev);
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
	s->move_version = s->disk[disk_of[m->copy_good]];
	s->move_ends = s->now + COPY_TAKES;
	s->move_state = RELOC_XFER_MOVING;
	s->lies[disk_of[m->host]] = true;
}

/* A copy that may be all that is left of the VM is not for us to stop. */
static void check_kill(struct sim *s, const struct message *m)
{
	const struct reloc *r = &s->durable;
	const struct reloc_copy *granted = &r->copy[r->active];

	if (r->home_unclear)
		broken(s, "%s was stopped, and nobody knows which one is the VM",
		       host_name[m->host]);
	if (s->host[m->host].healthy && m->op == r->op && r->state == RELOC_START_FAILED)
		broken(s, "the guest on %s answers, and was destroyed for its silence",
		       host_name[m->host]);
	if (s->clone[m->host] && s->host[m->host].running && m->op == r->op &&
	    (!granted->alive || granted->proof != RELOC_NO_PROOF))
		broken(s, "the copy on %s was stopped, and the granted one is dead",
		       host_name[m->host]);
}

static void off_or_not(struct sim *s, const struct message *m, enum reloc_event_kind kind)
{
	struct sim_host *h = &s->host[m->host];
	struct reloc_event ev = {.kind = kind};

	if (reachable(s, m->host)) {
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
		case RELOC_DO_LOOK:
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
	answer(s, m, ev);
}

static void do_remove(struct sim *s, const struct message *m)
{
	struct reloc_event ev = {.kind = RELOC_REMOVED};

	if (disk_of[m->host] == 0)
		broken(s, "home's own disks were to be removed");
	ev.ok = reachable(s, m->host) && !s->host[m->host].running &&
		!s->host[m->host].defined;
	if (ev.ok)
		s->lies[disk_of[m->host]] = false;
	if (ev.ok)
		s->disk[disk_of[m->host]] = -1;
	answer(s, m, ev);
}

static void carry_out(struct sim *s, const struct message *m)
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
		ev.ok = reachable(s, m->host) && !s->host[m->host].running;
		if (reachable(s, m->host))
			answer(s, m, ev);
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
		ev.ok = reachable(s, m->host);
		if (ev.ok)
			s->host[m->host].defined = true;
		answer(s, m, ev);
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
	case RELOC_DO_LOOK:
		off_or_not(s, m, RELOC_LOOKED);
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

/* --- giving orders --- */

static bool is_busy(struct sim *s, enum reloc_order_kind kind, int host, uint64_t op)
{
	int n = 0;

	for (int i = 0; i < s->n_busy; i++) {
		if (s->busy_until[i] < s->now)
			continue; /* given up: ordered again */
		s->busy_kind[n] = s->busy_kind[i];
		s->busy_host[n] = s->busy_host[i];
		s->busy_op[n] = s->busy_op[i];
		s->busy_until[n++] = s->busy_until[i];
	}
	s->n_busy = n;
	for (int i = 0; i < n; i++)
		if (s->busy_kind[i] == kind && s->busy_host[i] == host &&
		    s->busy_op[i] == op)
			return true;
	if (n < 16) {
		s->busy_kind[n] = kind;
		s->busy_host[n] = host;
		s->busy_op[n] = op;
		s->busy_until[n] = s->now + 3;
		s->n_busy++;
	}
	return false;
}

static void follow_transfer(struct sim *s)
{
	const struct reloc *r = &s->durable;
	struct reloc_event ev = {
		.kind = RELOC_TRANSFER, .job = r->job, .token = r->token};

	if (s->job == r->job && s->token == r->token && s->moving) {
		ev.transfer = s->move_state;
		ev.ok = s->move_ok;
		ev.bytes = (uint64_t)(s->now - s->move_ends + 100);
		feed(s, &ev);
		return;
	}
	if (s->handed_job == r->job && s->handed_token == r->token &&
	    (s->job != r->job || s->token != r->token))
		return; /* on its way to the mover */
	if (s->handed_job == 0 && (s->job != r->job || s->token < r->token)) {
		s->handed_job = r->job;
		s->handed_token = r->token;
		struct message m = {.where = TO_HOST,
				    .at = s->now + 1,
				    .order = RELOC_DO_TRANSFER,
				    .op = r->op,
				    .host = host_at(&r->copy[r->target].place),
				    .copy_good = host_at(&r->copy[r->good].place)};
		m.ev.job = r->job;
		m.ev.token = r->token;
		send(s, &m);
		return;
	}
	ev.transfer = RELOC_XFER_LOST;
	feed(s, &ev);
}

static void cancel_transfer(struct sim *s)
{
	const struct reloc *r = &s->durable;
	struct reloc_event ev = {.kind = RELOC_TRANSFER,
				 .job = r->job,
				 .token = r->token,
				 .transfer = RELOC_XFER_LOST};

	if (s->job == r->job)
		s->moving = false;
	feed(s, &ev);
}

static void give_orders(struct sim *s)
{
	struct reloc_order order[RELOC_MAX_ORDERS];
	size_t n = reloc_orders(&s->durable, order);
	uint64_t op = s->durable.op;

	for (size_t i = 0; i < n && s->scheduler_up && s->durable.op == op; i++) {
		int host = host_at(&s->durable.copy[order[i].copy].place);

		if (order[i].kind == RELOC_DO_TRANSFER) {
			follow_transfer(s);
			continue;
		}
		if (order[i].kind == RELOC_DO_CANCEL_TRANSFER) {
			cancel_transfer(s);
			continue;
		}
		if (is_busy(s, order[i].kind, host, order[i].op))
			continue;
		struct message m = {.where = TO_HOST,
				    .at = s->now + 1,
				    .order = order[i].kind,
				    .host = host,
				    .op = order[i].op,
				    .undefine = order[i].undefine,
				    .spare = order[i].spare};
		m.ev.job = s->durable.job;
		send(s, &m);
	}
}

/* --- a second --- */

static void guests_write(struct sim *s)
{
	for (int h = 0; h < SIM_HOSTS; h++) {
		comes_up(s, h);
		if (s->host[h].power && s->host[h].running && s->host[h].healthy) {
			if (s->disk[disk_of[h]] == s->written)
				s->disk[disk_of[h]] = ++s->written;
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
		tell(s, "the start that hung on %s %s", host_name[h],
		     host->power && host->defined ? "comes through" : "finds nothing");
		host->running = host->running || (host->power && host->defined);
	}
}

static void mover_works(struct sim *s)
{
	if (!s->moving || s->move_state == RELOC_XFER_DONE ||
	    s->move_state == RELOC_XFER_FAILED)
		return;
	int64_t *to = &s->disk[disk_of[s->move_to]];

	if (!reachable(s, s->move_to))
		return; /* no progress */
	if (s->now < s->move_ends) {
		if (s->host[s->move_to].running)
			s->move_state = RELOC_XFER_FAILED; /* image in use: refused */
		else
			*to = -1; /* half written */
		return;
	}
	/* the copy is proven against what the source holds now */
	s->move_ok =
		s->disk[disk_of[s->move_from]] == s->move_version && s->move_version >= 0;
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

			(void)point(s); /* before the side effect */
			if (was_up && !s->scheduler_up)
				continue; /* died with it: not begun */
			tell(s, "%s on %s", reloc_order_name(m.order), host_name[m.host]);
			carry_out(s, &m);
			(void)point(s); /* after it, before its answer */
		} else if (s->scheduler_up) {
			feed(s, &m.ev);
		}
	}
}

static void watch_hosts(struct sim *s)
{
	for (int h = 0; h < SIM_HOSTS && s->scheduler_up; h++) {
		struct sim_host *host = &s->host[h];
		struct reloc_event ev = {.place = place_of(h), .text = "detector"};
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
		feed(s, &ev);
	}
	/* inventories: where else does it run? */
	for (int h = 0; h < SIM_HOSTS && s->scheduler_up; h++) {
		struct reloc_event ev = {.kind = RELOC_SEEN_RUNNING,
					 .place = place_of(h)};
		const struct reloc *r = &s->durable;
		int at = reloc_copy_at(r, ev.place.cluster, ev.place.host);

		if (at == (int)r->active && r->copy[at].proof == RELOC_NO_PROOF &&
		    reachable(s, h) && !s->host[h].running && s->now > r->since_ms + 2) {
			ev.kind = RELOC_WENT_DOWN;
			feed(s, &ev);
			continue;
		}
		if (reachable(s, h) && s->host[h].running && s->now > r->since_ms + 2 &&
		    !(at == (int)r->active && r->copy[at].proof == RELOC_NO_PROOF))
			feed(s, &ev);
	}
}

static void check_world(struct sim *s)
{
	int running = 0;
	bool safe = false;

	for (int h = 0; h < SIM_HOSTS; h++)
		running += s->host[h].power && s->host[h].running && !s->stands[h];
	if (running > 1)
		broken(s, "%d copies run", running);
	for (int c = 0; c < SIM_CLUSTERS; c++)
		safe = safe || s->disk[c] == s->written;
	if (!safe && !s->tampered)
		broken(s, "the last good copy is gone");
	for (int h = 0; h < SIM_HOSTS; h++)
		if (s->stands[h] && !s->host[h].running)
			s->stands[h] = s->clone[h] = false;
	/* no state without an exit: somebody acts, or a deadline comes */
	struct reloc_order order[RELOC_MAX_ORDERS];
	const struct reloc *r = &s->durable;
	if (!reloc_quiet(r) && r->state != RELOC_DOWN_LIKELY &&
	    r->state != RELOC_FENCED && r->deadline_ms == 0 &&
	    reloc_orders(r, order) == 0)
		broken(s, "nobody acts and no deadline comes");
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
		if (s->clone[h] && r->state == RELOC_HOLD_OPERATOR &&
		    (!r->home_unclear || copies_of_any_kind(s) > 1))
			s->host[h].running = false;
	/* called because its guest does not answer where it is: a person sends it home */
	if (s->scheduler_up && r->state == RELOC_FAILBACK_READY && !r->failback_asked &&
	    !s->host[host_at(&r->copy[r->active].place)].healthy)
		operator_says(s, RELOC_OPERATOR_FAILBACK);
	if (s->scheduler_up && r->state == RELOC_WAIT_REPAIR && r->cancelled)
		operator_says(s, RELOC_OPERATOR_RELOCATE);
}

static void second(struct sim *s)
{
	const struct reloc_event tick = {.kind = RELOC_TICK};

	s->now++;
	if (!s->scheduler_up && s->now >= s->restart_at)
		s->scheduler_up = true;
	for (int h = 0; h < SIM_HOSTS; h++) {
		struct sim_host *host = &s->host[h];

		host->silent_for = reachable(s, h) ? 0 : host->silent_for + 1;
		host->up_for = reachable(s, h) ? host->up_for + 1 : 0;
	}
	late_starts(s);
	guests_write(s);
	mover_works(s);
	if (s->said != RELOC_TICK) {
		operator_says(s, s->said);
		s->said = RELOC_TICK;
	}
	deliver(s);
	if (s->scheduler_up)
		watch_hosts(s);
	for (int i = 0; i < 4 && s->scheduler_up; i++)
		feed(s, &tick);
	if (s->scheduler_up)
		give_orders(s);
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
		if (i != r->active &&
		    (r->copy[i].defined || s->host[host_at(&r->copy[i].place)].defined))
			return false; /* an old copy can still be started */
	return s->host[host_at(&r->copy[r->active].place)].running;
}

static void begin(struct sim *s)
{
	const struct reloc_place home = place_of(SIM_HOME);
	struct reloc_event move = {.kind = RELOC_OPERATOR_RELOCATE, .by = "operator"};
	struct reloc_event twice = {.kind = RELOC_SEEN_TWICE};

	switch (s->script->story) {
	case SIM_POWER_LOSS:
		power_off(s, SIM_HOME);
		break;
	case SIM_PARTITION:
		s->host[SIM_HOME].link = false;
		break;
	case SIM_QUICK_REBOOT:
		reboot(s, SIM_HOME);
		break;
	case SIM_FOUND_TWICE:
		s->host[SIM_AWAY2].defined = s->host[SIM_AWAY2].running = true;
		s->stands[SIM_AWAY2] = s->clone[SIM_AWAY2] = s->tampered = true;
		twice.place = place_of(SIM_AWAY2);
		feed(s, &twice);
		break;
	default:
		feed(s, &move);
		break;
	}
	(void)home;
}

void sim_run(const struct sim_script *script, struct sim_result *ret)
{
	struct sim sim = {.script = script, .ret = ret, .scheduler_up = true};
	struct sim *s = &sim;
	const struct reloc_place home = place_of(SIM_HOME);
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
		broken(s, "never came to rest: hold '%s', why '%s'",
		       s->durable.hold_reason, s->durable.why);
}
