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
#include "vrs/clock.h"
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

static int open_on(struct vrs_responder **ret, struct world *w, const char *address,
		   struct vrs_err *err)
{
	const struct vrs_responder_conf conf = {w->loop, address, make_page, w};

	return vrs_responder_open(ret, &conf, err);
}

static int set_up(void **state)
{
	struct world *w = vrs_calloc(1, sizeof(*w));
	struct vrs_err err;

	(void)sem_init(&w->hold, 0, 0);
	(void)sem_init(&w->held, 0, 0);
	if (vrs_loop_open(&w->loop, &err) < 0 ||
	    open_on(&w->r, w, "127.0.0.1:0", &err) < 0)
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

static void a_loop_that_does_not_respond_is_reported(void **state)
{
	struct world *w = *state;
	char buf[1024];

	vrs_loop_post(w->loop, hold_the_loop, w);
	(void)sem_wait(&w->held);
	get(w, "GET /-/healthy HTTP/1.0\r\n\r\n", buf, sizeof(buf));
	assert_non_null(strstr(buf, "503 Service Unavailable"));
	assert_non_null(strstr(buf, "event loop not responding"));
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

/* What libmicrohttpd rejects is counted as what the responder does. */
static void every_reply_is_counted_by_its_status(void **state)
{
	const struct world *w = *state;
	static char long_head[6000], long_path[20000];
	static const struct {
		const char *text;
		int code;
	} cases[] = {
		{"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", 200},
		{"GET /metrics?x=1 HTTP/1.0\r\n\r\n", 200},
		{"HEAD /metrics HTTP/1.1\r\nhost: a\r\nAccept: */*\r\n\r\n", 200},
		{"GET /a HTTP/1.0\r\n\r\n", 404},
		{"GET /%zz HTTP/1.0\r\n\r\n", 400},
		{"GET /metrics HTTP/1.1\r\n\r\n", 400}, /* no host */
		{"GET /metrics HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
		{"GET /metrics HTTP/1.1\r\nHost : a\r\n\r\n", 400},
		{"GET /metrics\r\n\r\n", 400},
		{"GET metrics HTTP/1.1\r\nHost: a\r\n\r\n", 404},
		{"POST /metrics HTTP/1.1\r\nHost: a\r\n\r\n", 405},
		{"GET /metrics HTTP/1.0\r\nContent-Length: 3\r\n\r\n", 413},
		{"GET /metrics HTTP/2.0\r\nHost: a\r\n\r\n", 505},
		{long_head, 431},
		{long_path, 414},
	};
	uint64_t expected[600] = {0};
	char buf[1024], status[20];

	(void)snprintf(long_head, sizeof(long_head),
		       "GET / HTTP/1.0\r\nX: %05000d\r\n\r\n", 1);
	(void)snprintf(long_path, sizeof(long_path), "GET /%019000d HTTP/1.0\r\n\r\n", 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		get(w, cases[i].text, buf, sizeof(buf));
		(void)snprintf(status, sizeof(status), "HTTP/1.1 %d ", cases[i].code);
		if (strncmp(buf, status, strlen(status)) != 0)
			fail_msg("%.60s: %.30s", cases[i].text, buf);
		expected[cases[i].code]++;
	}
	for (int i = 0; i < 600; i++)
		assert_int_equal(vrs_responder_replies(w->r, i), expected[i]);
}

static void a_page_is_made_at_most_ten_times_a_second(void **state)
{
	const struct world *w = *state;
	char buf[1024];
	int64_t began = vrs_now_mono_ms();

	for (int i = 0; i < 100; i++)
		get(w, "GET /metrics HTTP/1.0\r\n\r\n", buf, sizeof(buf));
	unsigned long last = strtoul(strstr(buf, "page ") + 5, NULL, 10);
	assert_true(last <= (unsigned long)(vrs_now_mono_ms() - began) / 100 + 1);
}

/* The responder closes with requests that wait for the loop. */
static void it_closes_while_requests_wait(void **state)
{
	struct world *w = *state;
	struct vrs_loop *idle;
	struct vrs_err err;
	char buf[100];

	assert_int_equal(vrs_loop_open(&idle, &err), 0); /* never runs */
	struct world other = {.loop = idle};
	assert_int_equal(open_on(&other.r, &other, "[::1]:0", &err), 0);
	assert_memory_equal(vrs_responder_address(other.r), "[::1]:", 6);
	vrs_responder_close(other.r);
	assert_int_equal(open_on(&other.r, &other, "127.0.0.1:0", &err), 0);
	int fd = connect_to(&other);
	(void)send(fd, "GET /metrics HTTP/1.0\r\n\r\nx", 26, MSG_NOSIGNAL);
	get(&other, "GET /else HTTP/1.0\r\n\r\n", buf, sizeof(buf)); /* it came later */
	vrs_responder_close(other.r);
	vrs_loop_close(idle);
	read_all(fd, buf, sizeof(buf));
	assert_string_equal(buf, "");
	(void)w;
}

static void an_address_that_cannot_be_is_refused(void **state)
{
	struct world *w = *state;
	static const char *const bad[] = {
		"9471",        "127.0.0.1:",         ":1",
		"127.0.0.1:x", "127.0.0.1:99999999", "127.0.0.1:65536",
		"[]:1",        "127.0.0.1:-1"};
	struct vrs_responder *r = NULL;
	struct vrs_err err = {0};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_fails(open_on(&r, w, bad[i], &err), VRS_EINVAL, &err);
	/* in use */
	assert_true(open_on(&r, w, vrs_responder_address(w->r), &err) < 0);
	assert_null(r);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_page_is_made_when_somebody_asks),
		TEST(what_is_not_ready_says_why),
		TEST(a_loop_that_does_not_respond_is_reported),
		TEST(the_silent_give_way_to_those_who_ask),
		TEST(every_reply_is_counted_by_its_status),
		TEST(a_page_is_made_at_most_ten_times_a_second),
		TEST(it_closes_while_requests_wait),
		TEST(an_address_that_cannot_be_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
