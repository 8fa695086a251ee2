/* Every NAME.world of this folder, planned, against NAME.plan next to it:
 *
 *   web1 relocate c2/h1          one line a VM, in the order in which they are placed
 *   web2 hold | wait | local c1/h2
 *     says TEXT                  in its summary or in a reason of a candidate
 *     denies TEXT                nowhere in them
 *     out c3/h1 TEXT             this candidate is ruled out, with this reason
 *   blind web1 relocate c3/h1    the same without any forecast: has to differ
 *   zero web1 relocate c3/h1     the same with forecasts that all say 0
 */
#include "check.h"
#include "fleet/preflight.h"
#include "world_text.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *verdict(const Vrsas__V1__Decision *d, char *buf, size_t size)
{
	static const char *const words[] = {"?", "wait", "local", "relocate", "hold"};

	(void)snprintf(buf, size, "%s %s%s%s%s", d->vm_name, words[d->verdict],
		       d->cluster[0] ? " " : "", d->cluster, d->host[0] ? "/" : "");
	(void)snprintf(buf + strlen(buf), size - strlen(buf), "%s", d->host);
	return buf;
}

static void print(const struct plan *p)
{
	char text[300];

	for (size_t i = 0; i < p->n; i++) {
		const Vrsas__V1__Decision *d = p->decision[i];

		print_message("%s: %s\n", verdict(d, text, sizeof(text)), d->summary);
		for (size_t k = 0; k < d->n_candidate; k++) {
			const Vrsas__V1__Candidate *c = d->candidate[k];

			print_message("  %u %s/%s score %.3f\n", c->rank, c->cluster,
				      c->host, c->score);
			for (size_t j = 0; j < c->n_reason; j++)
				print_message("     %s %s\n",
					      c->reason[j]->rules_out   ? "x"
					      : c->reason[j]->in_favour ? "+"
									: "-",
					      c->reason[j]->text);
		}
	}
}

static bool said(const Vrsas__V1__Decision *d, const char *place, bool out,
		 const char *text)
{
	char here[200];

	if (!place && strstr(d->summary, text))
		return true;
	for (size_t i = 0; i < d->n_candidate; i++) {
		const Vrsas__V1__Candidate *c = d->candidate[i];

		(void)snprintf(here, sizeof(here), "%s/%s", c->cluster, c->host);
		for (size_t j = 0; j < c->n_reason; j++)
			if ((!place || strcmp(here, place) == 0) &&
			    (!out || c->reason[j]->rules_out) &&
			    strstr(c->reason[j]->text, text))
				return true;
	}
	return false;
}

/* The plan of a world, made once a way of looking: as told, blind, with zeros. */
struct way {
	const char *prefix;
	void (*change)(struct told *t);
	struct told told;
	struct plan plan;
	size_t next;
};

static void check_line(struct way *ways, size_t n_ways, char *line, const char *at)
{
	struct way *w = &ways[0];
	char got[300], place[160];
	int n = 0;

	for (size_t i = 1; i < n_ways; i++)
		if (strncmp(line, ways[i].prefix, strlen(ways[i].prefix)) == 0) {
			w = &ways[i];
			line += strlen(w->prefix);
		}
	const Vrsas__V1__Decision *last = w->next ? w->plan.decision[w->next - 1] : NULL;
	if (strncmp(line, "  says ", 7) == 0) {
		if (!last || !said(last, NULL, false, line + 7))
			fail_msg("%s: nobody says: %s", at, line + 7);
	} else if (strncmp(line, "  denies ", 9) == 0) {
		if (!last || said(last, NULL, false, line + 9))
			fail_msg("%s: somebody says: %s", at, line + 9);
	} else if (sscanf(line, "  out %150s %n", place, &n) == 1 && n) {
		if (!last || !said(last, place, true, line + n))
			fail_msg("%s: %s is not ruled out with: %s", at, place, line + n);
	} else {
		if (w->next >= w->plan.n)
			fail_msg("%s: no further decision, wanted %s", at, line);
		verdict(w->plan.decision[w->next++], got, sizeof(got));
		if (strcmp(got, line) != 0)
			fail_msg("%s: wanted \"%s\", got \"%s\"", at, line, got);
	}
}

