#include "check.h"

#include <stdio.h>
#include <string.h>

#include "vrs/args.h"
#include "vrs/args/help.h"

static const struct vrs_args_option globals[] = {
	{"output", 'o', "table|json", .help = "output format", .type = VRS_OPT_CHOICE},
	{"watch", 'w', "[S]", .help = "refresh", .type = VRS_OPT_DURATION, .min = 1},
	{"yes", 'y', NULL, .help = "do not ask"},
	{0},
};
static const struct vrs_args_option move_options[] = {
	{"to", 0, "CLUSTER", .help = "target"},
	{"dry-run", 'n', NULL, .help = "change nothing"},
	{"limit", 0, "RATE", .help = "bytes per second", .type = VRS_OPT_BYTES},
	{"tries", 0, "N", .help = "attempts", .type = VRS_OPT_INT, .min = 1, .max = 9},
	{"base", 0, "OLD", .help = NULL},
	{0},
};
static const struct vrs_args_option train_options[] = {
	{"traces", 0, "FILE", .help = "recorded load", .type = VRS_OPT_LIST,
	 .required = true},
	{"until", 0, "TIME", .help = "end", .type = VRS_OPT_TIME},
	{"utc", 0, "MIN", .help = "offset", .type = VRS_OPT_INT, .min = -720, .max = 840},
	{0},
};
static const struct vrs_args_command commands[] = {
	{"status", "", NULL, "Show the state", NULL, "demo status\n", NULL},
	{"relocate", "VM", move_options, "Move a VM", "It takes a while.",
	 "demo relocate web1\n", NULL},
	{"host list", "", NULL, "List hosts", NULL, "demo host list\n", NULL},
	{"host show", "HOST", NULL, "Show a host", NULL, "demo host show h1\n", NULL},
	{"times", "[FROM [TO]]", NULL, "Show times", NULL, "demo times\n", NULL},
	{"train", "", train_options, "Train a model", NULL, "demo train\n", NULL},
	{0},
};
static const struct vrs_args_option environment[] = {{"DEMO_URL", .help = "Where it is"},
						     {0}};
static const struct vrs_args_program program = {
	.name = "vrs-demo",
	.summary = "a program for tests",
	.text = "Moves things.",
	.commands = commands,
	.options = globals,
	.environment = environment,
	.examples = "vrs-demo status\n",
	.exit_codes = "0 ok, 1 failed",
};

enum { MAX_WORDS = 12 };

static int parse(struct vrs_args *ret, struct vrs_err *err, const char *line)
{
	static char copy[200];
	char *argv[MAX_WORDS] = {(char *)"vrs-demo"}, *rest = copy;
	int argc = 1;

	(void)strncpy(copy, line, sizeof(copy) - 1);
	for (char *w; argc < MAX_WORDS && (w = strsep(&rest, " "));)
		argv[argc++] = w;
	return vrs_args_parse(ret, &program, argc, argv, err);
}

static void options_stand_before_and_after_the_command(void **state)
{
	struct vrs_args a = {0};
	struct vrs_err err = {0};

	(void)state;
	assert_ok(parse(&a, &err, "-o json relocate web1 --to c2 -y"), &err);
	assert_string_equal(a.command->name, "relocate");
	assert_string_equal(a.operand[0], "web1");
	assert_string_equal(vrs_args_value(&a, "output"), "json");
	assert_string_equal(vrs_args_text(&a, "to"), "c2");
	assert_string_equal(vrs_args_text(&a, "base"), "");
	assert_true(vrs_args_has(&a, "yes"));
	assert_false(vrs_args_has(&a, "dry-run"));
}

static void letters_may_be_joined_and_carry_a_value(void **state)
{
	struct vrs_args a = {0};
	struct vrs_err err = {0};

	(void)state;
	assert_ok(parse(&a, &err, "relocate web1 -nyojson"), &err);
	assert_true(vrs_args_has(&a, "dry-run"));
	assert_true(vrs_args_has(&a, "yes"));
	assert_string_equal(vrs_args_value(&a, "output"), "json");
}

