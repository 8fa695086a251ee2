/* vrs-image - reads and writes disk images for a mover that talks to it over a pipe,
 * usually through SSH. Opens no file outside the given directories. */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/base/wire.h"
#include "image/serve/serve.h"

static int usage(FILE *to)
{
	(void)fprintf(to, "usage: vrs-image serve --root DIR [--root DIR]...\n"
			  "       vrs-image --version\n\n"
			  "Serves the images in these directories to a mover on stdin "
			  "and stdout, as in\n"
			  "authorized_keys: command=\"vrs-image serve --root "
			  "/var/lib/images\"\n");
	return to == stdout ? 0 : 2;
}

int main(int argc, char **argv)
{
	struct sandbox roots = {.n = 0};
	struct vrs_err err = {0};

	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		printf("vrs-image %s\n", VRS_VERSION);
		return 0;
	}
	if (argc == 2 && (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0))
		return usage(stdout);
	if (argc < 4 || strcmp(argv[1], "serve") != 0 || argc % 2 != 0)
		return usage(stderr);
	for (int i = 2; i < argc; i += 2) {
		if (strcmp(argv[i], "--root") != 0)
			return usage(stderr);
		if (sandbox_add(&roots, argv[i + 1], &err) < 0) {
			(void)fprintf(stderr, "vrs-image: %s\n", err.text);
			return 1;
		}
	}
	/* keep frame buffers in the heap; do not return them to the kernel */
	(void)mallopt(M_MMAP_THRESHOLD, 4 * WIRE_MAX_PAYLOAD);
	(void)mallopt(M_TRIM_THRESHOLD, 64 * WIRE_MAX_PAYLOAD);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)umask(077);
	int status = serve(&roots, STDIN_FILENO, STDOUT_FILENO, &err);
	if (status < 0)
		(void)fprintf(stderr, "vrs-image: %s\n", err.text);
	sandbox_fini(&roots);
	return status < 0 ? 1 : 0;
}
