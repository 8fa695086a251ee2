/* assets.h - the files of the page, read once and kept in memory.
 *
 * A path is looked up as a whole among the names of the files read, so it cannot leave
 * the folder. NAME.gz beside NAME is sent to clients that accept gzip. A browser may
 * cache a name that contains a hash of its content (NAME.0123abcd.js) forever. */
#ifndef GATEWAY_HTTP_ASSETS_H
#define GATEWAY_HTTP_ASSETS_H

#include <stdbool.h>
#include <stddef.h>

#include "vrs/err.h"

enum { ASSETS_MAX_BYTES = 8 << 20, ASSETS_MAX_FILES = 256 };

struct asset {
	char *name; /* "index.html", "lib/uplot.js" */
	const char *type;
	char tag[24]; /* ETag */
	char *bytes;
	size_t n;
	bool gzip, for_ever;
};

struct assets;

/* folder "": no page. VRS_ENOSPC: the files exceed the limits. */
int assets_load(struct assets **ret, const char *folder, struct vrs_err *err);
void assets_free(struct assets *a);

/* path begins with '/'; "/" is index.html. NULL: no such file. */
const struct asset *assets_find(const struct assets *a, const char *path, bool gzip);

#endif
