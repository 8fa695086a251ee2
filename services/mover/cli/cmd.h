/* cmd.h - the commands of vrs-mover, and what they share. */
#ifndef MOVER_CLI_CMD_H
#define MOVER_CLI_CMD_H

#include "remote/remote.h"
#include "vrs/args.h"
#include "vrs/err.h"

struct vrs_ctl {
	struct vrs_args args;
	struct ssh_conf far; /* from the global options; program is ours to free */
	bool json;
};

/* Runs the command of the command line and returns its exit code. */
int commands_run(int argc, char **argv);

int cmd_copy(struct vrs_ctl *ctl);
int cmd_seed(struct vrs_ctl *ctl);
int cmd_verify(struct vrs_ctl *ctl);
int cmd_hash(struct vrs_ctl *ctl);
int cmd_direct(struct vrs_ctl *ctl);

/* The SSH settings that the command line gives. */
void cmd_set_up(struct vrs_ctl *ctl);

/* An image as the user named it: machine and absolute path (4096 bytes). */
int cmd_place(const struct vrs_ctl *ctl, const char *text, struct place *ret, char *path,
	      struct vrs_err *err);

/* Prints "vrs-mover: text" on stderr and returns the exit code that fits. */
int cmd_fail(const struct vrs_err *err);

/* As a JSON string, with its quotes. */
void cmd_print_json_string(const char *s);

#endif
