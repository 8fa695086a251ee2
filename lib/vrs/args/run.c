#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "vrs/args.h"
#include "vrs/args/help.h"

static void name_call(FILE *to, const struct vrs_args *a)
{
	(void)fprintf(to, "%s%s%s", a->program->name, a->command ? " " : "",
		      a->command ? a->command->name : "");
}

int vrs_args_wrong(const struct vrs_args *a, const char *fmt, ...)
{
	va_list ap;

	name_call(stderr, a);
	(void)fputs(": ", stderr);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fputs(" (see ", stderr);
	name_call(stderr, a);
	(void)fputs(" --help)\n", stderr);
	return 2;
}

int vrs_args_begin(struct vrs_args *ret, const struct vrs_args_program *program, int argc,
		   char *const *argv)
{
	struct vrs_err err = {0};
	struct vrs_text out = {0};

	if (vrs_args_parse(ret, program, argc, argv, &err) < 0)
		return vrs_args_wrong(ret, "%s", err.text);
	if (ret->command && !ret->help)
		return -1;
	if (vrs_args_has(ret, "version"))
		vrs_text_add(&out, "%s %s\n", program->name, VRS_VERSION);
	else if (vrs_args_has(ret, "man"))
		args_man(&out, program);
	else if (vrs_args_has(ret, "completion"))
		args_completion(&out, program);
	else if (ret->command)
		args_help_command(&out, program, ret->command);
	else
		args_help(&out, program);
	(void)fwrite(out.text, 1, out.len, ret->help ? stdout : stderr);
	vrs_text_fini(&out);
	return ret->help ? 0 : 2;
}

bool vrs_args_serve(int *argc, char ***argv)
{
	if (*argc < 2)
		return true;
	const char *first = (*argv)[1];
	if (strcmp(first, "serve") == 0) {
		(*argv)[1] = (*argv)[0];
		(*argv)++;
		(*argc)--;
		return true;
	}
	return first[0] == '-' && strcmp(first, "-h") != 0 &&
	       strcmp(first, "--help") != 0;
}

int vrs_exit_code(int status)
{
	static const struct vrs_code_row codes[] = {
		{0, 0},
		{VRS_EINVAL, 2},
		{VRS_ENOENT, 3},
		{VRS_EDENIED, 4},
		{VRS_ECONFLICT, 4},
		{VRS_ECONN, 5},
		{VRS_ETIMEOUT, 6},
		{VRS_ELSE, 1},
	};

	return vrs_code_of(codes, status);
}
