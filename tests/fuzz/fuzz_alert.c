/* What comes over HTTP: webhooks of Alertmanager, its list of alerts, escaped text, lines
 * of the tokens file. */
#include <stdlib.h>
#include <string.h>

#include "http/tokens.h"
#include "incidents/alert.h"
#include "vrs/http/parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_list(const struct alert *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (list[i].refused[0])
			continue;
		/* what is taken is well formed, whatever was sent */
		if (!vrs_id_ok(list[i].id) || !vrs_name_ok(list[i].cluster) ||
		    !vrs_name_ok(list[i].host) || list[i].starts_at_ms <= 0 ||
		    strpbrk(list[i].summary, "\r\n"))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tokens tokens;
	struct alert *list = NULL;
	size_t n = 0;

	if (alert_webhook(data, size, &list, &n, NULL) == 0)
		check_list(list, n);
	free(list);
	list = NULL;
	if (alert_list(data, size, &list, &n, NULL) == 0)
		check_list(list, n);
	free(list);

	char *text = vrs_calloc(size + 1, 1);
	memcpy(text, data, size);
	if (vrs_httpd_decode(text))
		for (const char *p = text; *p; p++)
			if ((unsigned char)*p < ' ')
				abort();
	memcpy(text, data, size);
	tokens.n = 0;
	(void)tokens_add(&tokens, text, NULL);
	free(text);
	return 0;
}
