/* The simulator's scheduler: one durable change, then its consequences. */
#include <stdio.h>
#include <string.h>

#include "simulation_parts.h"

static void check_change(struct sim *s, const struct reloc *was, const struct reloc *next)
{
	if (next->epoch < was->epoch || next->epoch > was->epoch + 1)
		sim_broken(s, "epoch went from %llu to %llu",
			   (unsigned long long)was->epoch,
			   (unsigned long long)next->epoch);
	if (next->state != was->state && next->op <= was->op)
		sim_broken(s, "a change of state without a new op");
	if (next->state != was->state && !next->why[0])
		sim_broken(s, "it left %s and did not say why",
			   reloc_state_name(was->state));
	for (uint32_t i = 0; i < next->n_copies && next->epoch > was->epoch; i++)
		if (i != next->active && next->copy[i].defined &&
		    next->copy[i].epoch > 0 && next->copy[i].proof == RELOC_NO_PROOF &&
		    next->state != RELOC_PROTECTED && next->state != RELOC_RUNNING_AWAY)
			sim_broken(s, "granted while copy %u is not proven dead", i);
}

void sim_feed(struct sim *s, const struct reloc_event *ev)
{
	struct reloc next;

	if (!s->scheduler_up || !reloc_step(&s->durable, ev, &s->rules, s->now, &next))
		return;
	if (!sim_point(s)) /* died before the write */
		return;
	struct reloc was = s->durable;
	if (was.home_unclear && next.epoch > was.epoch)
		sim_broken(s, "granted, and nobody knows where it is at home");
	s->durable = next;
	s->ret->states |= 1ULL << next.state;
	check_change(s, &was, &next);
	if (next.state != was.state)
		sim_tell(s, "<- %s: %s", reloc_event_name(ev->kind), next.why);
	if (next.job != was.job || next.token != was.token)
		s->handed_job = 0;
	(void)sim_point(s); /* or after it */
}

void sim_send(struct sim *s, const struct message *m)
{
	for (int i = 0; i < MAX_MESSAGES; i++)
		if (!s->message[i].used) {
			s->message[i] = *m;
			s->message[i].used = true;
			s->message[i].seq = s->seq++;
			return;
		}
	sim_broken(s, "the simulator ran out of room for messages");
}

void sim_answer(struct sim *s, const struct message *order, struct reloc_event ev)
{
	struct message m = {.where = TO_SCHEDULER, .at = s->now + 1, .ev = ev};

	m.ev.op = order->op;
	m.ev.place = sim_place_of(order->host);
	if (ev.place.host[0])
		m.ev.place = ev.place;
	(void)snprintf(m.ev.by, sizeof(m.ev.by), "%s", sim_host_name[order->host]);
	sim_send(s, &m);
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
		sim_feed(s, &ev);
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
				    .host = sim_host_at(&r->copy[r->target].place),
				    .copy_good = sim_host_at(&r->copy[r->good].place)};
		m.ev.job = r->job;
		m.ev.token = r->token;
		sim_send(s, &m);
		return;
	}
	ev.transfer = RELOC_XFER_LOST;
	sim_feed(s, &ev);
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
	sim_feed(s, &ev);
}

void sim_give_orders(struct sim *s)
{
	struct reloc_order order[RELOC_MAX_ORDERS];
	size_t n = reloc_orders(&s->durable, order);
	uint64_t op = s->durable.op;

	for (size_t i = 0; i < n && s->scheduler_up && s->durable.op == op; i++) {
		int host = sim_host_at(&s->durable.copy[order[i].copy].place);

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
		sim_send(s, &m);
	}
}
