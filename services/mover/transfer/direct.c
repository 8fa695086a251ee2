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

#define STATE(x) VRSAS__V1__TRANSFER_STATE__TRANSFER_STATE_##x

enum { STEP_MS = 100, WORD_MS = 1000, SILENCE_MS = 30000, CANCEL_MS = 15000 };

struct near {
	const struct transfer_env *env;
	const Vrsas__V1__TransferJob *job;
	struct transfer_result *ret;
	struct channel *link;
	struct direct_reader reader;
	char name[400], host[360]; /* "source root@s", "root@s" */
	uint64_t sent_before, resent_before;
	int64_t life_mono_ms, word_mono_ms, cancelled_mono_ms;
	uint64_t rate_said;
	bool greeted, connected, over;
	int status; /* when it is over */
	struct vrs_err why;
};

static bool is_here(const char *place)
{
	struct place p;

	return place_parse(&p, place, NULL) < 0 || !*p.host;
}

bool direct_fits(const Vrsas__V1__TransferJob *job)
{
	for (size_t i = 0; i < job->n_source; i++)
		if (is_here(job->source[i]))
			return false;
	for (size_t i = 0; i < job->n_target; i++)
		if (is_here(job->target[i]))
			return false;
	return job->n_disk > 0;
}

/* --- what it says --- */

static void take_progress(struct near *n, const Vrsas__V1__TransferStatus *s)
{
	struct copy_progress *p = n->env->progress;

	atomic_store(&p->total_bytes, s->bytes_total);
	atomic_store(&p->done_bytes, s->bytes_done);
	atomic_store(&p->compared_bytes, s->bytes_compared);
	atomic_store(&p->sent_bytes, n->sent_before + s->bytes_sent);
	atomic_store(&p->resent_bytes, n->resent_before + s->bytes_resent);
	atomic_store(&p->verifying, s->state == STATE(VERIFYING));
}

static int take_end(struct near *n, const Vrsas__V1__DirectNews *news,
		    struct vrs_err *err)
{
	const Vrsas__V1__TransferStatus *s = news->status;

	if (!s)
		return 0;
	n->over = true;
	n->ret->permanent = s->permanent;
	if (s->state != STATE(DONE)) {
		n->status = direct_error(news, n->host, &n->why);
		return 0;
	}
	size_t n_disks = n->job->n_disk;
	struct copy_result *disk = vrs_calloc(n_disks, sizeof(*disk));
	int status = direct_results(disk, n_disks, news, err);
	if (status < 0) {
		free(disk);
		n->over = false;
		return status;
	}
	transfer_result_fini(n->ret);
	n->ret->disk = disk;
	n->ret->n_disks = n_disks;
	n->ret->direct = true;
	n->status = 0;
	return 0;
}

static int on_news(void *arg, const uint8_t *bytes, size_t len, struct vrs_err *err)
{
	struct near *n = arg;
	struct vrs_msg *msg;
	int status = vrs_msg_unpack(&msg, &vrsas__v1__direct_news__descriptor, bytes, len,
				    err);

	if (status < 0)
		return status;
	const Vrsas__V1__DirectNews *news =
		(const Vrsas__V1__DirectNews *)vrs_msg_get(msg);
	if (!n->greeted && strcmp(news->version, VRS_VERSION) != 0)
		status = vrs_fail(err, VRS_EUNSUPPORTED,
				  "its vrs-mover is version %.40s, ours " VRS_VERSION,
				  news->version);
	if (status == 0) {
		n->greeted = true;
		n->connected = n->connected || news->connected;
		if (news->status)
			take_progress(n, news->status);
		if (direct_is_over(news))
			status = take_end(n, news, err);
	}
	vrs_msg_free(msg);
	return status;
}

