/* The table of states: complete, and told to people by its own words. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine/states.h"

static char *whole(const char *path)
{
	char name[512];
	char *text = calloc(1, 1 << 20);

	(void)snprintf(name, sizeof(name), "%s/../%s", TEST_DIR, path);
	FILE *f = fopen(name, "re");
	if (!f)
		fail_msg("cannot open %s", name);
	size_t n = fread(text, 1, (1 << 20) - 1, f);

	assert_true(n > 0);
	(void)fclose(f);
	return text;
}

static const struct reloc_state_info *next_state(int *i)
{
	while (++*i < RELOC_N_STATES)
		if (reloc_state((enum reloc_state) * i)->handle)
			return reloc_state((enum reloc_state) * i);
	return NULL;
}

static void every_state_says_what_it_means_and_what_to_do(void **state)
{
	const struct reloc_state_info *s;

	(void)state;
	for (int i = RELOC_NONE; (s = next_state(&i));) {
		assert_non_null(s->name);
		assert_true(strlen(s->meaning) > 10);
		assert_true(strlen(s->action) > 0);
		assert_int_equal(s->phase == RELOC_PHASE_NONE, i == RELOC_NONE);
	}
}

static void no_state_has_a_number_that_was_given_up(void **state)
{
	(void)state;
	assert_null(reloc_state((enum reloc_state)17)->handle);
	assert_null(reloc_state_name((enum reloc_state)17));
}

static void operations_has_the_row_of_every_state(void **state)
{
	char *text = whole("docs/OPERATIONS.md"), row[600];
	const struct reloc_state_info *s;

	(void)state;
	for (int i = RELOC_NONE; (s = next_state(&i));) {
		(void)snprintf(row, sizeof(row), "| %s | %s | %s |\n", s->name,
			       s->meaning, s->action);
		if (!strstr(text, row))
			fail_msg("docs/OPERATIONS.md lacks: %s", row);
	}
	free(text);
}

static void the_man_page_has_every_state(void **state)
{
	char *text = whole("docs/man/vrsas.7"), entry[400];
	const struct reloc_state_info *s;

	(void)state;
	for (int i = RELOC_NONE; (s = next_state(&i));) {
		(void)snprintf(entry, sizeof(entry), ".TP\n.B %s\n%s\n", s->name,
			       s->meaning);
		if (!strstr(text, entry))
			fail_msg("docs/man/vrsas.7 lacks: %s", entry);
	}
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_state_says_what_it_means_and_what_to_do),
		cmocka_unit_test(no_state_has_a_number_that_was_given_up),
		cmocka_unit_test(operations_has_the_row_of_every_state),
		cmocka_unit_test(the_man_page_has_every_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
