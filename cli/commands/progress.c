/* Follows one relocation on stderr: a progress bar on a terminal, else one line for each
 * change of state. */
#include <stdio.h>

#include "client/ctl.h"
#include "render/human.h"
#include "render/table.h"
#include "vrs/clock.h"

enum { LOOK_EVERY_MS = 400, BAR_WIDTH = 24 };

struct follow {
	struct vrs_ctl *ctl;
	bool home;
	Vrsas__V1__RelocationState last;
	bool line_open; /* a bar stands on the terminal without a newline */
};

enum { GOES_ON = -1 };

static void show_bar(struct follow *f, const Vrsas__V1__RelocationView *v)
{
	const Vrsas__V1__TransferStatus *x = v->transfer;
	double ratio = (double)x->bytes_done / (double)x->bytes_total;
	char done[HUMAN_MAX], total[HUMAN_MAX], rate[HUMAN_MAX], eta[HUMAN_MAX];
	struct vrs_text text = {0};

	vrs_text_add(&text, "\r\033[K%-14s [", state_name(v->record->state));
	bar_add(&text, ratio, BAR_WIDTH);
	vrs_text_add(&text, "] %3.0f %%  %s of %s  %s  %s left", ratio * 100,
		     human_bytes(done, x->bytes_done), human_bytes(total, x->bytes_total),
		     human_rate(rate, x->rate_now_bytes_per_s),
		     human_span(eta, x->eta_ms));
	(void)fwrite(text.text, 1, text.len, stderr);
	(void)fflush(stderr);
	vrs_text_fini(&text);
	f->line_open = true;
}

static void show_state(struct follow *f, const Vrsas__V1__RelocationView *v)
{
	const Vrsas__V1__Relocation *r = v->record;
	const char *what = r->hold_reason[0] ? r->hold_reason : v->meaning;
	char now[HUMAN_MAX];

	if (r->state == f->last)
		return;
	f->last = r->state;
	(void)fprintf(stderr, "%s%s  %s%s%s\n", f->line_open ? "\n" : "",
		      human_time(now, ctl_now_ms()), state_name(r->state),
		      what[0] ? ": " : "", what);
	f->line_open = false;
}

/* The exit code once the VM runs, or the relocation needs an operator. */
static int outcome(const struct follow *f, const Vrsas__V1__RelocationView *v)
{
	if (v->severity == VRSAS__V1__SEVERITY__SEVERITY_ERROR)
		return EXIT_REFUSED;
	if (v->phase == VRSAS__V1__RELOCATION_PHASE__PHASE_AWAY)
		return f->home ? GOES_ON : EXIT_OK;
	if (v->phase == VRSAS__V1__RELOCATION_PHASE__PHASE_HOME)
		return f->home ? EXIT_OK : EXIT_FAILED;
	return GOES_ON;
}

static int look(struct follow *f, const char *vm)
{
	Vrsas__V1__RelocationQuery query = VRSAS__V1__RELOCATION_QUERY__INIT;
	control_reply *reply = NULL;
	int code;

	query.vm = vm;
	code = ctl_ask(f->ctl, &query.base, &reply);
	if (code != EXIT_OK)
		return code;
	if (reply->body_case == VRSAS__V1__CONTROL_REPLY__BODY_RELOCATIONS &&
	    reply->relocations->n_relocation &&
	    reply->relocations->relocation[0]->record) {
		const Vrsas__V1__RelocationView *v = reply->relocations->relocation[0];

		show_state(f, v);
		if (f->ctl->err_tty && v->transfers && v->transfer &&
		    v->transfer->bytes_total)
			show_bar(f, v);
		code = outcome(f, v);
	} else {
		code = GOES_ON; /* ordered, and not recorded yet */
	}
	control_reply_free(reply);
	return code;
}

int ctl_follow(struct vrs_ctl *ctl, const char *vm, bool home, int64_t limit_ms)
{
	int64_t begun_ms = vrs_now_mono_ms();
	struct follow f = {.ctl = ctl, .home = home};
	bool moved = false;

	for (;;) {
		int code = look(&f, vm);

		/* Until its first step, the VM still is where the last relocation left
		 * it. */
		if (code != GOES_ON && code != EXIT_UNREACHABLE && code != EXIT_TIMEOUT &&
		    (moved || vrs_now_mono_ms() - begun_ms > 3000))
			return code;
		moved = moved || code == GOES_ON;
		if (limit_ms && vrs_now_mono_ms() - begun_ms > limit_ms)
			return ctl_fail(EXIT_TIMEOUT,
					"it continues; see vrsctl relocation show",
					"%s: not done within --wait, state is %s", vm,
					state_name(f.last));
		ctl->quiet = code == EXIT_UNREACHABLE || code == EXIT_TIMEOUT;
		ctl_rest_ms(LOOK_EVERY_MS);
	}
}
