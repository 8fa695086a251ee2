/* relay - a TCP link that can be slow, far away, faulty and cut.
 *
 *   relay TARGET_PORT [--delay-ms N] [--rate BYTES_PER_S] [--flip up|down:OFFSET]
 *
 * Listens on a free port of 127.0.0.1, says "PORT" on its first line, and carries every
 * connection to 127.0.0.1:TARGET_PORT. Each byte is late by N ms each way; each direction
 * carries at most so many bytes a second, all connections together. --flip turns one bit
 * of the first byte that passes at or after OFFSET (all connections counted together, up
 * is towards the target), once. SIGUSR1 cuts all connections, SIGUSR2 says on a line how
 * many bytes went up and down. Ends with its standard input. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PIECE = 256 << 10, MAX_QUEUED = 64 << 20, MAX_CONNECTIONS = 256 };

struct piece {
	struct piece *next;
	int64_t due_us;
	size_t n;
	uint8_t bytes[];
};

/* One direction of one connection: a reader fills the queue, a writer empties it. */
struct way {
	int from, to, direction;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct piece *first, **end;
	size_t queued;
	bool ended;
	_Atomic int *users; /* of both sockets */
};

static int target_port;
static int64_t delay_us;
static double rate;
static int flip_direction = -1;
static uint64_t flip_at;
static _Atomic bool flipped;
static _Atomic uint64_t passed[2];
static pthread_mutex_t rate_lock[2] = {PTHREAD_MUTEX_INITIALIZER,
				       PTHREAD_MUTEX_INITIALIZER};
static int64_t rate_free_us[2];
static _Atomic int sockets[2 * MAX_CONNECTIONS];

static int64_t now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void wait_until(int64_t us)
{
	struct timespec t = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
}

/* When the link has room for n bytes more. */
static int64_t take_turn(int direction, size_t n)
{
	int64_t at = now_us();

	if (rate <= 0)
		return at;
	(void)pthread_mutex_lock(&rate_lock[direction]);
	if (rate_free_us[direction] < at)
		rate_free_us[direction] = at;
	rate_free_us[direction] += (int64_t)((double)n / rate * 1e6);
	at = rate_free_us[direction];
	(void)pthread_mutex_unlock(&rate_lock[direction]);
	return at;
}

static void meddle(int direction, uint8_t *bytes, size_t n)
{
	uint64_t first = atomic_fetch_add(&passed[direction], n);
	bool no = false;

	if (direction != flip_direction || first + n <= flip_at)
		return;
	if (atomic_compare_exchange_strong(&flipped, &no, true))
		bytes[flip_at > first ? flip_at - first : 0] ^= 0x10;
}

static void leave(struct way *w)
{
	if (atomic_fetch_sub(w->users, 1) > 1)
		return;
	for (size_t i = 0; i < 2 * MAX_CONNECTIONS; i++) {
		int fd = atomic_load(&sockets[i]);

		if (fd && (fd == w->from || fd == w->to))
			atomic_store(&sockets[i], 0);
	}
	(void)close(w->from);
	(void)close(w->to);
	free((void *)w->users);
}

static void *read_side(void *arg)
{
	struct way *w = arg;
	bool open = true;

	while (open) {
		struct piece *p = malloc(sizeof(*p) + PIECE);
		ssize_t n = p ? read(w->from, p->bytes, PIECE) : -1;

		open = n > 0;
		if (open) {
			p->next = NULL;
			p->n = (size_t)n;
			meddle(w->direction, p->bytes, p->n);
			/* the sender feels a full link, as it would a real one */
			int64_t turn = take_turn(w->direction, p->n);
			p->due_us = turn + delay_us;
			if (rate > 0)
				wait_until(turn);
		} else {
			free(p);
			p = NULL;
		}
		(void)pthread_mutex_lock(&w->lock);
		while (p && w->queued > MAX_QUEUED)
			(void)pthread_cond_wait(&w->changed, &w->lock);
		if (p) {
			*w->end = p;
			w->end = &p->next;
			w->queued += p->n;
		} else {
			w->ended = true;
		}
		(void)pthread_cond_broadcast(&w->changed);
		(void)pthread_mutex_unlock(&w->lock);
	}
	return NULL;
}

static struct piece *next_piece(struct way *w)
{
	(void)pthread_mutex_lock(&w->lock);
	while (!w->first && !w->ended)
		(void)pthread_cond_wait(&w->changed, &w->lock);
	struct piece *p = w->first;
	if (p) {
		w->first = p->next;
		if (!w->first)
			w->end = &w->first;
		w->queued -= p->n;
		(void)pthread_cond_broadcast(&w->changed);
	}
	(void)pthread_mutex_unlock(&w->lock);
	return p;
}

