/* vrsctl - what a person, or a script of theirs, says to VR-SAS. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "client/ctl.h"
#include "vrs/args/help.h"

static int print_help(const struct verb *verb)
{
	struct vrs_text out = {0};

	if (verb)
		help_verb(&out, verb, ctl_globals);
	else
		help_all(&out, ctl_verbs, ctl_globals);
	ctl_put(&out);
	return EXIT_OK;
}

static int print_generated(const struct args *args)
{
	struct vrs_text out = {0};
	const char *shell = args_value(args, "completion");

	if (shell && strcmp(shell, "bash") != 0)
		return ctl_fail(EXIT_USAGE, "use --completion bash",
				"--completion: unsupported shell '%s'", shell);
	if (shell)
		help_completion(&out, ctl_verbs, ctl_globals);
	else
		help_man(&out, ctl_verbs, ctl_globals);
	ctl_put(&out);
	return EXIT_OK;
}

int main(int argc, char **argv)
{
	struct ctl ctl = {0};
	struct vrs_err err = {0};

	(void)signal(SIGPIPE, SIG_DFL);
	if (args_parse(&ctl.args, ctl_verbs, ctl_globals, argc, argv, &err) < 0)
		return ctl_fail(EXIT_USAGE, "vrsctl -h lists all verbs", "%s", err.text);
	if (args_has(&ctl.args, "version"))
		return printf("vrsctl %s\n", VRS_VERSION) < 0;
	if (args_has(&ctl.args, "man") || args_has(&ctl.args, "completion"))
		return print_generated(&ctl.args);
	if (args_has(&ctl.args, "help"))
		return print_help(ctl.args.verb);
	if (!ctl.args.verb) {
		(void)print_help(NULL);
		return EXIT_USAGE;
	}
	int code = ctl_init(&ctl);
	return code == EXIT_OK ? ctl.args.verb->run(&ctl) : code;
}
