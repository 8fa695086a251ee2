#include "check.h"

#include <string.h>

#include "vrs/args.h"

static const struct opt globals[] = {
	{"output", 'o', "FORMAT", ""},
	{"watch", 'w', "[S]", ""},
	{"yes", 'y', NULL, ""},
	{"help", 'h', NULL, ""},
	{0},
};
static const struct opt move_options[] = {
	{"to", 0, "CLUSTER", ""}, {"dry-run", 'n', NULL, ""}, {0}};
static const struct verb verbs[] = {
	{"status", "", 0, 0, NULL, "", NULL, "", NULL},
	{"relocate", "VM", 1, 1, move_options, "", NULL, "", NULL},
	{"host list", "", 0, 0, NULL, "", NULL, "", NULL},
	{"host show", "HOST", 1, 1, NULL, "", NULL, "", NULL},
	{0},
};

enum { MAX_WORDS = 12 };

static int parse(struct args *ret, struct vrs_err *err, const char *line)
{
	static char copy[200];
	char *argv[MAX_WORDS] = {(char *)"vrsctl"}, *rest = copy;
	int argc = 1;

	(void)strncpy(copy, line, sizeof(copy) - 1);
	for (char *w; argc < MAX_WORDS && (w = strsep(&rest, " "));)
		argv[argc++] = w;
	return args_parse(ret, verbs, globals, argc, argv, err);
}

static void options_stand_before_and_after_the_verb(void **state)
{
	struct args a = {0};
	struct vrs_err err = {0};

	(void)state;
	assert_ok(parse(&a, &err, "-o json relocate web1 --to c2 -y"), &err);
	assert_string_equal(a.verb->name, "relocate");
	assert_string_equal(a.operand[0], "web1");
	assert_string_equal(args_value(&a, "output"), "json");
	assert_string_equal(args_value(&a, "to"), "c2");
	assert_true(args_has(&a, "yes"));
	assert_false(args_has(&a, "dry-run"));
}

static void letters_may_be_joined_and_carry_a_value(void **state)
{
	struct args a = {0};
	struct vrs_err err = {0};

	(void)state;
	assert_ok(parse(&a, &err, "relocate web1 -nyojson"), &err);
	assert_true(args_has(&a, "dry-run"));
	assert_true(args_has(&a, "yes"));
	assert_string_equal(args_value(&a, "output"), "json");
}

static void an_optional_value_stands_behind_an_equals_sign_only(void **state)
{
	struct args a = {0};
	struct vrs_err err = {0};

	(void)state;
	assert_ok(parse(&a, &err, "--watch status"), &err);
	assert_true(args_has(&a, "watch"));
	assert_null(args_value(&a, "watch"));
	assert_ok(parse(&a, &err, "status --watch=5"), &err);
	assert_string_equal(args_value(&a, "watch"), "5");
}

static void words_after_two_dashes_are_operands(void **state)
{
	struct args a = {0};
	struct vrs_err err = {0};

	(void)state;
	assert_ok(parse(&a, &err, "relocate -- -odd-name"), &err);
	assert_string_equal(a.operand[0], "-odd-name");
}

static void help_needs_no_operand(void **state)
{
	struct args a = {0};
	struct vrs_err err = {0};

	(void)state;
	assert_ok(parse(&a, &err, "relocate -h"), &err);
	assert_true(args_has(&a, "help"));
}

static void wrong_lines_say_what_was_meant(void **state)
{
	static const struct {
		const char *line, *says;
	} cases[] = {
		{"stauts", "did you mean 'status'?"},
		{"gibberish", "unknown verb 'gibberish'"},
		{"host", "'host' needs a subcommand: list, show"},
		{"host lst", "'host' has no subcommand 'lst'; use: list, show"},
		{"relocate", "relocate: missing argument VM"},
		{"relocate a b", "unexpected argument 'b'"},
		{"relocate a --two c2", "did you mean '--to'?"},
		{"relocate a --to", "--to needs a value: CLUSTER"},
		{"relocate a --dry-run=yes", "--dry-run takes no value"},
		{"status --to c2", "unknown option '--to'"},
		{"status -x", "unknown option '-x'"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct args a = {0};
		struct vrs_err err = {0};

		assert_fails(parse(&a, &err, cases[i].line), VRS_EINVAL, &err);
		if (!strstr(err.text, cases[i].says))
			fail_msg("'%s' said '%s', not '%s'", cases[i].line, err.text,
				 cases[i].says);
		assert_null(a.verb); /* ret is untouched on failure */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_stand_before_and_after_the_verb),
		cmocka_unit_test(letters_may_be_joined_and_carry_a_value),
		cmocka_unit_test(an_optional_value_stands_behind_an_equals_sign_only),
		cmocka_unit_test(words_after_two_dashes_are_operands),
		cmocka_unit_test(help_needs_no_operand),
		cmocka_unit_test(wrong_lines_say_what_was_meant),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
