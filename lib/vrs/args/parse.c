#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "vrs/args.h"
#include "vrs/args/help.h"

enum { MAX_WORD = 40, MAX_WORDS = 64 };

struct cursor {
	struct vrs_args *a;
	int argc, at;
	char *const *argv;
	struct vrs_err *err;
};

/* --- what was meant --- */

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Levenshtein, over one row. */
static size_t distance(const char *a, const char *b)
{
	size_t row[MAX_WORD + 1], n = strlen(b);

	if (n > MAX_WORD || strlen(a) > MAX_WORD)
		return MAX_WORD;
	for (size_t k = 0; k <= n; k++)
		row[k] = k;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t corner = row[0];

		row[0] = i;
		for (size_t k = 1; k <= n; k++) {
			size_t above = row[k];

			row[k] = least(least(row[k] + 1, row[k - 1] + 1),
				       corner + (a[i - 1] != b[k - 1]));
			corner = above;
		}
	}
	return row[n];
}

struct guess {
	char best[MAX_WORD];
	size_t distance;
};

/* More than two slips are another word. */
static void guess(struct guess *g, const char *word, const char *known)
{
	size_t d = distance(word, known);

	if (d < 3 && d < strlen(known) && (!*g->best || d < g->distance)) {
		(void)snprintf(g->best, sizeof(g->best), "%s", known);
		g->distance = d;
	}
}

static int unknown(struct vrs_err *err, const char *what, const char *word,
		   const struct guess *g)
{
	const char *dashes = strcmp(what, "option") == 0 ? "--" : "";

	return vrs_fail(err, VRS_EINVAL, "unknown %s '%s%s'%s%s%s%s", what, dashes, word,
			*g->best ? "; did you mean '" : "", *g->best ? dashes : "",
			g->best, *g->best ? "'?" : "");
}

/* --- options --- */

/* By its name, or by its letter where name is NULL. */
static const struct vrs_args_option *
find_option(const struct vrs_args *a, const char *name, size_t len, char letter)
{
	const struct vrs_args_option *const tables[] = {
		a->command ? a->command->options : NULL, a->program->options,
		args_builtin};

	for (size_t t = 0; t < 3; t++)
		for (const struct vrs_args_option *o = tables[t]; o && o->name; o++)
			if (name ? strlen(o->name) == len &&
					    strncmp(o->name, name, len) == 0
				 : o->letter == letter)
				return o;
	return NULL;
}

static int unknown_option(const struct cursor *c, const char *name, size_t len)
{
	const struct vrs_args_option *const tables[] = {
		c->a->command ? c->a->command->options : NULL, c->a->program->options,
		args_builtin};
	char word[MAX_WORD];
	struct guess g = {0};

	(void)snprintf(word, sizeof(word), "%.*s", (int)len, name);
	for (size_t t = 0; t < 3; t++)
		for (const struct vrs_args_option *o = tables[t]; o && o->name; o++)
			guess(&g, word, o->name);
	return unknown(c->err, "option", word, &g);
}

static bool value_needed(const struct vrs_args_option *o)
{
	return o->value && o->value[0] != '[';
}

/* The index of a word in "auto|off|zstd", -1. */
static int64_t choice(const char *words, const char *text)
{
	size_t len = strlen(text);
	int64_t index = 0;

	for (;; index++) {
		size_t n = strcspn(words, "|");

		if (n == len && strncmp(words, text, n) == 0)
			return index;
		if (!words[n])
			return -1;
		words += n + 1;
	}
}

static int check_value(const struct vrs_args_option *o, const char *text, int64_t *ret,
		       struct vrs_err *err)
{
	const struct vrs_value_rule rule = {o->type, o->min, o->max};

