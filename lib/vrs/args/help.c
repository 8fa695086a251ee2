#include "vrs/args/help.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { COLUMN = 26, WIDTH = 80 };

const struct vrs_args_option args_builtin[] = {
	{"help", 'h', NULL, .help = "print help, or help for one command"},
	{"version", 'V', NULL, .help = "print the version"},
	{"man", 0, NULL, .help = "print the manual page (roff)"},
	{"completion", 0, "bash", .help = "print the completion script for bash",
	 .type = VRS_OPT_CHOICE},
	{0},
};

/* "-o, --output table|json" */
static void usage(char buf[80], const struct vrs_args_option *o)
{
	char letter[8] = "";

	if (o->letter)
		(void)snprintf(letter, sizeof(letter), "-%c, ", o->letter);
	if (!o->value)
		(void)snprintf(buf, 80, "%s--%s", letter, o->name);
	else if (o->value[0] == '[')
		(void)snprintf(buf, 80, "%s--%s[=%s", letter, o->name, o->value + 1);
	else
		(void)snprintf(buf, 80, "%s--%s %s%s", letter, o->name, o->value,
			       o->type == VRS_OPT_LIST ? "..." : "");
}

/* One row: what is typed, and in the second column the text, broken into lines. */
static void row(struct vrs_text *out, const char *left, const char *text)
{
	size_t at = 2 + strlen(left);

	vrs_text_add(out, "  %s", left);
	if (at > COLUMN + 2) {
		vrs_text_add(out, "\n");
		at = 0;
	}
	vrs_text_add(out, "%*s", (int)(COLUMN + 2 - at), "");
	at = COLUMN + 2;
	while (*text) {
		size_t n = strcspn(text, " ");

		if (at + n >= WIDTH) {
			vrs_text_add(out, "\n%*s", COLUMN + 2, "");
			at = COLUMN + 2;
		}
		vrs_text_add(out, " %.*s", (int)n, text);
		at += n + 1;
		text += n + (text[n] == ' ');
	}
	vrs_text_add(out, "\n");
}

static void list_options(struct vrs_text *out, const struct vrs_args_option *o)
{
	char text[80], left[96];

	for (; o && o->name; o++) {
		usage(text, o);
		(void)snprintf(left, sizeof(left), "%s%s", o->letter ? "" : "    ", text);
		if (o->help)
			row(out, left, o->help);
	}
}

static void list_examples(struct vrs_text *out, const char *examples)
{
	vrs_text_add(out, "%s", examples ? "\nExamples:\n" : "");
	while (examples && *examples) {
		size_t n = strcspn(examples, "\n");

		vrs_text_add(out, "  %.*s\n", (int)n, examples);
		examples += n + (examples[n] == '\n');
	}
}

void args_help(struct vrs_text *out, const struct vrs_args_program *p)
{
	char left[80];

	vrs_text_add(out, "Usage: %s [OPTIONS] COMMAND [OPERANDS]\n\n%s\n\nCommands:\n",
		     p->name, p->text);
	for (const struct vrs_args_command *c = p->commands; c->name; c++) {
		(void)snprintf(left, sizeof(left), "%s %s", c->name, c->operands);
		row(out, left, c->summary);
	}
	vrs_text_add(out, "\nOptions:\n");
	list_options(out, p->options);
	list_options(out, args_builtin);
	list_examples(out, p->examples);
	vrs_text_add(out, "\n'%s help COMMAND' prints the help of one command.\n",
		     p->name);
	vrs_text_add(out, "Exit code: %s.\n", p->exit_codes);
}

void args_help_command(struct vrs_text *out, const struct vrs_args_program *p,
		       const struct vrs_args_command *c)
{
	vrs_text_add(out, "Usage: %s %s%s%s", p->name, c->name, c->operands[0] ? " " : "",
		     c->operands);
	for (const struct vrs_args_option *o = c->options; o && o->name; o++)
		if (o->required)
			vrs_text_add(out, " --%s %s", o->name, o->value);
	vrs_text_add(out, " [OPTIONS]\n\n%s.\n", c->summary);
	if (c->text)
		vrs_text_add(out, "%s\n", c->text);
	if (c->options) {
		vrs_text_add(out, "\nOptions:\n");
		list_options(out, c->options);
	}
	vrs_text_add(out, "\nGlobal options:\n");
	list_options(out, p->options);
	list_options(out, args_builtin);
	list_examples(out, c->examples);
}

/* --- the manual page --- */

/* roff: a backslash, and a dot or quote at a line's start, mean something else. */
static void roff(struct vrs_text *out, const char *text, const char *end)
{
	bool line_start = true;

	for (; *text; text++) {
		if (line_start && (*text == '.' || *text == '\''))
			vrs_text_add(out, "\\&");
		if (*text == '\\')
			vrs_text_add(out, "\\e");
		else if (*text == '-')
			vrs_text_add(out, "\\-");
		else
			vrs_text_add(out, "%c", *text);
		line_start = *text == '\n';
	}
	vrs_text_add(out, "%s", end);
}

static void roff_options(struct vrs_text *out, const struct vrs_args_option *o)
{
	char text[80];

	for (; o && o->name; o++) {
		if (!o->help)
			continue;
		usage(text, o);
		vrs_text_add(out, ".TP\n.B ");
		roff(out, text, "\n");
		roff(out, o->help, "\n");
	}
}

