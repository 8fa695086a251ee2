/* shell.h - words for the shell of another machine. Pure. */
#ifndef MOVER_SSH_SHELL_H
#define MOVER_SSH_SHELL_H

#include "vrs/mem.h"

/* Adds s as one word of a POSIX shell, whatever is in it. */
void shell_quote(struct vrs_text *t, const char *s);

#endif
