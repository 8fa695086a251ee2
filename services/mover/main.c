/* vrs-mover - carries disk images between machines over SSH: a service that takes jobs
 * from the scheduler, and a command. */
#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include "cli/cmd.h"
#include "image/base/wire.h"
#include "jobs/service.h"
#include "vrs/log.h"

static bool asks_for_help(const char *word)
{
	return strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*fn)(int argc, char **argv);
	} verbs[] = {{"copy", cmd_copy},
		     {"seed", cmd_seed},
		     {"verify", cmd_verify},
		     {"hash", cmd_hash},
		     {"direct", cmd_direct}};

	/* the room of a frame is used again, not given back and asked for anew */
	(void)mallopt(M_MMAP_THRESHOLD, 4 * WIRE_MAX_PAYLOAD);
	(void)mallopt(M_TRIM_THRESHOLD, 64 * WIRE_MAX_PAYLOAD);
	if (argc > 1 && (asks_for_help(argv[1]) || strcmp(argv[1], "help") == 0))
		return cmd_usage(0);
	for (size_t i = 0; argc > 1 && i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(argv[1], verbs[i].name) == 0) {
			if (argc > 2 && asks_for_help(argv[2]))
				return cmd_usage(0);
			vrs_log_init("mover", VRS_WARN, false);
			return verbs[i].fn(argc - 2, argv + 2);
		}
	if (argc > 1 && argv[1][0] != '-' && strcmp(argv[1], "serve") != 0)
		return cmd_usage(2);
	if (argc > 1 && strcmp(argv[1], "serve") == 0) {
		argv[1] = argv[0];
		argc--;
		argv++;
	}
	return service_main(argc, argv);
}
