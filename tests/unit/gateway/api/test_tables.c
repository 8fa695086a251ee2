/* The plain page: what it says, and that nobody's words become its markup. */
#include "check.h"

#include <math.h>
#include <string.h>

#include "api/tables.h"

static void expect(struct vrs_text *out, const char *part)
{
	if (!strstr(out->text, part))
		fail_msg("no '%s' in: %s", part, out->text);
}

static void health_comes_first_and_each_cluster_is_a_row(void **state)
{
	(void)state;
	struct vrs_text out = {0};
	Vrsas__V1__StatusView v = VRSAS__V1__STATUS_VIEW__INIT;
	Vrsas__V1__ClusterView c = VRSAS__V1__CLUSTER_VIEW__INIT, *clusters[] = {&c};
	const char *reasons[] = {"c1/h2 is silent"};

	v.health = "WARNING";
	v.n_reason = v.n_cluster = 1;
	v.reason = reasons;
	v.cluster = clusters;
	v.at_ms = 1795421700000;
	c.name = "c1";
	c.hosts = 2;
	c.hosts_up = 1;
	c.cpu_ratio = 0.25;
	c.peak_p50_ratio = NAN;
	c.last_sample_at_ms = v.at_ms - 5000;
	tables_head(&out, "ops", v.at_ms);
	tables_status(&out, &v);
	tables_foot(&out);
	expect(&out, "<h1>WARNING</h1>\n<ul><li>c1/h2 is silent</li></ul>");
	expect(&out, "2026-11-23 08:15:00 UTC");
	expect(&out, "<td>c1</td><td class=\"n\">1 of 2 (!)</td>");
	expect(&out, "<td class=\"n\">25 %</td>");
	expect(&out, "<td class=\"n\">-</td>"); /* no forecast is not 0 % */
	expect(&out, "<td class=\"n\">5 s</td>");
	expect(&out, "</main></body></html>\n");
	vrs_text_fini(&out);
}

static void nobody_s_words_become_markup(void **state)
{
	(void)state;
	static const char evil[] = "<script>\"'&\x01</script>";
	static const char tame[] = "&lt;script&gt;&quot;&#39;&amp; &lt;/script&gt;";
	struct vrs_text out = {0};
	Vrsas__V1__StatusView status = VRSAS__V1__STATUS_VIEW__INIT;
	Vrsas__V1__ClusterView c = VRSAS__V1__CLUSTER_VIEW__INIT, *clusters[] = {&c};
	Vrsas__V1__HostViews hosts = VRSAS__V1__HOST_VIEWS__INIT;
	Vrsas__V1__HostView h = VRSAS__V1__HOST_VIEW__INIT, *host[] = {&h};
	Vrsas__V1__EventViews events = VRSAS__V1__EVENT_VIEWS__INIT;
	Vrsas__V1__Event e = VRSAS__V1__EVENT__INIT, *event[] = {&e};
	Vrsas__V1__RelocationViews stories = VRSAS__V1__RELOCATION_VIEWS__INIT;
	Vrsas__V1__RelocationView view = VRSAS__V1__RELOCATION_VIEW__INIT,
				  *views[] = {&view};
	Vrsas__V1__Relocation r = VRSAS__V1__RELOCATION__INIT;
	Vrsas__V1__IncidentViews incidents = VRSAS__V1__INCIDENT_VIEWS__INIT;
	Vrsas__V1__IncidentView k = VRSAS__V1__INCIDENT_VIEW__INIT, *incident[] = {&k};
	Vrsas__V1__RiskViews risks = VRSAS__V1__RISK_VIEWS__INIT;
	Vrsas__V1__RiskView risk = VRSAS__V1__RISK_VIEW__INIT, *risk_of[] = {&risk};
	const char *why[] = {evil};

	status.health = evil;
	status.reason = why;
	status.n_reason = status.n_cluster = 1;
	status.cluster = clusters;
	c.name = evil;
	h.cluster = h.name = h.state = h.note = evil;
	hosts.n_host = 1;
	hosts.host = host;
	e.text = evil;
	events.n_event = 1;
	events.event = event;
	r.vm_name = r.home_cluster = r.home_host = r.hold_reason = evil;
	view.record = &r;
	stories.n_relocation = 1;
	stories.relocation = views;
	k.cluster = k.host = k.summary = k.next = k.host_state = evil;
	k.open = 1;
	incidents.n_incident = 1;
	incidents.incident = incident;
	risk.cluster = risk.host = risk.note = evil;
	risk.n_why = 1;
	risk.why = why;
	risks.n_risk = 1;
	risks.risk = risk_of;

	tables_status(&out, &status);
	tables_hosts(&out, &hosts, 0);
	tables_events(&out, &events);
	tables_relocations(&out, &stories, 0);
	tables_incidents(&out, &incidents);
	tables_risk(&out, &risks, 0);
	tables_missing(&out, "Hosts", evil);
	tables_login(&out, evil);
	assert_null(strstr(out.text, "<script"));
	assert_null(strstr(out.text, "</script"));
	assert_null(strchr(out.text, '\x01'));
	size_t times = 0;
	for (const char *p = out.text; (p = strstr(p, tame)); p++)
		times++;
	assert_int_equal(times, 23);
	vrs_text_fini(&out);
}

static void a_copy_shows_how_far_it_is(void **state)
{
	(void)state;
	struct vrs_text out = {0};
	Vrsas__V1__RelocationViews stories = VRSAS__V1__RELOCATION_VIEWS__INIT;
	Vrsas__V1__RelocationView view = VRSAS__V1__RELOCATION_VIEW__INIT,
				  *views[] = {&view};
	Vrsas__V1__Relocation r = VRSAS__V1__RELOCATION__INIT;
	Vrsas__V1__TransferStatus x = VRSAS__V1__TRANSFER_STATUS__INIT;

	x.state = VRSAS__V1__TRANSFER_STATE__TRANSFER_STATE_COPYING;
	x.bytes_total = 16 << 20;
	x.bytes_done = 4 << 20;
	x.rate_now_bytes_per_s = 2 << 20;
	x.eta_ms = 6000;
	r.vm_name = "web1";
	r.state = VRSAS__V1__RELOCATION_STATE__TRANSFERRING;
	r.state_since_ms = 1000;
	view.record = &r;
	view.transfer = &x;
	stories.n_relocation = 1;
	stories.relocation = views;
	tables_relocations(&out, &stories, 126000);
	expect(&out, "<td>web1</td><td>TRANSFERRING</td><td class=\"n\">2 min 05 s</td>");
	expect(&out, "<td>25 % of 16.0 MiB, 2.0 MiB/s, 6 s left</td>");
	vrs_text_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(health_comes_first_and_each_cluster_is_a_row),
		cmocka_unit_test(nobody_s_words_become_markup),
		cmocka_unit_test(a_copy_shows_how_far_it_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
