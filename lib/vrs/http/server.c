#include "vrs/http/parts.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "vrs/clock.h"
#include "vrs/log.h"

enum { POOL_BYTES = 4096 }; /* of a connection, beside the head of its request */

/* --- events --- */

static void on_ready(void *arg)
{
	vrs_httpd_turn(arg);
}

static void on_sweep(void *arg)
{
	struct vrs_httpd *h = arg;

	vrs_httpd_conn_sweep(h);
	vrs_httpd_turn(h);
}

/* --- requests --- */

static struct vrs_httpd_request *request_new(struct vrs_httpd *h,
					     struct MHD_Connection *connection,
					     const char *url, const char *method)
{
	struct vrs_httpd_request *q = vrs_calloc(1, sizeof(*q));
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	q->http = h;
	q->connection = connection;
	q->conn = info->socket_context;
	q->method = vrs_strdup(method);
	q->path = vrs_strdup(url);
	q->began_mono_ms = vrs_now_mono_ms();
	if (!vrs_httpd_decode(q->path)) {
		free(q->path);
		q->path = NULL;
	}
	vrs_httpd_conn_set(q->conn, CONN_READS);
	return q;
}

static void request_free(struct vrs_httpd_request *q)
{
	if (q->response)
		MHD_destroy_response(q->response);
	for (size_t i = 0; i < q->n_decoded; i++)
		free(q->decoded[i]);
	free(q->method);
	free(q->path);
	free(q->body);
	free(q);
}

static void take_body(struct vrs_httpd_request *q, const char *bytes, size_t n)
{
	if (q->too_big || q->n_body + n > q->http->conf.max_body) {
		q->too_big = true;
		free(q->body);
		q->body = NULL;
		q->n_body = q->cap_body = 0;
		return;
	}
	if (q->n_body + n + 1 > q->cap_body) {
		q->cap_body = 2 * (q->n_body + n) + 1024;
		q->body = vrs_realloc(q->body, q->cap_body, 1);
	}
	memcpy(q->body + q->n_body, bytes, n);
	q->n_body += n;
	q->body[q->n_body] = '\0';
}

static enum MHD_Result send_reply(struct vrs_httpd_request *q)
{
	struct MHD_Response *response = q->response;

	q->response = NULL;
	q->http->replies[q->status]++;
	vrs_httpd_conn_set(q->conn, q->endless ? CONN_UNTIMED : CONN_REPLIES);
	enum MHD_Result result =
		MHD_queue_response(q->connection, (unsigned)q->status, response);
	MHD_destroy_response(response);
	return result;
}

static void refuse(struct vrs_httpd_request *q, int status)
{
	q->refused = true;
	q->http->handler.refuse(q->http->handler.arg, q, status);
}

static enum MHD_Result count_hosts(void *arg, enum MHD_ValueKind kind, const char *key,
				   const char *value)
{
	(void)kind;
	(void)value;
	*(unsigned *)arg += strcasecmp(key, "Host") == 0;
	return MHD_YES;
}

/* The status that refuses a request by its head; 0: it is fine. */
static int check_head(const struct vrs_httpd_request *q)
{
	const struct vrs_httpd_conf *conf = &q->http->conf;
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		q->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	const char *length = vrs_httpd_header(q, "Content-Length");
	unsigned hosts = 0;

	if (!info || info->header_size > conf->max_head)
		return 431;
	(void)MHD_get_connection_values(q->connection, MHD_HEADER_KIND, count_hosts,
					&hosts);
	if (hosts > 1)
		return 400;
	if (length && (strlen(length) > 9 || strtoul(length, NULL, 10) > conf->max_body))
		return 413;
	return 0;
}

static void take_request(struct vrs_httpd_request *q)
{
	const struct vrs_httpd_handler *handler = &q->http->handler;
	int status = check_head(q);

	if (status)
		refuse(q, status);
	else
		handler->early(handler->arg, q);
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection,
				  const char *url, const char *method,
				  const char *version, const char *upload,
				  size_t *n_upload, void **ctx)
{
	struct vrs_httpd *h = arg;
	struct vrs_httpd_request *q = *ctx;

	(void)version;
	if (!q) {
		q = *ctx = request_new(h, connection, url, method);
		take_request(q);
		return q->response ? send_reply(q) : MHD_YES;
	}
	if (*n_upload) {
		take_body(q, upload, *n_upload);
		*n_upload = 0;
		return MHD_YES;
	}
	if (!q->complete) {
		q->complete = true;
		vrs_httpd_conn_set(q->conn,
				   CONN_UNTIMED); /* the handler's own deadline */
		if (q->too_big)
			refuse(q, 413);
		else
			h->handler.whole(h->handler.arg, q);
	}
	if (q->response)
		return send_reply(q);
	if (h->closing)
		return MHD_NO;
	vrs_httpd_suspend(q->conn);
	return MHD_YES;
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **ctx,
			 enum MHD_RequestTerminationCode why)
{
	struct vrs_httpd *h = arg;
	struct vrs_httpd_request *q = *ctx;

