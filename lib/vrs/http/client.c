#include "vrs/http.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "vrs/mem.h"

enum { DEFAULT_TIMEOUT_MS = 10000, DEFAULT_MAX_BYTES = 1 << 20, MAX_BEARER = 4096 };

struct answer {
	struct vrs_text body;
	size_t max_bytes;
	bool too_long;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void start_curl(void)
{
	(void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

static size_t on_body(char *bytes, size_t size, size_t n, void *arg)
{
	struct answer *a = arg;

	if (n * size > a->max_bytes - a->body.len) {
		a->too_long = true;
		return 0; /* curl aborts */
	}
	vrs_text_add_bytes(&a->body, bytes, n * size);
	return n * size;
}

static struct curl_slist *headers_of(const struct vrs_http_request *req)
{
	struct curl_slist *list = NULL;
	char *type = NULL;

	for (size_t i = 0; i < VRS_HTTP_MAX_HEADERS; i++)
		if (req->header[i])
			list = curl_slist_append(list, req->header[i]);
	if (req->content_type)
		type = vrs_asprintf("Content-Type: %s", req->content_type);
	if (type)
		list = curl_slist_append(list, type);
	free(type);
	/* Without this curl waits a second for "100 Continue" before a larger body. */
	return curl_slist_append(list, "Expect:");
}

static void set_body(CURL *c, const struct vrs_http_request *req)
{
	if (req->body || (req->method && strcmp(req->method, "POST") == 0)) {
		(void)curl_easy_setopt(c, CURLOPT_POST, 1L);
		(void)curl_easy_setopt(c, CURLOPT_POSTFIELDS,
				       req->body ? (const char *)req->body : "");
		(void)curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE,
				       (curl_off_t)(req->body ? req->n_body : 0));
	}
	if (req->method)
		(void)curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, req->method);
}

static void set_trust(CURL *c, const struct vrs_http_request *req)
{
	if (req->ca_file)
		(void)curl_easy_setopt(c, CURLOPT_CAINFO, req->ca_file);
	if (req->cert_file)
		(void)curl_easy_setopt(c, CURLOPT_SSLCERT, req->cert_file);
	if (req->key_file)
		(void)curl_easy_setopt(c, CURLOPT_SSLKEY, req->key_file);
	if (req->bearer) {
		(void)curl_easy_setopt(c, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
		(void)curl_easy_setopt(c, CURLOPT_XOAUTH2_BEARER, req->bearer);
	}
}

static int code_of(CURLcode rv)
{
	switch (rv) {
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
		return VRS_EINVAL;
	case CURLE_OPERATION_TIMEDOUT:
		return VRS_ETIMEOUT;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
		return VRS_ECONN;
	default:
		return VRS_EIO;
	}
}

static int exchange(CURL *c, const struct vrs_http_request *req, struct answer *a,
		    struct vrs_err *err)
{
	char why[CURL_ERROR_SIZE] = "";
	struct curl_slist *headers = headers_of(req);

	(void)curl_easy_setopt(c, CURLOPT_URL, req->url);
	(void)curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	(void)curl_easy_setopt(c, CURLOPT_PROXY, "");
	(void)curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(c, CURLOPT_USERAGENT, "vrsas/" VRS_VERSION);
	(void)curl_easy_setopt(
		c, CURLOPT_TIMEOUT_MS,
		(long)(req->timeout_ms > 0 ? req->timeout_ms : DEFAULT_TIMEOUT_MS));
	(void)curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	(void)curl_easy_setopt(c, CURLOPT_ERRORBUFFER, why);
	(void)curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl_easy_setopt(c, CURLOPT_WRITEDATA, a);
	set_body(c, req);
	set_trust(c, req);
	CURLcode rv = curl_easy_perform(c);
	curl_slist_free_all(headers);
	if (rv == CURLE_OK)
		return 0;
	if (a->too_long)
		return vrs_fail(err, VRS_ENOSPC, "%s: reply exceeds %zu bytes", req->url,
				a->max_bytes);
	return vrs_fail(err, code_of(rv), "%s: %s", req->url,
			why[0] ? why : curl_easy_strerror(rv));
}

int vrs_http(const struct vrs_http_request *req, struct vrs_http_reply *ret,
	     struct vrs_err *err)
{
	struct answer a = {.max_bytes =
				   req->max_bytes ? req->max_bytes : DEFAULT_MAX_BYTES};
	long code = 0;
	char *type = NULL;

	if (req->bearer &&
	    (strlen(req->bearer) > MAX_BEARER || strpbrk(req->bearer, "\r\n")))
		return vrs_fail(err, VRS_EINVAL, "%s: invalid bearer token", req->url);
	(void)pthread_once(&once, start_curl);
	CURL *c = curl_easy_init();
	if (!c)
		return vrs_fail(err, VRS_EIO, "%s: out of memory", req->url);
	int status = exchange(c, req, &a, err);
	if (status == 0) {
		(void)curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &code);
		(void)curl_easy_getinfo(c, CURLINFO_CONTENT_TYPE, &type);
		*ret = (struct vrs_http_reply){.status = (int)code};
		(void)vrs_strcpy(ret->content_type, sizeof(ret->content_type),
				 type ? type : "");
		ret->n_body = a.body.len;
		vrs_text_add(&a.body, "%s", ""); /* not NULL, even if empty */
		ret->body = a.body.text;
		a.body = (struct vrs_text){0};
	}
	vrs_text_fini(&a.body);
	curl_easy_cleanup(c);
	return status;
}

void vrs_http_reply_fini(struct vrs_http_reply *reply)
{
	free(reply->body);
	*reply = (struct vrs_http_reply){0};
}
