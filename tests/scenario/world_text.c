#include "world_text.h"
#include "scheduler_rules.h"

#include "vrs/conf.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOW_S = 1800000000, MAX_WORDS = 32 };

/* --- words --- */

struct line {
	char *word[MAX_WORDS];
	size_t n;
	bool used[MAX_WORDS];
	const char *wrong; /* a value that cannot be read */
	struct vrs_arena *mem;
};

static char *keep(struct vrs_arena *mem, const char *s)
{
	char *d = vrs_arena_alloc(mem, strlen(s) + 1);

	return strcpy(d, s);
}

static void split(struct line *l, char *text)
{
	char *save = NULL, *hash = strchr(text, '#');

	if (hash)
		*hash = '\0';
	l->n = 0;
	l->wrong = NULL;
	for (char *w = strtok_r(text, " \t\n", &save); w && l->n < MAX_WORDS;
	     w = strtok_r(NULL, " \t\n", &save)) {
		l->used[l->n] = false;
		l->word[l->n++] = w;
	}
}

static const char *word(struct line *l, size_t i)
{
	if (i >= l->n) {
		l->wrong = "a word is missing";
		return "";
	}
	l->used[i] = true;
	return l->word[i];
}

static const char *value(struct line *l, const char *key, const char *fallback)
{
	size_t k = strlen(key);

	for (size_t i = 1; i < l->n; i++)
		if (strncmp(l->word[i], key, k) == 0 && l->word[i][k] == '=') {
			l->used[i] = true;
			return l->word[i] + k + 1;
		}
	return fallback;
}

static double number(struct line *l, const char *key, const char *fallback)
{
	const char *text = value(l, key, fallback);
	char *end = NULL;
	double d;

	if (strcmp(text, "?") == 0)
		return NAN;
	d = strtod(text, &end);
	if (end == text || *end)
		l->wrong = text;
	return d;
}

static int64_t bytes_of(struct line *l, const char *text)
{
	int64_t b = 0;

	if (vrs_parse_bytes(text, &b) < 0)
		l->wrong = text;
	return b;
}

static int64_t bytes(struct line *l, const char *key, const char *fallback)
{
	return bytes_of(l, value(l, key, fallback));
}

static int64_t duration(struct line *l, const char *key, const char *fallback)
{
	const char *text = value(l, key, fallback);
	int64_t ms = 0;

	if (vrs_parse_duration(text, &ms) < 0)
		l->wrong = text;
	return ms;
}

static bool yes(struct line *l, const char *key, const char *fallback)
{
	return strcmp(value(l, key, fallback), "yes") == 0;
}

/* --- lines --- */

static void read_networks(struct line *l, struct vrs_site_cluster *c)
{
	char *list = keep(l->mem, value(l, "net", "prod:br0")), *save = NULL;

	c->network = vrs_arena_alloc(l->mem, 8 * sizeof(*c->network));
	for (char *p = strtok_r(list, ",", &save); p && c->n_networks < 8;
	     p = strtok_r(NULL, ",", &save)) {
		char *colon = strchr(p, ':');

		if (!colon)
			continue; /* net=none: no network at all */
		*colon = '\0';
		c->network[c->n_networks++] = (struct vrs_site_pair){p, colon + 1};
	}
}

static void read_cluster(struct told *t, struct line *l)
{
	struct fleet *w = t->w;
	struct vrs_site_cluster *s = vrs_arena_alloc(l->mem, sizeof(*s));

	w->cluster = vrs_realloc(w->cluster, w->n_clusters + 1, sizeof(*w->cluster));
	struct fleet_cluster *c = &w->cluster[w->n_clusters++];
	*c = (struct fleet_cluster){.name = keep(l->mem, word(l, 1)), .site = s};
	*s = (struct vrs_site_cluster){
		.name = keep(l->mem, c->name),
		.images = keep(l->mem, value(l, "images", "/ds")),
		.format = keep(l->mem, value(l, "format", "qcow2")),
		.shared_storage = yes(l, "shared", "yes"),
		.accept = yes(l, "accept", "yes"),
		.max_cpu_ratio = number(l, "max_cpu_ratio", "0.8"),
		.repair_ms = duration(l, "repair", "4h"),
	};
	read_networks(l, s);
	c->collector_alive = strcmp(value(l, "collector", "alive"), "silent") != 0;
	c->beat_at_ms = w->at_ms - (c->collector_alive ? 2000 : 120000);
	c->first_host = w->n_hosts;
}

static bool split_place(struct line *l, const char *text, char *cluster, char *host)
{
	const char *slash = strchr(text, '/');

	if (!slash || strlen(text) >= 80) {
		l->wrong = text;
		return false;
	}
	memcpy(cluster, text, (size_t)(slash - text));
	cluster[slash - text] = '\0';
	strcpy(host, slash + 1);
	return true;
}

