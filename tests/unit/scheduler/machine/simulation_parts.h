/* relocation_sim_parts.h - what the files of the simulator share: relocation_sim.c is the
 * passing of time, _trouble.c what goes wrong, _scheduler.c who decides, _orders.c what
 * hosts, power and disks do when they are told. */
#ifndef TESTS_RELOCATION_SIM_PARTS_H
#define TESTS_RELOCATION_SIM_PARTS_H

#include "simulation.h"

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

extern const char *const sim_cluster_of[SIM_HOSTS], *const sim_host_name[SIM_HOSTS];
extern const int sim_disk_of[SIM_HOSTS];

struct sim_host {
	bool power, link; /* link: can be reached */
	int silent_for, up_for;
	bool defined, running, healthy;
	int fires_at;           /* a start that hangs in its hypervisor; 0: none */
	int runs_since, ran_at; /* ran_at: the newest second in which it ran */
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
	bool foreign[SIM_HOSTS]; /* the definition there names no disk of ours */
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

/* relocation_sim.c */
void sim_broken(struct sim *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3))); /* a promise: the run ends here */
void sim_tell(const struct sim *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
int sim_host_at(const struct reloc_place *p);
struct reloc_place sim_place_of(int host);
bool sim_reachable(const struct sim *s, int host);
void sim_power_off(struct sim *s, int host);
void sim_reboot(struct sim *s, int host);

/* relocation_sim_trouble.c */
bool sim_point(struct sim *s); /* of the run. False: the scheduler died in it */
void sim_operator_says(struct sim *s, enum reloc_event_kind kind);

/* relocation_sim_scheduler.c */
void sim_feed(struct sim *s, const struct reloc_event *ev);
void sim_send(struct sim *s, const struct message *m);
void sim_answer(struct sim *s, const struct message *order, struct reloc_event ev);
void sim_give_orders(struct sim *s);

/* relocation_sim_orders.c */
void sim_carry_out(struct sim *s, const struct message *m);
void sim_comes_up(struct sim *s, int host);

#endif
