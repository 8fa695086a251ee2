/* A guest is healthy when it answers, not when its process runs. */
#include "check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "detect/health.h"

enum { SOON = 20000 };

/* --- addresses --- */

static void addresses_are_read(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool http;
		const char *host, *port, *path;
	} cases[] = {
		{"tcp://10.0.0.1:22", false, "10.0.0.1", "22", "/"},
		{"http://10.0.0.1", true, "10.0.0.1", "80", "/"},
		{"http://web1:8080/alive?x=1", true, "web1", "8080", "/alive?x=1"},
		{"http://[fd00::1]:81/", true, "fd00::1", "81", "/"},
		{"http://[fd00::1]", true, "fd00::1", "80", "/"},
		{"tcp://[::1]:65535", false, "::1", "65535", "/"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct health_address a;
		struct vrs_err err = {0};

		assert_ok(health_parse(cases[i].text, &a, &err), &err);
		assert_int_equal(a.http, cases[i].http);
		assert_string_equal(a.at.host, cases[i].host);
		assert_string_equal(a.at.port, cases[i].port);
		assert_string_equal(a.path, cases[i].path);
	}
}

static void what_is_no_address_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",
		"web1:80",
		"https://web1/",
		"tcp://",
		"tcp://web1",
		"tcp://:22",
		"tcp://web1:0",
		"tcp://web1:65536",
		"tcp://web1:-1",
		"http://",
		"http:///path",
		"http://[fd00::1:80",
		"http://web1:port/",
		"http://web1/a b",
		"http://web1/\r\nHost: other",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct health_address a = {.at.port = "kept"};
		struct vrs_err err = {0};

		assert_fails(health_parse(bad[i], &a, &err), VRS_EINVAL, &err);
		assert_string_equal(a.at.port, "kept"); /* untouched on failure */
	}
}

static void only_2xx_and_3xx_are_health(void **state)
{
	(void)state;
	static const struct {
		const char *line;
		int code;
	} cases[] = {
		{"HTTP/1.0 200 OK", 200},
		{"HTTP/1.1 204", 204},
		{"HTTP/1.1 302 Found\r\n", 302},
		{"HTTP/1.1 404 Not Found", -1},
		{"HTTP/1.1 503 busy", -1},
		{"HTTP/1.1 100 Continue", -1},
		{"HTTP/2 200", -1},
		{"HTTP/1.", -1},
		{"HTTP/1.1", -1},
		{"SSH-2.0-OpenSSH", -1},
		{"200 OK", -1},
		{"", -1},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(health_status(cases[i].line), cases[i].code);
}

/* --- asking --- */

/* A guest that says this to whoever asks, once; NULL: it listens and never answers. */
struct guest {
	const char *says;
	int fd;
	char port[8], heard[300];
	pthread_t thread;
};

static void *serve(void *arg)
{
	struct guest *g = arg;
	int fd = accept4(g->fd, NULL, NULL, SOCK_CLOEXEC);
	ssize_t n = recv(fd, g->heard, sizeof(g->heard) - 1, 0);

	g->heard[n > 0 ? n : 0] = '\0';
	for (const char *p = g->says; *p; p++) /* in crumbs, as a busy one does */
		(void)send(fd, p, 1, MSG_NOSIGNAL);
	(void)close(fd);
	return NULL;
}

static void guest_open(struct guest *g, const char *says)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(at);

	*g = (struct guest){.says = says,
			    .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
	assert_int_equal(bind(g->fd, (struct sockaddr *)&at, n), 0);
	assert_int_equal(getsockname(g->fd, (struct sockaddr *)&at, &n), 0);
	assert_int_equal(listen(g->fd, 4), 0);
	(void)snprintf(g->port, sizeof(g->port), "%d", ntohs(at.sin_port));
	if (says)
		assert_int_equal(pthread_create(&g->thread, NULL, serve, g), 0);
}

static void guest_close(struct guest *g)
{
	if (g->says)
		(void)pthread_join(g->thread, NULL);
	(void)close(g->fd);
}

static int ask(const struct guest *g, const char *kind, int64_t timeout_ms,
	       struct vrs_err *err)
{
	char address[64];

	(void)snprintf(address, sizeof(address), "%s://127.0.0.1:%s%s", kind, g->port,
		       strcmp(kind, "http") == 0 ? "/alive" : "");
	return health_check(address, timeout_ms, err);
}

static void a_guest_that_answers_well_is_healthy(void **state)
{
	(void)state;
	struct vrs_err err = {0};
	struct guest g;

	guest_open(&g, "HTTP/1.0 200 OK\r\n\r\n");
	assert_ok(ask(&g, "http", SOON, &err), &err);
	guest_close(&g);
	assert_int_equal(strncmp(g.heard, "GET /alive HTTP/1.0\r\n", 21), 0);
}

static void a_guest_that_answers_badly_is_not(void **state)
{
	(void)state;
	static const char *const bad[] = {"HTTP/1.0 500 no disk\r\n\r\n", "SSH-2.0\r\n",
					  "HTTP/1.0 200", ""};

	/* without the end of its line, an answer is one only if it says all */
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct vrs_err err = {0};
		struct guest g;

		guest_open(&g, bad[i]);
		if (i == 2)
			assert_ok(ask(&g, "http", SOON, &err), &err);
		else
			assert_fails(ask(&g, "http", SOON, &err), VRS_EIO, &err);
		guest_close(&g);
	}
}

static void a_guest_that_hangs_is_not_waited_for(void **state)
{
	(void)state;
	struct vrs_err err = {0};
	struct guest g;

	guest_open(&g, NULL); /* the kernel accepts for it */
	assert_fails(ask(&g, "http", 50, &err), VRS_ETIMEOUT, &err);
	assert_non_null(strstr(err.text, "does not answer"));
	assert_ok(ask(&g, "tcp", SOON, &err), &err); /* that much it does */
	guest_close(&g);
}

static void where_nobody_listens_nobody_is_healthy(void **state)
{
	(void)state;
	struct vrs_err err = {0};
	struct guest g;

	guest_open(&g, NULL);
	guest_close(&g);
	assert_fails(ask(&g, "http", SOON, &err), VRS_ECONN, &err);
	assert_fails(ask(&g, "tcp", SOON, &err), VRS_ECONN, &err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_read),
		cmocka_unit_test(what_is_no_address_is_refused),
		cmocka_unit_test(only_2xx_and_3xx_are_health),
		cmocka_unit_test(a_guest_that_answers_well_is_healthy),
		cmocka_unit_test(a_guest_that_answers_badly_is_not),
		cmocka_unit_test(a_guest_that_hangs_is_not_waited_for),
		cmocka_unit_test(where_nobody_listens_nobody_is_healthy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