static int on_bytes(void *arg, const void *bytes, size_t n_bytes, struct vrs_err *err)
{
	struct near *n = arg;

	n->life_mono_ms = vrs_now_mono_ms();
	return n->over ? 0 : direct_feed(&n->reader, bytes, n_bytes, on_news, n, err);
}

/* --- what we say --- */

static int send_message(struct near *n, const ProtobufCMessage *message,
			struct vrs_err *err)
{
	size_t len, done = 0;
	uint8_t *bytes = direct_pack(message, &len);
	int64_t since = vrs_now_mono_ms();
	int status = 0;

	while (done < len && status == 0) {
		ssize_t k = n->link->ops->write(n->link, bytes + done, len - done, err);

		if (k < 0)
			status = (int)k;
		else if (k == 0 && vrs_now_mono_ms() - since > SILENCE_MS)
			status = vrs_fail(err, VRS_ETIMEOUT, "it does not read");
		else if (k == 0)
			status = n->link->ops->step(n->link, true, STEP_MS, err);
		else
			done += (size_t)k;
	}
	free(bytes);
	return status;
}

static uint64_t rate_now(const struct near *n)
{
	return n->env->rate_bytes_per_s ? atomic_load(n->env->rate_bytes_per_s) : 0;
}

static int send_order(struct near *n, const char *source, struct vrs_err *err)
{
	const struct ssh_conf *conf = &n->env->target_conf;
	Vrsas__V1__DirectOrder order = VRSAS__V1__DIRECT_ORDER__INIT;
	Vrsas__V1__TransferJob job = *n->job;
	const char **targets = vrs_calloc(job.n_target, sizeof(*targets));

	/* what is on the same host is there for it */
	for (size_t i = 0; i < job.n_target; i++)
		targets[i] = strcmp(job.target[i], source) == 0 ? "local" : job.target[i];
	job.target = targets;
	order.job = &job;
	order.connections = (uint32_t)conf->connections;
	order.pack = (uint32_t)n->env->pack;
	order.vrs_image = conf->remote_program ? conf->remote_program : "";
	order.sftp = conf->sftp == REMOTE_SFTP_ALWAYS;
	order.rate_limit_bytes_per_s = n->rate_said = rate_now(n);
	int status = send_message(n, &order.base, err);
	free(targets);
	return status;
}

static int send_word(struct near *n, struct vrs_err *err)
{
	Vrsas__V1__DirectWord word = VRSAS__V1__DIRECT_WORD__INIT;
	uint64_t rate = rate_now(n);
	bool cancel = n->cancelled_mono_ms != 0;

	if (vrs_now_mono_ms() - n->word_mono_ms < WORD_MS && rate == n->rate_said)
		return 0;
	n->word_mono_ms = vrs_now_mono_ms();
	word.rate_limit_bytes_per_s = n->rate_said = rate;
	word.cancel = cancel;
	return send_message(n, &word.base, err);
}

/* The owner of the job may hold us here for as long as he likes: then no word goes out,
 * and the copy rests as well. */
static int heed(struct near *n, struct vrs_err *err)
{
	int64_t at = vrs_now_mono_ms();

	if (n->cancelled_mono_ms)
		return at - n->cancelled_mono_ms < CANCEL_MS
			       ? 0
			       : vrs_fail(err, VRS_ECANCELLED, "cancelled");
	int status = n->env->tick ? n->env->tick(n->env->arg, err) : 0;
	if (vrs_now_mono_ms() - at > STEP_MS)
		n->life_mono_ms = vrs_now_mono_ms();
	if (status == VRS_ECANCELLED) {
		n->cancelled_mono_ms = vrs_now_mono_ms();
		n->word_mono_ms = 0; /* at once */
		return 0;
	}
	return status;
}

