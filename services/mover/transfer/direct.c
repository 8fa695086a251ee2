#include "transfer/direct.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ssh/channel.h"
#include "ssh/shell.h"
#include "ssh/ssh.h"
#include "transfer/direct_messages.h"
#include "vrs/bus.h"
#include "vrs/clock.h"
#include "vrs/fault.h"
#include "vrs/log.h"
#include "vrs/mem.h"

enum { STEP_MS = 100, CONTROL_MS = 1000, SILENCE_MS = 30000, CANCEL_MS = 15000 };

struct direct_client {
	const struct transfer_env *env;
	const Vrsas__V1__TransferJob *job;
	struct transfer_result *ret;
	struct channel *channel;
	struct direct_reader reader;
	char name[400], host[360]; /* "source root@s", "root@s" */
	uint64_t sent_before, resent_before;
	int64_t heard_mono_ms, control_mono_ms, cancelled_mono_ms;
	uint64_t rate_sent;
	bool greeted, connected, ended;
	int status; /* when it has ended */
	struct vrs_err why;
};

static bool is_local(const char *place)
{
	struct place p;

	return place_parse(&p, place, NULL) < 0 || !*p.host;
}

bool direct_fits(const Vrsas__V1__TransferJob *job)
{
	for (size_t i = 0; i < job->n_source; i++)
		if (is_local(job->source[i]))
			return false;
	for (size_t i = 0; i < job->n_target; i++)
		if (is_local(job->target[i]))
			return false;
	return job->n_disk > 0;
}

/* --- receiving --- */

static void take_progress(struct direct_client *n, const Vrsas__V1__TransferStatus *s)
{
	struct copy_progress *p = n->env->progress;

	atomic_store(&p->total_bytes, s->bytes_total);
	atomic_store(&p->done_bytes, s->bytes_done);
	atomic_store(&p->compared_bytes, s->bytes_compared);
	atomic_store(&p->sent_bytes, n->sent_before + s->bytes_sent);
	atomic_store(&p->resent_bytes, n->resent_before + s->bytes_resent);
	atomic_store(&p->verifying, s->state == TRANSFER_STATE(VERIFYING));
}

static int take_result(struct direct_client *n, const Vrsas__V1__DirectReport *report,
		       struct vrs_err *err)
{
	const Vrsas__V1__TransferStatus *s = report->status;

	if (!s)
		return 0;
	n->ended = true;
	n->ret->permanent = s->permanent;
	if (s->state != TRANSFER_STATE(DONE)) {
		n->status = direct_error(report, n->host, &n->why);
		return 0;
	}
	size_t n_disks = n->job->n_disk;
	struct copy_result *disk = vrs_calloc(n_disks, sizeof(*disk));
	int status = direct_results(disk, n_disks, report, err);
	if (status < 0) {
		free(disk);
		n->ended = false;
		return status;
	}
	transfer_result_fini(n->ret);
	n->ret->disk = disk;
	n->ret->n_disks = n_disks;
	n->ret->direct = true;
	n->status = 0;
	return 0;
}

static int on_report(void *arg, const uint8_t *bytes, size_t len, struct vrs_err *err)
{
	struct direct_client *n = arg;
	struct vrs_msg *msg;
	int status = vrs_msg_unpack(&msg, &vrsas__v1__direct_report__descriptor, bytes,
				    len, err);

	if (status < 0)
		return status;
	const Vrsas__V1__DirectReport *report =
		(const Vrsas__V1__DirectReport *)vrs_msg_get(msg);
	if (!n->greeted && strcmp(report->version, VRS_VERSION) != 0)
		status = vrs_fail(
			err, VRS_EUNSUPPORTED,
			"vrs-mover there has version %.40s, this one " VRS_VERSION,
			report->version);
	if (status == 0) {
		n->greeted = true;
		n->connected = n->connected || report->connected;
		if (report->status)
			take_progress(n, report->status);
		if (direct_has_ended(report))
			status = take_result(n, report, err);
	}
	vrs_msg_free(msg);
	return status;
}

static int on_bytes(void *arg, const void *bytes, size_t n_bytes, struct vrs_err *err)
{
	struct direct_client *n = arg;

	n->heard_mono_ms = vrs_now_mono_ms();
	return n->ended ? 0 : direct_reader_feed(&n->reader, bytes, n_bytes, err);
}

