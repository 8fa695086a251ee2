/* What comes on etl's sockets, through the gate: without keys a seal is opened whoever
 * made it; with a key nothing of it comes in. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth.h"
#include "vrs/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static struct auth *locked(void)
{
	char folder[] = "/tmp/vrs-gate-XXXXXX", path[64];
	struct vrs_seal_keys *keys = NULL;

	if (!mkdtemp(folder))
		abort();
	(void)snprintf(path, sizeof(path), "%s/c1.key", folder);
	FILE *f = fopen(path, "we");
	if (!f || fchmod(fileno(f), 0600) < 0)
		abort();
	for (int i = 0; i < 16; i++)
		(void)fputs("5eed", f);
	(void)fclose(f);
	if (vrs_seal_keys_read(&keys, folder, NULL) < 0)
		abort();
	(void)unlink(path);
	(void)rmdir(folder);
	return auth_new_take(keys);
}

static void try_one(struct auth *g, bool has_keys, const uint8_t *bytes, size_t n)
{
	struct vrs_msg *msg;
	struct vrs_err err = {0};

	if (vrs_msg_unpack(&msg, &vrsas__v1__live__descriptor, bytes, n, NULL) == 0) {
		const Vrsas__V1__Live *in = auth_live(
			g, (const Vrsas__V1__Live *)vrs_msg_get(msg), 1000, &err);

		if (has_keys ? in != NULL
			     : in && in->body_case == VRSAS__V1__LIVE__BODY_SEALED)
			abort();
		auth_close(g);
		vrs_msg_free(msg);
	}
	if (vrs_msg_unpack(&msg, &vrsas__v1__fill_request__descriptor, bytes, n, NULL) ==
	    0) {
		const Vrsas__V1__FillRequest *in = auth_fill(
			g, (const Vrsas__V1__FillRequest *)vrs_msg_get(msg), &err);

		if (has_keys && in &&
		    in->body_case != VRSAS__V1__FILL_REQUEST__BODY_EXPORT_PAGE)
			abort();
		auth_close(g);
		vrs_msg_free(msg);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	static struct auth *open, *shut;

	if (!open) {
		open = auth_new_take(NULL);
		shut = locked();
	}
	try_one(open, false, bytes, n);
	try_one(shut, true, bytes, n);
	return 0;
}