static void an_optional_value_stands_behind_an_equals_sign_only(void **state)
{
	struct vrs_args a = {0};
	struct vrs_err err = {0};

	(void)state;
	assert_ok(parse(&a, &err, "--watch status"), &err);
	assert_true(vrs_args_has(&a, "watch"));
	assert_null(vrs_args_value(&a, "watch"));
	assert_int_equal(vrs_args_number(&a, "watch", 2000), 2000);
	assert_ok(parse(&a, &err, "status --watch=5"), &err);
	assert_int_equal(vrs_args_number(&a, "watch", 2000), 5000);
}

static void words_after_two_dashes_are_operands(void **state)
{
	struct vrs_args a = {0};
	struct vrs_err err = {0};

	(void)state;
	assert_ok(parse(&a, &err, "relocate -- -odd-name"), &err);
	assert_string_equal(a.operand[0], "-odd-name");
}

static void values_are_read_by_their_type(void **state)
{
	struct vrs_args a = {0};
	struct vrs_err err = {0};

	(void)state;
	assert_ok(parse(&a, &err, "relocate a --limit 2K --tries=3 -o json"), &err);
	assert_int_equal(vrs_args_number(&a, "limit", 0), 2048);
	assert_int_equal(vrs_args_number(&a, "tries", 5), 3);
	assert_int_equal(vrs_args_number(&a, "output", 0), 1);
	assert_ok(parse(&a, &err, "train --traces a --until 1970-01-01T00:00:05Z"), &err);
	assert_int_equal(vrs_args_number(&a, "until", -1), 5000);
	assert_int_equal(vrs_args_number(&a, "utc", 60), 60);
	assert_ok(parse(&a, &err, "train --traces a --utc -60"), &err);
	assert_int_equal(vrs_args_number(&a, "utc", 60), -60);
}

static void a_list_takes_all_words_up_to_the_next_option_and_may_be_repeated(void **state)
{
	struct vrs_args a = {0};
	struct vrs_err err = {0};

	(void)state;
	assert_ok(parse(&a, &err, "train --traces a b --utc 5 --traces=c"), &err);
	assert_string_equal(vrs_args_nth(&a, "traces", 0), "a");
	assert_string_equal(vrs_args_nth(&a, "traces", 1), "b");
	assert_string_equal(vrs_args_nth(&a, "traces", 2), "c");
	assert_null(vrs_args_nth(&a, "traces", 3));
}

static void help_needs_no_operand_and_no_option(void **state)
{
	static const char *const lines[] = {"relocate -h", "help relocate",
					    "relocate --help", "help train"};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct vrs_args a = {0};
		struct vrs_err err = {0};

		assert_ok(parse(&a, &err, lines[i]), &err);
		assert_true(a.help);
		assert_non_null(a.command);
	}
}

static void operands_that_may_be_left_out_are_counted(void **state)
{
	struct vrs_args a = {0};
	struct vrs_err err = {0};

	(void)state;
	assert_ok(parse(&a, &err, "times"), &err);
	assert_ok(parse(&a, &err, "times c1 c2"), &err);
	assert_int_equal(a.n_operands, 2);
	assert_fails(parse(&a, &err, "times c1 c2 c3"), VRS_EINVAL, &err);
}

