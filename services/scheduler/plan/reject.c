#include "plan/reject.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct reject_case {
	const struct plan_context *x;
	const Vrsas__V1__VmFacts *vm;
	const struct candidate *c;
	char *text; /* PLAN_TEXT_MAX; NULL: not needed */
};

/* A rule returns true when it rejects, and then writes its sentence. */
typedef bool reject_rule(const struct reject_case *k);

__attribute__((format(printf, 2, 3))) static bool because(const struct reject_case *k,
							  const char *fmt, ...)
{
	va_list ap;

	if (k->text) {
		va_start(ap, fmt);
		(void)vsnprintf(k->text, PLAN_TEXT_MAX, fmt, ap);
		va_end(ap);
	}
	return true;
}

static const char *known(const char *text)
{
	return text && text[0] ? text : "(unknown)";
}

/* --- is the host a target at all? --- */

static bool host_not_up(const struct reject_case *k)
{
	const struct fleet_host *h = k->c->host;

	if (h->life == FLEET_UP)
		return false;
	if (h->life == FLEET_BACK)
		return because(k, "host %s came back recently and is not trusted yet",
			       h->name);
	return because(k, "host %s is %s%s%s", h->name, fleet_life_name(h->life),
		       h->detail && h->detail[0] ? ": " : "", h->detail ? h->detail : "");
}

static bool collector_silent(const struct reject_case *k)
{
	const struct fleet_cluster *to = k->c->cluster;
	char age[32];

	if (to->collector_alive)
		return false;
	if (!to->beat_at_ms)
		return because(k, "the collector of %s has never reported", to->name);
	return because(
		k, "the collector of %s has been silent for %s: no current data",
		to->name,
		fleet_time_text(age, sizeof(age), k->x->w->at_ms - to->beat_at_ms));
}

static bool not_in_site(const struct reject_case *k)
{
	return !candidate_in_site(k->c) &&
	       because(k, "host %s is not in site.conf", k->c->host->name);
}

static bool not_accepting(const struct reject_case *k)
{
	return candidate_in_site(k->c) && !k->c->local && !k->c->cluster->site->accept &&
	       because(k, "cluster %s does not accept VMs of other clusters",
		       k->c->cluster->name);
}

static bool own_cluster(const struct reject_case *k)
{
	if (!k->c->local || (!k->x->ask->source_alive && k->x->rules->local_restart))
		return false;
	return k->x->ask->source_alive
		       ? because(k, "moves within cluster %s are left to its hypervisor",
				 k->c->cluster->name)
		       : because(k, "restarts within cluster %s are disabled",
				 k->c->cluster->name);
}

static bool other_cluster_chosen(const struct reject_case *k)
{
	const char *pinned = k->x->ask->pinned_cluster;

	return pinned && pinned[0] && strcmp(pinned, k->c->cluster->name) != 0 &&
	       because(k, "the operator chose cluster %s", pinned);
}

static bool already_tried(const struct reject_case *k)
{
	size_t n = strlen(k->c->cluster->name);

	for (size_t i = 0; i < k->x->ask->n_tried; i++) {
		const char *tried = k->x->ask->tried[i];

		if (strncmp(tried, k->c->cluster->name, n) == 0 && tried[n] == '/' &&
		    strcmp(tried + n + 1, k->c->host->name) == 0)
			return because(k, "already tried for this failure, and failed");
	}
	return false;
}

static bool no_ssh(const struct reject_case *k)
{
	return !k->c->local && k->c->host->site && !k->c->host->site->ssh &&
	       because(k,
		       "host %s has no ssh address in site.conf, which copying requires",
		       k->c->host->name);
}

/* --- networks and disks --- */

static bool network_missing(const struct reject_case *k)
{
	return k->c->network &&
	       because(k, "cluster %s has no network mapped to %s of %s",
		       k->c->cluster->name, k->c->network, k->x->home->name);
}

static bool format_unusable(const struct reject_case *k)
{
	const Vrsas__V1__VmFacts *vm = k->vm;

	return k->c->bad_format && because(k, "disk format %s cannot be converted to %s",
					   known(vm->n_disk ? vm->disk[0]->format : NULL),
					   known(k->c->cluster->site->format));
}