/* --- sending --- */

static int send_message(struct direct_client *n, const ProtobufCMessage *message,
			struct vrs_err *err)
{
	size_t len, done = 0;
	uint8_t *bytes = direct_pack(message, &len);
	int64_t since = vrs_now_mono_ms();
	int status = 0;

	while (done < len && status == 0) {
		ssize_t k =
			n->channel->ops->write(n->channel, bytes + done, len - done, err);

		if (k < 0)
			status = (int)k;
		else if (k == 0 && vrs_now_mono_ms() - since > SILENCE_MS)
			status = vrs_fail(err, VRS_ETIMEOUT, "not reading");
		else if (k == 0)
			status = n->channel->ops->step(n->channel, true, STEP_MS, err);
		else
			done += (size_t)k;
	}
	free(bytes);
	return status;
}

static uint64_t rate_now(const struct direct_client *n)
{
	return n->env->rate_bytes_per_s ? atomic_load(n->env->rate_bytes_per_s) : 0;
}

static int send_order(struct direct_client *n, const char *source, struct vrs_err *err)
{
	const struct ssh_conf *conf = &n->env->target_conf;
	Vrsas__V1__DirectOrder order = VRSAS__V1__DIRECT_ORDER__INIT;
	Vrsas__V1__TransferJob job = *n->job;
	const char **targets = vrs_calloc(job.n_target, sizeof(*targets));

	/* a target on the source host is local there */
	for (size_t i = 0; i < job.n_target; i++)
		targets[i] = strcmp(job.target[i], source) == 0 ? "local" : job.target[i];
	job.target = targets;
	order.job = &job;
	order.connections = (uint32_t)conf->connections;
	order.pack = (uint32_t)n->env->pack;
	order.vrs_image = conf->remote_program ? conf->remote_program : "";
	order.sftp = conf->sftp == REMOTE_SFTP_ALWAYS;
	order.rate_limit_bytes_per_s = n->rate_sent = rate_now(n);
	int status = send_message(n, &order.base, err);
	free(targets);
	return status;
}

static int send_control(struct direct_client *n, struct vrs_err *err)
{
	Vrsas__V1__DirectControl control = VRSAS__V1__DIRECT_CONTROL__INIT;
	uint64_t rate = rate_now(n);
	bool cancel = n->cancelled_mono_ms != 0;

	if (vrs_now_mono_ms() - n->control_mono_ms < CONTROL_MS && rate == n->rate_sent)
		return 0;
	n->control_mono_ms = vrs_now_mono_ms();
	control.rate_limit_bytes_per_s = n->rate_sent = rate;
	control.cancel = cancel;
	return send_message(n, &control.base, err);
}

/* The tick may block, while the job is paused: then no control message is sent, and the
 * copy pauses as well. */
static int run_tick(struct direct_client *n, struct vrs_err *err)
{
	int64_t at = vrs_now_mono_ms();

	if (n->cancelled_mono_ms)
		return at - n->cancelled_mono_ms < CANCEL_MS
			       ? 0
			       : vrs_fail(err, VRS_ECANCELLED, "cancelled");
	int status = n->env->tick ? n->env->tick(n->env->arg, err) : 0;
	if (vrs_now_mono_ms() - at > STEP_MS)
		n->heard_mono_ms = vrs_now_mono_ms();
	if (status == VRS_ECANCELLED) {
		n->cancelled_mono_ms = vrs_now_mono_ms();
		n->control_mono_ms = 0; /* at once */
		return 0;
	}
	return status;
}

static int run_session(struct direct_client *n, const char *source, struct vrs_err *err)
{
	int64_t silence_ms = n->env->source_conf.silence_ms;
	int status;

	if (!silence_ms)
		silence_ms = SILENCE_MS;
	n->heard_mono_ms = n->control_mono_ms = vrs_now_mono_ms();
	status = send_order(n, source, err);
	while (status == 0 && !n->ended) {
		status = n->channel->ops->step(n->channel, false, STEP_MS, err);
		if (status < 0 || n->ended)
			break;
		(void)vrs_fault("mover.direct.step");
		if (vrs_now_mono_ms() - n->heard_mono_ms > silence_ms)
			status = vrs_fail(err, VRS_ETIMEOUT, "no response for %lld s",
					  (long long)silence_ms / 1000);
		if (status == 0)
			status = run_tick(n, err);
		if (status == 0)
			status = send_control(n, err);
	}
	return n->ended ? 0 : status;
}