static void wrong_lines_say_what_was_meant(void **state)
{
	static const struct {
		const char *line, *says;
	} cases[] = {
		{"stauts", "unknown command 'stauts'; did you mean 'status'?"},
		{"hepl", "did you mean 'help'?"},
		{"gibberish", "unknown command 'gibberish'"},
		{"host", "'host' needs a subcommand: list, show"},
		{"host lst", "'host' has no subcommand 'lst'; use: list, show"},
		{"relocate", "missing argument VM"},
		{"relocate a b", "unexpected argument 'b'"},
		{"relocate a --two c2", "unknown option '--two'; did you mean '--to'?"},
		{"relocate a --to", "option --to needs a value: CLUSTER"},
		{"relocate a --dry-run=yes", "option --dry-run takes no value"},
		{"status --to c2", "unknown option '--to'"},
		{"status -x", "unknown option '-x'"},
		{"status -o xml", "--output xml: must be one of table|json"},
		{"status -o js", "--output js: must be one of table|json"},
		{"status --watch=0", "--watch 0: must be at least 1ms"},
		{"status --watch=soon", "--watch soon: must be a duration such as 500ms"},
		{"relocate a --limit fast", "--limit fast: must be a size such as 512"},
		{"relocate a --tries 10", "--tries 10: must be in the range 1..9"},
		{"relocate a --tries 1.5", "--tries 1.5: must be a whole number"},
		{"train --traces a --until noon",
		 "--until noon: must be a time such as 20"},
		{"train", "--traces FILE is required"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vrs_args a = {0};
		struct vrs_err err = {0};

		assert_fails(parse(&a, &err, cases[i].line), VRS_EINVAL, &err);
		if (!strstr(err.text, cases[i].says))
			fail_msg("'%s' said '%s', not '%s'", cases[i].line, err.text,
				 cases[i].says);
	}
}

/* Every command and option that is listed stands in help, page and completion. */
static void help_page_and_completion_come_from_the_table(void **state)
{
	struct vrs_text help = {0}, page = {0}, completion = {0};

	(void)state;
	args_help(&help, &program);
	args_man(&page, &program);
	args_completion(&completion, &program);
	for (const struct vrs_args_command *c = commands; c->name; c++) {
		struct vrs_text one = {0};

		args_help_command(&one, &program, c);
		assert_non_null(strstr(help.text, c->summary));
		assert_non_null(strstr(page.text, c->summary));
		assert_non_null(strstr(completion.text, c->name));
		assert_non_null(strstr(one.text, c->examples));
		for (const struct vrs_args_option *o = c->options; o && o->name; o++) {
			char word[40];

			(void)snprintf(word, sizeof(word), " --%s", o->name);
			assert_true(!o->help == !strstr(one.text, word));
			assert_true(!o->help == !strstr(completion.text, word));
			assert_true(!o->help || strstr(page.text, o->help));
		}
		vrs_text_fini(&one);
	}
	assert_non_null(strstr(completion.text, "--output | -o) words='table json'"));
	assert_non_null(strstr(completion.text, "_vrs_demo vrs-demo"));
	assert_non_null(strstr(page.text, ".B DEMO_URL\nWhere it is.\n"));
	assert_non_null(strstr(help.text, "-o, --output table|json"));
	vrs_text_fini(&help);
	vrs_text_fini(&page);
	vrs_text_fini(&completion);
}

static void a_daemon_s_command_line_starts_the_service_or_a_command(void **state)
{
	static const struct {
		const char *first;
		bool serves;
	} cases[] = {{NULL, true},  {"serve", true}, {"--key=value", true}, {"-c", true},
		     {"-h", false}, {"help", false}, {"copy", false}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *words[] = {(char *)"vrs-demo", (char *)cases[i].first, NULL};
		char **argv = words;
		int argc = cases[i].first ? 2 : 1;

		assert_int_equal(vrs_args_serve(&argc, &argv), cases[i].serves);
		assert_string_equal(argv[0], "vrs-demo");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_stand_before_and_after_the_command),
		cmocka_unit_test(letters_may_be_joined_and_carry_a_value),
		cmocka_unit_test(an_optional_value_stands_behind_an_equals_sign_only),
		cmocka_unit_test(words_after_two_dashes_are_operands),
		cmocka_unit_test(values_are_read_by_their_type),
		cmocka_unit_test(
			a_list_takes_all_words_up_to_the_next_option_and_may_be_repeated),
		cmocka_unit_test(help_needs_no_operand_and_no_option),
		cmocka_unit_test(operands_that_may_be_left_out_are_counted),
		cmocka_unit_test(wrong_lines_say_what_was_meant),
		cmocka_unit_test(help_page_and_completion_come_from_the_table),
		cmocka_unit_test(a_daemon_s_command_line_starts_the_service_or_a_command),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