static void *write_side(void *arg)
{
	struct way *w = arg;
	pthread_t reader;
	bool good = true;

	if (pthread_create(&reader, NULL, read_side, w) != 0)
		abort();
	for (struct piece *p; (p = next_piece(w));) {
		if (delay_us > 0)
			wait_until(p->due_us);
		for (size_t at = 0; good && at < p->n;) {
			ssize_t n = write(w->to, p->bytes + at, p->n - at);

			good = n > 0;
			at += good ? (size_t)n : 0;
		}
		free(p);
		if (!good) /* wakes the reader, which ends the queue */
			(void)shutdown(w->from, SHUT_RDWR);
	}
	(void)shutdown(w->to, SHUT_WR);
	(void)pthread_join(reader, NULL);
	leave(w);
	free(w);
	return NULL;
}

static int dial(int port)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		(void)close(fd);
		return -1;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static void note(int fd)
{
	for (size_t i = 0; i < 2 * MAX_CONNECTIONS; i++) {
		int none = 0;

		if (atomic_compare_exchange_strong(&sockets[i], &none, fd))
			return;
	}
}

static void start(int from, int to, int direction, _Atomic int *users)
{
	struct way *w = calloc(1, sizeof(*w));
	pthread_t t;

	w->from = from;
	w->to = to;
	w->direction = direction;
	w->users = users;
	w->end = &w->first;
	(void)pthread_mutex_init(&w->lock, NULL);
	(void)pthread_cond_init(&w->changed, NULL);
	if (pthread_create(&t, NULL, write_side, w) != 0)
		abort();
	(void)pthread_detach(t);
}

static void take_connection(int listener)
{
	int near = accept4(listener, NULL, NULL, SOCK_CLOEXEC), one = 1;
	int far = near >= 0 ? dial(target_port) : -1;
	_Atomic int *users = malloc(sizeof(*users));

	if (far < 0) {
		if (near >= 0)
			(void)close(near);
		free((void *)users);
		return;
	}
	(void)setsockopt(near, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	atomic_init(users, 2);
	note(near);
	note(far);
	start(near, far, 0, users);
	start(far, near, 1, users);
}

static void cut_all(void)
{
	for (size_t i = 0; i < 2 * MAX_CONNECTIONS; i++) {
		int fd = atomic_load(&sockets[i]);

		if (fd)
			(void)shutdown(fd, SHUT_RDWR);
	}
}

static void read_options(int argc, char **argv)
{
	if (argc < 2)
		exit(2);
	target_port = atoi(argv[1]);
	for (int i = 2; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--delay-ms") == 0) {
			delay_us = atoll(argv[i + 1]) * 1000;
		} else if (strcmp(argv[i], "--rate") == 0) {
			rate = atof(argv[i + 1]);
		} else if (strcmp(argv[i], "--flip") == 0) {
			flip_direction = strncmp(argv[i + 1], "down", 4) == 0;
			flip_at = strtoull(strchr(argv[i + 1], ':') + 1, NULL, 10);
		} else {
			exit(2);
		}
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in here = {.sin_family = AF_INET};
	socklen_t len = sizeof(here);
	sigset_t set;

	read_options(argc, argv);
	here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listener, (struct sockaddr *)&here, sizeof(here)) < 0 ||
	    listen(listener, 64) < 0 ||
	    getsockname(listener, (struct sockaddr *)&here, &len) < 0) {
		perror("relay");
		return 1;
	}
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGUSR1);
	(void)sigaddset(&set, SIGUSR2);
	(void)pthread_sigmask(SIG_BLOCK, &set, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	int signals = signalfd(-1, &set, SFD_CLOEXEC);
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	printf("%d\n", ntohs(here.sin_port));

	for (;;) {
		struct pollfd p[] = {{.fd = listener, .events = POLLIN},
				     {.fd = signals, .events = POLLIN},
				     {.fd = STDIN_FILENO, .events = POLLIN}};
		struct signalfd_siginfo got;

		if (poll(p, 3, -1) < 0)
			continue;
		if (p[0].revents)
			take_connection(listener);
		if (p[1].revents && read(signals, &got, sizeof(got)) == sizeof(got)) {
			if (got.ssi_signo == SIGUSR1)
				cut_all();
			else
				printf("%llu %llu\n",
				       (unsigned long long)atomic_load(&passed[0]),
				       (unsigned long long)atomic_load(&passed[1]));
		}
		if (p[2].revents && read(STDIN_FILENO, &got, 1) <= 0)
			return 0;
	}
}