static bool disks_unreadable(const struct reject_case *k)
{
	const struct plan_context *x = k->x;
	bool shared =
		fleet_vm_readable(k->vm, x->home->site) == VRSAS__V1__ANSWER__ANSWER_YES;

	if (x->ask->source_alive || (shared && (k->c->local || x->reader_lives)))
		return false;
	return shared ? because(k, "no running host of %s can read the disks",
				x->home->name)
		      : because(k,
				"the disks are on %s/%s only and unreadable while it "
				"is down",
				x->home->name, x->source->name);
}

/* What defining, starting or copying the VM there would refuse. Networks and formats have
 * rules of their own. */
static bool cannot_move(const struct reject_case *k)
{
	const struct vrs_finding *stop = k->c->stop;
	char text[256];

	if (!stop || stop->code == VRS_FOUND_NETWORK_UNMAPPED ||
	    stop->code == VRS_FOUND_DISK_FORMAT)
		return false;
	vrs_finding_text(stop, text, sizeof(text));
	return because(k, "the VM cannot %s as it is: %s (remedy: %s)",
		       k->c->local ? "restart on another host" : "move", text,
		       vrs_finding_remedy(stop->code));
}

static bool identity_taken(const struct reject_case *k)
{
	return k->c->taken &&
	       because(k, "another VM %s %s has its %s",
		       k->c->local ? "on host" : "in cluster",
		       k->c->local ? k->c->host->name : k->c->cluster->name, k->c->taken);
}

/* --- capacity --- */

static bool cpu_unknown(const struct reject_case *k)
{
	return !k->c->cpu_known &&
	       because(k, "no forecast and no recent CPU reading of the host");
}

/* The P90 of the CPU peak over the stay, with the VM, against max_cpu_ratio (80 %). */
static bool cpu_over_limit(const struct reject_case *k)
{
	char sum[200];

	if (!k->c->cpu_known || k->c->margin >= 0)
		return false;
	if (k->text)
		candidate_cpu_text(sum, sizeof(sum), k->x, k->c);
	return because(k, "%s > limit %.0f %%", k->text ? sum : "",
		       100 * k->c->max_cpu_ratio);
}

static bool too_few_vcpus(const struct reject_case *k)
{
	return k->vm->vcpus > k->c->host->vcpus_total &&
	       because(k, "the VM has %u vCPUs, the host only %u", k->vm->vcpus,
		       k->c->host->vcpus_total);
}

static bool ram_unknown(const struct reject_case *k)
{
	return !k->c->ram_known && because(k, "free RAM is unknown");
}

static bool ram_short(const struct reject_case *k)
{
	char need[32], left[32];

	return k->c->ram_known && k->c->ram_need > k->c->ram_free &&
	       because(k, "RAM: %s needed, %s free",
		       fleet_bytes_text(need, sizeof(need), k->c->ram_need),
		       fleet_bytes_text(left, sizeof(left), k->c->ram_free));
}

static bool disk_unknown(const struct reject_case *k)
{
	return candidate_is_copied_to(k->c) && !k->c->host->store_known &&
	       because(k, "free disk space of %s is unknown",
		       known(k->c->cluster->site->images));
}

static bool disk_short(const struct reject_case *k)
{
	char text[120];

	if (!candidate_is_copied_to(k->c) || !k->c->host->store_known ||
	    k->c->disk_need <= k->c->disk_free)
		return false;
	return because(k, "%s", candidate_disk_text(text, sizeof(text), k->x, k->c));
}

/* --- the table --- */

enum reject_kind {
	REJECT_FINAL,    /* free capacity would not change it */
	REJECT_PASSING,  /* applies now */
	REJECT_CAPACITY, /* applies now; not explained beside a final reason */
	REJECT_OVERLOAD, /* not admitted, but a last resort for urgent classes */
};

