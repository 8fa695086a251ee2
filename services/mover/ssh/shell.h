/* shell.h - quoting for the shell of another host. Pure. */
#ifndef MOVER_SSH_SHELL_H
#define MOVER_SSH_SHELL_H

#include "vrs/mem.h"

/* Adds s as one quoted word of a POSIX shell. */
void shell_quote(struct vrs_text *t, const char *s);

#endif
