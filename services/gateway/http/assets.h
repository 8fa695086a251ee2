/* assets.h - the files of the page, read once and kept.
 *
 * What is asked for is looked up by its whole name among the files that were read, so a
 * path leads nowhere else. NAME.gz beside NAME is sent to those who take it. A name with
 * a hash of its content in it (NAME.0123abcd.js) may be kept for ever by a browser. */
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

/* folder "": no page. VRS_ENOSPC above the bounds. */
int assets_load(struct assets **ret, const char *folder, struct vrs_err *err);
void assets_free(struct assets *a);

/* path begins with '/'; "/" is index.html. NULL: there is none. */
const struct asset *assets_find(const struct assets *a, const char *path, bool gzip);

#endif
