#include "jobs/service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "jobs/job_queue.h"
#include "jobs/metrics.h"
#include "ssh/program_file.h"
#include "vrs/log.h"
#include "vrs/mem.h"
#include "vrs/svc.h"

struct conf {
	char *transfer, *key, *known_hosts, *ssh_config, *vrs_image, *remote_vrs_image;
	char *remote_mover;
	bool direct;
	int64_t jobs, source_jobs, target_jobs, link_jobs;
	int64_t tries, connect_ms, silence_ms;
};

static const struct vrs_option options[] = {
	{"transfer", VRS_OPT_STRING, offsetof(struct conf, transfer),
	 "tcp://127.0.0.1:7704", 0, 0,
	 "sockets of the schedulers that assign transfers, separated by commas"},
	{"jobs", VRS_OPT_INT, offsetof(struct conf, jobs), "4", 1, 64,
	 "maximum number of transfers that this mover runs at a time"},
	{"source_jobs", VRS_OPT_INT, offsetof(struct conf, source_jobs), "4", 1, 1000,
	 "maximum number of transfers from one host at a time, over all movers"},
	{"target_jobs", VRS_OPT_INT, offsetof(struct conf, target_jobs), "4", 1, 1000,
	 "maximum number of transfers to one host at a time, over all movers"},
	{"link_jobs", VRS_OPT_INT, offsetof(struct conf, link_jobs), "8", 1, 1000,
	 "maximum number of transfers from one cluster to another at a time, over all "
	 "movers"},
	{"ssh_key", VRS_OPT_STRING, offsetof(struct conf, key), "", 0, 0,
	 "private key file for all hosts; agent and default keys if empty"},
	{"known_hosts", VRS_OPT_STRING, offsetof(struct conf, known_hosts), "", 0, 0,
	 "trusted host keys, others are refused; ~/.ssh/known_hosts if empty"},
	{"ssh_config", VRS_OPT_STRING, offsetof(struct conf, ssh_config), "", 0, 0,
	 "SSH settings file for all hosts (ProxyJump, ProxyCommand, HostName, Port ...); "
	 "none if empty"},
	{"vrs_image", VRS_OPT_STRING, offsetof(struct conf, vrs_image), "", 0, 0,
	 "path of the vrs-image to install on hosts; the one beside this program if "
	 "empty"},
	{"host_vrs_image", VRS_OPT_STRING, offsetof(struct conf, remote_vrs_image), "", 0,
	 0, "path of vrs-image on every host; if empty, it is installed in ~/.vrsas"},
	{"direct", VRS_OPT_BOOL, offsetof(struct conf, direct), "no", 0, 0,
	 "let the vrs-mover on the source host copy directly to the target where "
	 "possible; otherwise copies pass through this host"},
	{"host_vrs_mover", VRS_OPT_STRING, offsetof(struct conf, remote_mover),
	 "vrs-mover", 0, 0, "path of vrs-mover on the hosts, for direct copies"},
	{"tries", VRS_OPT_INT, offsetof(struct conf, tries), "4", 1, 1000,
	 "attempts before a transfer is reported as failed"},
	{"connect_timeout", VRS_OPT_DURATION, offsetof(struct conf, connect_ms), "10s",
	 1000, 600000, "timeout for a connection to a host"},
	{"silence", VRS_OPT_DURATION, offsetof(struct conf, silence_ms), "30s", 3000,
	 3600000, "a host that does not respond for this long counts as lost"},
	{.key = NULL},
};

enum { MAX_SCHEDULERS = 8 };

struct mover {
	struct conf conf;
	struct vrs_svc *svc;
	struct vrs_rep *rep[MAX_SCHEDULERS];
	size_t n_reps;
	struct job_queue_conf job_queue_conf;
	struct job_queue *queue;
	char *vrs_image;
	struct mover_metrics metrics;
};

static void note(void *arg)
{
	struct mover *m = arg;
	int working = job_queue_working(m->queue), waiting = job_queue_waiting(m->queue);

	if (waiting)
		vrs_svc_note(m->svc, "%d transfers, %d waiting", working, waiting);
	else
		vrs_svc_note(m->svc, "%d transfers", working);
}

