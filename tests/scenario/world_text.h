/* world_text.h - a world written by hand.
 *
 * One thing a line, words of key=value after its name; '#' begins a comment.
 *   cluster c1 shared=yes accept=yes max_cpu_ratio=0.8 repair=4h format=qcow2 images=/ds
 *           net=prod:br0,dmz:br1 collector=silent
 *   host c1/h1 vcpus=16 ram=64G cpu=0.30 mem=0.5 disk=100G/200G life=down
 *   forecast c1 p50=0.4 p90=0.5 [p50-2h= p90-2h=] age=2m conf=ok|low|none method=lstm
 *   vm c1/h1 web1 class=1 vcpus=2 ram=2G use=0.5 disk=10G,5G format=qcow2 net=br0
 *           readable=yes|no protect=no
 *   vms c1/h1 app 10 ...     ten of them: app01, app02, ...
 *   rate c1 c2 100M 90M      measured transfers, bytes a second
 *   queue c1 c2 20G          on its way already
 *   promise c2/h1 cores=2 ram=4G disk=5G
 *   rule overload_class=0 local_restart=no
 *   ask c1/h1 to=c2 alive=yes tried=c2/h1,c2/h2 repair=10m   may be said for several
 * What is not said has the value of the first example of each line, except that nothing
 * is promised, queued or measured, and that there is no forecast. */
#ifndef TESTS_WORLD_TEXT_H
#define TESTS_WORLD_TEXT_H

#include "plan/plan.h"

struct told {
	struct fleet *w;
	struct vrs_site site;
	struct plan_rules rules;
	struct told_ask {
		char cluster[80], host[80];
		char pinned[80];
		bool alive;
		int64_t repair_ms;
		const char *tried[8];
		size_t n_tried;
	} ask[4];
	size_t n_asks;
};

int told_read(struct told *ret, const char *path, struct vrs_err *err);
void told_free(struct told *t);

/* The plan that the asks lead to; free with plan_free. */
int told_plan(struct told *t, struct plan *ret, struct vrs_err *err);

/* Takes all forecasts away, or makes all of them say 0. */
void told_blind(struct told *t);
void told_zero(struct told *t);

#endif
