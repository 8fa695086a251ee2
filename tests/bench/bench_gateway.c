/* Browsers that listen to the gateway while a large company lives: how late they hear,
 * and what it costs. This program is the scheduler, the movers and the browsers; the
 * gateway is the real one. Against it: the bare writing of the same bytes to as many
 * sockets. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "vrs/bus.h"
#include "vrs/clock.h"
#include "vrs/event.h"
#include "vrs/keys.h"
#include "vrs/loop.h"
#include "vrs/mem.h"
#include "vrs/store.h"
#include "vrsas/v1/control.pb-c.h"

enum {
	HOSTS = 1000,
	RELOCATIONS = 10,
	MAX_CLIENTS = 1000,
	MAX_SEEN = 1 << 20,
	WARM_UP_MS = 3000,
	CHANGES_EVERY_MS = 500,
	CHANGED_HOSTS = 20, /* at a time: every host once in 25 s */
};

struct client {
	struct bench *b;
	int fd;
	size_t bytes;
	char tail[65536];
	size_t n_tail;
};

struct seen {
	double *ms;
	size_t n;
};

struct bench {
	struct vrs_loop *loop;
	struct vrs_store *store;
	struct client *client;
	int n_clients, gateway_pid;
	bool measuring;
	int64_t began_mono_ms;
	double cpu_at_start;
	struct seen progress, hosts;
	size_t *chunk, n_chunks; /* what the first client read */
	char name[HOSTS][16], note[HOSTS][24];
	Vrsas__V1__HostView host[HOSTS];
	Vrsas__V1__HostView *hosts_list[HOSTS];
	int next_changed;
	uint64_t done_bytes;
	double seconds;
};

/* --- what the scheduler would say --- */

static void answer_status(struct bench *b, struct vrs_req_token *token)
{
	Vrsas__V1__ControlReply r = VRSAS__V1__CONTROL_REPLY__INIT;
	Vrsas__V1__StatusView v = VRSAS__V1__STATUS_VIEW__INIT;
	Vrsas__V1__ClusterView c[4], *clusters[4];
	Vrsas__V1__Relocation rec[RELOCATIONS];
	Vrsas__V1__RelocationView view[RELOCATIONS], *open[RELOCATIONS];
	char id[RELOCATIONS][40], name[RELOCATIONS][16], job[RELOCATIONS][16];
	static const char *const names[] = {"c1", "c2", "c3", "c4"};

	for (int i = 0; i < 4; i++) {
		vrsas__v1__cluster_view__init(&c[i]);
		c[i].name = names[i];
		c[i].hosts = c[i].hosts_up = HOSTS / 4;
		clusters[i] = &c[i];
	}
	for (int i = 0; i < RELOCATIONS; i++) {
		(void)snprintf(id[i], sizeof(id[i]), "vm-%d", i);
		(void)snprintf(name[i], sizeof(name[i]), "web%d", i);
		(void)snprintf(job[i], sizeof(job[i]), "job-%d", i);
		vrsas__v1__relocation__init(&rec[i]);
		rec[i].id = id[i];
		rec[i].vm_id = id[i];
		rec[i].vm_name = name[i];
		rec[i].state = VRSAS__V1__RELOCATION_STATE__TRANSFERRING;
		rec[i].transfer_job = job[i];
		rec[i].home_cluster = "c1";
		rec[i].home_host = "h1";
		vrsas__v1__relocation_view__init(&view[i]);
		view[i].record = &rec[i];
		open[i] = &view[i];
	}
	v.health = "WARNING";
	v.cluster = clusters;
	v.n_cluster = 4;
	v.open = open;
	v.n_open = RELOCATIONS;
	v.at_ms = vrs_now_wall_ms();
	(void)b;
	r.body_case = VRSAS__V1__CONTROL_REPLY__BODY_STATUS;
	r.status = &v;
	vrs_bus_answer(token, &r.base);
}

