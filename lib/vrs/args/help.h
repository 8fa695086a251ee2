/* help.h - what the tables of a program look like: help, manual page, completion. Pure.
 */
#ifndef VRS_ARGS_HELP_H
#define VRS_ARGS_HELP_H

#include "vrs/args.h"
#include "vrs/mem.h"

/* --help, --version, --man, --completion: every program has them. */
extern const struct vrs_args_option args_builtin[];

void args_help(struct vrs_text *out, const struct vrs_args_program *p);
void args_help_command(struct vrs_text *out, const struct vrs_args_program *p,
		       const struct vrs_args_command *c);
void args_man(struct vrs_text *out, const struct vrs_args_program *p);
void args_completion(struct vrs_text *out, const struct vrs_args_program *p);

#endif
