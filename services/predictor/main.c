/* main.c - vrs-predictor: the service, and the commands around its model. */
#include "cli/commands.h"
#include "service/serve.h"

int main(int argc, char **argv)
{
	int code = commands_run(argc, argv);

	if (code >= 0)
		return code;
	if (argc > 1 && argv[1][0] != '-') { /* "serve" */
		argc--;
		argv++;
	}
	return serve(argc, argv);
}