static void answer_hosts(struct bench *b, struct vrs_req_token *token)
{
	Vrsas__V1__ControlReply r = VRSAS__V1__CONTROL_REPLY__INIT;
	Vrsas__V1__HostViews v = VRSAS__V1__HOST_VIEWS__INIT;

	v.host = b->hosts_list;
	v.n_host = HOSTS;
	r.body_case = VRSAS__V1__CONTROL_REPLY__BODY_HOSTS;
	r.hosts = &v;
	vrs_bus_answer(token, &r.base);
}

static void on_request(void *arg, const ProtobufCMessage *msg,
		       struct vrs_req_token *token)
{
	const Vrsas__V1__ControlRequest *q = (const void *)msg;

	if (q->body_case == VRSAS__V1__CONTROL_REQUEST__BODY_HOSTS)
		answer_hosts(arg, token);
	else
		answer_status(arg, token);
}

/* --- the company lives --- */

static void move_transfers(struct bench *b)
{
	Vrsas__V1__TransferStatus t = VRSAS__V1__TRANSFER_STATUS__INIT;

	b->done_bytes += 50000000;
	t.state = VRSAS__V1__TRANSFER_STATE__TRANSFER_STATE_COPYING;
	t.bytes_total = 500000000000;
	t.bytes_done = t.bytes_sent = b->done_bytes;
	t.rate_now_bytes_per_s = t.rate_avg_bytes_per_s = 1e8;
	t.eta_ms = 3600000;
	t.beat_at_ms = vrs_now_wall_ms();
	for (int i = 0; i < RELOCATIONS; i++) {
		char key[64];
		size_t n;
		void *bytes = vrs_msg_pack(&t.base, &n);

		(void)snprintf(key, sizeof(key), VRS_KEY "xfer:job-%d", i);
		const struct vrs_arg argv[] = {
			VRS_ARG("HSET"), VRS_ARG(key), VRS_ARG("rec"), {bytes, n}};
		vrs_store_add(b->store, argv, 4);
		free(bytes);
	}
	(void)vrs_store_run(b->store, NULL, NULL);
}

static void on_change(void *arg)
{
	struct bench *b = arg;
	Vrsas__V1__Event ev = VRSAS__V1__EVENT__INIT;

	for (int i = 0; i < CHANGED_HOSTS; i++) {
		int k = b->next_changed = (b->next_changed + 1) % HOSTS;

		b->host[k].cpu_ratio = (double)(rand() % 1000) / 1000;
		(void)snprintf(b->note[k], sizeof(b->note[k]), "t=%" PRId64,
			       vrs_now_wall_ms());
	}
	move_transfers(b);
	ev.service = "scheduler";
	ev.kind = "bench.event";
	ev.severity = VRSAS__V1__SEVERITY__SEVERITY_NOTICE;
	ev.text = "something happened that people may want to read about";
	(void)vrs_event_put(b->store, &ev, NULL);
}

/* --- browsers --- */

static void note(struct seen *s, double ms)
{
	if (s->n < MAX_SEEN)
		s->ms[s->n++] = ms;
}

/* Whole lines of data: when was the newest thing in them true? */
static void read_line(struct bench *b, char *line)
{
	char *at = strstr(line, "\"beat_at\":\"");
	int64_t newest = 0;

	if (at) {
		char *end = strchr(at + 11, '"');

		if (end)
			*end = '\0';
		note(&b->progress, (double)(vrs_now_wall_ms() - vrs_time_parse(at + 11)));
		return;
	}
	for (at = line; (at = strstr(at, "\"t=")); at++) {
		int64_t t = strtoll(at + 3, NULL, 10);

		newest = t > newest ? t : newest;
	}
	if (newest)
		note(&b->hosts, (double)(vrs_now_wall_ms() - newest));
}