	(void)connection;
	(void)why;
	if (!q)
		return;
	*ctx = NULL;
	if (h->handler.done && !q->endless)
		h->handler.done(h->handler.arg,
				(double)(vrs_now_mono_ms() - q->began_mono_ms) / 1000);
	vrs_httpd_conn_set(q->conn, CONN_WAITS);
	request_free(q);
}

/* --- the server --- */

/* libmicrohttpd logs the status of each reply that it makes by itself, to a malformed
 * request; there is no other way to learn of them. */
static void on_mhd_log(void *arg, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));
static void on_mhd_log(void *arg, const char *fmt, va_list ap)
{
	static const char rejected[] = "Error processing request (HTTP response code is ";
	struct vrs_httpd *h = arg;
	char line[300];

	(void)vsnprintf(line, sizeof(line), fmt, ap);
	if (strncmp(line, rejected, sizeof(rejected) - 1) == 0) {
		unsigned long status = strtoul(line + sizeof(rejected) - 1, NULL, 10);

		if (status < VRS_HTTPD_STATUSES)
			h->replies[status]++;
	}
	line[strcspn(line, "\n")] = '\0';
	log_debug("http: %s", line);
}

static size_t leave_escapes(void *arg, struct MHD_Connection *connection, char *s)
{
	(void)arg;
	(void)connection;
	return strlen(s); /* vrs_httpd_decode does it, strictly */
}

static int read_pem(const char *path, char **ret, struct vrs_err *err)
{
	enum { MAX = 256 << 10 };
	FILE *f = fopen(path, "rbe");

	if (!f)
		return vrs_fail_errno(err, "tls: cannot open %s", path);
	char *text = vrs_calloc(1, MAX + 1);
	size_t n = fread(text, 1, MAX, f);
	(void)fclose(f);
	if (n == 0 || n == MAX || !strstr(text, "-----BEGIN")) {
		free(text);
		return vrs_fail(err, VRS_EINVAL, "tls: %s is not a PEM file", path);
	}
	*ret = text;
	return 0;
}

static int address_of(const char *listen, struct sockaddr_storage *ret, socklen_t *ret_n,
		      struct vrs_err *err)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
				 .ai_flags = AI_PASSIVE | AI_NUMERICSERV},
			*found = NULL;
	const char *colon = strrchr(listen, ':');
	bool v6 = colon > listen + 2 && listen[0] == '[' && colon[-1] == ']';
	size_t n = colon ? (size_t)(colon - listen) - (v6 ? 2 : 0) : 0;
	char host[256];

	if (n == 0 || n >= sizeof(host) || !colon[1] || strlen(colon + 1) > 5 ||
	    colon[1 + strspn(colon + 1, "0123456789")] || atoi(colon + 1) > UINT16_MAX)
		return vrs_fail(err, VRS_EINVAL,
				"%s: expected HOST:PORT, as in 127.0.0.1:7780", listen);
	(void)snprintf(host, sizeof(host), "%.*s", (int)n, listen + v6);
	int status = getaddrinfo(host, colon + 1, &hints, &found);
	if (status != 0)
		return vrs_fail(err, VRS_EINVAL, "%s: %s", listen, gai_strerror(status));
	memcpy(ret, found->ai_addr, found->ai_addrlen);
	*ret_n = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

