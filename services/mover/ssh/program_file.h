/* program_file.h - the local vrs-image, read to be installed on a host, with its SHA-256.
 */
#ifndef MOVER_SSH_PROGRAM_FILE_H
#define MOVER_SSH_PROGRAM_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "vrs/err.h"

struct program_file {
	uint8_t *bytes;
	size_t n_bytes;
	char sha256[65];
};

int program_file_read(struct program_file *ret, const char *path, struct vrs_err *err);
void program_file_fini(struct program_file *f);

/* The path of the vrs-image beside the running program; the caller frees it. */
char *program_file_beside(void);

#endif
