#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "copy/copy.h"
#include "vrs/mem.h"

/* The hash of one image, wherever it is. */
static int hash_of(const struct cmd_args *a, const char *text, const char *format,
		   uint64_t *ret_bytes, char ret_hex[TREE_HEX_BYTES], struct vrs_err *err)
{
	char path[4096], *dir;
	struct place place;
	struct remote *far = NULL;
	int status = cmd_place(a, text, &place, path, err);

	if (status < 0)
		return status;
	const char *slash = strrchr(path, '/');
	dir = slash == path ? vrs_strdup("/")
			    : vrs_asprintf("%.*s", (int)(slash - path), path);
	status = remote_open(&far, &a->far, "image at", &place, (const char *const *)&dir,
			     1, err);
	free(dir);
	if (status == 0)
		status = copy_hash(far, path, format ? format : place_format(path),
				   ret_bytes, ret_hex, err);
	remote_close(far);
	return status;
}

int cmd_hash(int argc, char **argv)
{
	struct cmd_args a;
	struct vrs_err err = {0};
	char hex[TREE_HEX_BYTES];
	uint64_t bytes;

	if (cmd_parse(&a, argc, argv, 1) < 0)
		return 2;
	(void)signal(SIGPIPE, SIG_IGN);
	int status = hash_of(&a, a.word[0], a.format, &bytes, hex, &err);
	if (status == 0 && a.json)
		printf("{\"hash\":\"%s\",\"virtual_bytes\":%llu}\n", hex,
		       (unsigned long long)bytes);
	else if (status == 0)
		printf("%s  %llu  %s\n", hex, (unsigned long long)bytes, a.word[0]);
	cmd_args_fini(&a);
	return status < 0 ? cmd_fail(&err) : 0;
}

int cmd_verify(int argc, char **argv)
{
	struct cmd_args a;
	struct vrs_err err = {0};
	char hex[2][TREE_HEX_BYTES];
	uint64_t bytes[2];
	int status = 0;

	if (cmd_parse(&a, argc, argv, 2) < 0)
		return 2;
	(void)signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < 2 && status == 0; i++)
		status = hash_of(&a, a.word[i], i ? a.format : a.from_format, &bytes[i],
				 hex[i], &err);
	cmd_args_fini(&a);
	if (status < 0)
		return cmd_fail(&err);
	bool same = strcmp(hex[0], hex[1]) == 0;
	if (a.json)
		printf("{\"equal\":%s,\"hash_a\":\"%s\",\"hash_b\":\"%s\"}\n",
		       same ? "true" : "false", hex[0], hex[1]);
	else
		printf("%s  %s %s\n", same ? "equal" : "DIFFERENT", hex[0], hex[1]);
	return same ? 0 : 1;
}