static int converse(struct near *n, const char *source, struct vrs_err *err)
{
	int64_t silence_ms = n->env->source_conf.silence_ms;
	int status;

	if (!silence_ms)
		silence_ms = SILENCE_MS;
	n->life_mono_ms = n->word_mono_ms = vrs_now_mono_ms();
	status = send_order(n, source, err);
	while (status == 0 && !n->over) {
		status = n->link->ops->step(n->link, false, STEP_MS, err);
		if (status < 0 || n->over)
			break;
		(void)vrs_fault("mover.direct.step");
		if (vrs_now_mono_ms() - n->life_mono_ms > silence_ms)
			status = vrs_fail(err, VRS_ETIMEOUT, "no sign of life for %lld s",
					  (long long)silence_ms / 1000);
		if (status == 0)
			status = heed(n, err);
		if (status == 0)
			status = send_word(n, err);
	}
	return n->over ? 0 : status;
}

/* --- one try --- */

/* Logs in at the first source that lets us, and starts it there. */
static int start_at(struct near *n, const char *source, bool *ret_logged_in,
		    struct vrs_err *err)
{
	const char *program = n->env->remote_mover && *n->env->remote_mover
				      ? n->env->remote_mover
				      : "vrs-mover";
	struct vrs_text command = {0};
	struct place place;
	int status = place_parse(&place, source, err);

	if (status < 0)
		return status;
	(void)place_text(n->host, &place);
	(void)snprintf(n->name, sizeof(n->name), "source %s", n->host);
	vrs_text_add(&command, "exec ");
	shell_quote(&command, program);
	vrs_text_add(&command, " direct");
	status = remote_ssh_run(&n->link, &n->env->source_conf, &place, "vrs-mover",
				command.text, ret_logged_in, err);
	vrs_text_fini(&command);
	if (status == 0) {
		n->link->on_bytes = on_bytes;
		n->link->arg = n;
	}
	return status;
}

static const char *start(struct near *n, bool *ret_logged_in, struct vrs_err *err)
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
			log_warn("%s, trying the next", why.text);
	}
	*err = first;
	return NULL;
}

/* What to make of an end that was no success. */
static enum direct_end judge(const struct near *n, int status)
{
	if (n->over)
		return n->connected || status == VRS_ECANCELLED ? DIRECT_OVER
								: DIRECT_NO_WAY;
	if (status == VRS_ECANCELLED || status == VRS_ECONFLICT)
		return DIRECT_OVER;
	return n->greeted ? DIRECT_LOST_SIGHT : DIRECT_NO_WAY;
}

int direct_run(const struct transfer_env *env, const Vrsas__V1__TransferJob *job,
	       struct transfer_result *ret, enum direct_end *ret_end, struct vrs_err *err)
{
	struct near n = {
		.env = env,
		.job = job,
		.ret = ret,
		.sent_before = atomic_load(&env->progress->sent_bytes),
		.resent_before = atomic_load(&env->progress->resent_bytes),
	};
	struct vrs_err why = {0};
	bool logged_in = false;
	const char *source = start(&n, &logged_in, &why);
	int status = source ? converse(&n, source, &why) : why.code;

	*ret_end = DIRECT_OVER;
	if (!source) {
		*ret_end = logged_in ? DIRECT_NO_WAY : DIRECT_OVER;
	} else if (n.over) {
		status = n.status;
		why = n.why;
	} else if (status != VRS_ECANCELLED && status != VRS_ECONFLICT) {
		(void)vrs_context(&why, "%s", n.name);
	}
	if (source && status < 0)
		*ret_end = judge(&n, status);
	if (source && !n.greeted && status == VRS_EPARSE)
		status = why.code = VRS_EUNSUPPORTED; /* it is no mover */
	if (n.over && *ret_end == DIRECT_NO_WAY)
		(void)vrs_context(&why, "from %s", n.host);
	if (n.link)
		n.link->ops->close(n.link); /* what it started ends with it */
	if (status == VRS_ECANCELLED && !n.over)
		transfer_abandon(env, job);
	direct_reader_fini(&n.reader);
	if (status < 0 && err)
		*err = why;
	return status;
}
