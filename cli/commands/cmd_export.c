/* vrsctl export CLUSTER: the history as rows of Table 5, page by page from etl. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/ctl.h"
#include "vrs/clock.h"
#include "vrs/json.h"
#include "vrs/sample_csv.h"
#include "vrs/value.h"

static const int64_t day_ms = 86400000;

/* A point in time, or how long ago it was. */
static int read_time(const struct vrs_ctl *ctl, const char *option, int64_t fallback_ms,
		     int64_t *ret_ms)
{
	const char *text = vrs_args_value(&ctl->args, option);
	int64_t ago_ms;

	*ret_ms = fallback_ms;
	if (!text)
		return EXIT_OK;
	if (vrs_parse_duration(text, &ago_ms) == 0) {
		*ret_ms = ctl_now_ms() - ago_ms;
		return EXIT_OK;
	}
	*ret_ms = vrs_time_parse(text);
	if (*ret_ms < 0)
		return ctl_fail(EXIT_USAGE,
				"use 2026-11-23T08:15:00Z, or an age such as 24h",
				"export: --%s: invalid time '%s'", option, text);
	return EXIT_OK;
}

static void add_row(const struct vrs_ctl *ctl, const Vrsas__V1__ExportRow *r,
		    struct vrs_text *out)
{
	struct vrs_sample_row row = {
		.at_ms = r->at_ms,
		.vcpus_total = r->vcpus_total,
		.vcpus_left = r->vcpus_left,
		.ram_total_bytes = r->ram_total_bytes,
		.ram_left_bytes = r->ram_left_bytes,
		.cpu_ratio = (double)r->cpu_ratio,
	};

	if (ctl->json) {
		json_t *json = vrs_json_of_message(&r->base);
		char *text = vrs_json_text(json, true);

		vrs_text_add(out, "%s", text);
		free(text);
		json_decref(json);
		return;
	}
	(void)vrs_strcpy(row.host, sizeof(row.host), r->host);
	(void)vrs_strcpy(row.address, sizeof(row.address), r->address);
	vrs_samples_write(out, &row);
}

static int one_page(const struct vrs_ctl *ctl, Vrsas__V1__ExportPage *page, FILE *f,
		    int64_t *ret_next_ms, struct vrs_err *err)
{
	Vrsas__V1__FillRequest req = VRSAS__V1__FILL_REQUEST__INIT;
	ProtobufCMessage *msg = NULL;
	struct vrs_text out = {0};
	char id[33];

	ctl_request_id(id);
	req.request_id = id;
	req.body_case = VRSAS__V1__FILL_REQUEST__BODY_EXPORT_PAGE;
	req.export_page = page;
	int status = ctl_try_history(ctl, &req.base, &msg, err);
	if (status < 0)
		return status;
	const Vrsas__V1__FillReply *reply = (const Vrsas__V1__FillReply *)msg;
	if (reply->error[0]) {
		status = vrs_fail(err, VRS_EIO, "etl: %s", reply->error);
	} else {
		for (size_t i = 0; i < reply->n_row; i++)
			add_row(ctl, reply->row[i], &out);
		if (out.len && fwrite(out.text, 1, out.len, f) != out.len)
			status = vrs_fail_errno(err, "export: cannot write");
		*ret_next_ms = reply->next_at_ms;
	}
	vrs_text_fini(&out);
	protobuf_c_message_free_unpacked(msg, NULL);
	return status;
}

static int all_pages(const struct vrs_ctl *ctl, Vrsas__V1__ExportPage *page, FILE *f,
		     struct vrs_err *err)
{
	struct vrs_text header = {0};
	int64_t next_ms = page->from_ms;
	int status = 0;

	if (ctl->headers && !ctl->json) {
		vrs_samples_write_header(&header);
		(void)fputs(header.text, f);
		vrs_text_fini(&header);
	}
	while (status == 0 && next_ms != 0) {
		page->from_ms = next_ms;
		status = one_page(ctl, page, f, &next_ms, err);
		if (status == 0 && next_ms != 0 && next_ms <= page->from_ms)
			status = vrs_fail(err, VRS_EPARSE,
					  "export: etl sent a page out of sequence");
	}
	if (status == 0 && fflush(f) != 0)
		status = vrs_fail_errno(err, "export: cannot write");
	return status;
}

/* Under its name only when it is whole. */
static int to_file(const struct vrs_ctl *ctl, Vrsas__V1__ExportPage *page,
		   const char *path, struct vrs_err *err)
{
	char *part = vrs_asprintf("%s.part", path);
	FILE *f = fopen(part, "we");
	int status = f ? all_pages(ctl, page, f, err)
		       : vrs_fail_errno(err, "export: cannot open %s", part);

	if (f && fclose(f) != 0 && status == 0)
		status = vrs_fail_errno(err, "export: cannot write %s", part);
	if (status == 0 && rename(part, path) < 0)
		status = vrs_fail_errno(err, "export: cannot rename %s", part);
	if (f && status < 0)
		(void)unlink(part);
	free(part);
	return status;
}

int verb_export(struct vrs_ctl *ctl)
{
	Vrsas__V1__ExportPage page = VRSAS__V1__EXPORT_PAGE__INIT;
	const char *path = vrs_args_value(&ctl->args, "file");
	struct vrs_err err = {0};
	int64_t now_ms = ctl_now_ms();

	page.cluster = ctl->args.operand[0];
	page.host = vrs_args_text(&ctl->args, "host");
	if (read_time(ctl, "from", now_ms - day_ms, &page.from_ms) != EXIT_OK ||
	    read_time(ctl, "to", now_ms, &page.to_ms) != EXIT_OK)
		return EXIT_USAGE;
	if (page.from_ms >= page.to_ms)
		return ctl_fail(EXIT_USAGE, NULL, "export: --from must be before --to");

	int status = path ? to_file(ctl, &page, path, &err)
			  : all_pages(ctl, &page, stdout, &err);
	return status < 0 ? ctl_fail_err(ctl_history_peer(ctl), &err) : EXIT_OK;
}