/* In the order in which they are explained; docs/OPERATIONS.md lists the codes. */
/* clang-format off */
static const struct {
	const char *code;
	reject_rule *rule;
	enum reject_kind kind;
	const char *summary;
} reasons[] = {
	{"host-not-up", host_not_up, REJECT_FINAL, "host not up"},
	{"collector-silent", collector_silent, REJECT_PASSING, "host not up"},
	{"not-in-site", not_in_site, REJECT_FINAL, "not in site.conf"},
	{"not-accepting", not_accepting, REJECT_FINAL, "cluster closed to it"},
	{"own-cluster", own_cluster, REJECT_FINAL, "cluster closed to it"},
	{"other-cluster-chosen", other_cluster_chosen, REJECT_FINAL, "not the cluster that the operator chose"},
	{"already-tried", already_tried, REJECT_PASSING, "already tried and failed"},
	{"no-ssh", no_ssh, REJECT_PASSING, "no ssh address"},
	{"network-missing", network_missing, REJECT_PASSING, "no matching network"},
	{"cannot-move", cannot_move, REJECT_FINAL, "the VM cannot move as it is"},
	{"identity-taken", identity_taken, REJECT_PASSING, "its name or address is taken"},
	{"format-unusable", format_unusable, REJECT_PASSING, "no usable disk format"},
	{"disks-unreadable", disks_unreadable, REJECT_PASSING, "disks unreadable"},
	{"cpu-unknown", cpu_unknown, REJECT_CAPACITY, "CPU load unknown or too few vCPUs"},
	{"cpu-over-limit", cpu_over_limit, REJECT_OVERLOAD, "CPU limit"},
	{"too-few-vcpus", too_few_vcpus, REJECT_CAPACITY, "CPU load unknown or too few vCPUs"},
	{"ram-unknown", ram_unknown, REJECT_CAPACITY, "not enough RAM"},
	{"ram-short", ram_short, REJECT_CAPACITY, "not enough RAM"},
	{"disk-unknown", disk_unknown, REJECT_CAPACITY, "not enough disk space"},
	{"disk-short", disk_short, REJECT_CAPACITY, "not enough disk space"},
};
/* clang-format on */
enum { N_REASONS = sizeof(reasons) / sizeof(*reasons) };

void reject_apply(const struct plan_context *x, const Vrsas__V1__VmFacts *vm,
		  struct candidate *c)
{
	struct reject_case k = {.x = x, .vm = vm, .c = c};

	c->rejected = 0;
	c->admitted = c->cpu_known;
	for (size_t i = 0; i < N_REASONS; i++) {
		if (!reasons[i].rule(&k))
			continue;
		if (reasons[i].kind == REJECT_OVERLOAD)
			c->admitted = false;
		else
			c->rejected |= 1U << i;
	}
}

bool reject_is_final(const struct candidate *c)
{
	for (size_t i = 0; i < N_REASONS; i++)
		if (c->rejected & 1U << i && reasons[i].kind == REJECT_FINAL)
			return true;
	return false;
}

const char *reject_code(size_t i)
{
	return i < N_REASONS ? reasons[i].code : NULL;
}

enum reject_effect reject_text(size_t i, const struct plan_context *x,
			       const Vrsas__V1__VmFacts *vm, const struct candidate *c,
			       char buf[PLAN_TEXT_MAX])
{
	struct reject_case k = {.x = x, .vm = vm, .c = c, .text = buf};

	bool overload = reasons[i].kind == REJECT_OVERLOAD;

	if (!(overload || c->rejected & 1U << i) ||
	    (reasons[i].kind >= REJECT_CAPACITY && reject_is_final(c)) ||
	    !reasons[i].rule(&k))
		return REJECT_NOT;
	return overload ? REJECT_NOT_ADMITTED : REJECT_RULED_OUT;
}

static unsigned with_summary(const char *summary)
{
	unsigned bits = 0;

	for (size_t i = 0; i < N_REASONS; i++)
		if (strcmp(reasons[i].summary, summary) == 0)
			bits |= 1U << i;
	return bits;
}

const char *reject_summary(const struct candidate *c, size_t n)
{
	const char *best = "no other host is known";
	size_t best_count = 0;

	for (size_t k = N_REASONS; k-- > 0;) { /* capacity wins a tie */
		unsigned bits = with_summary(reasons[k].summary);
		size_t count = 0;

		for (size_t i = 0; i < n; i++)
			count += (c[i].rejected & bits) != 0;
		if (count > best_count) {
			best = reasons[k].summary;
			best_count = count;
		}
	}
	return best;
}
