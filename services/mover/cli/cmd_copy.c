#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "image/base/tree.h"
#include "transfer/direct.h"
#include "transfer/transfer.h"
#include "vrs/clock.h"
#include "vrs/mem.h"

struct shown {
	struct copy_progress progress;
	int64_t begun_mono_ms, last_mono_ms;
	uint64_t last_done;
	double rate_now;
	bool terminal;
};

static const char *human(char buf[32], double bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	int u = 0;

	while (bytes >= 1024 && u < 4) {
		bytes /= 1024;
		u++;
	}
	(void)snprintf(buf, 32, u ? "%.1f %s" : "%.0f %s", bytes, units[u]);
	return buf;
}

static int show(void *arg, struct vrs_err *err)
{
	struct shown *s = arg;
	int64_t now = vrs_now_mono_ms();
	uint64_t done = atomic_load(&s->progress.done_bytes);
	uint64_t total = atomic_load(&s->progress.total_bytes);
	char bar[31], a[32], b[32], r[32];

	(void)err;
	if (!s->terminal || now - s->last_mono_ms < 200)
		return 0;
	double rate = done > s->last_done ? (double)(done - s->last_done) * 1e3 /
						    (double)(now - s->last_mono_ms)
					  : 0;
	s->rate_now = s->rate_now > 0 ? 0.7 * s->rate_now + 0.3 * rate : rate;
	s->last_mono_ms = now;
	s->last_done = done;
	int filled = total ? (int)(30.0 * (double)done / (double)total) : 0;
	for (int i = 0; i < 30; i++)
		bar[i] = i < filled ? '#' : '.';
	bar[30] = '\0';
	(void)fprintf(stderr, "\r[%s] %s of %s  %s/s  ", bar, human(a, (double)done),
		      human(b, (double)total), human(r, s->rate_now));
	if (atomic_load(&s->progress.verifying))
		(void)fprintf(stderr, "verifying           ");
	else if (s->rate_now > 0 && total >= done)
		(void)fprintf(stderr, "%.0f s left          ",
			      (double)(total - done) / s->rate_now);
	(void)fflush(stderr);
	return 0;
}

static void print_result(const struct vrs_ctl *ctl, const struct copy_disk *d,
			 const struct transfer_result *result, const struct shown *s)
{
	const struct copy_result *r = &result->disk[0];
	double seconds = (double)(vrs_now_mono_ms() - s->begun_mono_ms) / 1e3;
	uint64_t data = atomic_load(&s->progress.total_bytes);
	uint64_t sent = atomic_load(&s->progress.sent_bytes); /* in all tries */
	uint64_t resent = atomic_load(&s->progress.resent_bytes);
	char b1[32], b2[32], b3[32];

	if (ctl->json) {
		int64_t ended_ms = vrs_now_wall_ms();

		printf("{\"source\":");
		cmd_print_json_string(ctl->args.operand[0]);
		printf(",\"target\":");
		cmd_print_json_string(d->target_path);
		printf(",\"began_unix_ms\":%lld,\"ended_unix_ms\":%lld,"
		       "\"data_bytes_per_s\":%.0f",
		       (long long)(ended_ms - (int64_t)(seconds * 1e3)),
		       (long long)ended_ms, seconds > 0 ? (double)data / seconds : 0);
		printf(",\"virtual_bytes\":%llu,\"data_bytes\":%llu,\"bytes_sent\":%llu,"
		       "\"bytes_resent\":%llu,\"seconds\":%.3f,\"source_hash\":\"%s\","
		       "\"target_hash\":\"%s\",\"base_used\":%s,\"was_there\":%s,"
		       "\"direct\":%s}\n",
		       (unsigned long long)r->disk_bytes, (unsigned long long)data,
		       (unsigned long long)sent, (unsigned long long)resent, seconds,
		       r->source_hash, r->target_hash, r->base_used ? "true" : "false",
		       r->was_there ? "true" : "false",
		       result->direct ? "true" : "false");
		return;
	}
	if (r->was_there) {
		printf("%s is up to date  %s\n", d->target_path, r->target_hash);
		return;
	}
	printf("%s  %s of data, %s sent in %.1f s (%s/s)%s%s  equal %s\n", d->target_path,
	       human(b1, (double)data), human(b2, (double)sent), seconds,
	       human(b3, seconds > 0 ? (double)data / seconds : 0),
	       r->base_used ? ", changes only" : "", result->direct ? ", directly" : "",
	       r->target_hash);
}

/* The same copy, started again, must find what it left: the name says what it is. */
static char *job_name(const char *source, const char *target)
{
	char *both = vrs_asprintf("%s\n%s", source, target), hex[TREE_HEX_BYTES];
	struct tree_digest d = tree_block(both, strlen(both));

	free(both);
	tree_hex(hex, &d);
	return vrs_asprintf("copy-%s", hex);
}