	if (o->type == VRS_OPT_STRING || o->type == VRS_OPT_LIST)
		return 0;
	assert(o->type != VRS_OPT_DOUBLE && o->type != VRS_OPT_BOOL);
	if (o->type != VRS_OPT_CHOICE) {
		int status = vrs_value_read(&rule, text, ret, err);

		if (status < 0)
			(void)vrs_context(err, "--%s %s", o->name, text);
		return status;
	}
	*ret = choice(o->value, text);
	return *ret >= 0 ? 0
			 : vrs_fail(err, VRS_EINVAL, "--%s %s: must be one of %s",
				    o->name, text, o->value);
}

static int keep(const struct cursor *c, const struct vrs_args_option *o,
		const char *value)
{
	struct vrs_args *a = c->a;

	if (a->n_given == VRS_ARGS_MAX_GIVEN)
		return vrs_fail(c->err, VRS_EINVAL, "too many options");
	for (const struct vrs_args_option *b = args_builtin; b->name; b++)
		a->help = a->help || b == o;
	size_t i = a->n_given++;
	a->given[i].option = o;
	a->given[i].value = value;
	return value ? check_value(o, value, &a->given[i].number, c->err) : 0;
}

static int take_value(struct cursor *c, const struct vrs_args_option *o,
		      const char *attached)
{
	if (!o->value && attached)
		return vrs_fail(c->err, VRS_EINVAL, "option --%s takes no value",
				o->name);
	if (value_needed(o) && !attached) {
		if (c->at >= c->argc)
			return vrs_fail(c->err, VRS_EINVAL,
					"option --%s needs a value: %s", o->name,
					o->value);
		attached = c->argv[c->at++];
	}
	int status = keep(c, o, attached);
	while (status == 0 && o->type == VRS_OPT_LIST && c->at < c->argc &&
	       c->argv[c->at][0] != '-')
		status = keep(c, o, c->argv[c->at++]);
	return status;
}

static int long_option(struct cursor *c, const char *word)
{
	const char *equals = strchr(word, '=');
	size_t len = equals ? (size_t)(equals - word) : strlen(word);
	const struct vrs_args_option *o = find_option(c->a, word, len, 0);

	if (!o)
		return unknown_option(c, word, len);
	return take_value(c, o, equals ? equals + 1 : NULL);
}

/* -y, -yo json, -ojson */
static int short_options(struct cursor *c, const char *word)
{
	for (; *word; word++) {
		const struct vrs_args_option *o = find_option(c->a, NULL, 0, *word);

		if (!o)
			return vrs_fail(c->err, VRS_EINVAL, "unknown option '-%c'",
					*word);
		if (value_needed(o))
			return take_value(c, o, word[1] ? word + 1 : NULL);
		int status = keep(c, o, NULL);
		if (status < 0)
			return status;
	}
	return 0;
}

/* --- commands and operands --- */

/* The first word may be the command ("status") or open a group ("host list"). */
static const struct vrs_args_command *find_command(const struct vrs_args_command *v,
						   const char *first, const char *second,
						   bool *ret_two)
{
	char both[2 * MAX_WORD];

	(void)snprintf(both, sizeof(both), "%s %s", first, second ? second : "");
	for (; v->name; v++) {
		*ret_two = strchr(v->name, ' ') != NULL;
		if (strcmp(v->name, *ret_two ? both : first) == 0)
			return v;
	}
	return NULL;
}

static int unknown_command(const struct cursor *c, const char *first, const char *second)
{
	struct vrs_text group = {0};
	struct guess g = {0};
	int status;

	guess(&g, first, "help");
	for (const struct vrs_args_command *v = c->a->program->commands; v->name; v++) {
		size_t n = strcspn(v->name, " ");
		char stem[MAX_WORD];

		(void)snprintf(stem, sizeof(stem), "%.*s", (int)n, v->name);
		if (v->name[n] && strcmp(stem, first) == 0)
			vrs_text_add(&group, "%s%s", group.len ? ", " : "",
				     v->name + n + 1);
		guess(&g, first, stem);
	}
	if (!group.len)
		status = unknown(c->err, "command", first, &g);
	else if (second)
		status = vrs_fail(c->err, VRS_EINVAL,
				  "'%s' has no subcommand '%s'; use: %s", first, second,
				  group.text);
	else
		status = vrs_fail(c->err, VRS_EINVAL, "'%s' needs a subcommand: %s",
				  first, group.text);
	vrs_text_fini(&group);
	return status;
}

