#include "vrs/telemetry.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "vrs/clock.h"
#include "vrs/keys.h"
#include "vrs/log.h"
#include "vrs/responder.h"
#include "vrs/svc.h"

enum {
	STORE_EVERY_MS = 15000,
	FRESH_MS = 60000,
	KEEP_MS = 3600 * 1000,
	MAX_TELLERS = 8,
};

struct vrs_telemetry {
	char *service, *instance;
	struct vrs_loop *loop;
	struct vrs_store *store;
	struct vrs_timer *timer;
	struct vrs_responder *responder;
	struct {
		void (*fn)(void *arg, struct vrs_page *page);
		void *arg;
	} teller[MAX_TELLERS];
	size_t n_tellers;
};

/* --- the metrics of every daemon --- */

static void tell_log(struct vrs_page *page)
{
	static const char *const names[] = {"error", "warn", "notice"};
	uint64_t n[VRS_LEVELS];

	vrs_log_counts(n);
	for (int i = 0; i < 3; i++)
		vrs_page_add(page, VRS_COUNTER, "vrsas_log_messages_total",
			     "Lines logged, by level.", (double)n[i], "level", names[i],
			     NULL);
}

static double open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	double n = -3; /* ".", ".." and the descriptor of this folder */

	if (!d)
		return NAN;
	while (readdir(d))
		n++;
	(void)closedir(d);
	return n;
}

/* Fields of /proc/self/stat after the name: 22 starttime (ticks since boot), 23 vsize
 * (bytes), 24 rss (pages). */
static bool read_stat(double *ret_start, double *ret_virtual, double *ret_resident)
{
	char text[1024];
	unsigned long long start, size;
	long resident;
	FILE *f = fopen("/proc/self/stat", "re");

	if (!f)
		return false;
	size_t n = fread(text, 1, sizeof(text) - 1, f);
	(void)fclose(f);
	text[n] = '\0';
	const char *rest = strrchr(text, ')');
	if (!rest || sscanf(rest + 1,
			    " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d "
			    "%*d %*d %*d %*d %*d %llu %llu %ld",
			    &start, &size, &resident) != 3)
		return false;
	*ret_start = (double)start / (double)sysconf(_SC_CLK_TCK);
	*ret_virtual = (double)size;
	*ret_resident = (double)resident * (double)sysconf(_SC_PAGESIZE);
	return true;
}

static double boot_time(void)
{
	char line[256];
	long long at = -1;
	FILE *f = fopen("/proc/stat", "re");

	while (f && at < 0 && fgets(line, sizeof(line), f))
		if (sscanf(line, "btime %lld", &at) != 1)
			at = -1;
	if (f)
		(void)fclose(f);
	return at < 0 ? NAN : (double)at;
}

static void tell_process(struct vrs_page *page)
{
	double start = NAN, virtual_bytes = NAN, resident_bytes = NAN;
	struct rusage used;
	struct rlimit files;

	(void)getrusage(RUSAGE_SELF, &used);
	vrs_page_add(page, VRS_COUNTER, "process_cpu_seconds_total",
		     "User and system CPU time used.",
		     (double)used.ru_utime.tv_sec + (double)used.ru_stime.tv_sec +
			     (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) /
				     1e6,
		     NULL);
	(void)read_stat(&start, &virtual_bytes, &resident_bytes);
	vrs_page_add(page, VRS_GAUGE, "process_resident_memory_bytes", "Resident memory.",
		     resident_bytes, NULL);
	vrs_page_add(page, VRS_GAUGE, "process_virtual_memory_bytes", "Address space.",
		     virtual_bytes, NULL);
	vrs_page_add(page, VRS_GAUGE, "process_start_time_seconds",
		     "Start time, as Unix time.", boot_time() + start, NULL);
	vrs_page_add(page, VRS_GAUGE, "process_open_fds", "Open file descriptors.",
		     open_files(), NULL);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0)
		vrs_page_add(page, VRS_GAUGE, "process_max_fds",
			     "Maximum number of open file descriptors.",
			     (double)files.rlim_cur, NULL);
}

