/* Requests to a server of this test, which says what it is told to. */
#include "check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vrs/http.h"
#include "vrs/mem.h"

struct server {
	int fd;
	char url[64];
	const char *answer; /* NULL: never */
	char heard[4096];   /* the request */
	pthread_t thread;
};

/* One connection: hears until the request is whole, answers, closes. */
static void *serve(void *arg)
{
	struct server *s = arg;
	int fd = accept(s->fd, NULL, NULL);
	size_t len = 0;
	ssize_t n;

	while (fd >= 0 && len + 1 < sizeof(s->heard) &&
	       (n = read(fd, s->heard + len, sizeof(s->heard) - 1 - len)) > 0) {
		const char *end, *length;

		len += (size_t)n;
		s->heard[len] = '\0';
		end = strstr(s->heard, "\r\n\r\n");
		length = strstr(s->heard, "Content-Length: ");
		if (s->answer && end &&
		    (!length || strlen(end + 4) >= strtoul(length + 16, NULL, 10)))
			break;
	}
	if (fd >= 0 && s->answer)
		(void)!write(fd, s->answer, strlen(s->answer));
	(void)close(fd);
	return NULL;
}

static void server_begin(struct server *s, const char *answer)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);

	*s = (struct server){.fd = socket(AF_INET, SOCK_STREAM, 0), .answer = answer};
	assert_int_equal(bind(s->fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(s->fd, 4), 0);
	assert_int_equal(getsockname(s->fd, (struct sockaddr *)&a, &len), 0);
	(void)snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%u/x",
		       ntohs(a.sin_port));
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void server_end(struct server *s)
{
	(void)shutdown(s->fd, SHUT_RDWR);
	(void)pthread_join(s->thread, NULL);
	(void)close(s->fd);
}

static void a_body_goes_out_and_the_answer_comes_back(void **state)
{
	(void)state;
	struct server s;
	struct vrs_err err = {0};
	struct vrs_http_reply reply;

	server_begin(&s, "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\n"
			 "Content-Length: 5\r\n\r\nwhat?");
	struct vrs_http_request req = {.url = s.url,
				       .bearer = "abc.def",
				       .content_type = "application/json",
				       .body = "{}",
				       .n_body = 2,
				       .header = {"X-Name: value"},
				       .timeout_ms = 5000};
	assert_int_equal(vrs_http(&req, &reply, &err), 0);
	server_end(&s);
	assert_int_equal(reply.status, 404);
	assert_string_equal(reply.content_type, "text/plain");
	assert_string_equal(reply.body, "what?");
	assert_int_equal(reply.n_body, 5);
	vrs_http_reply_fini(&reply);

	assert_ptr_equal(strstr(s.heard, "POST /x HTTP/1.1"), s.heard);
	assert_non_null(strstr(s.heard, "\r\nAuthorization: Bearer abc.def\r\n"));
	assert_non_null(strstr(s.heard, "\r\nContent-Type: application/json\r\n"));
	assert_non_null(strstr(s.heard, "\r\nX-Name: value\r\n"));
	assert_non_null(strstr(s.heard, "\r\n\r\n{}"));
}

static void a_redirect_is_an_answer_and_not_followed(void **state)
{
	(void)state;
	struct server s;
	struct vrs_err err = {0};
	struct vrs_http_reply reply;

	server_begin(&s, "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n"
			 "Content-Length: 0\r\n\r\n");
	assert_int_equal(vrs_http(&(struct vrs_http_request){.url = s.url}, &reply, &err),
			 0);
	server_end(&s);
	assert_int_equal(reply.status, 302);
	assert_string_equal(reply.body, "");
	assert_ptr_equal(strstr(s.heard, "GET /x HTTP/1.1"), s.heard);
	vrs_http_reply_fini(&reply);
}

static void more_than_was_wanted_is_refused(void **state)
{
	(void)state;
	struct server s;
	struct vrs_err err = {0};
	struct vrs_http_reply reply = {.status = -1};

	server_begin(&s, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789");
	struct vrs_http_request req = {.url = s.url, .max_bytes = 9};
	assert_fails(vrs_http(&req, &reply, &err), VRS_ENOSPC, &err);
	server_end(&s);
	assert_int_equal(reply.status, -1); /* untouched */
}

static void a_server_that_never_answers_is_given_up(void **state)
{
	(void)state;
	struct server s;
	struct vrs_err err = {0};
	struct vrs_http_reply reply;

	server_begin(&s, NULL);
	struct vrs_http_request req = {.url = s.url, .timeout_ms = 100};
	assert_fails(vrs_http(&req, &reply, &err), VRS_ETIMEOUT, &err);
	server_end(&s);
}

static void what_cannot_be_asked_is_said(void **state)
{
	(void)state;
	static const struct {
		const char *url, *bearer;
		int code;
	} cases[] = {
		{"http://127.0.0.1:1/", NULL, VRS_ECONN},
		{"ftp://127.0.0.1/x", NULL, VRS_EINVAL},
		{"file:///etc/passwd", NULL, VRS_EINVAL},
		{"http://[::1/", NULL, VRS_EINVAL},
		{"http://127.0.0.1:1/", "a\r\nX-Evil: 1", VRS_EINVAL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vrs_err err = {0};
		struct vrs_http_reply reply;
		struct vrs_http_request req = {.url = cases[i].url,
					       .bearer = cases[i].bearer};

		assert_fails(vrs_http(&req, &reply, &err), cases[i].code, &err);
		assert_ptr_equal(strstr(err.text, cases[i].url), err.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_body_goes_out_and_the_answer_comes_back),
		cmocka_unit_test(a_redirect_is_an_answer_and_not_followed),
		cmocka_unit_test(more_than_was_wanted_is_refused),
		cmocka_unit_test(a_server_that_never_answers_is_given_up),
		cmocka_unit_test(what_cannot_be_asked_is_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
