#include "ssh/place.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "vrs/mem.h"

static int bad(const char *text, struct vrs_err *err)
{
	return vrs_fail(err, VRS_EINVAL, "%.300s is not [user@]host[:port]", text);
}

/* A leading dash would be an option; blanks and quotes are not allowed. */
static bool name_ok(const char *s)
{
	if (!*s || *s == '-')
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("._-:%\\+", *s))
			return false;
	return true;
}

int place_parse(struct place *ret, const char *text, struct vrs_err *err)
{
	struct place p = {.port = 0};
	const char *at = strrchr(text, '@'), *host = at ? at + 1 : text, *port = NULL;
	size_t host_len;

	if (strlen(text) >= sizeof(p.host) + sizeof(p.user))
		return bad(text, err);
	if (!*text || strcmp(text, "local") == 0) {
		*ret = p;
		return 0;
	}
	if (at && (size_t)(at - text) >= sizeof(p.user))
		return bad(text, err);
	if (at)
		memcpy(p.user, text, (size_t)(at - text));
	if (*host == '[') {
		const char *end = strchr(++host, ']');

		if (!end || (end[1] && end[1] != ':'))
			return bad(text, err);
		host_len = (size_t)(end - host);
		port = end[1] ? end + 2 : NULL;
	} else {
		const char *colon = strchr(host, ':');

		if (colon && strchr(colon + 1, ':')) /* a bare IPv6 address */
			colon = NULL;
		host_len = colon ? (size_t)(colon - host) : strlen(host);
		port = colon ? colon + 1 : NULL;
	}
	if (host_len >= sizeof(p.host))
		return bad(text, err);
	memcpy(p.host, host, host_len);
	if (port) {
		char *end;
		long n = strtol(port, &end, 10);

		if (!isdigit((unsigned char)*port) || *end || n < 1 || n > 65535)
			return bad(text, err);
		p.port = (int)n;
	}
	if (!name_ok(p.host) || (at && !name_ok(p.user)))
		return bad(text, err);
	*ret = p;
	return 0;
}

int place_parse_path(struct place *ret, char *path, const char *text, struct vrs_err *err)
{
	size_t slash = strcspn(text, "/");
	const char *colon = NULL;

	for (size_t i = 0, in = 0; i < slash && text[i]; i++) {
		if (text[i] == '[')
			in = 1;
		else if (text[i] == ']')
			in = 0;
		else if (text[i] == ':' && !in) {
			colon = text + i;
			break;
		}
	}
	if (strlen(text) >= 4096)
		return vrs_fail(err, VRS_EINVAL, "%.100s... is too long", text);
	if (!colon) {
		(void)vrs_strcpy(path, 4096, text);
		return place_parse(ret, "", err);
	}
	char *host = vrs_asprintf("%.*s", (int)(colon - text), text);
	int status = *host ? place_parse(ret, host, err) : bad(text, err);
	free(host);
	if (status == 0 && colon[1] != '/')
		return vrs_fail(err, VRS_EINVAL,
				"%.300s: give an absolute path after the host", text);
	if (status == 0)
		(void)vrs_strcpy(path, 4096, colon + 1);
	return status;
}

char *place_text(char *buf, const struct place *p)
{
	if (!*p->host)
		(void)snprintf(buf, 360, "this machine");
	else
		(void)snprintf(buf, 360, strchr(p->host, ':') ? "%s%s[%s]" : "%s%s%s",
			       p->user, *p->user ? "@" : "", p->host);
	if (p->port)
		(void)snprintf(buf + strlen(buf), 360 - strlen(buf), ":%d", p->port);
	return buf;
}

const char *place_format(const char *path)
{
	static const char *const known[] = {"qcow2", "vmdk", "vhdx"};
	const char *dot = strrchr(path, '.');

	for (size_t i = 0; dot && i < sizeof(known) / sizeof(known[0]); i++)
		if (strcasecmp(dot + 1, known[i]) == 0)
			return known[i];
	return "raw";
}
