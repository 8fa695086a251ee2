#include "service.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "jobs.h"
#include "numbers.h"
#include "program_file.h"
#include "vrs/log.h"
#include "vrs/mem.h"
#include "vrs/svc.h"

enum { MAX_KNOWN_JOBS = 256 };

struct conf {
	char *transfer, *key, *known_hosts, *vrs_image, *far_vrs_image;
	int64_t jobs, tries, connect_ms, silence_ms;
};

static const struct vrs_option options[] = {
	{"transfer", VRS_OPT_STRING, offsetof(struct conf, transfer),
	 "tcp://127.0.0.1:7704", 0, 0, "the scheduler's socket that hands out transfers"},
	{"jobs", VRS_OPT_INT, offsetof(struct conf, jobs), "4", 1, 64,
	 "transfers at a time"},
	{"ssh_key", VRS_OPT_STRING, offsetof(struct conf, key), "", 0, 0,
	 "private key file for all hosts; empty: agent and usual keys"},
	{"known_hosts", VRS_OPT_STRING, offsetof(struct conf, known_hosts), "", 0, 0,
	 "host keys that are trusted; others are refused; empty: ~/.ssh/known_hosts"},
	{"vrs_image", VRS_OPT_STRING, offsetof(struct conf, vrs_image), "", 0, 0,
	 "the vrs-image that is carried to hosts; empty: the one beside this program"},
	{"host_vrs_image", VRS_OPT_STRING, offsetof(struct conf, far_vrs_image), "", 0, 0,
	 "path of an installed vrs-image on every host; empty: carry ours to ~/.vrsas"},
	{"tries", VRS_OPT_INT, offsetof(struct conf, tries), "4", 1, 1000,
	 "connections within one hand-out before the scheduler is told"},
	{"connect_timeout", VRS_OPT_DURATION, offsetof(struct conf, connect_ms), "10s",
	 1000, 600000, "for a connection to a host"},
	{"silence", VRS_OPT_DURATION, offsetof(struct conf, silence_ms), "30s", 3000,
	 3600000, "a far side that says nothing for so long is given up"},
	{.key = NULL},
};

struct mover {
	struct conf conf;
	struct vrs_svc *svc;
	struct vrs_rep *rep;
	struct vrs_workers *workers;
	struct job_conf job_conf;
	char *vrs_image;
	struct job *jobs; /* queued or at work */
	int n_jobs;
	struct numbers numbers;
};

static struct job *find(struct mover *m, const char *job_id, uint64_t token)
{
	for (struct job *j = m->jobs; j; j = j->next)
		if (strcmp(j->order->job_id, job_id) == 0 && j->order->token == token)
			return j;
	return NULL;
}

struct ended {
	struct mover *mover;
	struct job *job;
};

static void work(void *arg)
{
	job_run(((struct ended *)arg)->job);
}

static void note(struct mover *m)
{
	vrs_svc_note(m->svc, "%d transfers", m->n_jobs);
}

static void on_ended(void *arg)
{
	struct ended *e = arg;
	struct job **p = &e->mover->jobs;

	while (*p && *p != e->job)
		p = &(*p)->next;
	if (*p) {
		*p = e->job->next;
		e->mover->n_jobs--;
	}
	note(e->mover);
	numbers_end(&e->mover->numbers, e->job);
	job_free(e->job);
	free(e);
}

