/* Every rejection reason: a code of its own, a rule, a sentence, a place in the decision
 * and in the documentation. */
#include "check.h"
#include "plan/reject.h"
#include "scheduler_rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SOURCE, TARGET };

/* Host c1/h1 failed; candidate c2/h2 can take its VM until a case spoils it. */
struct bench {
	struct vrs_site_cluster site[2];
	struct vrs_site_host site_host;
	struct fleet_cluster cluster[2];
	struct fleet_host host[2];
	struct fleet w;
	struct projected_load load[2];
	struct cost_model_rate rate[2];
	struct plan_rules rules;
	struct plan_ask ask;
	Vrsas__V1__Disk disk, *disks[1];
	Vrsas__V1__VmFacts vm;
	struct plan_context x;
	struct candidate c;
};

static void bench_init(struct bench *b)
{
	static char images[] = "/images", format[] = "qcow2", ssh[] = "h2:22";

	*b = (struct bench){.rules = plan_defaults};
	for (int i = SOURCE; i <= TARGET; i++) {
		b->site[i] = (struct vrs_site_cluster){
			.images = images, .format = format, .accept = true};
		b->cluster[i] = (struct fleet_cluster){.name = i ? "c2" : "c1",
						       .site = &b->site[i],
						       .collector_alive = true};
		b->host[i] = (struct fleet_host){.name = i ? "h2" : "h1",
						 .cluster = (size_t)i,
						 .site = &b->site_host,
						 .life = FLEET_UP,
						 .vcpus_total = 8,
						 .store_known = true};
		b->load[i] = (struct projected_load){.seen = SEEN_LAST, .cores = 8};
	}
	b->site_host.ssh = ssh;
	b->w = (struct fleet){.cluster = b->cluster,
			      .n_clusters = 2,
			      .host = b->host,
			      .n_hosts = 2,
			      .at_ms = 1000000};
	vrsas__v1__disk__init(&b->disk);
	b->disk.format = "vdi";
	b->disks[0] = &b->disk;
	vrsas__v1__vm_facts__init(&b->vm);
	b->vm.id = b->vm.name = "web1";
	b->vm.vcpus = 2;
	b->vm.disk = b->disks;
	b->vm.n_disk = 1;
	b->vm.readable_without_host = VRSAS__V1__ANSWER__ANSWER_YES;
	b->x = (struct plan_context){.w = &b->w,
				     .rules = &b->rules,
				     .ask = &b->ask,
				     .home = &b->cluster[SOURCE],
				     .source = &b->host[SOURCE],
				     .reader_lives = true,
				     .of_host = b->load,
				     .of_cluster = b->load,
				     .rate = b->rate};
	b->c = (struct candidate){.host = &b->host[TARGET],
				  .cluster = &b->cluster[TARGET],
				  .cpu_known = true,
				  .ram_known = true,
				  .max_cpu_ratio = 0.8};
}

/* --- one case a reason --- */

static void host_not_up(struct bench *b)
{
	b->host[TARGET].life = FLEET_DOWN;
}

static void collector_silent(struct bench *b)
{
	b->cluster[TARGET].collector_alive = false;
}

static void not_in_site(struct bench *b)
{
	b->host[TARGET].site = NULL;
}

static void not_accepting(struct bench *b)
{
	b->site[TARGET].accept = false;
}

static void own_cluster(struct bench *b)
{
	b->c.local = true;
	b->rules.local_restart = false;
}

static void other_cluster_chosen(struct bench *b)
{
	b->ask.pinned_cluster = "c3";
}

static void already_tried(struct bench *b)
{
	static const char *const tried[] = {"c2/h2"};

	b->ask.tried = tried;
	b->ask.n_tried = 1;
}

static void no_ssh(struct bench *b)
{
	b->site_host.ssh = NULL;
}

static void network_missing(struct bench *b)
{
	b->c.network = "dmz";
}

static void cannot_move(struct bench *b)
{
	static const struct vrs_finding stop = {.code = VRS_FOUND_HOST_DEVICE};

	b->c.stop = &stop;
}

static void identity_taken(struct bench *b)
{
	b->c.taken = "name web1";
}

static void format_unusable(struct bench *b)
{
	b->c.bad_format = true;
}

static void disks_unreadable(struct bench *b)
{
	b->x.reader_lives = false;
}

static void cpu_unknown(struct bench *b)
{
	b->c.cpu_known = false;
}

static void cpu_over_limit(struct bench *b)
{
	b->c.margin = -0.1;
}

static void too_few_vcpus(struct bench *b)
{
	b->vm.vcpus = 9;
}

static void ram_unknown(struct bench *b)
{
	b->c.ram_known = false;
}

static void ram_short(struct bench *b)
{
	b->c.ram_need = 2;
	b->c.ram_free = 1;
}

static void disk_unknown(struct bench *b)
{
	b->host[TARGET].store_known = false;
}

static void disk_short(struct bench *b)
{
	b->c.disk_need = 2;
	b->c.disk_free = 1;
}

