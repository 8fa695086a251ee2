/* service_world.h - the service as it is: processes of vrs-mover, a real Redis, and the
 * test in the scheduler's place. Both ends of a copy are this machine. */
#ifndef TESTS_SERVICE_WORLD_H
#define TESTS_SERVICE_WORLD_H

#include "check.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>

#include "loop_thread.h"
#include "redis.h"
#include "transfer/transfer.h"
#include "vrs/bus.h"
#include "vrs/clock.h"
#include "vrs/event.h"
#include "vrs/keys.h"
#include "vrs/mem.h"

enum { MIB = 1 << 20, DATA = 40 * MIB, SIZE = 200 * MIB, PATIENCE_MS = 60000 };

struct world {
	struct redis redis;
	struct vrs_store *store;
	struct vrs_loop *loop;
	struct loop_thread thread;
	struct vrs_req *req, *second;
	_Atomic int second_open;
	char dir[40], source[80], target[80];
	pid_t mover[2];
};

/* --- the scheduler's part --- */

struct asked {
	struct world *w;
	Vrsas__V1__TransferJob *job;
	_Atomic int done;
	bool accepted;
	char reason[500];
};

static inline void on_accept(void *arg, const ProtobufCMessage *reply,
			     const struct vrs_err *err)
{
	struct asked *a = arg;
	const Vrsas__V1__TransferAccept *r = (const void *)reply;

	a->accepted = r && r->accepted;
	(void)vrs_strcpy(a->reason, sizeof(a->reason), r ? r->reason : err->text);
	atomic_store(&a->done, 1);
}

static inline void ask_on_loop(void *arg)
{
	struct asked *a = arg;
	struct vrs_err err = {0};

	assert_ok(vrs_req_send(a->w->req, &a->job->base, PATIENCE_MS, on_accept, a, &err),
		  &err);
}

static inline void hand_out(struct world *w, Vrsas__V1__TransferJob *job,
			    struct asked *ret)
{
	*ret = (struct asked){.w = w, .job = job};
	vrs_loop_post(w->loop, ask_on_loop, ret);
	while (!atomic_load(&ret->done))
		(void)poll(NULL, 0, 5);
}

struct order {
	Vrsas__V1__TransferJob job;
	Vrsas__V1__DiskCopy disk, *disks[1];
	const char *ends[1];
	char target[100];
};

static inline Vrsas__V1__TransferJob *make_job(struct world *w, struct order *o,
					       uint64_t token)
{
	vrsas__v1__transfer_job__init(&o->job);
	vrsas__v1__disk_copy__init(&o->disk);
	o->ends[0] = "local";
	o->disks[0] = &o->disk;
	o->disk.source_path = w->source;
	(void)snprintf(o->target, sizeof(o->target), "%s", w->target);
	o->disk.target_path = o->target;
	o->disk.source_format = o->disk.target_format = "raw";
	o->job.job_id = "job-1";
	o->job.token = token;
	o->job.vm_name = "web1";
	o->job.source_cluster = "c1";
	o->job.target_cluster = "c2";
	o->job.n_source = o->job.n_target = o->job.n_disk = 1;
	o->job.source = o->job.target = o->ends;
	o->job.disk = o->disks;
	return &o->job;
}

/* Another job of the same disk. */
static inline Vrsas__V1__TransferJob *make_other(struct world *w, struct order *o,
						 const char *job)
{
	make_job(w, o, 1)->job_id = (char *)(uintptr_t)job;
	(void)snprintf(o->target, sizeof(o->target), "%s/%s.raw", w->dir, job);
	return &o->job;
}

static inline Vrsas__V1__TransferStatus *read_status_of(struct world *w, const char *job)
{
	struct vrs_reply *r = NULL;
	struct vrs_err err = {0};
	Vrsas__V1__TransferStatus *s = NULL;

	assert_ok(vrs_store_cmd(w->store, &r, &err, "HGET " VRS_KEY "xfer:%s rec", job),
		  &err);
	if (r->bytes)
		s = vrsas__v1__transfer_status__unpack(NULL, r->len,
						       (const uint8_t *)r->bytes);
	vrs_reply_free(r);
	return s;
}

static inline Vrsas__V1__TransferStatus *read_status(struct world *w)
{
	return read_status_of(w, "job-1");
}

static inline void status_free(Vrsas__V1__TransferStatus *s)
{
	vrsas__v1__transfer_status__free_unpacked(s, NULL);
}

/* Until the record of this token has ended; the caller frees it. */
static inline Vrsas__V1__TransferStatus *await_end(struct world *w, uint64_t token)
{
	for (int ms = 0; ms < PATIENCE_MS; ms += 20) {
		Vrsas__V1__TransferStatus *s = read_status(w);

		if (s && s->token == token && s->ended_at_ms)
			return s;
		status_free(s);
		(void)poll(NULL, 0, 20);
	}
	fail_msg("no end of token %llu", (unsigned long long)token);
	return NULL;
}