static void tell_store(struct vrs_page *page, const struct vrs_store *store)
{
	struct vrs_store_counts c;

	vrs_store_counts(store, &c);
	vrs_page_add(page, VRS_GAUGE, "vrsas_store_connected",
		     "1 if the latest call succeeded.", c.connected, NULL);
	vrs_page_add(page, VRS_COUNTER, "vrsas_store_connects_total",
		     "Connections to Redis.", (double)c.connects, NULL);
	vrs_page_add(page, VRS_COUNTER, "vrsas_store_errors_total", "Failed calls.",
		     (double)c.errors, NULL);
	vrs_page_add(page, VRS_COUNTER, "vrsas_store_commands_total", "Commands sent.",
		     (double)c.commands, NULL);
	vrs_page_histogram(page, "vrsas_store_pipeline_seconds",
			   "Duration of a call to Redis, including all its commands.",
			   &c.seconds, NULL);
	if (!c.connected && c.commands > 0)
		vrs_page_not_ready(page, "store: Redis does not respond");
}

static void tell_responder(struct vrs_page *page, const struct vrs_responder *r)
{
	char code[8];

	for (int status = 100; status < 600; status++) {
		uint64_t n = vrs_responder_replies(r, status);

		(void)snprintf(code, sizeof(code), "%d", status);
		if (n)
			vrs_page_add(page, VRS_COUNTER, "vrsas_metrics_requests_total",
				     "Replies from this metrics server.", (double)n,
				     "code", code, NULL);
	}
}

void vrs_page_bus(struct vrs_page *page, const char *socket,
		  const struct vrs_bus_counts *c)
{
	static const char refused_name[] = "vrsas_bus_peers_refused_total";
	static const char refused_help[] = "Rejected connections.";
	const struct {
		const char *name, *help;
		uint64_t value;
	} counters[] = {
		{"vrsas_bus_connects_total", "Connections established.", c->connects},
		{"vrsas_bus_disconnects_total", "Closed connections.", c->disconnects},
		{"vrsas_bus_sent_total", "Messages sent.", c->sent},
		{"vrsas_bus_received_total", "Messages received.", c->received},
		{"vrsas_bus_dropped_total",
		 "Messages dropped because a queue was full or a request got no reply.",
		 c->dropped},
		{"vrsas_bus_refused_total", "Invalid messages.", c->refused},
		{"vrsas_bus_timeouts_total", "Requests that got no reply in time.",
		 c->timeouts},
		{"vrsas_bus_requeued_total",
		 "Requests moved from a silent peer to another.", c->requeued},
	};

	vrs_page_add(page, VRS_GAUGE, "vrsas_bus_peers", "Connected peers.",
		     (double)c->peers, "socket", socket, NULL);
	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
		vrs_page_add(page, VRS_COUNTER, counters[i].name, counters[i].help,
			     (double)counters[i].value, "socket", socket, NULL);
	vrs_page_add(page, VRS_COUNTER, refused_name, refused_help,
		     (double)c->bad_certificate, "socket", socket, "reason",
		     "certificate", NULL);
	vrs_page_add(page, VRS_COUNTER, refused_name, refused_help,
		     (double)c->bad_protocol, "socket", socket, "reason", "protocol",
		     NULL);
	if (c->dials && c->peers == 0)
		vrs_page_not_ready(page, "bus: no peer on %s", socket);
}

static struct vrs_page *make_page(struct vrs_telemetry *t, const char *instance)
{
	struct vrs_page *page = vrs_page_new(t->service, instance);

	vrs_page_add(page, VRS_GAUGE, "vrsas_build_info", "1 for the running version.", 1,
		     "version", VRS_VERSION, NULL);
	tell_process(page);
	tell_log(page);
	vrs_page_add(page, VRS_GAUGE, "vrsas_loop_delay_seconds",
		     "Delay of the latest timer of the event loop.",
		     (double)vrs_loop_delay_ms(t->loop) / 1e3, NULL);
	if (t->store)
		tell_store(page, t->store);
	if (t->responder)
		tell_responder(page, t->responder);
	for (size_t i = 0; i < t->n_tellers; i++)
		t->teller[i].fn(t->teller[i].arg, page);
	return page;
}

static void on_asked(void *arg, struct vrs_text *text, struct vrs_text *reasons)
{
	struct vrs_telemetry *t = arg;
	struct vrs_page *page = make_page(t, t->instance);

	vrs_page_write(page, text);
	vrs_text_add(reasons, "%s", vrs_page_reasons(page));
	vrs_page_free(page);
}

char *vrs_telemetry_page(struct vrs_telemetry *t, const char *instance)
{
	struct vrs_page *page = make_page(t, instance);
	struct vrs_text text = {0};

	vrs_page_write(page, &text);
	vrs_page_free(page);
	return text.text;
}

/* --- through Redis --- */

