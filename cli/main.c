/* vrsctl - controls VR-SAS from a terminal or a script. */
#include <signal.h>

#include "client/ctl.h"

int main(int argc, char **argv)
{
	struct vrs_ctl ctl = {0};

	(void)signal(SIGPIPE, SIG_DFL);
	int code = vrs_args_begin(&ctl.args, &ctl_program, argc, argv);
	if (code >= 0)
		return code;
	code = ctl_init(&ctl);
	return code == EXIT_OK ? ctl.args.command->run(&ctl) : code;
}