static void on_bytes(void *arg)
{
	struct client *c = arg;
	struct bench *b = c->b;
	ssize_t n = read(c->fd, c->tail + c->n_tail, sizeof(c->tail) - 1 - c->n_tail);

	if (n <= 0) {
		(void)fprintf(stderr, "bench: a stream ended\n");
		exit(1);
	}
	if (b->measuring) {
		c->bytes += (size_t)n;
		if (c == b->client && b->n_chunks < MAX_SEEN)
			b->chunk[b->n_chunks++] = (size_t)n;
	}
	c->n_tail += (size_t)n;
	c->tail[c->n_tail] = '\0';
	char *start = c->tail, *end;
	while ((end = memchr(start, '\n', (size_t)(c->tail + c->n_tail - start)))) {
		*end = '\0';
		if (b->measuring && strncmp(start, "data: ", 6) == 0)
			read_line(b, start);
		start = end + 1;
	}
	c->n_tail -= (size_t)(start - c->tail);
	memmove(c->tail, start, c->n_tail);
	if (c->n_tail > sizeof(c->tail) - 4096)
		c->n_tail = 0; /* a long line of no interest here */
}

static int listen_to(struct bench *b, struct client *c, int port, const char *token)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)port)};
	char ask[512];
	int n = snprintf(ask, sizeof(ask),
			 "GET /api/v1/events HTTP/1.1\r\nHost: bench\r\nAccept: "
			 "text/event-stream\r\nAuthorization: Bearer %s\r\n\r\n",
			 token);

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	c->b = b;
	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof(to)) < 0 ||
	    write(c->fd, ask, (size_t)n) != n)
		return -1;
	return vrs_loop_watch(b->loop, c->fd, on_bytes, c, NULL);
}

/* --- figures --- */

static double cpu_seconds(int pid)
{
	char path[64], text[1024];
	unsigned long user = 0, sys = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	FILE *f = fopen(path, "r");
	if (!f || !fgets(text, sizeof(text), f)) {
		perror(path);
		exit(1);
	}
	(void)fclose(f);
	const char *rest = strrchr(text, ')');
	(void)sscanf(rest ? rest + 2 : "",
		     "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &sys);
	return (double)(user + sys) / (double)sysconf(_SC_CLK_TCK);
}

static long peak_kib(int pid)
{
	char path[64], line[256];
	long kib = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", pid);
	FILE *f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		(void)sscanf(line, "VmHWM: %ld", &kib);
	if (f)
		(void)fclose(f);
	return kib;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void print_seen(const char *what, struct seen *s)
{
	qsort(s->ms, s->n, sizeof(*s->ms), by_value);
	printf("%-34s median %4.0f ms, p99 %4.0f ms, worst %4.0f ms, %zu seen\n", what,
	       s->n ? s->ms[s->n / 2] : -1, s->n ? s->ms[s->n * 99 / 100] : -1,
	       s->n ? s->ms[s->n - 1] : -1, s->n);
}

/* The bare fan-out: the same chunks, written to as many sockets, read by nobody's parser.
 */
static double bare_cpu_seconds(const struct bench *b)
{
	static char zeros[65536];
	int(*pair)[2] = vrs_calloc((size_t)b->n_clients, sizeof(*pair));
	struct timespec t0, t1;
	double cpu = 0;

	for (int i = 0; i < b->n_clients; i++)
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair[i]) < 0)
			exit(1);
	for (size_t k = 0; k < b->n_chunks; k++) {
		(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t0);
		for (int i = 0; i < b->n_clients; i++)
			if (write(pair[i][0], zeros, b->chunk[k]) != (ssize_t)b->chunk[k])
				exit(1);
		(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t1);
		cpu += (double)(t1.tv_sec - t0.tv_sec) +
		       (double)(t1.tv_nsec - t0.tv_nsec) / 1e9;
		for (int i = 0; i < b->n_clients; i++)
			for (size_t got = 0; got < b->chunk[k];) {
				ssize_t n = read(pair[i][1], zeros, b->chunk[k] - got);

				if (n <= 0)
					exit(1);
				got += (size_t)n;
			}
	}
	return cpu;
}

