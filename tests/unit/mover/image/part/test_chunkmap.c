#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "image/base/tree.h"
#include "image/part/chunkmap.h"

enum { N_CHUNKS = 2 * CHUNKMAP_STATES_PER_PAGE + 17, N_PAGES = 4 };

struct pages {
	uint8_t page[N_PAGES][CHUNKMAP_PAGE_BYTES];
};

static void make(struct chunkmap *m, struct pages *p)
{
	struct vrs_err err = {0};

	assert_ok(chunkmap_init(m, (uint64_t)N_CHUNKS * TREE_CHUNK_BYTES - 512, &err),
		  &err);
	assert_int_equal(chunkmap_n_pages(m), N_PAGES);
	m->token = 77;
	m->stage = STAGE_OPEN;
	m->open = true;
	m->cloned = true;
	strcpy(m->job, "job-1");
	strcpy(m->format, "qcow2");
	strcpy(m->boot, "some-boot");
	strcpy(m->identity, "raw:1:2:3");
	for (uint64_t i = 0; i < m->n_chunks; i++)
		m->state[i] = (uint8_t)(i % 4);
	for (size_t i = 0; i < N_PAGES; i++)
		chunkmap_page(m, i, p->page[i]);
}

static void what_is_written_is_read(void **state)
{
	(void)state;
	struct chunkmap a, b;
	struct pages *p = malloc(sizeof(*p));
	struct vrs_err err = {0};

	make(&a, p);
	assert_ok(chunkmap_read_head(&b, p->page[0], &err), &err);
	for (size_t i = 1; i < N_PAGES; i++)
		assert_true(chunkmap_read_page(&b, i, p->page[i]));
	assert_int_equal(b.token, 77);
	assert_int_equal(b.disk_bytes, a.disk_bytes);
	assert_true(b.open && b.cloned && b.stage == STAGE_OPEN);
	assert_string_equal(b.job, "job-1");
	assert_string_equal(b.format, "qcow2");
	assert_string_equal(b.boot, "some-boot");
	assert_string_equal(b.identity, "raw:1:2:3");
	assert_memory_equal(a.state, b.state, a.n_chunks);
	chunkmap_fini(&a);
	chunkmap_fini(&b);
	free(p);
}

/* A power cut leaves the first part of a page new and the rest old. */
static void a_torn_page_puts_its_chunks_in_doubt_and_no_others(void **state)
{
	(void)state;
	struct chunkmap a, b;
	struct pages *p = malloc(sizeof(*p));
	uint8_t newer[CHUNKMAP_PAGE_BYTES];
	struct vrs_err err = {0};

	make(&a, p);
	memset(a.state, CHUNK_DURABLE, a.n_chunks);
	chunkmap_page(&a, 2, newer);
	for (size_t cut = 512; cut < CHUNKMAP_PAGE_BYTES; cut += 512) {
		uint8_t torn[CHUNKMAP_PAGE_BYTES];

		memcpy(torn, newer, cut);
		memcpy(torn + cut, p->page[2] + cut, CHUNKMAP_PAGE_BYTES - cut);
		assert_ok(chunkmap_read_head(&b, p->page[0], &err), &err);
		assert_true(chunkmap_read_page(&b, 1, p->page[1]));
		assert_false(chunkmap_read_page(&b, 2, torn));
		assert_true(chunkmap_read_page(&b, 3, p->page[3]));
		for (uint64_t i = 0; i < b.n_chunks; i++)
			assert_int_equal(b.state[i],
					 chunkmap_page_of(i) == 2 ? CHUNK_DOUBT : i % 4);
		chunkmap_fini(&b);
	}
	chunkmap_fini(&a);
	free(p);
}

static void any_flipped_byte_of_the_head_is_found(void **state)
{
	(void)state;
	struct chunkmap a, b;
	struct pages *p = malloc(sizeof(*p));
	struct vrs_err err = {0};

	make(&a, p);
	for (size_t at = 0; at < CHUNKMAP_PAGE_BYTES; at++) {
		p->page[0][at] ^= 0x10;
		assert_fails(chunkmap_read_head(&b, p->page[0], &err), VRS_EPARSE, &err);
		p->page[0][at] ^= 0x10;
	}
	chunkmap_fini(&a);
	free(p);
}

static void a_page_in_another_ones_place_is_found(void **state)
{
	(void)state;
	struct chunkmap a;
	struct pages *p = malloc(sizeof(*p));

	make(&a, p);
	assert_false(chunkmap_read_page(&a, 1, p->page[2]));
	assert_false(chunkmap_read_page(&a, 2, p->page[1]));
	chunkmap_fini(&a);
	free(p);
}

static void impossible_disks_are_refused(void **state)
{
	(void)state;
	struct chunkmap m;
	struct vrs_err err = {0};

	assert_fails(chunkmap_init(&m, 0, &err), VRS_EINVAL, &err);
	assert_fails(chunkmap_init(&m, TREE_MAX_DISK_BYTES + 1, &err), VRS_EINVAL, &err);
	assert_fails(chunkmap_init(&m, UINT64_MAX, &err), VRS_EINVAL, &err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(a_torn_page_puts_its_chunks_in_doubt_and_no_others),
		cmocka_unit_test(any_flipped_byte_of_the_head_is_found),
		cmocka_unit_test(a_page_in_another_ones_place_is_found),
		cmocka_unit_test(impossible_disks_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
