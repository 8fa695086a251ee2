#include "check.h"
#include "detect/probe.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* A listener on a port of the kernel's choice. */
static int listener(char *address, size_t size)
{
	struct sockaddr_in in = {.sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(listen(fd, 4), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	(void)snprintf(address, size, "tcp://127.0.0.1:%u", ntohs(in.sin_port));
	return fd;
}

static void *speak(void *arg)
{
	int fd = accept(*(int *)arg, NULL, NULL);

	(void)!write(fd, "SSH-2.0-x\r\n", 11);
	(void)close(fd);
	return NULL;
}

static void *hang_up(void *arg)
{
	(void)close(accept(*(int *)arg, NULL, NULL));
	return NULL;
}

static void a_host_that_speaks_is_alive(void **state)
{
	(void)state;
	struct vrs_err err = {0};
	char address[64];
	pthread_t thread;
	int fd = listener(address, sizeof(address));

	assert_int_equal(pthread_create(&thread, NULL, speak, &fd), 0);
	assert_ok(probe_run(address, 5000, &err), &err);
	(void)pthread_join(thread, NULL);
	(void)close(fd);
}

static void a_frozen_host_accepts_but_does_not_speak(void **state)
{
	(void)state;
	struct vrs_err err = {0};
	char address[64];
	int fd = listener(address, sizeof(address)); /* the kernel accepts for it */

	assert_fails(probe_run(address, 50, &err), VRS_ETIMEOUT, &err);
	(void)close(fd);
}

static void a_server_that_hangs_up_without_a_byte_does_not_count(void **state)
{
	(void)state;
	struct vrs_err err = {0};
	char address[64];
	pthread_t thread;
	int fd = listener(address, sizeof(address));

	assert_int_equal(pthread_create(&thread, NULL, hang_up, &fd), 0);
	assert_fails(probe_run(address, 5000, &err), VRS_ECONN, &err);
	(void)pthread_join(thread, NULL);
	(void)close(fd);
}

static void a_closed_port_is_not_alive(void **state)
{
	(void)state;
	struct vrs_err err = {0};
	char address[64];
	int fd = listener(address, sizeof(address));

	(void)close(fd);
	assert_fails(probe_run(address, 5000, &err), VRS_ECONN, &err);
}

static void bad_addresses_are_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",          "h1:22",       "tcp://",    "tcp://h1",
		"tcp://:22", "udp://h1:22", "tcp://h1:", "tcp://h1:123456789"};
	struct vrs_err err = {0};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_fails(probe_run(bad[i], 100, &err), VRS_EINVAL, &err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_host_that_speaks_is_alive),
		cmocka_unit_test(a_frozen_host_accepts_but_does_not_speak),
		cmocka_unit_test(a_server_that_hangs_up_without_a_byte_does_not_count),
		cmocka_unit_test(a_closed_port_is_not_alive),
		cmocka_unit_test(bad_addresses_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
