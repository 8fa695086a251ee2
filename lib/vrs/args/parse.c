#include "vrs/args.h"

#include <stdio.h>
#include <string.h>

#include "vrs/mem.h"

enum { MAX_WORD = 40, MAX_WORDS = 64 };

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

const char *args_nearest(const char *word, const char *const *words)
{
	const char *best = NULL;
	size_t best_distance = 3; /* more than two slips is another word */

	for (; *words; words++) {
		size_t d = distance(word, *words);

		if (d < best_distance && d < strlen(*words)) {
			best = *words;
			best_distance = d;
		}
	}
	return best;
}

static const struct opt *find_opt(const struct opt *options, const char *name, size_t len)
{
	for (; options && options->name; options++)
		if (strlen(options->name) == len &&
		    strncmp(options->name, name, len) == 0)
			return options;
	return NULL;
}

static const struct opt *find_letter(const struct opt *options, char letter)
{
	for (; options && options->name; options++)
		if (options->letter == letter)
			return options;
	return NULL;
}

static bool value_needed(const struct opt *o)
{
	return o->value && o->value[0] != '[';
}

static int keep(struct args *a, const struct opt *o, const char *value,
		struct vrs_err *err)
{
	if (a->n_given == ARGS_MAX_OPTIONS)
		return vrs_fail(err, VRS_EINVAL, "too many options");
	a->given[a->n_given].opt = o;
	a->given[a->n_given++].value = value;
	return 0;
}

/* The verb's first word may stand alone ("status") or open a group ("host list"). */
static const struct verb *find_verb(const struct verb *verbs, const char *first,
				    const char *second, bool *ret_two)
{
	char both[2 * MAX_WORD];

	(void)snprintf(both, sizeof(both), "%s %s", first, second ? second : "");
	for (; verbs->name; verbs++) {
		*ret_two = strchr(verbs->name, ' ') != NULL;
		if (strcmp(verbs->name, *ret_two ? both : first) == 0)
			return verbs;
	}
	return NULL;
}

static int unknown_verb(const struct verb *verbs, const char *first, const char *second,
			struct vrs_err *err)
{
	const char *words[MAX_WORDS + 1] = {0};
	char group[200] = "";
	char stems[MAX_WORDS][MAX_WORD];
	size_t n = 0, stem = strlen(first);

	for (const struct verb *v = verbs; v->name && n < MAX_WORDS; v++) {
		const char *blank = strchr(v->name, ' ');

		if (blank && (size_t)(blank - v->name) == stem &&
		    strncmp(v->name, first, stem) == 0) {
			size_t used = strlen(group);
			(void)snprintf(group + used, sizeof(group) - used, "%s%s",
				       used ? ", " : "", blank + 1);
		}
		(void)snprintf(stems[n], MAX_WORD, "%.*s",
			       blank ? (int)(blank - v->name) : MAX_WORD - 1, v->name);
		words[n] = stems[n];
		n++;
	}
	if (group[0] && second)
		return vrs_fail(err, VRS_EINVAL, "'%s' has no subcommand '%s'; use: %s",
				first, second, group);
	if (group[0])
		return vrs_fail(err, VRS_EINVAL, "'%s' needs a subcommand: %s", first,
				group);

	const char *meant = args_nearest(first, words);
	return vrs_fail(err, VRS_EINVAL, "unknown verb '%s'%s%s%s", first,
			meant ? "; did you mean '" : "", meant ? meant : "",
			meant ? "'?" : "");
}

static int unknown_option(const struct verb *verb, const struct opt *globals,
			  const char *name, size_t len, struct vrs_err *err)
{
	const char *words[MAX_WORDS + 1] = {0};
	char word[MAX_WORD];
	size_t n = 0;

	for (const struct opt *o = verb ? verb->options : NULL;
	     o && o->name && n < MAX_WORDS; o++)
		words[n++] = o->name;
	for (const struct opt *o = globals; o->name && n < MAX_WORDS; o++)
		words[n++] = o->name;
	(void)snprintf(word, sizeof(word), "%.*s", (int)len, name);

	const char *meant = args_nearest(word, words);
	return vrs_fail(err, VRS_EINVAL, "%s%sunknown option '--%s'%s%s%s",
			verb ? verb->name : "", verb ? ": " : "", word,
			meant ? "; did you mean '--" : "", meant ? meant : "",
			meant ? "'?" : "");
}

