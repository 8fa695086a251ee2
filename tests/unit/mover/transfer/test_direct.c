/* What movers send_message to each other about a copy that one of them does for the
 * other. */
#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "transfer/direct_messages.h"
#include "vrs/bus.h"

struct heard {
	size_t n, bytes;
};

static int on_message(void *arg, const uint8_t *bytes, size_t n, struct vrs_err *err)
{
	struct heard *h = arg;

	(void)bytes;
	(void)err;
	h->n++;
	h->bytes += n;
	return 0;
}

static void messages_arrive_whole_however_they_are_cut(void **state)
{
	(void)state;
	Vrsas__V1__DirectControl word = VRSAS__V1__DIRECT_CONTROL__INIT;
	uint8_t all[100];
	size_t n, len;
	uint8_t *empty = direct_pack(&word.base, &n);

	assert_int_equal(n, 4); /* nothing to send_message is a word as well */
	memcpy(all, empty, n);
	len = n;
	word.rate_limit_bytes_per_s = 300;
	uint8_t *full = direct_pack(&word.base, &n);
	memcpy(all + len, full, n);
	len += n;
	for (size_t piece = 1; piece <= len; piece++) {
		struct heard h = {0, 0};
		struct direct_reader r = {.on_message = on_message, .arg = &h};
		struct vrs_err err = {0};

		for (size_t at = 0; at < len; at += piece) {
			size_t k = len - at < piece ? len - at : piece;

			assert_ok(direct_reader_feed(&r, all + at, k, &err), &err);
		}
		assert_int_equal(h.n, 2);
		assert_int_equal(h.bytes, n - 4);
		direct_reader_fini(&r);
	}
	free(empty);
	free(full);
}

static void a_length_beyond_the_bound_is_refused(void **state)
{
	(void)state;
	static const uint8_t large[4] = {1, 0, 4, 0}; /* 2^18 + 1 */
	struct heard h = {0, 0};
	struct direct_reader r = {.on_message = on_message, .arg = &h};
	struct vrs_err err = {0};

	assert_fails(direct_reader_feed(&r, large, 4, &err), VRS_EPARSE, &err);
	assert_int_equal(h.n, 0);
	direct_reader_fini(&r);
}

static void only_a_proof_is_a_result(void **state)
{
	(void)state;
	static const char good[] = "0123456789abcdef0123456789abcdef";
	static const char other[] = "0123456789abcdef0123456789abcdee";
	static const struct {
		const char *source, *target;
		size_t n_disks, n_was_there;
		Vrsas__V1__TransferState state;
		int want;
	} cases[] = {
		{good, good, 1, 1, TRANSFER_STATE(DONE), 0},
		{good, other, 1, 1, TRANSFER_STATE(DONE), VRS_EPARSE},
		{"", "", 1, 1, TRANSFER_STATE(DONE), VRS_EPARSE},
		{"same", "same", 1, 1, TRANSFER_STATE(DONE), VRS_EPARSE},
		{good, good, 2, 2, TRANSFER_STATE(DONE), VRS_EPARSE},
		{good, good, 1, 0, TRANSFER_STATE(DONE), VRS_EPARSE},
		{good, good, 1, 1, TRANSFER_STATE(COPYING), VRS_EPARSE},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		Vrsas__V1__DirectReport report = VRSAS__V1__DIRECT_REPORT__INIT;
		Vrsas__V1__TransferStatus s = VRSAS__V1__TRANSFER_STATUS__INIT;
		Vrsas__V1__DiskResult d = VRSAS__V1__DISK_RESULT__INIT, *disks[] = {&d};
		protobuf_c_boolean was_there[2] = {1, 0};
		struct copy_result r[2] = {{.disk_bytes = 7}};
		struct vrs_err err = {0};

		d.source_hash = cases[i].source;
		d.target_hash = cases[i].target;
		d.virtual_bytes = 4096;
		d.kept_path = "/x.kept-7";
		s.state = cases[i].state;
		s.n_disk = 1;
		s.disk = disks;
		report.status = &s;
		report.n_was_there = cases[i].n_was_there;
		report.was_there = was_there;
		int status = direct_results(r, cases[i].n_disks, &report, &err);
		assert_int_equal(status, cases[i].want);
		assert_int_equal(r[0].disk_bytes, status == 0 ? 4096 : 7);
		assert_int_equal(r[0].kept_aside, status == 0);
	}
}

static void an_error_is_one_line_that_names_the_host(void **state)
{
	(void)state;
	static const struct {
		const char *said, *text;
		unsigned code;
		int want;
	} cases[] = {
		{"source this machine: /a: No such file",
		 "source root@s: /a: No such file", 2, VRS_ENOENT},
		{"target this machine: full", "target root@s: full", 9, VRS_ENOSPC},
		{"target root@t: refused\nby\x1b[2J", "target root@t: refused by [2J", 7,
		 VRS_EDENIED},
		{"this machine", "this machine", 7, VRS_EDENIED},
		{"", "failed without an error message", 0, VRS_EIO},
		{"x", "x", 4000000000U, VRS_EIO},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		Vrsas__V1__DirectReport report = VRSAS__V1__DIRECT_REPORT__INIT;
		Vrsas__V1__TransferStatus s = VRSAS__V1__TRANSFER_STATUS__INIT;
		struct vrs_err err = {0};

		s.error = cases[i].said;
		report.status = &s;
		report.code = cases[i].code;
		assert_int_equal(direct_error(&report, "root@s", &err), cases[i].want);
		assert_string_equal(err.text, cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_arrive_whole_however_they_are_cut),
		cmocka_unit_test(a_length_beyond_the_bound_is_refused),
		cmocka_unit_test(only_a_proof_is_a_result),
		cmocka_unit_test(an_error_is_one_line_that_names_the_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