static void raise_descriptor_limit(int64_t connections)
{
	struct rlimit limit;
	rlim_t want = (rlim_t)connections + 256;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= want)
		return;
	limit.rlim_cur = limit.rlim_max < want ? limit.rlim_max : want;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static int start(struct vrs_httpd *h, struct vrs_err *err)
{
	struct sockaddr_storage address = {0};
	socklen_t n = 0;
	unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
	int status = address_of(h->conf.listen, &address, &n, err);

	if (status < 0)
		return status;
	if (address.ss_family == AF_INET6)
		flags |= MHD_USE_DUAL_STACK;
	struct MHD_OptionItem tls[] = {
		{h->cert ? MHD_OPTION_HTTPS_MEM_CERT : MHD_OPTION_END, 0, h->cert},
		{MHD_OPTION_HTTPS_MEM_KEY, 0, h->key},
		{MHD_OPTION_END, 0, NULL},
	};
	h->mhd = MHD_start_daemon(
		flags | (h->cert ? MHD_USE_TLS : 0), 0, NULL, NULL, on_request, h,
		MHD_OPTION_EXTERNAL_LOGGER, on_mhd_log, h, MHD_OPTION_SOCK_ADDR,
		(struct sockaddr *)&address, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)h->conf.max_connections, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		h->conf.max_head + POOL_BYTES, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
		h, MHD_OPTION_NOTIFY_CONNECTION, vrs_httpd_on_connection, h,
		MHD_OPTION_UNESCAPE_CALLBACK, leave_escapes, h,
		MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_LISTEN_BACKLOG_SIZE, 1024u,
		MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
	if (!h->mhd)
		return vrs_fail_errno(err, "cannot start the HTTP server on %s%s",
				      h->conf.listen,
				      h->cert ? " (if the address is free, check that "
						"tls_key matches tls_cert)"
					      : "");
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(h->mhd, MHD_DAEMON_INFO_EPOLL_FD);
	h->epoll_fd = info ? info->epoll_fd : -1;
	info = MHD_get_daemon_info(h->mhd, MHD_DAEMON_INFO_BIND_PORT);
	char host[INET6_ADDRSTRLEN] = "";
	(void)getnameinfo((struct sockaddr *)&address, n, host, sizeof(host), NULL, 0,
			  NI_NUMERICHOST);
	(void)snprintf(h->url, sizeof(h->url),
		       address.ss_family == AF_INET6 ? "http%s://[%s]:%u"
						     : "http%s://%s:%u",
		       h->cert ? "s" : "", host, info ? info->port : 0);
	return vrs_loop_watch(h->loop, h->epoll_fd, on_ready, h, err);
}

int vrs_httpd_open(struct vrs_httpd **ret, struct vrs_loop *loop,
		   const struct vrs_httpd_conf *conf,
		   const struct vrs_httpd_handler *handler, struct vrs_err *err)
{
	struct vrs_httpd *h = vrs_calloc(1, sizeof(*h));
	int status = 0;

	h->loop = loop;
	h->conf = *conf;
	h->handler = *handler;
	h->epoll_fd = -1;
	raise_descriptor_limit(conf->max_connections);
	if (conf->cert_file && (conf->cert_file[0] || conf->key_file[0])) {
		status = read_pem(conf->cert_file, &h->cert, err);
		if (status == 0)
			status = read_pem(conf->key_file, &h->key, err);
	}
	if (status == 0)
		status = start(h, err);
	if (status < 0) {
		vrs_httpd_close(h);
		return status;
	}
	h->sweep = vrs_loop_every(loop, VRS_HTTPD_SWEEP_EVERY_MS, on_sweep, h);
	*ret = h;
	return 0;
}

void vrs_httpd_close(struct vrs_httpd *h)
{
	if (!h)
		return;
	h->closing = true;
	if (h->sweep)
		vrs_timer_cancel(h->sweep);
	if (h->soon)
		vrs_timer_cancel(h->soon);
	if (h->epoll_fd >= 0)
		vrs_loop_forget(h->loop, h->epoll_fd);
	for (struct vrs_httpd_conn *c = h->first; c; c = c->next)
		vrs_httpd_resume(c); /* what is suspended cannot be stopped */
	if (h->mhd)
		MHD_stop_daemon(h->mhd);
	free(h->cert);
	free(h->key);
	free(h);
}

const char *vrs_httpd_url(const struct vrs_httpd *h)
{
	return h->url;
}

void vrs_httpd_counts(const struct vrs_httpd *h, struct vrs_httpd_counts *ret)
{
	*ret = h->counts;
}

uint64_t vrs_httpd_replies(const struct vrs_httpd *h, int low, int high)
{
	uint64_t n = 0;

	for (int i = low; i <= high && i < VRS_HTTPD_STATUSES; i++)
		n += h->replies[i];
	return n;
}
