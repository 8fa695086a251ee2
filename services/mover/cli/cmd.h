/* cmd.h - what a person can do with the engine on its own. */
#ifndef MOVER_CLI_CMD_H
#define MOVER_CLI_CMD_H

#include <stdint.h>

#include "remote/remote.h"
#include "transfer/transfer.h"
#include "vrs/err.h"

/* 0 ok, 1 failed, 2 usage, 3 not found, 4 refused, 5 unreachable, 6 timeout. */
int cmd_exit_code(int status);

int cmd_copy(int argc, char **argv);
int cmd_seed(int argc, char **argv);
int cmd_verify(int argc, char **argv);
int cmd_hash(int argc, char **argv);
int cmd_direct(int argc, char **argv);
int cmd_usage(int exit_code);

/* Options that all verbs have, and the words that are none. */
struct cmd_args {
	struct ssh_conf far; /* program is ours to free */
	int port;
	bool json;
	const char *word[2];
	int n_words;
	const char *format, *from_format, *base, *compress, *direct, *remote_mover;
	enum transfer_way way;
	int64_t rate_bytes_per_s;
	int64_t tries, every_s;
};
/* Negative: said why on stderr. max_words tells how many are wanted, exactly. */
int cmd_parse(struct cmd_args *ret, int argc, char **argv, int n_words);
void cmd_args_fini(struct cmd_args *a);

/* An image as the user named it: machine and absolute path (4096 bytes). */
int cmd_place(const struct cmd_args *a, const char *text, struct place *ret, char *path,
	      struct vrs_err *err);

/* Says "vrs-mover: text" and returns the exit code that fits. */
int cmd_fail(const struct vrs_err *err);

/* As a JSON string, with its quotes. */
void cmd_print_json_string(const char *s);

#endif
