/* Runs libmicrohttpd: when it has events, when its own timeout is due, and after a
 * connection was resumed. */
#include "vrs/http/parts.h"

static void on_soon(void *arg)
{
	struct vrs_httpd *h = arg;

	h->soon = NULL;
	vrs_httpd_turn(h);
}

static void on_again(void *arg)
{
	struct vrs_httpd *h = arg;

	h->again = false;
	if (!h->closing)
		vrs_httpd_turn(h);
}

void vrs_httpd_turn(struct vrs_httpd *h)
{
	MHD_UNSIGNED_LONG_LONG wait = 0;

	(void)MHD_run(h->mhd);
	if (MHD_get_timeout(h->mhd, &wait) != MHD_YES)
		return;
	if (wait == 0 && !h->again) {
		h->again = true;
		vrs_loop_post(h->loop, on_again, h);
	} else if (wait > 0 && wait < VRS_HTTPD_SWEEP_EVERY_MS && !h->soon) {
		h->soon = vrs_loop_after(h->loop, (int64_t)wait, on_soon, h);
	}
}

void vrs_httpd_suspend(struct vrs_httpd_conn *c)
{
	c->suspended = true;
	MHD_suspend_connection(c->mhd);
}

void vrs_httpd_resume(struct vrs_httpd_conn *c)
{
	struct vrs_httpd *h = c->http;

	if (!c->suspended)
		return;
	c->suspended = false;
	MHD_resume_connection(c->mhd);
	if (h->again || h->closing)
		return;
	h->again = true;
	vrs_loop_post(h->loop, on_again, h);
}