static enum fleet_life life_of(struct line *l)
{
	const char *text = value(l, "life", "up");

	for (enum fleet_life i = FLEET_UNKNOWN; i <= FLEET_DOWN; i++)
		if (strcmp(text, fleet_life_name(i)) == 0)
			return i;
	l->wrong = text;
	return FLEET_UP;
}

static const struct fleet_forecast no_forecast = {
	.method = "",
	.peak = {{NAN, NAN, NAN}, {NAN, NAN, NAN}},
};

static void read_host(struct told *t, struct line *l)
{
	struct fleet *w = t->w;
	char cluster[80], host[80];

	if (!split_place(l, word(l, 1), cluster, host))
		return;
	if (!w->n_clusters || strcmp(w->cluster[w->n_clusters - 1].name, cluster) != 0) {
		l->wrong = "hosts follow their cluster";
		return;
	}
	struct fleet_cluster *c = &w->cluster[w->n_clusters - 1];
	struct vrs_site_host *s = vrs_arena_alloc(l->mem, sizeof(*s));
	*s = (struct vrs_site_host){.cluster = (char *)c->name,
				    .name = keep(l->mem, host),
				    .ssh = keep(l->mem, "root@host:22")};
	w->host = vrs_realloc(w->host, w->n_hosts + 1, sizeof(*w->host));
	struct fleet_host *h = &w->host[w->n_hosts++];
	c->n_hosts++;
	*h = (struct fleet_host){
		.name = s->name,
		.cluster = w->n_clusters - 1,
		.site = s,
		.life = life_of(l),
		.detail = "",
		.address = "",
		.vcpus_total = (uint32_t)number(l, "vcpus", "16"),
		.ram_total_bytes = (uint64_t)bytes(l, "ram", "64G"),
		.cpu_ratio = number(l, "cpu", "0.30"),
		.mem_ratio = number(l, "mem", "0.5"),
		.sample_at_ms = w->at_ms - duration(l, "age", "30s"),
		.inventory_at_ms = w->at_ms - 30000,
		.forecast = no_forecast,
	};
	const char *disk = value(l, "disk", "100G/200G"), *slash = strchr(disk, '/');
	char left[32];
	if (!slash || slash - disk >= (int)sizeof(left)) {
		h->store_known = false; /* disk=? */
		return;
	}
	h->store_known = true;
	memcpy(left, disk, (size_t)(slash - disk));
	left[slash - disk] = '\0';
	h->disk_free_bytes = (uint64_t)bytes_of(l, left);
	h->disk_total_bytes = (uint64_t)bytes_of(l, slash + 1);
}

static void read_forecast(struct told *t, struct line *l)
{
	const char *target = word(l, 1), *conf = value(l, "conf", "ok");
	struct fleet_forecast *fc = NULL;
	char cluster[80], host[80];

	if (strchr(target, '/') && split_place(l, target, cluster, host)) {
		struct fleet_host *h = fleet_host(t->w, cluster, host);

		fc = h ? &h->forecast : NULL;
	} else {
		for (size_t i = 0; i < t->w->n_clusters; i++)
			if (strcmp(t->w->cluster[i].name, target) == 0)
				fc = &t->w->cluster[i].forecast;
	}
	if (!fc) {
		l->wrong = target;
		return;
	}
	fc->made_at_ms = t->w->at_ms - duration(l, "age", "2m");
	fc->origin_ms = fc->made_at_ms;
	fc->method = keep(l->mem, value(l, "method", "lstm"));
	fc->reason = "";
	fc->confidence = strcmp(conf, "low") == 0 ? VRSAS__V1__CONFIDENCE__CONFIDENCE_LOW
			 : strcmp(conf, "none") == 0
				 ? VRSAS__V1__CONFIDENCE__CONFIDENCE_NONE
				 : VRSAS__V1__CONFIDENCE__CONFIDENCE_OK;
	fc->peak[1].p50 = number(l, "p50", "?");
	fc->peak[1].p90 = number(l, "p90", "?");
	fc->peak[1].p99 = fc->peak[1].p90;
	fc->peak[0].p50 = number(l, "p50-2h", value(l, "p50", "?"));
	fc->peak[0].p90 = number(l, "p90-2h", value(l, "p90", "?"));
	fc->peak[0].p99 = fc->peak[0].p90;
}