/* How many operands "SRC DST" or "[FROM [TO]]" are, without those that may be left out.
 */
static size_t count(const char *operands, bool optional)
{
	size_t n = 0;

	for (; *operands && (optional || *operands != '['); operands++)
		n += *operands != ' ' && (operands[1] == ' ' || !operands[1]);
	return n;
}

static int plain_word(struct cursor *c)
{
	struct vrs_args *a = c->a;
	const char *word = c->argv[c->at - 1];
	bool two;

	if (!a->command && strcmp(word, "help") == 0) {
		a->help = true;
		return 0;
	}
	if (!a->command) {
		const char *next = c->at < c->argc && c->argv[c->at][0] != '-'
					   ? c->argv[c->at]
					   : NULL;

		a->command = find_command(a->program->commands, word, next, &two);
		if (!a->command)
			return unknown_command(c, word, next);
		c->at += two;
		return 0;
	}
	if (a->n_operands >= count(a->command->operands, true))
		return vrs_fail(c->err, VRS_EINVAL, "unexpected argument '%s'", word);
	a->operand[a->n_operands++] = word;
	return 0;
}

static int check_complete(const struct cursor *c)
{
	const struct vrs_args_command *v = c->a->command;

	if (!v || c->a->help)
		return 0;
	assert(count(v->operands, true) <= VRS_ARGS_MAX_OPERANDS);
	if (c->a->n_operands < count(v->operands, false))
		return vrs_fail(c->err, VRS_EINVAL, "missing argument %s", v->operands);
	for (const struct vrs_args_option *o = v->options; o && o->name; o++)
		if (o->required && !vrs_args_has(c->a, o->name))
			return vrs_fail(c->err, VRS_EINVAL, "--%s %s is required",
					o->name, o->value);
	return 0;
}

int vrs_args_parse(struct vrs_args *ret, const struct vrs_args_program *program, int argc,
		   char *const *argv, struct vrs_err *err)
{
	struct cursor c = {.a = ret, .argc = argc, .at = 1, .argv = argv, .err = err};
	bool only_words = false;

	*ret = (struct vrs_args){.program = program};
	while (c.at < c.argc) {
		const char *word = c.argv[c.at++];
		int status;

		if (only_words || word[0] != '-' || !word[1])
			status = plain_word(&c);
		else if (strcmp(word, "--") == 0)
			status = !(only_words = true);
		else if (word[1] == '-')
			status = long_option(&c, word + 2);
		else
			status = short_options(&c, word + 1);
		if (status < 0)
			return status;
	}
	return check_complete(&c);
}

/* --- what was given --- */

bool vrs_args_has(const struct vrs_args *a, const char *option)
{
	for (size_t i = 0; i < a->n_given; i++)
		if (strcmp(a->given[i].option->name, option) == 0)
			return true;
	return false;
}

const char *vrs_args_value(const struct vrs_args *a, const char *option)
{
	for (size_t i = a->n_given; i > 0; i--)
		if (strcmp(a->given[i - 1].option->name, option) == 0)
			return a->given[i - 1].value;
	return NULL;
}

const char *vrs_args_text(const struct vrs_args *a, const char *option)
{
	const char *value = vrs_args_value(a, option);

	return value ? value : "";
}

int64_t vrs_args_number(const struct vrs_args *a, const char *option, int64_t otherwise)
{
	for (size_t i = a->n_given; i > 0; i--)
		if (strcmp(a->given[i - 1].option->name, option) == 0)
			return a->given[i - 1].value ? a->given[i - 1].number : otherwise;
	return otherwise;
}

const char *vrs_args_nth(const struct vrs_args *a, const char *option, size_t i)
{
	for (size_t k = 0; k < a->n_given; k++)
		if (strcmp(a->given[k].option->name, option) == 0 && i-- == 0)
			return a->given[k].value;
	return NULL;
}