static void on_end(void *arg)
{
	struct bench *b = arg;
	double cpu = cpu_seconds(b->gateway_pid) - b->cpu_at_start;
	double seconds = (double)(vrs_now_mono_ms() - b->began_mono_ms) / 1000;
	size_t bytes = 0;

	for (int i = 0; i < b->n_clients; i++)
		bytes += b->client[i].bytes;
	printf("%d listeners, %d hosts, %d transfers, %.0f s, %.1f KB/s to each\n",
	       b->n_clients, HOSTS, RELOCATIONS, seconds,
	       (double)bytes / b->n_clients / seconds / 1000);
	print_seen("progress written -> in the browser", &b->progress);
	print_seen("host changed -> in the browser", &b->hosts);
	double bare = bare_cpu_seconds(b);
	printf("%-34s %.1f %% of a core (bare writes of the same: %.1f %%, ratio %.1f)\n",
	       "gateway's CPU", 100 * cpu / seconds, 100 * bare / seconds, cpu / bare);
	printf("%-34s %.1f MiB\n", "gateway's memory, highest",
	       (double)peak_kib(b->gateway_pid) / 1024);
	vrs_loop_stop(b->loop);
}

static void on_begin(void *arg)
{
	struct bench *b = arg;

	b->measuring = true;
	b->began_mono_ms = vrs_now_mono_ms();
	b->cpu_at_start = cpu_seconds(b->gateway_pid);
	(void)vrs_loop_after(b->loop, (int64_t)(b->seconds * 1000), on_end, b);
}

static void make_hosts(struct bench *b)
{
	static const char *const clusters[] = {"c1", "c2", "c3", "c4"};

	for (int i = 0; i < HOSTS; i++) {
		Vrsas__V1__HostView *h = &b->host[i];

		vrsas__v1__host_view__init(h);
		(void)snprintf(b->name[i], sizeof(b->name[i]), "h%d", i);
		h->cluster = clusters[i % 4];
		h->name = b->name[i];
		h->address = "10.0.0.1";
		h->state = "up";
		h->vcpus_total = 64;
		h->ram_total_bytes = 1ull << 39;
		h->note = b->note[i];
		b->hosts_list[i] = h;
	}
}

int main(int argc, char **argv)
{
	static struct bench b;
	struct vrs_err err = {0};
	struct vrs_rep *rep = NULL;

	if (argc != 8) {
		(void)fprintf(stderr, "bench_gateway: CONTROL-URL REDIS PORT TOKEN PID "
				      "LISTENERS SECONDS\n");
		return 2;
	}
	struct vrs_store_conf conf = {.address = argv[2]};
	b.gateway_pid = atoi(argv[5]);
	b.n_clients = atoi(argv[6]) < MAX_CLIENTS ? atoi(argv[6]) : MAX_CLIENTS;
	b.seconds = atof(argv[7]);
	b.client = vrs_calloc((size_t)b.n_clients, sizeof(*b.client));
	b.progress.ms = vrs_calloc(MAX_SEEN, sizeof(double));
	b.hosts.ms = vrs_calloc(MAX_SEEN, sizeof(double));
	b.chunk = vrs_calloc(MAX_SEEN, sizeof(*b.chunk));
	make_hosts(&b);
	if (vrs_loop_open(&b.loop, &err) < 0 ||
	    vrs_store_open(&b.store, &conf, &err) < 0 ||
	    vrs_rep_open(&rep, b.loop,
			 &(struct vrs_rep_conf){
				 .url = argv[1],
				 .listen = true,
				 .max_open = 64,
				 .type = &vrsas__v1__control_request__descriptor,
				 .fn = on_request,
				 .arg = &b},
			 &err) < 0) {
		(void)fprintf(stderr, "bench_gateway: %s\n", err.text);
		return 1;
	}
	for (int i = 0; i < b.n_clients; i++)
		if (listen_to(&b, &b.client[i], atoi(argv[3]), argv[4]) < 0) {
			perror("bench_gateway: connect");
			return 1;
		}
	(void)vrs_loop_every(b.loop, CHANGES_EVERY_MS, on_change, &b);
	(void)vrs_loop_after(b.loop, WARM_UP_MS, on_begin, &b);
	int status = vrs_loop_run(b.loop, &err);
	vrs_rep_close(rep);
	return status < 0;
}