/* --- one attempt --- */

static int start_at(struct direct_client *n, const char *source, bool *ret_logged_in,
		    struct vrs_err *err)
{
	const char *path = n->env->remote_mover && *n->env->remote_mover
				   ? n->env->remote_mover
				   : "vrs-mover";
	struct vrs_text text = {0};
	struct place place;
	int status = place_parse(&place, source, err);

	if (status < 0)
		return status;
	(void)place_text(n->host, &place);
	(void)snprintf(n->name, sizeof(n->name), "source %s", n->host);
	vrs_text_add(&text, "exec ");
	shell_quote(&text, path);
	vrs_text_add(&text, " direct");
	struct ssh_host host = {.conf = &n->env->source_conf, .place = &place};
	struct ssh_command command = {.program = "vrs-mover", .text = text.text};
	status = ssh_start_command(&n->channel, &host, &command, err);
	*ret_logged_in = command.logged_in;
	vrs_text_fini(&text);
	if (status == 0) {
		n->channel->on_bytes = on_bytes;
		n->channel->arg = n;
	}
	return status;
}

/* Starts it on the first source that accepts the login; NULL: on none. */
static const char *start(struct direct_client *n, bool *ret_logged_in,
			 struct vrs_err *err)
{
	struct vrs_err first = {0};

	for (size_t i = 0; i < n->job->n_source; i++) {
		struct vrs_err why = {0};

		*ret_logged_in = false;
		if (start_at(n, n->job->source[i], ret_logged_in, &why) == 0)
			return n->job->source[i];
		(void)vrs_context(&why, "%s", n->name);
		if (i == 0 || *ret_logged_in)
			first = why;
		if (*ret_logged_in)
			break;
		if (i + 1 < n->job->n_source)
			log_warn("%s; trying the next address", why.text);
	}
	*err = first;
	return NULL;
}

/* How a failed attempt counts. */
static enum direct_end judge(const struct direct_client *n, int status)
{
	if (n->ended)
		return n->connected || status == VRS_ECANCELLED ? DIRECT_ENDED
								: DIRECT_IMPOSSIBLE;
	if (status == VRS_ECANCELLED || status == VRS_ECONFLICT)
		return DIRECT_ENDED;
	return n->greeted ? DIRECT_UNKNOWN : DIRECT_IMPOSSIBLE;
}

int direct_run(const struct transfer_env *env, const Vrsas__V1__TransferJob *job,
	       struct transfer_result *ret, enum direct_end *ret_end, struct vrs_err *err)
{
	struct direct_client n = {
		.env = env,
		.job = job,
		.ret = ret,
		.sent_before = atomic_load(&env->progress->sent_bytes),
		.resent_before = atomic_load(&env->progress->resent_bytes),
		.reader = {.on_message = on_report, .arg = &n},
	};
	struct vrs_err why = {0};
	bool logged_in = false;
	const char *source = start(&n, &logged_in, &why);
	int status = source ? run_session(&n, source, &why) : why.code;

	*ret_end = DIRECT_ENDED;
	if (!source) {
		*ret_end = logged_in ? DIRECT_IMPOSSIBLE : DIRECT_ENDED;
	} else if (n.ended) {
		status = n.status;
		why = n.why;
	} else if (status != VRS_ECANCELLED && status != VRS_ECONFLICT) {
		(void)vrs_context(&why, "%s", n.name);
	}
	if (source && status < 0)
		*ret_end = judge(&n, status);
	if (source && !n.greeted && status == VRS_EPARSE)
		status = why.code = VRS_EUNSUPPORTED; /* not a vrs-mover */
	if (n.ended && *ret_end == DIRECT_IMPOSSIBLE)
		(void)vrs_context(&why, "from %s", n.host);
	if (n.channel)
		n.channel->ops->close(n.channel); /* the vrs-mover ends with it */
	if (status == VRS_ECANCELLED && !n.ended)
		transfer_abandon(env, job);
	direct_reader_fini(&n.reader);
	if (status < 0 && err)
		*err = why;
	return status;
}
