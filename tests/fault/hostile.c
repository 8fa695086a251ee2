/* hostile - bytes that no friend sends, on the listening sockets of a running service.
 *
 *   hostile PID ROLE=URL...      ROLE: what a friend would be there, pub, req or rep
 *
 * After each kind the service lives and its memory is bounded; hostile_test.sh looks at
 * what was counted and whether good peers are served. Speaks TAP. */
#include "bus_world.h"

#include "vrsas/v1/sample.pb-c.h"

enum { PUB = 0x20, REQ = 0x30, REP = 0x31, MEMORY_MIB = 400, MAX_SOCKETS = 8 };

static struct {
	unsigned char proto;
	const char *url;
} sockets[MAX_SOCKETS];
static size_t n_sockets;
static pid_t service;

static void noise(unsigned char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		bytes[i] = (unsigned char)random();
}

static long resident_mib(void)
{
	char path[64];
	long pages = 0, resident = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/statm", (int)service);
	FILE *f = fopen(path, "re");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%ld %ld", &pages, &resident), 2);
	(void)fclose(f);
	return resident * sysconf(_SC_PAGESIZE) / (1 << 20);
}

static void assert_lives(void)
{
	assert_int_equal(kill(service, 0), 0);
	assert_in_range(resident_mib(), 1, MEMORY_MIB);
}

static void everywhere(void (*fn)(const char *url, unsigned char proto))
{
	for (size_t i = 0; i < n_sockets; i++)
		fn(sockets[i].url, sockets[i].proto);
	assert_lives();
}

static void send_noise(const char *url, unsigned char proto)
{
	unsigned char bytes[4096];

	(void)proto;
	for (int i = 0; i < 100; i++) {
		int fd = tcp_connect(url);

		noise(bytes, sizeof(bytes));
		(void)send(fd, bytes, (size_t)random() % sizeof(bytes), MSG_NOSIGNAL);
		(void)close(fd);
	}
}

static void send_noise_after_hello(const char *url, unsigned char proto)
{
	unsigned char bytes[4096];

	for (int i = 0; i < 100; i++) {
		int fd = tcp_connect(url);

		sp_hello(fd, proto);
		noise(bytes, sizeof(bytes));
		if (i % 2) {
			(void)send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL);
		} else { /* in a frame: it reaches the service */
			sp_send(fd, proto != PUB, bytes, (size_t)random() % 2000 + 1);
		}
		(void)close(fd);
	}
}

static void send_cut_messages(const char *url, unsigned char proto)
{
	unsigned char head[8], bytes[100] = {0};

	for (int i = 0; i < 100; i++) {
		int fd = tcp_connect(url);

		sp_hello(fd, proto);
		sp_length(head, 1000);
		(void)send(fd, head, (size_t)(i % 8 + 1), MSG_NOSIGNAL);
		(void)send(fd, bytes, (size_t)i, MSG_NOSIGNAL);
		(void)close(fd);
	}
}

static void claim_8_gib(const char *url, unsigned char proto)
{
	unsigned char head[8];
	int fd = tcp_connect(url);

	sp_hello(fd, proto);
	sp_length(head, 8ull << 30);
	assert_int_equal(send(fd, head, 8, MSG_NOSIGNAL), 8);
	assert_hung_up(fd);
	(void)close(fd);
}

/* 100,000 empty messages in one: Live.record, FillRequest.piece.record,
 * ForecastAnswer.forecast, whatever the field is in the others. */
static void send_empty_messages(const char *url, unsigned char proto)
{
	static unsigned char bytes[200 * 1024 + 16];
	size_t n = 200 * 1024, at = 0;

	bytes[at++] = (unsigned char)((proto == PUB ? 1 : 3) << 3 | 2);
	bytes[at++] = (unsigned char)(n & 0x7f) | 0x80;
	bytes[at++] = (unsigned char)(n >> 7 & 0x7f) | 0x80;
	bytes[at++] = (unsigned char)(n >> 14);
	for (size_t i = 0; i < n; i += 2) {
		bytes[at++] = (unsigned char)((proto == PUB ? 5 : 1) << 3 | 2);
		bytes[at++] = 0;
	}
	int fd = tcp_connect(url);
	sp_hello(fd, proto);
	for (int i = 0; i < 20; i++)
		sp_send(fd, proto != PUB, bytes, at);
	(void)close(fd);
}

