/* A pretend virtual machine: one process that behaves towards its disk and its clients as
 * a guest does, and starts in milliseconds.
 *
 *   pretend-vm ID HOST IMAGE PORT PIDFILE WORLD
 *
 * While it lives it holds exclusive locks on its image, on PIDFILE (how its host knows
 * that it runs) and on WORLD/alive/ID (how a test knows that no second one runs): the
 * kernel gives them back at the very moment the process is gone, however it went. If the
 * last one is taken, two copies of one VM are alive: "TWO" goes to WORLD/journal.
 *
 * The image begins with four numbers of 20 digits, one a line: boots, ticks (one every
 * 50 ms), acknowledged writes, and a free one. Each tick also writes into the next 4 KiB
 * block. On PORT it speaks HTTP: GET says the numbers, PUT adds a write and answers when
 * it is on the disk. SIGTERM ends it cleanly. One byte on stdout says that it runs. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { DIGITS = 20, RECORD = DIGITS + 1, TICK_MS = 50, BLOCK = 4096 };
enum { BOOTS, TICKS, SEQ };

static struct {
	const char *id, *host, *world;
	int image, journal;
	uint64_t n_blocks;
} vm;

static _Noreturn void die(int code, const char *what)
{
	(void)fprintf(stderr, "pretend-vm %s: %s: %s\n", vm.id, what, strerror(errno));
	exit(code);
}

static int64_t now_ms(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void journal(const char *what)
{
	(void)dprintf(vm.journal, "%" PRId64 " %s %s %s %d\n", now_ms(CLOCK_REALTIME),
		      what, vm.id, vm.host, (int)getpid());
}

static uint64_t get(int which)
{
	char text[RECORD] = "";

	if (pread(vm.image, text, DIGITS, which * RECORD) != DIGITS)
		return 0;
	return strtoull(text, NULL, 10);
}

static void put(int which, uint64_t value)
{
	char text[RECORD + 1];

	(void)snprintf(text, sizeof(text), "%020" PRIu64 "\n", value);
	if (pwrite(vm.image, text, RECORD, which * RECORD) != RECORD)
		die(1, "write");
}

static void tick(void)
{
	uint64_t n = get(TICKS) + 1;
	char text[64];

	put(TICKS, n);
	if (vm.n_blocks > 1) {
		off_t at = (off_t)(1 + n % (vm.n_blocks - 1)) * BLOCK;
		int len = snprintf(text, sizeof(text), "tick %" PRIu64 "\n", n);

		if (pwrite(vm.image, text, (size_t)len, at) != len)
			die(1, "write");
	}
}

static void serve(int listener)
{
	const struct timeval patience = {.tv_usec = 200000};
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	char request[1024], answer[512];

	if (fd < 0)
		return;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	ssize_t n = recv(fd, request, sizeof(request), 0);
	if (n > 4 && memcmp(request, "PUT ", 4) == 0) {
		put(SEQ, get(SEQ) + 1);
		if (fdatasync(vm.image) < 0)
			die(1, "sync");
	}
	if (n > 0) {
		int len = snprintf(answer, sizeof(answer),
				   "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n"
				   "Connection: close\r\n\r\n"
				   "{\"id\":\"%s\",\"host\":\"%s\",\"boots\":%" PRIu64
				   ",\"ticks\":%" PRIu64 ",\"seq\":%" PRIu64 "}\n",
				   vm.id, vm.host, get(BOOTS), get(TICKS), get(SEQ));

		(void)send(fd, answer, (size_t)len, MSG_NOSIGNAL);
	}
	(void)close(fd);
}

static int listen_on(int port)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, 16) < 0)
		die(1, "port");
	return fd;
}

static void take_locks(const char *image, const char *pidfile)
{
	char path[512];
	struct stat st;

	vm.image = open(image, O_RDWR | O_CLOEXEC);
	if (vm.image < 0 || fstat(vm.image, &st) < 0)
		die(errno == ENOENT ? 3 : 1, image);
	if (flock(vm.image, LOCK_EX | LOCK_NB) < 0)
		die(4, "image is in use");
	if (st.st_size < BLOCK && ftruncate(vm.image, BLOCK) < 0)
		die(1, image);
	vm.n_blocks = (uint64_t)st.st_size / BLOCK;

	int fd = open(pidfile, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		die(4, "runs already");
	if (ftruncate(fd, 0) < 0 || dprintf(fd, "%d\n", (int)getpid()) < 0)
		die(1, pidfile);

	(void)snprintf(path, sizeof(path), "%s/alive", vm.world);
	(void)mkdir(path, 0755);
	(void)snprintf(path, sizeof(path), "%s/alive/%s", vm.world, vm.id);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		die(1, path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		journal("TWO");
}

static bool asked_to_stop(int fd)
{
	struct signalfd_siginfo info;

	return read(fd, &info, sizeof(info)) == sizeof(info);
}

int main(int argc, char **argv)
{
	char path[512];
	sigset_t term;

	if (argc != 7)
		return 2;
	vm.id = argv[1];
	vm.host = argv[2];
	vm.world = argv[6];
	(void)snprintf(path, sizeof(path), "%s/journal", vm.world);
	vm.journal = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (vm.journal < 0)
		die(1, path);
	(void)sigemptyset(&term);
	(void)sigaddset(&term, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &term, NULL);
	int stop = signalfd(-1, &term, SFD_NONBLOCK | SFD_CLOEXEC);

	take_locks(argv[3], argv[5]);
	int listener = listen_on(atoi(argv[4]));
	put(BOOTS, get(BOOTS) + 1);
	put(SEQ, get(SEQ));
	journal("start");
	if (write(STDOUT_FILENO, "r", 1) != 1)
		die(1, "ready");
	(void)close(STDOUT_FILENO);

	int64_t next = now_ms(CLOCK_MONOTONIC);
	while (!asked_to_stop(stop)) {
		struct pollfd fds[] = {{.fd = listener, .events = POLLIN},
				       {.fd = stop, .events = POLLIN}};
		int64_t left = next - now_ms(CLOCK_MONOTONIC);

		if (poll(fds, 2, left > 0 ? (int)left : 0) > 0 && fds[0].revents)
			serve(listener);
		if (now_ms(CLOCK_MONOTONIC) >= next) {
			tick();
			next = now_ms(CLOCK_MONOTONIC) + TICK_MS;
		}
	}
	if (fdatasync(vm.image) < 0)
		die(1, "sync");
	journal("stop");
	(void)unlink(argv[5]);
	return 0;
}
