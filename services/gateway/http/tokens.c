#include "http/tokens.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sinks/hmac.h"
#include "vrs/mem.h"

static const char *const names[] = {
	[ROLE_NONE] = "none",
	[ROLE_ALERT] = "alert",
	[ROLE_READ] = "read",
	[ROLE_OPERATE] = "operate",
};

const char *role_name(enum role role)
{
	return names[role];
}

static enum role role_of(const char *word)
{
	for (int i = ROLE_ALERT; i <= ROLE_OPERATE; i++)
		if (strcmp(names[i], word) == 0)
			return (enum role)i;
	return ROLE_NONE;
}

static bool secret_ok(const char *s)
{
	size_t n = strlen(s);

	for (size_t i = 0; i < n; i++)
		if (s[i] <= ' ' || s[i] > '~' || s[i] == ';' || s[i] == ',' ||
		    s[i] == '"')
			return false;
	return n >= TOKEN_MIN && n <= TOKEN_MAX;
}

int tokens_add(struct tokens *t, const char *line, struct vrs_err *err)
{
	char role[16], name[80], secret[TOKEN_MAX + 2], more[2];
	struct token one = {0};
	int n = sscanf(line, " %15s %79s %257s %1s", role, name, secret, more);

	if (n <= 0 || role[0] == '#')
		return 0;
	if (n != 3)
		return vrs_fail(err, VRS_EPARSE, "expected ROLE NAME TOKEN");
	one.role = role_of(role);
	if (one.role == ROLE_NONE)
		return vrs_fail(err, VRS_EPARSE,
				"unknown role '%s': expected read, operate or alert",
				role);
	if (!vrs_name_ok(name))
		return vrs_fail(
			err, VRS_EPARSE,
			"invalid name: use letters, digits, dot, dash, underscore");
	if (!secret_ok(secret))
		return vrs_fail(err, VRS_EPARSE,
				"invalid token for %s: use %d to %d printable "
				"characters, without ; , \"",
				name, TOKEN_MIN, TOKEN_MAX);
	if (t->n == TOKENS_MAX)
		return vrs_fail(err, VRS_ENOSPC, "more than %d tokens", TOKENS_MAX);
	(void)vrs_strcpy(one.name, sizeof(one.name), name);
	sign_hash(secret, strlen(secret), one.hash);
	t->token[t->n++] = one;
	explicit_bzero(secret, sizeof(secret));
	return 0;
}

int tokens_load(struct tokens *ret, const char *path, struct vrs_err *err)
{
	char line[512];
	struct stat st;
	int status = 0, at = 0;

	FILE *f = fopen(path, "re");
	if (!f)
		return vrs_fail_errno(err, "tokens: cannot open %s", path);
	struct tokens *t = vrs_calloc(1, sizeof(*t));
	if (fstat(fileno(f), &st) < 0)
		status = vrs_fail_errno(err, "tokens: cannot stat %s", path);
	else if (st.st_mode & 0007)
		status = vrs_fail(err, VRS_EDENIED,
				  "tokens: %s is world-readable; use chmod 600", path);
	while (status == 0 && fgets(line, sizeof(line), f)) {
		at++;
		if (!strchr(line, '\n') && !feof(f))
			status = vrs_fail(err, VRS_EPARSE, "line too long");
		else
			status = tokens_add(t, line, err);
		if (status < 0)
			(void)vrs_context(err, "%s:%d", path, at);
	}
	if (status == 0 && t->n == 0)
		status = vrs_fail(err, VRS_EPARSE,
				  "tokens: %s is empty; expected lines ROLE NAME TOKEN",
				  path);
	if (status == 0)
		*ret = *t;
	explicit_bzero(line, sizeof(line));
	free(t);
	(void)fclose(f);
	return status;
}

const struct token *tokens_find(const struct tokens *t, const char *secret)
{
	const struct token *found = NULL;
	unsigned char hash[32];

	if (!secret || strlen(secret) > TOKEN_MAX)
		return NULL;
	sign_hash(secret, strlen(secret), hash);
	for (size_t i = 0; i < t->n; i++)
		if (sign_equal(t->token[i].hash, hash, sizeof(hash)))
			found = &t->token[i];
	return found;
}
