#include "vrs/responder.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vrs/clock.h"
#include "vrs/http/parse.h"

enum {
	MAX_CONNECTIONS = 32,
	BACKLOG = 128,
	READ_MS = 5000,
	WAIT_MS = 2000, /* for the loop */
	WRITE_MS = 10000,
	LINGER_MS = 1000,
	FRESH_MS = 100, /* a page this old is as good as a new one */
	LINGER_BYTES = 64 * 1024,
};

enum state { READING, WAITING, WRITING, LINGERING };

struct connection {
	int fd;
	enum state state;
	int64_t deadline_mono_ms;
	struct vrs_http_head head;
	char in[VRS_HTTP_MAX_HEAD];
	size_t n_in;
	struct vrs_text out;
	size_t n_out; /* written */
};

struct vrs_responder {
	struct vrs_loop *loop;
	vrs_responder_fn fn;
	void *arg;
	char *address;
	int listen_fd, wake_fd;
	pthread_t thread;
	bool running;
	struct connection *connection[MAX_CONNECTIONS];
	size_t n;

	pthread_mutex_t lock; /* what follows */
	bool stop, asked, made;
	struct vrs_text page, reasons;
	int64_t made_mono_ms;
	struct vrs_responder_count count[VRS_RESPONDER_CODES + 1];
};

static void wake(struct vrs_responder *r)
{
	uint64_t one = 1;

	if (write(r->wake_fd, &one, sizeof(one)) < 0) {
		/* the counter is full: the thread is awake anyway */
	}
}

/* --- on the loop --- */

static void make(void *arg)
{
	struct vrs_responder *r = arg;
	struct vrs_text page = {0}, reasons = {0};

	r->fn(r->arg, &page, &reasons);
	(void)pthread_mutex_lock(&r->lock);
	vrs_text_fini(&r->page);
	vrs_text_fini(&r->reasons);
	r->page = page;
	r->reasons = reasons;
	r->made_mono_ms = vrs_now_mono_ms();
	r->made = true;
	r->asked = false;
	(void)pthread_mutex_unlock(&r->lock);
	wake(r);
}

/* --- on the thread --- */

static void count(struct vrs_responder *r, int code)
{
	struct vrs_responder_count *c = r->count;

	(void)pthread_mutex_lock(&r->lock);
	while (c->code && c->code != code && c < r->count + VRS_RESPONDER_CODES - 1)
		c++;
	c->code = code;
	c->n++;
	(void)pthread_mutex_unlock(&r->lock);
}

static void answer(struct vrs_responder *r, struct connection *c, int code,
		   const char *body, size_t len)
{
	count(r, code);
	vrs_text_add(&c->out,
		     "HTTP/1.1 %d %s\r\n"
		     "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
		     "Content-Length: %zu\r\nCache-Control: no-store\r\n%s"
		     "X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
		     code, vrs_http_reason(code), len,
		     code == 405 ? "Allow: GET, HEAD\r\n" : "");
	if (!c->head.head_only)
		vrs_text_add_bytes(&c->out, body, len);
	c->state = WRITING;
	c->deadline_mono_ms = vrs_now_mono_ms() + WRITE_MS;
}

static void answer_text(struct vrs_responder *r, struct connection *c, int code,
			const char *text)
{
	answer(r, c, code, text, strlen(text));
}

static void refuse(struct vrs_responder *r, struct connection *c, int code)
{
	char text[80];

	(void)snprintf(text, sizeof(text), "%s\n", vrs_http_reason(code));
	answer_text(r, c, code, text);
}

/* The page is here and young. Called with the lock held; it is let go. */
static void answer_page(struct vrs_responder *r, struct connection *c)
{
	struct vrs_text body = {0};
	int code = 200;

	if (strcmp(c->head.path, "/metrics") == 0) {
		vrs_text_add_bytes(&body, r->page.text ? r->page.text : "", r->page.len);
	} else if (strcmp(c->head.path, "/-/healthy") == 0) {
		vrs_text_add(&body, "healthy\n");
	} else if (r->reasons.len > 0) {
		code = 503;
		vrs_text_add_bytes(&body, r->reasons.text, r->reasons.len);
	} else {
		vrs_text_add(&body, "ready\n");
	}
	(void)pthread_mutex_unlock(&r->lock);
	answer(r, c, code, body.text ? body.text : "", body.len);
	vrs_text_fini(&body);
}

/* Asks the loop for a page unless there is one, or it was asked. */
static void want_page(struct vrs_responder *r, struct connection *c)
{
	(void)pthread_mutex_lock(&r->lock);
	if (r->made && vrs_now_mono_ms() - r->made_mono_ms < FRESH_MS) {
		answer_page(r, c);
		return;
	}
	bool ask = !r->asked;
	r->asked = true;
	(void)pthread_mutex_unlock(&r->lock);
	if (ask)
		vrs_loop_post(r->loop, make, r);
	c->state = WAITING;
	c->deadline_mono_ms = vrs_now_mono_ms() + WAIT_MS;
}