static int take(struct mover *m, const Vrsas__V1__TransferJob *order, struct vrs_err *err)
{
	int status = transfer_check(order, err);

	if (status < 0)
		return status;
	if (find(m, order->job_id, order->token))
		return 0; /* twice is once */
	if (m->n_jobs >= MAX_KNOWN_JOBS)
		return vrs_fail(err, VRS_ENOSPC, "%d transfers are waiting already",
				m->n_jobs);
	for (struct job *j = m->jobs; j; j = j->next)
		if (strcmp(j->order->job_id, order->job_id) == 0) {
			if (j->order->token > order->token)
				return vrs_fail(err, VRS_ECONFLICT,
						"token %llu is older than %llu",
						(unsigned long long)order->token,
						(unsigned long long)j->order->token);
			atomic_store(&j->stop, true);
		}

	/* the request is gone when we return: keep a copy of its bytes */
	size_t n;
	struct vrs_msg *msg = NULL;
	void *bytes = vrs_msg_pack(&order->base, &n);
	status =
		vrs_msg_unpack(&msg, &vrsas__v1__transfer_job__descriptor, bytes, n, err);
	free(bytes);
	if (status < 0)
		return status;
	struct ended *e = vrs_calloc(1, sizeof(*e));
	e->mover = m;
	e->job = job_new(&m->job_conf, msg);
	e->job->next = m->jobs;
	m->jobs = e->job;
	m->n_jobs++;
	note(m);
	vrs_workers_submit(m->workers, e->job->order->job_id, work, on_ended, e);
	return 0;
}

static void on_job(void *arg, const ProtobufCMessage *request,
		   struct vrs_req_token *token)
{
	struct mover *m = arg;
	const Vrsas__V1__TransferJob *order = (const Vrsas__V1__TransferJob *)request;
	Vrsas__V1__TransferAccept reply = VRSAS__V1__TRANSFER_ACCEPT__INIT;
	struct vrs_err err = {0};

	reply.job_id = order->job_id;
	reply.mover = m->svc->instance;
	reply.accepted = take(m, order, &err) == 0;
	if (!reply.accepted) {
		reply.reason = err.text;
		m->numbers.refused++;
		log_warn("transfer refused job=%.130s: %s", order->job_id, err.text);
	}
	vrs_bus_answer(token, &reply.base);
}

static void on_metrics(void *arg, struct vrs_page *page)
{
	const struct mover *m = arg;
	struct vrs_bus_counts bus;

	numbers_tell(&m->numbers, m->jobs, page);
	vrs_rep_counts(m->rep, &bus);
	vrs_page_bus(page, "transfer", &bus);
}

static void set_up_jobs(struct mover *m)
{
	const struct conf *c = &m->conf;

	m->vrs_image = *c->vrs_image ? vrs_strdup(c->vrs_image) : program_file_beside();
	m->job_conf = (struct job_conf){
		.far =
			{
				.program = m->vrs_image,
				.far_program = c->far_vrs_image,
				.key = c->key,
				.known_hosts = c->known_hosts,
				.connect_ms = c->connect_ms,
				.silence_ms = c->silence_ms,
			},
		.tries = (int)c->tries,
		.store = m->svc->store_conf,
		.mover = m->svc->instance,
	};
}

int service_main(int argc, char **argv)
{
	struct vrs_err err = {0};
	struct mover m = {.n_jobs = 0};
	struct vrs_svc svc = {
		.name = "mover",
		.summary =
			"Carries the disks of VMs between hosts over SSH, proven equal. "
			"(As a command: vrs-mover copy, verify, hash; see --help.)",
		.options = options,
		.conf = &m.conf,
		.needs_redis = true,
	};

	vrs_svc_start(&svc, argc, argv);
	m.svc = &svc;
	set_up_jobs(&m);
	if (access(m.vrs_image, R_OK) < 0) {
		(void)vrs_fail_errno(&err, "vrs_image = %s", m.vrs_image);
		vrs_svc_die(&svc, &err);
	}
	if (vrs_workers_open(&m.workers, svc.loop, (int)m.conf.jobs, &err) < 0 ||
	    vrs_rep_open(&m.rep, svc.loop, m.conf.transfer, false, (int)m.conf.jobs + 4,
			 &vrsas__v1__transfer_job__descriptor, on_job, &m, &err) < 0)
		vrs_svc_die(&svc, &err);
	numbers_init(&m.numbers);
	vrs_svc_metrics(&svc, on_metrics, &m);
	note(&m);

	int status = vrs_svc_run(&svc);

	vrs_rep_close(m.rep);
	if (m.jobs) {
		/* a copy can be left at any instruction; whoever gets the job goes on */
		log_notice("leaving %d transfers to others", m.n_jobs);
		_exit(status);
	}
	vrs_workers_close(m.workers);
	free(m.vrs_image);
	vrs_svc_stop(&svc);
	return status;
}