static Vrsas__V1__VmFacts *vm_of(struct line *l, const char *name)
{
	struct vrs_arena *mem = l->mem;
	Vrsas__V1__VmFacts *vm = vrs_arena_alloc(mem, sizeof(*vm));
	char *list = keep(mem, value(l, "disk", "10G")), *save = NULL;
	const char *readable = value(l, "readable", "");

	vrsas__v1__vm_facts__init(vm);
	vm->name = keep(mem, name);
	vm->id = vm->name;
	vm->state = VRSAS__V1__VM_STATE__VM_STATE_RUNNING;
	vm->vm_class = (uint32_t)number(l, "class", "1");
	vm->vcpus = (uint32_t)number(l, "vcpus", "2");
	vm->ram_bytes = (uint64_t)bytes(l, "ram", "2G");
	vm->cpu_cores = (float)number(l, "use", "0.5");
	vm->protect = yes(l, "protect", "yes");
	if (readable[0])
		vm->readable_without_host = strcmp(readable, "yes") == 0
						    ? VRSAS__V1__ANSWER__ANSWER_YES
						    : VRSAS__V1__ANSWER__ANSWER_NO;
	vm->disk = vrs_arena_alloc(mem, 8 * sizeof(*vm->disk));
	for (char *p = strtok_r(list, ",", &save); p && vm->n_disk < 8;
	     p = strtok_r(NULL, ",", &save)) {
		Vrsas__V1__Disk *d = vrs_arena_alloc(mem, sizeof(*d));

		vrsas__v1__disk__init(d);
		d->format = keep(mem, value(l, "format", "qcow2"));
		d->allocated_bytes = (uint64_t)bytes_of(l, p);
		d->virtual_bytes = 2 * d->allocated_bytes;
		vm->disk[vm->n_disk++] = d;
	}
	vm->nic = vrs_arena_alloc(mem, sizeof(*vm->nic));
	Vrsas__V1__Nic *nic = vrs_arena_alloc(mem, sizeof(*nic));
	vrsas__v1__nic__init(nic);
	nic->network = keep(mem, value(l, "net", "br0"));
	vm->nic[vm->n_nic++] = nic;
	return vm;
}

static void read_vm(struct told *t, struct line *l, unsigned count)
{
	struct fleet *w = t->w;
	char cluster[80], host[80], name[100];

	if (!split_place(l, word(l, 1), cluster, host))
		return;
	struct fleet_host *h = fleet_host(w, cluster, host);
	if (!h || (h->n_vms && h->first_vm + h->n_vms != w->n_vms)) {
		l->wrong = "the VMs of one host stand together, after it";
		return;
	}
	if (!h->n_vms)
		h->first_vm = w->n_vms;
	for (unsigned i = 0; i < (count ? count : 1); i++) {
		if (count)
			(void)snprintf(name, sizeof(name), "%s%02u", word(l, 2), i + 1);
		else
			(void)snprintf(name, sizeof(name), "%s", word(l, 2));
		w->vm = vrs_realloc(w->vm, w->n_vms + 1, sizeof(*w->vm));
		w->vm[w->n_vms++] =
			(struct fleet_vm){vm_of(l, name), (size_t)(h - w->host)};
		h->n_vms++;
	}
}

static void read_rate(struct told *t, struct line *l)
{
	struct fleet *w = t->w;

	w->rate = vrs_realloc(w->rate, w->n_rates + 1, sizeof(*w->rate));
	struct fleet_rate *r = &w->rate[w->n_rates++];
	*r = (struct fleet_rate){.source = keep(l->mem, word(l, 1)),
				 .target = keep(l->mem, word(l, 2)),
				 .bytes_per_s = vrs_calloc(l->n, sizeof(double))};
	for (size_t i = 3; i < l->n; i++)
		r->bytes_per_s[r->n++] = (double)bytes_of(l, word(l, i));
}

static void read_promise(struct told *t, struct line *l)
{
	char cluster[80], host[80];

	if (!split_place(l, word(l, 1), cluster, host))
		return;
	struct fleet_host *h = fleet_host(t->w, cluster, host);
	if (h)
		fleet_promise(t->w, h, number(l, "cores", "0"),
			      (uint64_t)bytes(l, "ram", "0"),
			      (uint64_t)bytes(l, "disk", "0"));
	else
		l->wrong = word(l, 1);
}

static void read_ask(struct told *t, struct line *l)
{
	char *list = keep(l->mem, value(l, "tried", "")), *save = NULL;

	if (t->n_asks == sizeof(t->ask) / sizeof(t->ask[0])) {
		l->wrong = "a fifth ask";
		return;
	}
	struct told_ask *a = &t->ask[t->n_asks++];
	(void)split_place(l, word(l, 1), a->cluster, a->host);
	(void)snprintf(a->pinned, sizeof(a->pinned), "%s", value(l, "to", ""));
	a->alive = yes(l, "alive", "no");
	a->repair_ms = duration(l, "repair", "0s");
	for (char *p = strtok_r(list, ",", &save); p && a->n_tried < 8;
	     p = strtok_r(NULL, ",", &save))
		a->tried[a->n_tried++] = p;
}

