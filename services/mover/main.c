/* vrs-mover - copies disk images between hosts over SSH: a service that takes jobs from
 * the scheduler, and a command. */
#include <malloc.h>

#include "cli/cmd.h"
#include "image/base/wire.h"
#include "jobs/service.h"

int main(int argc, char **argv)
{
	/* keep frame buffers in the heap; do not return them to the kernel */
	(void)mallopt(M_MMAP_THRESHOLD, 4 * WIRE_MAX_PAYLOAD);
	(void)mallopt(M_TRIM_THRESHOLD, 64 * WIRE_MAX_PAYLOAD);
	return vrs_args_serve(&argc, &argv) ? service_main(argc, argv)
					    : commands_run(argc, argv);
}