/* Whoever waits gets what was made, however long it took; when somebody has asked again
 * since, another page is on its way. */
static void on_page(struct vrs_responder *r)
{
	for (size_t i = 0; i < r->n; i++) {
		if (r->connection[i]->state != WAITING)
			continue;
		(void)pthread_mutex_lock(&r->lock);
		if (!r->made || r->asked) {
			(void)pthread_mutex_unlock(&r->lock);
			return;
		}
		answer_page(r, r->connection[i]);
	}
}

static void on_head(struct vrs_responder *r, struct connection *c, int code)
{
	static const char *const paths[] = {"/metrics", "/-/healthy", "/-/ready"};

	if (code != 1) {
		refuse(r, c, code);
		return;
	}
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (strcmp(c->head.path, paths[i]) == 0) {
			want_page(r, c);
			return;
		}
	refuse(r, c, 404);
}

static void drop(struct vrs_responder *r, size_t i)
{
	struct connection *c = r->connection[i];

	(void)close(c->fd);
	vrs_text_fini(&c->out);
	free(c);
	r->connection[i] = r->connection[--r->n];
}

/* False: the connection is over. */
static bool go_on(struct vrs_responder *r, struct connection *c)
{
	char rest[4096];
	ssize_t n;

	if (c->state == READING) {
		n = recv(c->fd, c->in + c->n_in, sizeof(c->in) - c->n_in, 0);
		if (n <= 0)
			return n < 0 && (errno == EAGAIN || errno == EINTR);
		c->n_in += (size_t)n;
		int code = vrs_http_head_read(c->in, c->n_in, &c->head);
		if (code)
			on_head(r, c, code);
	}
	if (c->state == WRITING) {
		n = send(c->fd, c->out.text + c->n_out, c->out.len - c->n_out,
			 MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		c->n_out += (size_t)n;
		if (c->n_out < c->out.len)
			return true;
		/* what it still sends is read, else the end would destroy the answer */
		(void)shutdown(c->fd, SHUT_WR);
		c->state = LINGERING;
		c->n_in = 0;
		c->deadline_mono_ms = vrs_now_mono_ms() + LINGER_MS;
	}
	if (c->state == LINGERING) {
		n = recv(c->fd, rest, sizeof(rest), 0);
		if (n <= 0)
			return n < 0 && (errno == EAGAIN || errno == EINTR);
		c->n_in += (size_t)n;
		return c->n_in < LINGER_BYTES;
	}
	return true;
}

/* Who has said nothing for the longest time gives way. */
static void make_room(struct vrs_responder *r)
{
	size_t oldest = r->n;

	for (size_t i = 0; i < r->n; i++) {
		const struct connection *c = r->connection[i];

		if ((c->state == READING || c->state == LINGERING) &&
		    (oldest == r->n ||
		     c->deadline_mono_ms < r->connection[oldest]->deadline_mono_ms))
			oldest = i;
	}
	if (oldest < r->n)
		drop(r, oldest);
}

static void take_new(struct vrs_responder *r)
{
	int fd = accept4(r->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	if (r->n == MAX_CONNECTIONS)
		make_room(r);
	if (r->n == MAX_CONNECTIONS) {
		(void)close(fd);
		return;
	}
	struct connection *c = vrs_calloc(1, sizeof(*c));
	c->fd = fd;
	c->deadline_mono_ms = vrs_now_mono_ms() + READ_MS;
	r->connection[r->n++] = c;
	if (!go_on(r, c))
		drop(r, r->n - 1);
}

static int until_deadline(const struct vrs_responder *r)
{
	int64_t now = vrs_now_mono_ms(), wait = 60000;

	for (size_t i = 0; i < r->n; i++)
		if (r->connection[i]->deadline_mono_ms - now < wait)
			wait = r->connection[i]->deadline_mono_ms - now;
	return wait < 0 ? 0 : (int)wait;
}

static void expire(struct vrs_responder *r)
{
	int64_t now = vrs_now_mono_ms();

	for (size_t i = r->n; i-- > 0;) {
		struct connection *c = r->connection[i];

		if (c->deadline_mono_ms > now)
			continue;
		if (c->state == WAITING)
			answer_text(r, c, 503, "the loop does not turn\n");
		else
			drop(r, i);
	}
}

static void *serve(void *arg)
{
	struct vrs_responder *r = arg;
	struct pollfd fds[MAX_CONNECTIONS + 2];
	bool stop = false;

	while (!stop) {
		uint64_t bells;
		size_t n = r->n;

		fds[0] = (struct pollfd){.fd = r->wake_fd, .events = POLLIN};
		fds[1] = (struct pollfd){.fd = r->listen_fd, .events = POLLIN};
		for (size_t i = 0; i < n; i++) {
			const struct connection *c = r->connection[i];

			fds[i + 2] = (struct pollfd){
				.fd = c->fd,
				.events = c->state == WRITING   ? POLLOUT
					  : c->state == WAITING ? 0
								: POLLIN,
			};
		}
		if (poll(fds, n + 2, until_deadline(r)) < 0)
			continue;
		for (size_t i = n; i-- > 0;) /* dropping moves the last one here */
			if ((fds[i + 2].revents & (POLLERR | POLLHUP)) &&
			    r->connection[i]->state == WAITING)
				drop(r, i);
			else if (fds[i + 2].revents && !go_on(r, r->connection[i]))
				drop(r, i);
		if (fds[0].revents && read(r->wake_fd, &bells, sizeof(bells)) > 0)
			on_page(r);
		expire(r);
		if (fds[1].revents)
			take_new(r);
		(void)pthread_mutex_lock(&r->lock);
		stop = r->stop;
		(void)pthread_mutex_unlock(&r->lock);
	}
	while (r->n > 0)
		drop(r, r->n - 1);
	return NULL;
}

/* --- opening --- */

static int parse(const char *address, char *host, size_t host_size, char *port,
		 size_t port_size, struct vrs_err *err)
{
	const char *colon = strrchr(address, ':');
	size_t n = colon ? (size_t)(colon - address) : 0;
	const char *from = address;

	if (n > 2 && address[0] == '[' && address[n - 1] == ']') {
		from++;
		n -= 2;
	}
	if (!colon || n == 0 || n >= host_size || strlen(colon + 1) >= port_size ||
	    colon[1] == '\0' || colon[1 + strspn(colon + 1, "0123456789")])
		return vrs_fail(err, VRS_EINVAL, "metrics = %s: wants HOST:PORT",
				address);
	memcpy(host, from, n);
	host[n] = '\0';
	(void)vrs_strcpy(port, port_size, colon + 1);
	return 0;
}

static int bind_to(struct vrs_responder *r, const char *address, struct vrs_err *err)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
				       .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
	struct sockaddr_storage bound;
	socklen_t bound_len = sizeof(bound);
	char host[256], port[8];
	struct addrinfo *list;
	int on = 1;
	int status = parse(address, host, sizeof(host), port, sizeof(port), err);

	if (status < 0)
		return status;
	int rv = getaddrinfo(host, port, &hints, &list);
	if (rv != 0)
		return vrs_fail(err, VRS_EINVAL, "metrics = %s: %s", address,
				gai_strerror(rv));
	r->listen_fd =
		socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (r->listen_fd < 0 ||
	    setsockopt(r->listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(r->listen_fd, list->ai_addr, list->ai_addrlen) < 0 ||
	    listen(r->listen_fd, BACKLOG) < 0 ||
	    getsockname(r->listen_fd, (struct sockaddr *)&bound, &bound_len) < 0)
		status = vrs_fail_errno(err, "metrics = %s", address);
	freeaddrinfo(list);
	if (status == 0 &&
	    getnameinfo((struct sockaddr *)&bound, bound_len, host, sizeof(host), port,
			sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) == 0)
		r->address =
			vrs_asprintf(strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
	return status;
}

int vrs_responder_open(struct vrs_responder **ret, struct vrs_loop *loop,
		       const char *address, vrs_responder_fn fn, void *arg,
		       struct vrs_err *err)
{
	struct vrs_responder *r = vrs_calloc(1, sizeof(*r));

	r->loop = loop;
	r->fn = fn;
	r->arg = arg;
	r->listen_fd = -1;
	(void)pthread_mutex_init(&r->lock, NULL);
	r->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int status = r->wake_fd < 0 ? vrs_fail_errno(err, "metrics: eventfd")
				    : bind_to(r, address, err);
	if (status == 0) {
		int rv = pthread_create(&r->thread, NULL, serve, r);

		if (rv != 0)
			status = vrs_fail(err, VRS_EIO, "metrics: thread: %s",
					  strerror(rv));
		r->running = rv == 0;
	}
	if (status < 0) {
		vrs_responder_close(r);
		return status;
	}
	*ret = r;
	return 0;
}

const char *vrs_responder_address(const struct vrs_responder *r)
{
	return r->address;
}

void vrs_responder_counts(struct vrs_responder *r,
			  struct vrs_responder_count ret[VRS_RESPONDER_CODES + 1])
{
	(void)pthread_mutex_lock(&r->lock);
	memcpy(ret, r->count, sizeof(r->count));
	(void)pthread_mutex_unlock(&r->lock);
}

void vrs_responder_close(struct vrs_responder *r)
{
	if (!r)
		return;
	if (r->running) {
		(void)pthread_mutex_lock(&r->lock);
		r->stop = true;
		(void)pthread_mutex_unlock(&r->lock);
		wake(r);
		(void)pthread_join(r->thread, NULL);
	}
	if (r->listen_fd >= 0)
		(void)close(r->listen_fd);
	if (r->wake_fd >= 0)
		(void)close(r->wake_fd);
	vrs_text_fini(&r->page);
	vrs_text_fini(&r->reasons);
	(void)pthread_mutex_destroy(&r->lock);
	free(r->address);
	free(r);
}
