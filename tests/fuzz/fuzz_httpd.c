/* Requests to the HTTP server, over a real connection: what the handler reads of them
 * keeps the promises of vrs/httpd.h, and every connection ends. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vrs/httpd.h"

enum { MAX_HEAD = 4096, MAX_BODY = 1000, TURNS = 16 };

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static struct vrs_loop *loop;
static struct sockaddr_in address = {.sin_family = AF_INET};
static int client = -1, turns;

static void check_text(const char *s)
{
	for (; s && *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			abort();
}

static void reply(struct vrs_httpd_request *q, int status)
{
	vrs_httpd_reply(q, &(struct vrs_httpd_reply){.status = status,
						     .type = "text/plain",
						     .fixed = "x",
						     .n_body = 1});
}

static void early(void *arg, struct vrs_httpd_request *q)
{
	static const char *const known[] = {"x", NULL};
	unsigned char *note = vrs_httpd_note(q);

	(void)arg;
	check_text(vrs_httpd_path(q));
	for (int i = 0; i < 10; i++)
		check_text(vrs_httpd_query(q, "x"));
	(void)vrs_httpd_query_unknown(q, known);
	(void)vrs_httpd_header(q, "Host");
	(void)vrs_httpd_cookie(q, "x");
	if (note[0])
		abort();
	note[0] = 1;
	if (strcmp(vrs_httpd_method(q), "DELETE") == 0)
		reply(q, 405);
}

static void whole(void *arg, struct vrs_httpd_request *q)
{
	size_t n;
	const char *body = vrs_httpd_body(q, &n);

	(void)arg;
	if (n > MAX_BODY || body[n] != '\0')
		abort();
	reply(q, vrs_httpd_path(q) ? 200 : 400);
}

static void refuse(void *arg, struct vrs_httpd_request *q, int status)
{
	(void)arg;
	reply(q, status);
}

static void on_readable(void *arg)
{
	char buf[4096];

	(void)arg;
	if (recv(client, buf, sizeof(buf), 0) <= 0)
		vrs_loop_stop(loop);
}

/* Once the server has read all: a connection whose end comes with its bytes would last
 * until its deadline. */
static void on_turn(void *arg)
{
	(void)arg;
	if (--turns > 0)
		vrs_loop_post(loop, on_turn, NULL);
	else
		(void)shutdown(client, SHUT_WR);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const struct vrs_httpd_handler handler = {
		.early = early, .whole = whole, .refuse = refuse};
	static const struct vrs_httpd_conf conf = {.listen = "127.0.0.1:0",
						   .max_connections = 8,
						   .max_head = MAX_HEAD,
						   .max_body = MAX_BODY,
						   .request_ms = 5000,
						   .reply_ms = 5000};
	struct vrs_httpd *h;

	(void)argc;
	(void)argv;
	if (vrs_loop_open(&loop, NULL) < 0 ||
	    vrs_httpd_open(&h, loop, &conf, &handler, NULL) < 0)
		abort();
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address.sin_port = htons((uint16_t)atoi(strrchr(vrs_httpd_url(h), ':') + 1));
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	turns = TURNS;
	client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (client < 0 ||
	    connect(client, (const struct sockaddr *)&address, sizeof(address)) < 0)
		abort();
	(void)send(client, bytes, n < 64 << 10 ? n : 64 << 10, MSG_NOSIGNAL);
	vrs_loop_post(loop, on_turn, NULL);
	if (vrs_loop_watch(loop, client, on_readable, NULL, NULL) < 0)
		abort();
	(void)vrs_loop_run(loop, NULL);
	vrs_loop_forget(loop, client);
	(void)close(client);
	return 0;
}
