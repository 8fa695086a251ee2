#include "vrs/responder.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "vrs/clock.h"
#include "vrs/httpd.h"

enum {
	MAX_CONNECTIONS = 32,
	MAX_HEAD = 4096,
	REQUEST_MS = 5000,
	WAIT_MS = 2000, /* for the daemon's loop */
	REPLY_MS = 10000,
	FRESH_MS = 100, /* a page of this age is sent again */
};

struct page {
	struct vrs_text text, reasons;
	int64_t made_mono_ms; /* 0: never */
};

/* A request that waits for the page; lies in its vrs_httpd_note(). */
struct wait {
	struct vrs_responder *r;
	struct vrs_httpd_request *q;
	struct wait *next;
	struct vrs_timer *timer;
};

struct vrs_responder {
	struct vrs_responder_conf conf;
	struct vrs_loop *loop; /* of the thread */
	struct vrs_httpd *httpd;
	pthread_t thread;
	bool running;

	/* the thread's: */
	struct page page;
	struct wait *waiting;
	bool asked; /* the daemon's loop is making a page */

	struct page next; /* the daemon's loop's while asked, else the thread's */
};

static void page_fini(struct page *p)
{
	vrs_text_fini(&p->text);
	vrs_text_fini(&p->reasons);
	*p = (struct page){0};
}

/* --- on the thread --- */

static void reply(struct vrs_httpd_request *q, int status, const char *text,
		  const char *extra)
{
	char *body = vrs_strdup(text ? text : "");

	vrs_httpd_reply(q, &(struct vrs_httpd_reply){
				   .status = status,
				   .type = "text/plain; version=0.0.4; charset=utf-8",
				   .body = body,
				   .n_body = strlen(body),
				   .extra = {extra}});
}

static void reply_page(const struct vrs_responder *r, struct vrs_httpd_request *q)
{
	const char *path = vrs_httpd_path(q);

	if (strcmp(path, "/metrics") == 0)
		reply(q, 200, r->page.text.text, NULL);
	else if (strcmp(path, "/-/healthy") == 0)
		reply(q, 200, "healthy\n", NULL);
	else if (r->page.reasons.len > 0)
		reply(q, 503, r->page.reasons.text, NULL);
	else
		reply(q, 200, "ready\n", NULL);
}

/* All that wait get the page, however long it took. */
static void on_made(void *arg)
{
	struct vrs_responder *r = arg;
	struct wait *w = r->waiting, *next;

	page_fini(&r->page);
	r->page = r->next;
	r->next = (struct page){0};
	r->asked = false;
	for (r->waiting = NULL; w; w = next) {
		next = w->next;
		vrs_timer_cancel(w->timer);
		reply_page(r, w->q);
	}
}

static void on_late(void *arg)
{
	struct wait *w = arg;
	struct wait **p = &w->r->waiting;

	while (*p != w)
		p = &(*p)->next;
	*p = w->next;
	reply(w->q, 503, "event loop not responding\n", NULL);
}

static void make(void *arg);

static void on_early(void *arg, struct vrs_httpd_request *q)
{
	static const char *const paths[] = {"/metrics", "/-/healthy", "/-/ready"};
	const char *method = vrs_httpd_method(q), *path = vrs_httpd_path(q);

	(void)arg;
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
		reply(q, 405, "Method Not Allowed\n", "Allow: GET, HEAD");
		return;
	}
	for (size_t i = 0; path && i < sizeof(paths) / sizeof(paths[0]); i++)
		if (strcmp(path, paths[i]) == 0)
			return;
	reply(q, path ? 404 : 400, path ? "Not Found\n" : "Bad Request\n", NULL);
}

static void on_whole(void *arg, struct vrs_httpd_request *q)
{
	struct vrs_responder *r = arg;

	if (r->page.made_mono_ms && vrs_now_mono_ms() - r->page.made_mono_ms < FRESH_MS) {
		reply_page(r, q);
		return;
	}
	struct wait *w = vrs_httpd_note(q);
	*w = (struct wait){r, q, r->waiting,
			   vrs_loop_after(r->loop, WAIT_MS, on_late, w)};
	r->waiting = w;
	if (!r->asked)
		vrs_loop_post(r->conf.loop, make, r);
	r->asked = true;
}

static void on_refuse(void *arg, struct vrs_httpd_request *q, int status)
{
	(void)arg;
	reply(q, status,
	      status == 431   ? "Request Header Fields Too Large\n"
	      : status == 413 ? "Content Too Large\n"
			      : "Bad Request\n",
	      NULL);
}

static void *serve(void *loop)
{
	(void)vrs_loop_run(loop, NULL);
	return NULL;
}

/* --- on the daemon's loop --- */

static void make(void *arg)
{
	struct vrs_responder *r = arg;

	r->conf.fn(r->conf.arg, &r->next.text, &r->next.reasons);
	r->next.made_mono_ms = vrs_now_mono_ms();
	vrs_loop_post(r->loop, on_made, r);
}

/* --- opening --- */

static int open_all(struct vrs_responder *r, struct vrs_err *err)
{
	static const char *const headers[] = {"X-Content-Type-Options: nosniff", NULL};
	const struct vrs_httpd_conf conf = {
		.listen = r->conf.address,
		.max_connections = MAX_CONNECTIONS,
		.max_head = MAX_HEAD,
		.request_ms = REQUEST_MS,
		.reply_ms = REPLY_MS,
		.headers = headers,
		.close_after_reply = true,
	};
	const struct vrs_httpd_handler handler = {
		.arg = r, .early = on_early, .whole = on_whole, .refuse = on_refuse};
	int status = vrs_loop_open(&r->loop, err);

	if (status == 0)
		status = vrs_httpd_open(&r->httpd, r->loop, &conf, &handler, err);
	if (status < 0)
		return status;
	int rv = pthread_create(&r->thread, NULL, serve, r->loop);
	if (rv != 0)
		return vrs_fail(err, VRS_EIO, "cannot create a thread: %s", strerror(rv));
	r->running = true;
	return 0;
}

int vrs_responder_open(struct vrs_responder **ret, const struct vrs_responder_conf *conf,
		       struct vrs_err *err)
{
	struct vrs_responder *r = vrs_calloc(1, sizeof(*r));

	r->conf = *conf;
	int status = open_all(r, err);
	if (status < 0) {
		vrs_responder_close(r);
		(void)vrs_context(err, "metrics");
		return status;
	}
	*ret = r;
	return 0;
}

const char *vrs_responder_address(const struct vrs_responder *r)
{
	return vrs_httpd_url(r->httpd) + strlen("http://");
}

uint64_t vrs_responder_replies(const struct vrs_responder *r, int status)
{
	return vrs_httpd_replies(r->httpd, status, status);
}

void vrs_responder_close(struct vrs_responder *r)
{
	if (!r)
		return;
	if (r->running) {
		vrs_loop_stop(r->loop);
		(void)pthread_join(r->thread, NULL);
	}
	vrs_httpd_close(r->httpd);
	vrs_loop_close(r->loop);
	page_fini(&r->page);
	page_fini(&r->next);
	free(r);
}
