/* main.c - vrs-predictor: the service, and the commands around its model. */
#include "commands.h"

int main(int argc, char **argv)
{
	return commands_run(argc, argv);
}