static int copy_job(const struct vrs_ctl *ctl, struct copy_disk *d, char *source,
		    char *target, char *job_id)
{
	Vrsas__V1__TransferJob job = VRSAS__V1__TRANSFER_JOB__INIT;
	Vrsas__V1__DiskCopy disk = VRSAS__V1__DISK_COPY__INIT, *disks[] = {&disk};
	struct transfer_result result = {0};
	struct shown s = {.terminal = isatty(STDERR_FILENO) && !ctl->json};
	const struct vrs_args *a = &ctl->args;
	_Atomic uint64_t rate = (uint64_t)vrs_args_number(a, "limit", 0);
	struct vrs_err err = {0};
	const char *sources[] = {source}, *targets[] = {target};
	struct transfer_env env = {
		.source_conf = ctl->far,
		.target_conf = ctl->far,
		.tries = (int)vrs_args_number(a, "tries", 5),
		.progress = &s.progress,
		.tick = show,
		.arg = &s,
		.rate_bytes_per_s = &rate,
		.pack = (enum auto_compress_mode)vrs_args_number(a, "compress",
								 AUTO_COMPRESS_AUTO),
		.way = (enum transfer_way)vrs_args_number(a, "direct", TRANSFER_THROUGH),
		.remote_mover = vrs_args_value(a, "vrs-mover"),
		.own_token = true,
	};

	disk.source_path = d->source_path;
	disk.source_format = d->source_format;
	disk.target_path = d->target_path;
	disk.target_format = d->target_format;
	disk.base_path = d->base_path;
	disk.base_hash = d->base_hash;
	job.job_id = job_id;
	job.token = (uint64_t)vrs_now_wall_ms();
	job.n_source = job.n_target = job.n_disk = 1;
	job.source = sources;
	job.target = targets;
	job.disk = disks;
	s.begun_mono_ms = s.last_mono_ms = vrs_now_mono_ms();
	int status = transfer_run(&env, &job, &result, &err);
	if (s.terminal)
		(void)fprintf(stderr, "\r%78s\r", "");
	if (status == 0)
		print_result(ctl, d, &result, &s);
	transfer_result_fini(&result);
	return status < 0 ? cmd_fail(&err) : 0;
}

static int copy_once(const struct vrs_ctl *ctl, bool seed)
{
	struct place from = {0}, to = {0};
	struct vrs_err err = {0};
	char source_path[4096], target_path[4096];
	char from_text[360], to_text[360], local[] = "local";
	const struct vrs_args *a = &ctl->args;
	const char *from_format = vrs_args_value(a, "from-format");
	const char *format = vrs_args_value(a, "format");
	const char *base = vrs_args_value(a, vrs_args_has(a, "seed") ? "seed" : "base");

	int status = cmd_place(ctl, ctl->args.operand[0], &from, source_path, &err);
	if (status == 0)
		status = cmd_place(ctl, ctl->args.operand[1], &to, target_path, &err);
	if (status == 0 && vrs_args_number(a, "direct", 0) == TRANSFER_DIRECT &&
	    (!*from.host || !*to.host))
		status = vrs_fail(&err, VRS_EINVAL,
				  "--direct always: %s is local; both images must be on "
				  "remote hosts",
				  ctl->args.operand[*from.host ? 1 : 0]);
	if (status < 0)
		return cmd_fail(&err);
	char *source = *from.host ? place_text(from_text, &from) : local;
	char *target = *to.host ? place_text(to_text, &to) : local;
	char *one = vrs_asprintf("%s:%s", source, source_path);
	char *two = vrs_asprintf("%s:%s", target, target_path);
	char *job_id = job_name(one, two);
	struct copy_disk d = {
		.source_path = source_path,
		.source_format = from_format ? from_format : place_format(source_path),
		.target_path = target_path,
		.target_format = format ? format : place_format(target_path),
		.base_path = base   ? base
			     : seed ? target_path
				    : "",
		.base_hash = "",
	};
	int code = copy_job(ctl, &d, source, target, job_id);
	free(one);
	free(two);
	free(job_id);
	return code;
}

int cmd_copy(struct vrs_ctl *ctl)
{
	(void)signal(SIGPIPE, SIG_IGN);
	return copy_once(ctl, false);
}

/* After a round that failed for now the next one catches up. */
int cmd_seed(struct vrs_ctl *ctl)
{
	struct timespec pause = {.tv_sec = vrs_args_number(&ctl->args, "every", 0)};

	(void)signal(SIGPIPE, SIG_IGN);
	for (;;) {
		int code = copy_once(ctl, true);

		(void)fflush(stdout);
		if (pause.tv_sec == 0 || code == 2 || code == 4)
			return code;
		(void)nanosleep(&pause, NULL);
	}
}

int cmd_direct(struct vrs_ctl *ctl)
{
	ctl->far.ask = NULL; /* nobody sits at this terminal */
	return direct_serve(&ctl->far);
}
