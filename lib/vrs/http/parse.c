#include "vrs/http/parse.h"

#include <string.h>
#include <strings.h>

static const char token_chars[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
				  "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

static size_t token_length(const char *s, const char *end)
{
	size_t n = 0;

	while (s + n < end && s[n] != '\0' && strchr(token_chars, s[n]))
		n++;
	return n;
}

static bool is(const char *s, size_t n, const char *word)
{
	return n == strlen(word) && strncmp(s, word, n) == 0;
}

/* "GET /metrics HTTP/1.1"; 0 when it is right. */
static int read_line(const char *s, const char *end, struct vrs_http_head *ret,
		     bool *ret_needs_host)
{
	size_t n = token_length(s, end);
	bool known = is(s, n, "GET") || is(s, n, "HEAD");

	ret->head_only = is(s, n, "HEAD");
	s += n;
	if (n == 0 || s == end || *s++ != ' ')
		return 400;
	const char *target = s;
	while (s<end && * s> ' ' && *s < 0x7f)
		s++;
	const char *target_end = s;
	if (target_end == target || s == end || *s++ != ' ')
		return 400;
	if (end - s != 8 || strncmp(s, "HTTP/", 5) != 0 || s[6] != '.')
		return 400;
	if (s[5] != '1' || (s[7] != '0' && s[7] != '1'))
		return 505;
	*ret_needs_host = s[7] == '1';
	if (!known)
		return 405;
	if (*target != '/')
		return 400;
	const char *query = memchr(target, '?', (size_t)(target_end - target));
	n = (size_t)((query ? query : target_end) - target);
	if (n >= VRS_HTTP_MAX_PATH)
		return 414;
	memcpy(ret->path, target, n);
	ret->path[n] = '\0';
	return 0;
}

/* "Name: value"; 0 when it is right. */
static int read_field(const char *s, const char *end, bool *host)
{
	size_t n = token_length(s, end);

	if (n == 0 || s + n == end || s[n] != ':')
		return 400;
	for (const char *p = s + n + 1; p < end; p++)
		if ((unsigned char)*p < ' ' && *p != '\t')
			return 400;
	if (n == 4 && strncasecmp(s, "Host", 4) == 0) {
		if (*host)
			return 400; /* twice */
		*host = true;
	}
	if ((n == 14 && strncasecmp(s, "Content-Length", 14) == 0) ||
	    (n == 17 && strncasecmp(s, "Transfer-Encoding", 17) == 0))
		return 400;
	return 0;
}

int vrs_http_head_read(const char *bytes, size_t n, struct vrs_http_head *ret)
{
	size_t looked = n < VRS_HTTP_MAX_HEAD ? n : VRS_HTTP_MAX_HEAD;
	const char *end = memmem(bytes, looked, "\r\n\r\n", 4);
	bool first = true, host = false, needs_host = false;
	struct vrs_http_head head = {0};

	if (!end)
		return n >= VRS_HTTP_MAX_HEAD ? 431 : 0;
	for (const char *s = bytes; s < end + 2;) {
		const char *line_end = memmem(s, (size_t)(end + 2 - s), "\r\n", 2);
		int code = first ? read_line(s, line_end, &head, &needs_host)
				 : read_field(s, line_end, &host);

		if (code)
			return code;
		first = false;
		s = line_end + 2;
	}
	if (needs_host && !host)
		return 400;
	*ret = head;
	return 1;
}

const char *vrs_http_reason(int code)
{
	static const struct {
		int code;
		const char *text;
	} reasons[] = {
		{200, "OK"},
		{400, "Bad Request"},
		{404, "Not Found"},
		{405, "Method Not Allowed"},
		{414, "URI Too Long"},
		{431, "Request Header Fields Too Large"},
		{503, "Service Unavailable"},
		{505, "HTTP Version Not Supported"},
	};

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].code == code)
			return reasons[i].text;
	return "Error";
}
