#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "loop_thread.h"
#include "vrs/responder.h"

/* A loop on its thread with a responder whose page is "page N", N rising. */
struct world {
	struct vrs_loop *loop;
	struct loop_thread thread;
	struct vrs_responder *r;
	unsigned made;
	bool broken;
	sem_t hold, held;
};

static void make_page(void *arg, struct vrs_text *page, struct vrs_text *reasons)
{
	struct world *w = arg;

	vrs_text_add(page, "page %u\n", ++w->made);
	if (w->broken)
		vrs_text_add(reasons, "it is broken\n");
}

static int set_up(void **state)
{
	struct world *w = vrs_calloc(1, sizeof(*w));
	struct vrs_err err;

	(void)sem_init(&w->hold, 0, 0);
	(void)sem_init(&w->held, 0, 0);
	if (vrs_loop_open(&w->loop, &err) < 0 ||
	    vrs_responder_open(&w->r, w->loop, "127.0.0.1:0", make_page, w, &err) < 0)
		return -1;
	loop_thread_start(&w->thread, w->loop);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	loop_thread_stop(&w->thread);
	vrs_responder_close(w->r);
	vrs_loop_close(w->loop);
	(void)sem_destroy(&w->hold);
	(void)sem_destroy(&w->held);
	free(w);
	return 0;
}

static int connect_to(const struct world *w)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	const char *colon = strrchr(vrs_responder_address(w->r), ':');
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	to.sin_port = htons((uint16_t)atoi(colon + 1));
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

/* All that comes until the other side ends. */
static void read_all(int fd, char *buf, size_t size)
{
	size_t n = 0;
	ssize_t got;

	while (n < size - 1 && (got = recv(fd, buf + n, size - 1 - n, 0)) > 0)
		n += (size_t)got;
	buf[n] = '\0';
	(void)close(fd);
}

static void get(const struct world *w, const char *request, char *buf, size_t size)
{
	int fd = connect_to(w);

	assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL),
			 strlen(request));
	read_all(fd, buf, size);
}

static void a_page_is_made_when_somebody_asks(void **state)
{
	const struct world *w = *state;
	char buf[1024];

	get(w, "GET /metrics HTTP/1.0\r\n\r\n", buf, sizeof(buf));
	assert_int_equal(strncmp(buf, "HTTP/1.1 200 OK\r\n", 17), 0);
	assert_non_null(strstr(buf, "text/plain; version=0.0.4"));
	assert_non_null(strstr(buf, "Content-Length: 7\r\n"));
	assert_non_null(strstr(buf, "\r\n\r\npage 1\n"));
	get(w, "HEAD /metrics HTTP/1.0\r\n\r\n", buf, sizeof(buf));
	assert_null(strstr(buf, "page"));
	get(w, "GET /-/healthy HTTP/1.0\r\n\r\n", buf, sizeof(buf));
	assert_non_null(strstr(buf, "\r\n\r\nhealthy\n"));
	get(w, "GET /-/ready HTTP/1.0\r\n\r\n", buf, sizeof(buf));
	assert_non_null(strstr(buf, "\r\n\r\nready\n"));
	get(w, "GET /else HTTP/1.0\r\n\r\n", buf, sizeof(buf));
	assert_non_null(strstr(buf, "404 Not Found"));
	get(w, "POST /metrics HTTP/1.0\r\n\r\n", buf, sizeof(buf));
	assert_non_null(strstr(buf, "Allow: GET, HEAD\r\n"));
	get(w, "\r\n\r\n", buf, sizeof(buf));
	assert_non_null(strstr(buf, "400 Bad Request"));
}

static void break_it(void *arg)
{
	struct world *w = arg;

	w->broken = true;
	(void)sem_post(&w->held);
}

