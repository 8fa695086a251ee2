/* tokens.h - bearer tokens from a file, each with a role and a name.
 *
 * One a line: ROLE NAME TOKEN; '#' begins a comment. A world-readable file is rejected.
 * Only hashes of the tokens are kept, and a lookup compares all of them, so that its
 * duration reveals nothing. */
#ifndef GATEWAY_HTTP_TOKENS_H
#define GATEWAY_HTTP_TOKENS_H

#include <stdbool.h>
#include <stddef.h>

#include "vrs/err.h"

enum role { ROLE_NONE, ROLE_ALERT, ROLE_READ, ROLE_OPERATE };
enum { TOKEN_MIN = 16, TOKEN_MAX = 256, TOKENS_MAX = 256 };

struct token {
	enum role role;
	char name[65]; /* vrs_name_ok */
	unsigned char hash[32];
};

struct tokens {
	struct token token[TOKENS_MAX];
	size_t n;
};

/* Nothing is changed on failure. */
int tokens_load(struct tokens *ret, const char *path, struct vrs_err *err);
/* One line of the file. VRS_EPARSE: malformed. */
int tokens_add(struct tokens *t, const char *line, struct vrs_err *err);

/* NULL: no such token. secret may be NULL. */
const struct token *tokens_find(const struct tokens *t, const char *secret);

const char *role_name(enum role role);

#endif
