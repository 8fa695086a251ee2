#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "copy/copy.h"
#include "vrs/mem.h"

/* The hash of one image, wherever it is; option: the one that gives its format. */
static int hash_of(const struct vrs_ctl *ctl, const char *text, const char *option,
		   struct image_hash *ret, struct vrs_err *err)
{
	const char *format = vrs_args_value(&ctl->args, option);
	char path[4096], *dir;
	struct place place;
	struct remote *remote = NULL;
	int status = cmd_place(ctl, text, &place, path, err);

	if (status < 0)
		return status;
	const char *slash = strrchr(path, '/');
	dir = slash == path ? vrs_strdup("/")
			    : vrs_asprintf("%.*s", (int)(slash - path), path);
	struct ssh_host host = {&ctl->far, &place, (const char *const *)&dir, 1};
	status = remote_open(&remote, "image at", &host, err);
	free(dir);
	if (status == 0)
		status = copy_hash(remote, path, format ? format : place_format(path),
				   ret, err);
	remote_close(remote);
	return status;
}

int cmd_hash(struct vrs_ctl *ctl)
{
	struct vrs_err err = {0};
	struct image_hash h = {0};

	(void)signal(SIGPIPE, SIG_IGN);
	if (hash_of(ctl, ctl->args.operand[0], "format", &h, &err) < 0)
		return cmd_fail(&err);
	if (ctl->json)
		printf("{\"hash\":\"%s\",\"virtual_bytes\":%llu}\n", h.hex,
		       (unsigned long long)h.disk_bytes);
	else
		printf("%s  %llu  %s\n", h.hex, (unsigned long long)h.disk_bytes,
		       ctl->args.operand[0]);
	return 0;
}

int cmd_verify(struct vrs_ctl *ctl)
{
	struct vrs_err err = {0};
	struct image_hash a = {0}, b = {0};

	(void)signal(SIGPIPE, SIG_IGN);
	if (hash_of(ctl, ctl->args.operand[0], "from-format", &a, &err) < 0 ||
	    hash_of(ctl, ctl->args.operand[1], "format", &b, &err) < 0)
		return cmd_fail(&err);
	bool same = strcmp(a.hex, b.hex) == 0;
	if (ctl->json)
		printf("{\"equal\":%s,\"hash_a\":\"%s\",\"hash_b\":\"%s\"}\n",
		       same ? "true" : "false", a.hex, b.hex);
	else
		printf("%s  %s %s\n", same ? "equal" : "DIFFERENT", a.hex, b.hex);
	return same ? 0 : 1;
}