static void what_is_not_ready_says_why(void **state)
{
	struct world *w = *state;
	char buf[1024];

	vrs_loop_post(w->loop, break_it, w);
	(void)sem_wait(&w->held);
	get(w, "GET /-/ready HTTP/1.0\r\n\r\n", buf, sizeof(buf));
	assert_non_null(strstr(buf, "503 Service Unavailable"));
	assert_non_null(strstr(buf, "it is broken"));
	get(w, "GET /-/healthy HTTP/1.0\r\n\r\n", buf, sizeof(buf));
	assert_non_null(strstr(buf, "200 OK"));
}

static void hold_the_loop(void *arg)
{
	struct world *w = arg;

	(void)sem_post(&w->held);
	(void)sem_wait(&w->hold);
}

static void a_loop_that_does_not_turn_is_told(void **state)
{
	struct world *w = *state;
	char buf[1024];

	vrs_loop_post(w->loop, hold_the_loop, w);
	(void)sem_wait(&w->held);
	get(w, "GET /-/healthy HTTP/1.0\r\n\r\n", buf, sizeof(buf));
	assert_non_null(strstr(buf, "503 Service Unavailable"));
	assert_non_null(strstr(buf, "the loop does not turn"));
	(void)sem_post(&w->hold);
	get(w, "GET /-/healthy HTTP/1.0\r\n\r\n", buf, sizeof(buf));
	assert_non_null(strstr(buf, "200 OK"));
}

static void the_silent_give_way_to_those_who_ask(void **state)
{
	const struct world *w = *state;
	enum { CROWD = 200 };
	int fd[CROWD];
	char buf[1024];
	int gone = 0;

	for (int i = 0; i < CROWD; i++) {
		fd[i] = connect_to(w);
		(void)send(fd[i], "GET", 3, MSG_NOSIGNAL);
	}
	get(w, "GET /metrics HTTP/1.0\r\n\r\n", buf, sizeof(buf));
	assert_non_null(strstr(buf, "200 OK"));
	for (int i = 0; i < CROWD; i++) {
		struct pollfd p = {.fd = fd[i], .events = POLLIN};

		gone += poll(&p, 1, 0) == 1; /* closed or reset */
		(void)close(fd[i]);
	}
	assert_true(gone >= CROWD - 32);
}

static void answers_are_counted(void **state)
{
	const struct world *w = *state;
	struct vrs_responder_count count[VRS_RESPONDER_CODES + 1];
	char buf[1024];
	uint64_t ok = 0, not_found = 0;

	for (int i = 0; i < 3; i++)
		get(w, "GET /metrics HTTP/1.0\r\n\r\n", buf, sizeof(buf));
	get(w, "GET /a HTTP/1.0\r\n\r\n", buf, sizeof(buf));
	vrs_responder_counts(w->r, count);
	for (const struct vrs_responder_count *c = count; c->code; c++) {
		ok += c->code == 200 ? c->n : 0;
		not_found += c->code == 404 ? c->n : 0;
	}
	assert_int_equal(ok, 3);
	assert_int_equal(not_found, 1);
}

static void an_address_that_cannot_be_is_refused(void **state)
{
	const struct world *w = *state;
	static const char *const bad[] = {"9471", "127.0.0.1:", ":1", "127.0.0.1:x",
					  "127.0.0.1:99999999"};
	struct vrs_responder *r = NULL;
	struct vrs_err err = {0};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_fails(
			vrs_responder_open(&r, w->loop, bad[i], make_page, NULL, &err),
			VRS_EINVAL, &err);
	/* in use */
	assert_true(vrs_responder_open(&r, w->loop, vrs_responder_address(w->r),
				       make_page, NULL, &err) < 0);
	assert_null(r);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_page_is_made_when_somebody_asks),
		TEST(what_is_not_ready_says_why),
		TEST(a_loop_that_does_not_turn_is_told),
		TEST(the_silent_give_way_to_those_who_ask),
		TEST(answers_are_counted),
		TEST(an_address_that_cannot_be_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