void args_man(struct vrs_text *out, const struct vrs_args_program *p)
{
	vrs_text_add(out, ".TH ");
	for (const char *s = p->name; *s; s++)
		vrs_text_add(out, "%c", toupper((unsigned char)*s));
	vrs_text_add(out, " 1 \"\" \"VR-SAS " VRS_VERSION "\" \"VR-SAS\"\n.SH NAME\n");
	roff(out, p->name, " \\- ");
	roff(out, p->summary, "\n.SH SYNOPSIS\n.B ");
	roff(out, p->name, "\n[OPTIONS] COMMAND [OPERANDS]\n.SH DESCRIPTION\n");
	roff(out, p->text, "\n.SH COMMANDS\n");
	for (const struct vrs_args_command *c = p->commands; c->name; c++) {
		vrs_text_add(out, ".SS \"");
		roff(out, c->name, "");
		vrs_text_add(out, " %s\"\n", c->operands);
		roff(out, c->summary, ".\n");
		if (c->text)
			roff(out, c->text, "\n");
		roff_options(out, c->options);
		if (!c->examples)
			continue;
		vrs_text_add(out, ".PP\nExamples:\n.RS\n.nf\n");
		roff(out, c->examples, ".fi\n.RE\n");
	}
	vrs_text_add(out, ".SH OPTIONS\nOptions may precede or follow the operands.\n");
	roff_options(out, p->options);
	roff_options(out, args_builtin);
	vrs_text_add(out, ".SH EXIT STATUS\n");
	roff(out, p->exit_codes, ".\n");
	if (p->environment)
		vrs_text_add(out, ".SH ENVIRONMENT\n");
	for (const struct vrs_args_option *o = p->environment; o && o->name; o++) {
		vrs_text_add(out, ".TP\n.B %s\n", o->name);
		roff(out, o->help, ".\n");
	}
	vrs_text_add(out, ".SH SEE ALSO\n%s.BR vrsas (7)\n",
		     p->see_also ? p->see_also : "");
}

/* --- completion --- */

static void words_of(struct vrs_text *out, const struct vrs_args_option *o)
{
	for (; o && o->name; o++)
		if (o->help)
			vrs_text_add(out, " --%s", o->name);
}

/* After an option: the words of a choice, or nothing, so that bash offers files. */
static void values_of(struct vrs_text *out, const struct vrs_args_option *o)
{
	for (; o && o->name; o++) {
		if (!o->help || !o->value || o->value[0] == '[')
			continue;
		vrs_text_add(out, "\t--%s", o->name);
		if (o->letter)
			vrs_text_add(out, " | -%c", o->letter);
		vrs_text_add(out, ") words='");
		for (const char *s = o->type == VRS_OPT_CHOICE ? o->value : ""; *s; s++)
			vrs_text_add(out, "%c", *s == '|' ? ' ' : *s);
		vrs_text_add(out, "' ;;\n");
	}
}

static bool opens_group(const struct vrs_args_program *p,
			const struct vrs_args_command *c, size_t n)
{
	return c == p->commands || strncmp(c[-1].name, c->name, n + 1) != 0;
}

/* What follows each command; "host" alone is followed by its second words. */
static void cases_of(struct vrs_text *out, const struct vrs_args_program *p)
{
	for (const struct vrs_args_command *c = p->commands; c->name; c++) {
		vrs_text_add(out, "\t'%s' | '%s '*) words='' options+='", c->name,
			     c->name);
		words_of(out, c->options);
		vrs_text_add(out, "' ;;\n");
	}
	for (const struct vrs_args_command *c = p->commands; c->name; c++) {
		size_t n = strcspn(c->name, " ");

		if (!c->name[n] || !opens_group(p, c, n))
			continue;
		vrs_text_add(out, "\t%.*s) words='", (int)n, c->name);
		for (const struct vrs_args_command *k = c; k->name; k++)
			if (strncmp(k->name, c->name, n + 1) == 0)
				vrs_text_add(out, " %s", k->name + n + 1);
		vrs_text_add(out, "' ;;\n");
	}
	vrs_text_add(out, "\t*) words='help");
	for (const struct vrs_args_command *c = p->commands; c->name; c++) {
		size_t n = strcspn(c->name, " ");

		if (opens_group(p, c, n))
			vrs_text_add(out, " %.*s", (int)n, c->name);
	}
	vrs_text_add(out, "' ;;\n");
}

void args_completion(struct vrs_text *out, const struct vrs_args_program *p)
{
	char function[64];

	(void)snprintf(function, sizeof(function), "_%s", p->name);
	for (char *s = function; *s; s++)
		*s = *s == '-' ? '_' : *s;
	vrs_text_add(out,
		     "# bash completion for %s, written by %s --completion bash\n"
		     "%s()\n{\n"
		     "\tlocal cur=${COMP_WORDS[COMP_CWORD]} w words verb='' options\n"
		     "\tfor w in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
		     "\t\t[[ $w == -* || $w == help ]] || verb=\"${verb:+$verb }$w\"\n"
		     "\tdone\n\toptions='",
		     p->name, p->name, function);
	words_of(out, p->options);
	words_of(out, args_builtin);
	vrs_text_add(out, "'\n\tcase $verb in\n");
	cases_of(out, p);
	vrs_text_add(out, "\tesac\n\t[[ $cur == -* ]] && words=$options\n"
			  "\tcase ${COMP_WORDS[COMP_CWORD-1]} in\n");
	values_of(out, p->options);
	values_of(out, args_builtin);
	vrs_text_add(out,
		     "\tesac\n"
		     "\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
		     "}\ncomplete -o default -F %s %s\n",
		     function, p->name);
}
