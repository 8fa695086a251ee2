/* main.c - vrs-predictor: the service, and the commands around its model. */
#include "cli/commands.h"
#include "service/serve.h"

int main(int argc, char **argv)
{
	return vrs_args_serve(&argc, &argv) ? serve(argc, argv)
					    : commands_run(argc, argv);
}
