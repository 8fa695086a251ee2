#include "vrs/args/help.h"

#include <stdio.h>
#include <string.h>

enum { OPTION_COLUMN = 26 };

static void usage(char *buf, size_t size, const struct opt *o)
{
	char letter[8] = "";

	if (o->letter)
		(void)snprintf(letter, sizeof(letter), "-%c, ", o->letter);
	if (!o->value)
		(void)snprintf(buf, size, "%s--%s", letter, o->name);
	else if (o->value[0] == '[')
		(void)snprintf(buf, size, "%s--%s[=%s", letter, o->name, o->value + 1);
	else
		(void)snprintf(buf, size, "%s--%s %s", letter, o->name, o->value);
}

static void list_options(struct vrs_text *out, const struct opt *o)
{
	char text[80];

	for (; o && o->name; o++) {
		usage(text, sizeof(text), o);
		vrs_text_add(out, "  %s%-*s %s\n", o->letter ? "" : "    ",
			     OPTION_COLUMN - (o->letter ? 0 : 4), text, o->help);
	}
}

static const char examples_of_all[] = "vrsctl status\n"
				      "vrsctl plan h1\n"
				      "vrsctl explain web1\n"
				      "vrsctl events --follow\n";

static void list_examples(struct vrs_text *out, const char *examples)
{
	vrs_text_add(out, "\nExamples:\n");
	while (*examples) {
		size_t n = strcspn(examples, "\n");

		vrs_text_add(out, "  %.*s\n", (int)n, examples);
		examples += n + (examples[n] == '\n');
	}
}

void help_all(struct vrs_text *out, const struct verb *verbs, const struct opt *globals)
{
	char left[80];

	vrs_text_add(out, "Usage: vrsctl [OPTIONS] VERB [OPERANDS]\n\n"
			  "Controls VR-SAS, which relocates VMs between clusters after "
			  "failures.\n\n"
			  "Verbs:\n");
	for (const struct verb *v = verbs; v->name; v++) {
		(void)snprintf(left, sizeof(left), "%s %s", v->name, v->operands);
		vrs_text_add(out, "  %-*s %s\n", OPTION_COLUMN, left, v->summary);
	}
	vrs_text_add(out, "\nOptions:\n");
	list_options(out, globals);
	list_examples(out, examples_of_all);
	vrs_text_add(out,
		     "\nvrsctl VERB -h prints the help of one verb. Exit code: 0 ok, "
		     "1 failed, 2 usage,\n3 not found, 4 refused by policy, "
		     "5 unreachable, 6 timeout.\n");
}

void help_verb(struct vrs_text *out, const struct verb *verb, const struct opt *globals)
{
	vrs_text_add(out, "Usage: vrsctl %s%s%s [OPTIONS]\n\n%s.\n", verb->name,
		     verb->operands[0] ? " " : "", verb->operands, verb->summary);
	if (verb->text)
		vrs_text_add(out, "%s\n", verb->text);
	if (verb->options) {
		vrs_text_add(out, "\nOptions:\n");
		list_options(out, verb->options);
	}
	vrs_text_add(out, "\nGlobal options:\n");
	list_options(out, globals);
	list_examples(out, verb->examples);
}

/* roff: a backslash, and a dot or quote at a line's start, mean something else. */
static void roff(struct vrs_text *out, const char *text)
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
}

static void roff_options(struct vrs_text *out, const struct opt *o)
{
	char text[80];

	for (; o && o->name; o++) {
		usage(text, sizeof(text), o);
		vrs_text_add(out, ".TP\n.B ");
		roff(out, text);
		vrs_text_add(out, "\n");
		roff(out, o->help);
		vrs_text_add(out, "\n");
	}
}

