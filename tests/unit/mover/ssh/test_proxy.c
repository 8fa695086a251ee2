/* The words of a ProxyCommand, and what libssh makes of ProxyJump. */
#include "check.h"

#include <stdlib.h>
#include <unistd.h>

#include "ssh/proxy.h"

static void the_words_of_a_command_are_filled_in(void **state)
{
	(void)state;
	struct proxy_names names = {"10.0.0.1", "root", "h1", 2222};
	struct vrs_err err = {0};
	char *line = NULL;

	assert_ok(proxy_expand(&line, "nc -X 5%% %h:%p as %r for '%n'", &names, &err),
		  &err);
	assert_string_equal(line, "exec nc -X 5% 10.0.0.1:2222 as root for 'h1'");
	free(line);
}

static void a_word_that_is_not_known_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {"nc %i", "nc %", "nc %h %%%"};
	struct proxy_names names = {"h", "u", "h", 22};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct vrs_err err = {0};
		char *line = NULL;

		assert_fails(proxy_expand(&line, bad[i], &names, &err), VRS_EINVAL, &err);
		assert_null(line);
	}
}

static void a_jump_reads_the_settings_that_we_read(void **state)
{
	(void)state;
	static const char jump[] = "ssh -l me -p 77 -J two -W '[%h]:%p' one";
	char *same = proxy_jump("nc %h %p", "/etc/x", true);
	char *usual = proxy_jump(jump, NULL, false);
	char *file = proxy_jump(jump, "/it's 5%", true);

	assert_string_equal(same, "nc %h %p");
	assert_string_equal(usual, jump);
	assert_string_equal(file, "ssh -F '/it'\\''s 5%%' -o BatchMode=yes -l me -p 77 "
				  "-J two -W '[%h]:%p' one");
	free(same);
	free(usual);
	free(file);
}

static void what_it_complains_of_is_known(void **state)
{
	(void)state;
	struct vrs_err err = {0};
	struct proxy *p = NULL;
	char said[100], c;
	int fd = -1;

	assert_ok(proxy_start(&p, &fd, "echo first >&2; printf 'the\\tlast\\n\\n' >&2",
			      &err),
		  &err);
	assert_int_equal(read(fd, &c, 1), 0); /* it has ended */
	proxy_last_line(p, said, sizeof(said));
	assert_string_equal(said, "the last");
	(void)close(fd);
	proxy_end(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_words_of_a_command_are_filled_in),
		cmocka_unit_test(a_word_that_is_not_known_is_refused),
		cmocka_unit_test(a_jump_reads_the_settings_that_we_read),
		cmocka_unit_test(what_it_complains_of_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