static bool same(const struct plan *a, const struct plan *b)
{
	char x[300], y[300];

	for (size_t i = 0; i < a->n && i < b->n; i++)
		if (strcmp(verdict(a->decision[i], x, sizeof(x)),
			   verdict(b->decision[i], y, sizeof(y))) != 0)
			return false;
	return a->n == b->n;
}

/* Where the plan sends a VM, its preflight finds nothing that stops it. */
static void preflight_agrees(const struct told *t, const struct plan *p, const char *path)
{
	for (size_t i = 0; i < p->n; i++) {
		const Vrsas__V1__Decision *d = p->decision[i];
		const struct fleet_vm *vm;
		struct vrs_err err = {0};

		assert_ok(fleet_find_vm(t->w, d->vm_id, &vm, &err), &err);
		for (size_t k = 0; k < d->n_candidate; k++) {
			const struct fleet_cluster *to =
				fleet_cluster(t->w, d->candidate[k]->cluster);
			struct vrs_findings found;

			fleet_preflight_cluster(t->w, vm, to, &found);
			if (d->candidate[k]->fits && vrs_findings_stop(&found))
				fail_msg("%s: %s fits %s, but its preflight finds %s",
					 path, d->vm_name, to->name,
					 vrs_finding_name(
						 vrs_findings_stop(&found)->code));
		}
	}
}

static void the_world_leads_to_its_plan(void **state)
{
	const char *path = *state;
	char plan_path[512], line[512], at[600];
	struct way ways[] = {{.prefix = ""},
			     {.prefix = "blind ", .change = told_blind},
			     {.prefix = "zero ", .change = told_zero}};
	const size_t n_ways = sizeof(ways) / sizeof(*ways);
	struct vrs_err err = {0};
	int no = 0;

	(void)snprintf(plan_path, sizeof(plan_path), "%.*s.plan",
		       (int)(strlen(path) - strlen(".world")), path);
	for (size_t i = 0; i < n_ways; i++) {
		assert_ok(told_read(&ways[i].told, path, &err), &err);
		if (ways[i].change)
			ways[i].change(&ways[i].told);
		assert_ok(told_plan(&ways[i].told, &ways[i].plan, &err), &err);
	}
	if (getenv("SCENARIO_PRINT"))
		print(&ways[0].plan);
	FILE *f = fopen(plan_path, "re");
	if (!f)
		fail_msg("%s: is missing", plan_path);
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		(void)snprintf(at, sizeof(at), "%s:%d", plan_path, ++no);
		if (line[0] && line[0] != '#')
			check_line(ways, n_ways, line, at);
	}
	(void)fclose(f);
	assert_int_equal(ways[0].next, ways[0].plan.n);
	for (size_t i = 0; i < n_ways; i++) {
		/* "the forecast matters" is a claim about a difference */
		if (i && ways[i].next && same(&ways[0].plan, &ways[i].plan))
			fail_msg("%s: the forecasts make no difference", path);
		preflight_agrees(&ways[i].told, &ways[i].plan, path);
		plan_free(&ways[i].plan);
		told_free(&ways[i].told);
	}
}

int main(int argc, char **argv)
{
	glob_t g;
	char pattern[512];

	(void)snprintf(pattern, sizeof(pattern), "%s/%s.world", SCENARIO_DIR,
		       argc > 1 ? argv[1] : "*");
	if (glob(pattern, 0, NULL, &g) != 0)
		return 1;
	struct CMUnitTest *tests = calloc(g.gl_pathc, sizeof(*tests));
	for (size_t i = 0; i < g.gl_pathc; i++) {
		const char *slash = strrchr(g.gl_pathv[i], '/');

		tests[i] = (struct CMUnitTest){
			.name = slash + 1,
			.test_func = the_world_leads_to_its_plan,
			.initial_state = g.gl_pathv[i],
		};
	}
	int failed = _cmocka_run_group_tests("scenario", tests, g.gl_pathc, NULL, NULL);
	free(tests);
	globfree(&g);
	return failed != 0;
}