void help_man(struct vrs_text *out, const struct verb *verbs, const struct opt *globals)
{
	vrs_text_add(out, ".TH VRSCTL 1 \"\" \"VR-SAS " VRS_VERSION
			  "\" \"VR-SAS\"\n.SH NAME\nvrsctl \\- query and control "
			  "VR\\-SAS\n.SH SYNOPSIS\n.B vrsctl\n[OPTIONS] VERB [OPERANDS]\n"
			  ".SH DESCRIPTION\nQueries the scheduler and sends it orders. "
			  "Data goes to standard output,\nmessages to standard error.\n"
			  ".SH VERBS\n");
	for (const struct verb *v = verbs; v->name; v++) {
		vrs_text_add(out, ".SS \"");
		roff(out, v->name);
		vrs_text_add(out, " %s\"\n", v->operands);
		roff(out, v->summary);
		vrs_text_add(out, ".\n");
		if (v->text) {
			roff(out, v->text);
			vrs_text_add(out, "\n");
		}
		roff_options(out, v->options);
		vrs_text_add(out, ".PP\nExamples:\n.RS\n.nf\n");
		roff(out, v->examples);
		vrs_text_add(out, ".fi\n.RE\n");
	}
	vrs_text_add(out, ".SH OPTIONS\nOptions may precede or follow the verb.\n");
	roff_options(out, globals);
	vrs_text_add(
		out,
		".SH EXIT STATUS\n0 ok, 1 failed, 2 usage, 3 not found, 4 refused by "
		"policy, 5 unreachable, 6 timeout.\n.SH ENVIRONMENT\n.TP\n.B "
		"VRSAS_CONTROL\nAddress of the scheduler's control socket.\n.TP\n.B "
		"VRSAS_FILL\nAddress of etl's fill socket.\n.TP\n.B "
		"VRSAS_GATEWAY\nGateway to use instead of both sockets.\n.TP\n.B "
		"VRSAS_TOKEN_FILE\nFile with the gateway token in its first line.\n.TP\n"
		".B VRSAS_TOKEN\nThe gateway token, if no file is given.\n.TP\n.B "
		"VRSAS_CA\nCA that signed the gateway's certificate.\n.TP\n.B "
		"NO_COLOR\nIf set, "
		"output has no colour.\n.SH SEE ALSO\n.BR vrsas (7)\n");
}

static void words_of(struct vrs_text *out, const struct opt *o)
{
	for (; o && o->name; o++)
		vrs_text_add(out, " --%s", o->name);
}

void help_completion(struct vrs_text *out, const struct verb *verbs,
		     const struct opt *globals)
{
	vrs_text_add(out,
		     "# bash completion for vrsctl, written by vrsctl --completion bash\n"
		     "_vrsctl()\n{\n"
		     "\tlocal cur=${COMP_WORDS[COMP_CWORD]} w words verb='' options\n"
		     "\tfor w in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
		     "\t\t[[ $w == -* ]] || verb=\"${verb:+$verb }$w\"\n"
		     "\tdone\n\toptions='");
	words_of(out, globals);
	vrs_text_add(out, "'\n\tcase $verb in\n");
	for (const struct verb *v = verbs; v->name; v++) {
		vrs_text_add(out, "\t'%s' | '%s '*) words='' options+='", v->name,
			     v->name);
		words_of(out, v->options);
		vrs_text_add(out, "' ;;\n");
	}
	/* Groups: "host" alone is followed by its second words. */
	for (const struct verb *v = verbs; v->name; v++) {
		size_t n = strcspn(v->name, " ");

		if (!v->name[n] ||
		    (v > verbs && strncmp(v[-1].name, v->name, n + 1) == 0))
			continue;
		vrs_text_add(out, "\t%.*s) words='", (int)n, v->name);
		for (const struct verb *k = v; k->name; k++)
			if (strncmp(k->name, v->name, n + 1) == 0)
				vrs_text_add(out, " %s", k->name + n + 1);
		vrs_text_add(out, "' ;;\n");
	}
	vrs_text_add(out, "\t*) words='");
	for (const struct verb *v = verbs; v->name; v++) {
		size_t n = strcspn(v->name, " ");

		if (v == verbs || strncmp(v[-1].name, v->name, n + 1) != 0)
			vrs_text_add(out, " %.*s", (int)n, v->name);
	}
	vrs_text_add(out,
		     "' ;;\n\tesac\n"
		     "\t[[ $cur == -* ]] && words=$options\n"
		     "\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
		     "}\ncomplete -o default -F _vrsctl vrsctl\n");
}