int vrs_page_store(struct vrs_store *s, const char *service, const char *instance,
		   const char *text, struct vrs_err *err)
{
	char *field = vrs_asprintf("%s/%s", service, instance);
	char *value = vrs_asprintf("%lld\n%s", (long long)vrs_now_wall_ms(), text);
	int status = vrs_store_cmd(s, NULL, err, "HSET " VRS_KEY_METRICS " %s %b", field,
				   value, strlen(value));

	free(value);
	free(field);
	return status;
}

static void on_time_to_store(void *arg)
{
	struct vrs_telemetry *t = arg;
	char *text = vrs_telemetry_page(t, t->instance);

	/* a failing store is logged elsewhere */
	(void)vrs_page_store(t->store, t->service, t->instance, text, NULL);
	free(text);
}

/* Splits "SERVICE/INSTANCE"; false: malformed. */
static bool split(const char *field, char service[65], const char **ret_instance)
{
	const char *slash = strchr(field, '/');

	if (!slash || slash - field > 64)
		return false;
	memcpy(service, field, (size_t)(slash - field));
	service[slash - field] = '\0';
	*ret_instance = slash + 1;
	return vrs_name_ok(service) && vrs_name_ok(slash + 1);
}

int vrs_pages_read(struct vrs_store *s, struct vrs_page *page, int64_t now_ms,
		   struct vrs_pages_read *ret, struct vrs_err *err)
{
	struct vrs_reply *r;
	int status = vrs_store_cmd(s, &r, err, "HGETALL " VRS_KEY_METRICS);

	if (status < 0)
		return status;
	*ret = (struct vrs_pages_read){0};
	for (size_t i = 0; i + 1 < r->n_items; i += 2) {
		const struct vrs_reply *field = &r->item[i], *value = &r->item[i + 1];
		const char *instance, *text = value->bytes ? value->bytes : "";
		char service[65], *end;

		long long at_ms = strtoll(text, &end, 10);
		if (!field->bytes)
			continue;
		if (now_ms - at_ms > KEEP_MS)
			vrs_store_addf(s, "HDEL " VRS_KEY_METRICS " %b", field->bytes,
				       field->len);
		if (now_ms - at_ms > FRESH_MS)
			continue;
		if (*end == '\n' && split(field->bytes, service, &instance) &&
		    vrs_page_take(page, service, instance, end + 1,
				  value->len - (size_t)(end + 1 - text), &ret->why) == 0)
			ret->taken++;
		else
			ret->refused++;
	}
	vrs_reply_free(r);
	return vrs_store_run(s, NULL, err);
}

/* --- opening --- */

struct vrs_telemetry *vrs_telemetry_new(const char *service, const char *instance,
					struct vrs_loop *loop, struct vrs_store *store)
{
	struct vrs_telemetry *t = vrs_calloc(1, sizeof(*t));

	t->service = vrs_strdup(service);
	t->instance = vrs_strdup(instance);
	t->loop = loop;
	t->store = store;
	if (store)
		t->timer = vrs_loop_every(loop, STORE_EVERY_MS, on_time_to_store, t);
	return t;
}

void vrs_telemetry_set_instance(struct vrs_telemetry *t, const char *instance)
{
	free(t->instance);
	t->instance = vrs_strdup(instance);
}

int vrs_telemetry_listen(struct vrs_telemetry *t, const char *address,
			 struct vrs_err *err)
{
	if (!*address)
		return 0;
	const struct vrs_responder_conf conf = {t->loop, address, on_asked, t};
	int status = vrs_responder_open(&t->responder, &conf, err);
	if (status == 0)
		log_notice("serving metrics address=%s",
			   vrs_responder_address(t->responder));
	return status;
}

void vrs_telemetry_add(struct vrs_telemetry *t,
		       void (*fn)(void *arg, struct vrs_page *page), void *arg)
{
	if (t->n_tellers == MAX_TELLERS)
		return;
	t->teller[t->n_tellers].fn = fn;
	t->teller[t->n_tellers++].arg = arg;
}

void vrs_telemetry_free(struct vrs_telemetry *t)
{
	if (!t)
		return;
	vrs_responder_close(t->responder);
	vrs_timer_cancel(t->timer);
	if (t->store)
		(void)vrs_store_cmd(t->store, NULL, NULL,
				    "HDEL " VRS_KEY_METRICS " %s/%s", t->service,
				    t->instance);
	free(t->service);
	free(t->instance);
	free(t);
}