static const struct {
	const char *code;
	void (*spoil)(struct bench *b);
	const char *sentence;
} cases[] = {
	{"host-not-up", host_not_up, "host h2 is down"},
	{"collector-silent", collector_silent, "collector of c2 has never reported"},
	{"not-in-site", not_in_site, "host h2 is not in site.conf"},
	{"not-accepting", not_accepting, "cluster c2 does not accept"},
	{"own-cluster", own_cluster, "restarts within cluster c2 are disabled"},
	{"other-cluster-chosen", other_cluster_chosen, "the operator chose cluster c3"},
	{"already-tried", already_tried, "already tried for this failure"},
	{"no-ssh", no_ssh, "host h2 has no ssh address"},
	{"network-missing", network_missing, "no network mapped to dmz of c1"},
	{"cannot-move", cannot_move, "the VM cannot move as it is"},
	{"identity-taken", identity_taken, "another VM in cluster c2 has its name web1"},
	{"format-unusable", format_unusable, "disk format vdi cannot be converted"},
	{"disks-unreadable", disks_unreadable, "no running host of c1 can read"},
	{"cpu-unknown", cpu_unknown, "no forecast and no recent CPU reading"},
	{"cpu-over-limit", cpu_over_limit, "> limit 80 %"},
	{"too-few-vcpus", too_few_vcpus, "the VM has 9 vCPUs, the host only 8"},
	{"ram-unknown", ram_unknown, "free RAM is unknown"},
	{"ram-short", ram_short, "RAM: 2 B needed, 1 B free"},
	{"disk-unknown", disk_unknown, "free disk space of /images is unknown"},
	{"disk-short", disk_short, "disk: 2 B needed"},
};
enum { N_CASES = sizeof(cases) / sizeof(*cases) };

/* The decision about the one candidate. */
static Vrsas__V1__Decision *decide(struct bench *b)
{
	const struct choice none = {.verdict = VRSAS__V1__VERDICT__VERDICT_HOLD};

	reject_apply(&b->x, &b->vm, &b->c);
	return plan_explain(&b->x, &b->vm, 2, &b->c, 1, &none);
}

static void the_unspoilt_candidate_is_not_rejected(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b);
	Vrsas__V1__Decision *d = decide(&b);
	assert_int_equal(b.c.rejected, 0);
	assert_true(b.c.admitted);
	for (size_t i = 0; i < d->candidate[0]->n_reason; i++)
		assert_string_equal(d->candidate[0]->reason[i]->code, "");
	plan_decision_free(d);
}

static void every_reason_of_the_table_has_a_case_and_a_code_of_its_own(void **state)
{
	size_t n = 0;

	(void)state;
	for (; reject_code(n); n++) {
		if (n >= N_CASES)
			fail_msg("no case for %s", reject_code(n));
		assert_string_equal(reject_code(n), cases[n].code);
		for (size_t i = 0; i < n; i++)
			assert_string_not_equal(reject_code(n), reject_code(i));
	}
	assert_int_equal(n, N_CASES);
}

static void every_reason_reaches_the_decision_with_code_and_sentence(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_CASES; i++) {
		struct bench b;
		const Vrsas__V1__Reason *found = NULL;

		bench_init(&b);
		cases[i].spoil(&b);
		Vrsas__V1__Decision *d = decide(&b);
		const Vrsas__V1__Candidate *c = d->candidate[0];
		for (size_t k = 0; k < c->n_reason; k++) {
			if (!c->reason[k]->code[0])
				continue;
			if (found)
				fail_msg("%s: also %s", cases[i].code,
					 c->reason[k]->code);
			found = c->reason[k];
		}
		if (!found || strcmp(found->code, cases[i].code) != 0 ||
		    !strstr(found->text, cases[i].sentence))
			fail_msg("%s: got %s: %s", cases[i].code,
				 found ? found->code : "none", found ? found->text : "");
		assert_false(c->fits);
		assert_false(found->in_favour);
		plan_decision_free(d);
	}
}

static void operations_lists_every_reason(void **state)
{
	char *text = calloc(1, 1 << 20), row[80];
	FILE *f = fopen(TEST_DIR "/../docs/OPERATIONS.md", "re");

	(void)state;
	assert_non_null(f);
	assert_true(fread(text, 1, (1 << 20) - 1, f) > 0);
	(void)fclose(f);
	for (size_t i = 0; reject_code(i); i++) {
		(void)snprintf(row, sizeof(row), "\n| `%s` | ", reject_code(i));
		if (!strstr(text, row))
			fail_msg("docs/OPERATIONS.md lacks %s", reject_code(i));
	}
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_unspoilt_candidate_is_not_rejected),
		cmocka_unit_test(
			every_reason_of_the_table_has_a_case_and_a_code_of_its_own),
		cmocka_unit_test(
			every_reason_reaches_the_decision_with_code_and_sentence),
		cmocka_unit_test(operations_lists_every_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