static void on_ended(void *arg, const struct job *j)
{
	metrics_job_ended(&((struct mover *)arg)->metrics, j);
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
	reply.accepted = job_queue_take(m->queue, order, &err) == 0;
	if (!reply.accepted) {
		reply.reason = err.text;
		m->metrics.refused++;
		log_warn("transfer refused job=%.130s: %s", order->job_id, err.text);
	}
	vrs_bus_answer(token, &reply.base);
}

static void on_metrics(void *arg, struct vrs_page *page)
{
	const struct mover *m = arg;
	struct vrs_bus_counts bus;

	metrics_publish(&m->metrics, job_queue_jobs(m->queue), page);
	for (size_t i = 0; i < m->n_reps; i++) {
		char name[24] = "transfer";

		if (i)
			(void)snprintf(name, sizeof(name), "transfer%zu", i + 1);
		vrs_rep_counts(m->rep[i], &bus);
		vrs_page_bus(page, name, &bus);
	}
}

static void set_up_jobs(struct mover *m)
{
	const struct conf *c = &m->conf;

	m->vrs_image = *c->vrs_image ? vrs_strdup(c->vrs_image) : program_file_beside();
	m->job_queue_conf.workers = (int)c->jobs;
	m->job_queue_conf.changed = note;
	m->job_queue_conf.ended = on_ended;
	m->job_queue_conf.arg = m;
	m->job_queue_conf.job = (struct job_conf){
		.ssh =
			{
				.program = m->vrs_image,
				.remote_program = c->remote_vrs_image,
				.key = c->key,
				.known_hosts = c->known_hosts,
				.ssh_config = *c->ssh_config != '\0',
				.ssh_file = c->ssh_config,
				.connect_ms = c->connect_ms,
				.silence_ms = c->silence_ms,
			},
		.tries = (int)c->tries,
		.way = c->direct ? TRANSFER_DIRECT_AUTO : TRANSFER_THROUGH,
		.remote_mover = c->remote_mover,
		.store = m->svc->store_conf,
		.limits = {m->svc->instance, (int)c->source_jobs, (int)c->target_jobs,
			   (int)c->link_jobs},
	};
}

/* One socket for each scheduler. */
static int dial(struct mover *m, struct vrs_err *err)
{
	char *list = vrs_strdup(m->conf.transfer), *rest = list;
	int status = 0;

	for (char *url; status == 0 && (url = strsep(&rest, ", "));) {
		if (!*url)
			continue;
		if (m->n_reps == MAX_SCHEDULERS)
			status = vrs_fail(err, VRS_EINVAL,
					  "transfer: more than %d addresses",
					  MAX_SCHEDULERS);
		else
			status = vrs_rep_open(
				&m->rep[m->n_reps], m->svc->loop,
				&(struct vrs_rep_conf){
					.url = url,
					.max_open = (int)m->conf.jobs + 4,
					.type = &vrsas__v1__transfer_job__descriptor,
					.fn = on_job,
					.arg = m},
				err);
		m->n_reps += status == 0;
	}
	free(list);
	if (status == 0 && m->n_reps == 0)
		status = vrs_fail(err, VRS_EINVAL, "transfer: no address");
	return status;
}

int service_main(int argc, char **argv)
{
	struct vrs_err err = {0};
	struct mover m = {.n_reps = 0};
	struct vrs_svc svc = {
		.name = "mover",
		.summary =
			"Copies the disks of VMs between hosts over SSH and proves them "
			"equal. (As a command: vrs-mover copy, verify, hash; see "
			"--help.)",
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
	metrics_init(&m.metrics);
	if (job_queue_open(&m.queue, svc.loop, &m.job_queue_conf, &err) < 0 ||
	    dial(&m, &err) < 0)
		vrs_svc_die(&svc, &err);
	vrs_svc_metrics(&svc, on_metrics, &m);
	note(&m);

	int status = vrs_svc_run(&svc);

	for (size_t i = 0; i < m.n_reps; i++)
		vrs_rep_close(m.rep[i]);
	int left = job_queue_working(m.queue) + job_queue_waiting(m.queue);
	if (left) {
		/* a copy can be killed at any instruction; another mover resumes it */
		log_notice("leaving %d transfers to other movers", left);
		_exit(status);
	}
	job_queue_close(m.queue);
	free(m.vrs_image);
	vrs_svc_stop(&svc);
	return status;
}