static inline void await_bytes(struct world *w, uint64_t n)
{
	char part[120];
	struct stat st;

	(void)snprintf(part, sizeof(part), "%s/.target.raw.vrs-part", w->dir);
	for (int ms = 0; ms < PATIENCE_MS; ms += 10) {
		if (stat(part, &st) == 0 && (uint64_t)st.st_blocks * 512 >= n)
			return;
		(void)poll(NULL, 0, 10);
	}
	fail_msg("the copy does not get on");
}

/* --- the world --- */

/* options: up to four more of vrs-mover's, ends with NULL. */
static inline void start_mover_with(struct world *w, int i, const char *faults,
				    const char *transfer_url, const char *const *options)
{
	const char *argv[16] = {NULL};
	size_t n_args = 0;
	char exe[400], transfer[400], redis[200], instance[40];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 40);

	assert_true(n > 0);
	exe[n] = '\0';
	*strrchr(exe, '/') = '\0';
	strcpy(strrchr(exe, '/'), "/bin/vrs-mover");
	(void)snprintf(transfer, sizeof(transfer), "--transfer=%s", transfer_url);
	(void)snprintf(redis, sizeof(redis), "--redis=%s", w->redis.address);
	(void)snprintf(instance, sizeof(instance), "--instance=m%d", i);
	argv[n_args++] = exe;
	argv[n_args++] = "serve";
	argv[n_args++] = transfer;
	argv[n_args++] = redis;
	argv[n_args++] = instance;
	argv[n_args++] = "--log_level=error";
	for (; options && *options && n_args < 15; options++)
		argv[n_args++] = *options;
	w->mover[i] = fork();
	if (w->mover[i] == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (faults)
			(void)setenv("VRSAS_FAULTS", faults, 1);
		execv(exe, (char *const *)(uintptr_t)argv);
		_exit(127);
	}
}

static inline void start_mover(struct world *w, int i, const char *faults)
{
	start_mover_with(w, i, faults, vrs_req_url(w->req), NULL);
}

static inline void end_mover(struct world *w, int i, int sig)
{
	if (w->mover[i] <= 0)
		return;
	(void)kill(w->mover[i], sig);
	(void)waitpid(w->mover[i], NULL, 0);
	w->mover[i] = 0;
}

/* Killed itself at a fault point. */
static inline void await_death(struct world *w, int i)
{
	int how;

	assert_int_equal(waitpid(w->mover[i], &how, 0), w->mover[i]);
	assert_true(WIFSIGNALED(how));
	w->mover[i] = 0;
}

static inline void make_source(const char *path)
{
	uint8_t *bytes = malloc(DATA);
	uint64_t x = 88172645463325252ull;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	for (size_t i = 0; i < DATA / 8; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		memcpy(bytes + 8 * i, &x, 8);
	}
	assert_int_equal(ftruncate(fd, SIZE), 0);
	assert_int_equal(pwrite(fd, bytes, DATA / 2, 0), DATA / 2);
	assert_int_equal(pwrite(fd, bytes + DATA / 2, DATA / 2, SIZE / 2), DATA / 2);
	(void)close(fd);
	free(bytes);
}

static inline int set_up(void **state)
{
	struct world *w = vrs_calloc(1, sizeof(*w));
	struct vrs_err err = {0};

	strcpy(w->dir, "/tmp/vrs-mover-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	(void)snprintf(w->source, sizeof(w->source), "%s/source.raw", w->dir);
	(void)snprintf(w->target, sizeof(w->target), "%s/target.raw", w->dir);
	make_source(w->source);
	redis_start(&w->redis);
	w->store = redis_store(&w->redis);
	assert_ok(vrs_loop_open(&w->loop, &err), &err);
	assert_ok(vrs_req_open(
			  &w->req, w->loop,
			  &(struct vrs_req_conf){
				  .url = "tcp://127.0.0.1:0",
				  .listen = true,
				  .silence_ms = 2000,
				  .reply_type = &vrsas__v1__transfer_accept__descriptor},
			  &err),
		  &err);
	loop_thread_start(&w->thread, w->loop);
	*state = w;
	return 0;
}

static inline int tear_down(void **state)
{
	struct world *w = *state;

	end_mover(w, 0, SIGKILL);
	end_mover(w, 1, SIGKILL);
	loop_thread_stop(&w->thread);
	vrs_req_close(w->req);
	vrs_req_close(w->second);
	vrs_loop_close(w->loop);
	vrs_store_close(w->store);
	redis_stop(&w->redis);
	remove_tree(w->dir);
	free(w);
	return 0;
}

static inline size_t n_files(const struct world *w)
{
	DIR *d = opendir(w->dir);
	size_t n = 0;

	for (struct dirent *e; (e = readdir(d));)
		n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	(void)closedir(d);
	return n;
}

static inline bool same_files(const char *a, const char *b)
{
	const char *argv[] = {"cmp", "-s", a, b, NULL};
	pid_t pid = fork();
	int how = 1;

	if (pid == 0) {
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	(void)waitpid(pid, &how, 0);
	return how == 0;
}

#endif