static void read_rule(struct told *t, struct line *l)
{
	char fallback[32];

	(void)snprintf(fallback, sizeof(fallback), "%" PRId64, t->rules.overload_class);
	t->rules.overload_class = (uint32_t)number(l, "overload_class", fallback);
	t->rules.local_restart = yes(l, "local_restart", "yes");
}

static void read_line(struct told *t, struct line *l)
{
	const char *what = word(l, 0);

	if (strcmp(what, "cluster") == 0)
		read_cluster(t, l);
	else if (strcmp(what, "host") == 0)
		read_host(t, l);
	else if (strcmp(what, "forecast") == 0)
		read_forecast(t, l);
	else if (strcmp(what, "vm") == 0)
		read_vm(t, l, 0);
	else if (strcmp(what, "vms") == 0)
		read_vm(t, l, (unsigned)atoi(word(l, 3)));
	else if (strcmp(what, "rate") == 0)
		read_rate(t, l);
	else if (strcmp(what, "queue") == 0)
		fleet_enqueue(t->w, keep(l->mem, word(l, 1)), keep(l->mem, word(l, 2)),
			      (uint64_t)bytes_of(l, word(l, 3)));
	else if (strcmp(what, "promise") == 0)
		read_promise(t, l);
	else if (strcmp(what, "rule") == 0)
		read_rule(t, l);
	else if (strcmp(what, "ask") == 0)
		read_ask(t, l);
	else
		l->wrong = what;
	for (size_t i = 0; i < l->n && !l->wrong; i++)
		if (!l->used[i])
			l->wrong = l->word[i];
}

int told_read(struct told *ret, const char *path, struct vrs_err *err)
{
	FILE *f = fopen(path, "re");
	char text[1024];
	struct line l = {0};
	int no = 0, status = 0;

	if (!f)
		return vrs_fail_errno(err, "%s", path);
	*ret = (struct told){.rules = plan_defaults};
	ret->w = vrs_calloc(1, sizeof(*ret->w));
	ret->w->at_ms = (int64_t)NOW_S * 1000;
	ret->w->mem = vrs_arena_new((size_t)64 << 20);
	ret->w->site = &ret->site;
	l.mem = ret->w->mem;
	while (status == 0 && fgets(text, sizeof(text), f)) {
		no++;
		split(&l, text);
		if (l.n)
			read_line(ret, &l);
		if (l.wrong)
			status =
				vrs_fail(err, VRS_EPARSE, "%s:%d: %s", path, no, l.wrong);
	}
	(void)fclose(f);
	if (status < 0)
		told_free(ret);
	return status;
}

void told_free(struct told *t)
{
	fleet_free(t->w);
	t->w = NULL;
}

int told_plan(struct told *t, struct plan *ret, struct vrs_err *err)
{
	struct plan_ask ask[4];
	const Vrsas__V1__VmFacts **vms[4] = {NULL};
	int status = 0;

	for (size_t i = 0; i < t->n_asks && status == 0; i++) {
		const struct told_ask *a = &t->ask[i];
		struct fleet_host *h = fleet_host(t->w, a->cluster, a->host);

		ask[i] = (struct plan_ask){
			.cluster = a->cluster,
			.host = a->host,
			.source_alive = a->alive,
			.pinned_cluster = a->pinned,
			.tried = a->tried,
			.n_tried = a->n_tried,
			.repair_ms = a->repair_ms,
		};
		if (!h)
			status = vrs_fail(err, VRS_ENOENT, "ask: no host %s/%s",
					  a->cluster, a->host);
		else
			ask[i].vm = vms[i] = plan_vms_of(t->w, h, &ask[i].n_vms);
	}
	if (status == 0)
		status = plan_make(t->w, &t->rules, ask, t->n_asks, ret, err);
	for (size_t i = 0; i < t->n_asks; i++)
		free(vms[i]);
	return status;
}

void told_blind(struct told *t)
{
	for (size_t i = 0; i < t->w->n_hosts; i++)
		t->w->host[i].forecast = no_forecast;
	for (size_t i = 0; i < t->w->n_clusters; i++)
		t->w->cluster[i].forecast = no_forecast;
}

static void zero(struct fleet_forecast *fc)
{
	for (size_t i = 0; i < FLEET_HORIZONS && fc->made_at_ms; i++)
		fc->peak[i] = (struct fleet_peak){0, 0, 0};
}

void told_zero(struct told *t)
{
	for (size_t i = 0; i < t->w->n_hosts; i++)
		zero(&t->w->host[i].forecast);
	for (size_t i = 0; i < t->w->n_clusters; i++)
		zero(&t->w->cluster[i].forecast);
}