struct cursor {
	int argc, at;
	char *const *argv;
};

static int take_value(struct args *a, const struct opt *o, const char *attached,
		      struct cursor *c, struct vrs_err *err)
{
	if (!o->value && attached)
		return vrs_fail(err, VRS_EINVAL, "option --%s takes no value", o->name);
	if (value_needed(o) && !attached) {
		if (c->at >= c->argc)
			return vrs_fail(err, VRS_EINVAL, "option --%s needs a value: %s",
					o->name, o->value);
		attached = c->argv[c->at++];
	}
	return keep(a, o, attached, err);
}

static int long_option(struct args *a, const struct opt *globals, const char *word,
		       struct cursor *c, struct vrs_err *err)
{
	const char *equals = strchr(word, '=');
	size_t len = equals ? (size_t)(equals - word) : strlen(word);
	const struct opt *o = a->verb ? find_opt(a->verb->options, word, len) : NULL;

	if (!o)
		o = find_opt(globals, word, len);
	if (!o)
		return unknown_option(a->verb, globals, word, len, err);
	return take_value(a, o, equals ? equals + 1 : NULL, c, err);
}

/* -y, -yo json, -ojson */
static int short_options(struct args *a, const struct opt *globals, const char *word,
			 struct cursor *c, struct vrs_err *err)
{
	for (; *word; word++) {
		const struct opt *o =
			a->verb ? find_letter(a->verb->options, *word) : NULL;

		if (!o)
			o = find_letter(globals, *word);
		if (!o)
			return vrs_fail(err, VRS_EINVAL, "unknown option '-%c'", *word);
		if (value_needed(o))
			return take_value(a, o, word[1] ? word + 1 : NULL, c, err);
		int status = keep(a, o, NULL, err);
		if (status < 0)
			return status;
	}
	return 0;
}

static int plain_word(struct args *a, const struct verb *verbs, struct cursor *c,
		      struct vrs_err *err)
{
	const char *word = c->argv[c->at - 1];
	bool two;

	if (!a->verb) {
		const char *next = c->at < c->argc && c->argv[c->at][0] != '-'
					   ? c->argv[c->at]
					   : NULL;

		a->verb = find_verb(verbs, word, next, &two);
		if (!a->verb)
			return unknown_verb(verbs, word, next, err);
		c->at += two;
		return 0;
	}
	if (a->n_operands == ARGS_MAX_OPERANDS || a->n_operands >= a->verb->max)
		return vrs_fail(err, VRS_EINVAL, "%s: unexpected argument '%s'",
				a->verb->name, word);
	a->operand[a->n_operands++] = word;
	return 0;
}

int args_parse(struct args *ret, const struct verb *verbs, const struct opt *globals,
	       int argc, char *const *argv, struct vrs_err *err)
{
	struct args a = {0};
	struct cursor c = {.argc = argc, .at = 1, .argv = argv};
	bool only_words = false;

	while (c.at < c.argc) {
		const char *word = c.argv[c.at++];
		int status;

		if (only_words || word[0] != '-' || !word[1])
			status = plain_word(&a, verbs, &c, err);
		else if (strcmp(word, "--") == 0)
			status = !(only_words = true);
		else if (word[1] == '-')
			status = long_option(&a, globals, word + 2, &c, err);
		else
			status = short_options(&a, globals, word + 1, &c, err);
		if (status < 0)
			return status;
	}
	if (a.verb && a.n_operands < a.verb->min && !args_has(&a, "help"))
		return vrs_fail(err, VRS_EINVAL, "%s: missing argument %s", a.verb->name,
				a.verb->operands);
	*ret = a;
	return 0;
}

bool args_has(const struct args *a, const char *option)
{
	for (size_t i = 0; i < a->n_given; i++)
		if (strcmp(a->given[i].opt->name, option) == 0)
			return true;
	return false;
}

const char *args_value(const struct args *a, const char *option)
{
	for (size_t i = a->n_given; i > 0; i--)
		if (strcmp(a->given[i - 1].opt->name, option) == 0)
			return a->given[i - 1].value;
	return NULL;
}