static void open_many(const char *url, unsigned char proto)
{
	int fd[200];

	(void)proto;
	for (int i = 0; i < 200; i++)
		fd[i] = tcp_connect(url);
	for (int i = 0; i < 200; i++)
		(void)close(fd[i]);
}

static void random_bytes(void **state)
{
	(void)state;
	everywhere(send_noise);
}

static void random_bytes_behind_a_right_greeting(void **state)
{
	(void)state;
	everywhere(send_noise_after_hello);
}

static void messages_cut_anywhere(void **state)
{
	(void)state;
	everywhere(send_cut_messages);
}

static void a_header_that_claims_8_gib(void **state)
{
	(void)state;
	everywhere(claim_8_gib);
}

static void empty_messages_by_the_hundred_thousand(void **state)
{
	(void)state;
	everywhere(send_empty_messages);
}

static void two_hundred_idle_connections(void **state)
{
	(void)state;
	everywhere(open_many);
}

/* Right in form, wrong in content: each must be refused by normalise. */
static void well_formed_lies(void **state)
{
	(void)state;
	if (sockets[0].proto != PUB)
		skip(); /* nobody listens to publishers here */
	Vrsas__V1__Live live = VRSAS__V1__LIVE__INIT;
	Vrsas__V1__Record r = VRSAS__V1__RECORD__INIT;
	Vrsas__V1__SampleBatch b = VRSAS__V1__SAMPLE_BATCH__INIT;
	int fd = tcp_connect(sockets[0].url);

	sp_hello(fd, PUB);
	live.body_case = VRSAS__V1__LIVE__BODY_RECORD;
	live.record = &r;
	r.body_case = VRSAS__V1__RECORD__BODY_SAMPLES;
	r.samples = &b;
	for (int i = 0; i < 50; i++) {
		static const char *const names[] = {"", "../../x", "{c1}", "a b", "*"};
		size_t n;

		r.cluster = names[i % 5];
		r.collector = "liar";
		r.epoch = (uint64_t)i;
		r.seq = (uint64_t)i;
		void *bytes = vrs_msg_pack(&live.base, &n);
		sp_send(fd, false, bytes, n);
		free(bytes);
	}
	for (int i = 1; i < 2000; i++) { /* never in turn: held, but only so much */
		size_t n;

		r.cluster = "c1";
		r.epoch = (uint64_t)i;
		r.seq = 1000;
		void *bytes = vrs_msg_pack(&live.base, &n);
		sp_send(fd, false, bytes, n);
		free(bytes);
	}
	(void)close(fd);
	assert_lives();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_bytes),
		cmocka_unit_test(random_bytes_behind_a_right_greeting),
		cmocka_unit_test(messages_cut_anywhere),
		cmocka_unit_test(a_header_that_claims_8_gib),
		cmocka_unit_test(empty_messages_by_the_hundred_thousand),
		cmocka_unit_test(two_hundred_idle_connections),
		cmocka_unit_test(well_formed_lies),
	};

	if (argc < 3 || argc - 2 > MAX_SOCKETS)
		return 2;
	service = atoi(argv[1]);
	for (int i = 2; i < argc; i++, n_sockets++) {
		sockets[n_sockets].proto = strncmp(argv[i], "pub=", 4) == 0   ? PUB
					   : strncmp(argv[i], "req=", 4) == 0 ? REQ
									      : REP;
		sockets[n_sockets].url = argv[i] + 4;
	}
	srandom(5);
	(void)signal(SIGPIPE, SIG_IGN);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
