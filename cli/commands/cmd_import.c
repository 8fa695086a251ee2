/* vrsctl import CLUSTER FILE: rows of Table 5 into the history, by
 * etl's lossless path. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/ctl.h"
#include "render/csv_rows.h"
#include "render/human.h"
#include "render/table.h"
#include "vrs/bus.h"
#include "vrs/seal.h"

enum {
	PIECE_BYTES = 400 << 10, /* of the 512 KiB that a piece may hold */
	TRIES = 30,              /* each a second apart: etl may be restarting */
	MAX_PIECE_RECORDS = 4096,
	MAX_SHOWN_REFUSALS = 5,
	BAR_WIDTH = 24,
};

static int read_rows(struct vrs_csv *csv, struct rows *rows, struct vrs_err *err)
{
	struct vrs_samples samples;
	struct vrs_sample_row row;
	int status = vrs_samples_begin(&samples, csv, err);

	if (status == 0 && samples.trace)
		return vrs_csv_fail(csv, 0,
				    "the header differs from that of vrsctl export", err);
	while (status == 0 && (status = vrs_samples_next(&samples, &row, err)) > 0)
		status = rows_add(rows, &row, err);
	rows_hash(rows, vrs_csv_hash(csv));
	return status;
}

static int load_rows(const char *path, struct rows *rows, struct vrs_err *err)
{
	struct vrs_csv *csv = NULL;
	int status = vrs_csv_open(&csv, path, err);

	if (status == 0)
		status = read_rows(csv, rows, err);
	if (status < 0)
		(void)vrs_context(err, "import");
	vrs_csv_close(csv);
	rows_finish(rows);
	if (status == 0 && rows_count(rows) == 0)
		return vrs_fail(err, VRS_EPARSE, "import: %s has no rows", path);
	return status;
}

struct sealed {
	Vrsas__V1__Sealed message;
	unsigned char mac[VRS_SEAL_MAC_BYTES];
	void *payload; /* NULL: no key is given; freed by the caller */
};

/* The request in the seal of its cluster, where a key is given. */
static int seal(const ProtobufCMessage *req, const char *cluster, struct sealed *ret,
		struct vrs_err *err)
{
	const char *path = getenv("VRSAS_CLUSTER_KEY");
	struct vrs_seal_key key;
	size_t n;

	if (!path || !path[0])
		return 0;
	int status = vrs_seal_key_read(path, &key, err);
	if (status < 0)
		return status;
	ret->payload = vrs_msg_pack(req, &n);
	vrs_seal(&key, VRS_SEAL_FILL,
		 &(struct vrs_seal_content){cluster, ctl_now_ms(), ret->payload, n},
		 &ret->message, ret->mac);
	return 0;
}

static const char *cluster_of(const Vrsas__V1__FillRequest *req)
{
	if (req->body_case == VRSAS__V1__FILL_REQUEST__BODY_OFFER)
		return req->offer->cluster;
	return req->piece->n_record > 0 ? req->piece->record[0]->cluster : "";
}

/* Asks until etl answers: it may be restarting. Asking twice has the effect of once. */
static int ask_fill(const struct vrs_ctl *ctl, Vrsas__V1__FillRequest *req,
		    Vrsas__V1__FillReply **ret, struct vrs_err *err)
{
	ProtobufCMessage *msg = NULL;
	char id[33];
	Vrsas__V1__FillRequest outer = VRSAS__V1__FILL_REQUEST__INIT;
	struct sealed sealed = {.payload = NULL};
	const ProtobufCMessage *sent = &req->base;

	ctl_request_id(id);
	req->request_id = id;
	int status = seal(&req->base, cluster_of(req), &sealed, err);
	if (status < 0) {
		req->request_id = "";
		return status;
	}
	if (sealed.payload) {
		outer.request_id = id;
		outer.body_case = VRSAS__V1__FILL_REQUEST__BODY_SEALED;
		outer.sealed = &sealed.message;
		sent = &outer.base;
	}
	status = VRS_ECONN;
	for (int i = 0; i < TRIES && (status == VRS_ECONN || status == VRS_ETIMEOUT);
	     i++) {
		if (i)
			ctl_rest_ms(1000);
		status = ctl_try_history(ctl, sent, &msg, err);
	}
	req->request_id = "";
	free(sealed.payload);
	if (status < 0)
		return status;
	*ret = (Vrsas__V1__FillReply *)msg;
	if ((*ret)->error[0]) {
		status = vrs_fail(err, VRS_EIO, "etl: %s", (*ret)->error);
		protobuf_c_message_free_unpacked(msg, NULL);
	}
	return status;
}

static int offer(const struct vrs_ctl *ctl, const char *cluster, const struct rows *rows,
		 uint64_t *ret_watermark, struct vrs_err *err)
{
	Vrsas__V1__FillRequest req = VRSAS__V1__FILL_REQUEST__INIT;
	Vrsas__V1__Offer o = VRSAS__V1__OFFER__INIT;
	Vrsas__V1__FillReply *reply = NULL;

	o.cluster = cluster;
	o.collector = "import";
	o.epoch = rows_epoch(rows);
	o.first_seq = 1;
	o.head_seq = rows_head(rows);
	req.body_case = VRSAS__V1__FILL_REQUEST__BODY_OFFER;
	req.offer = &o;
	int status = ask_fill(ctl, &req, &reply, err);
	if (status < 0)
		return status;
	*ret_watermark = reply->watermark;
	protobuf_c_message_free_unpacked(&reply->base, NULL);
	return 0;
}

struct import {
	const struct vrs_ctl *ctl;
	const struct rows *rows;
	uint64_t watermark;
	uint64_t refused, shown;
	char reason[240]; /* shown last */
};

static void complain(struct import *im, const Vrsas__V1__FillReply *reply)
{
	im->refused += reply->refused_count > reply->n_refused ? reply->refused_count
							       : reply->n_refused;
	for (size_t i = 0; i < reply->n_refused && im->shown < MAX_SHOWN_REFUSALS; i++) {
		if (strcmp(im->reason, reply->refused[i]) == 0)
			continue; /* most often it is the same one for many */
		(void)vrs_strcpy(im->reason, sizeof(im->reason), reply->refused[i]);
		(void)fprintf(stderr, "vrsctl: etl rejected: %s\n", im->reason);
		im->shown++;
	}
}

/* As many records from seq on as a piece holds. */
static int send_piece(struct import *im, uint64_t seq, struct vrs_err *err)
{
	Vrsas__V1__FillRequest req = VRSAS__V1__FILL_REQUEST__INIT;
	Vrsas__V1__Piece piece = VRSAS__V1__PIECE__INIT;
	Vrsas__V1__Record *records[MAX_PIECE_RECORDS];
	Vrsas__V1__FillReply *reply = NULL;
	size_t n = 0, bytes = 0;

	while (seq <= rows_head(im->rows) && n < MAX_PIECE_RECORDS &&
	       bytes < PIECE_BYTES) {
		records[n] = rows_record(im->rows, seq++);
		bytes += vrsas__v1__record__get_packed_size(records[n++]) + 8;
	}
	if (n > 1 && bytes > PIECE_BYTES)
		rows_record_free(records[--n]);
	piece.n_record = n;
	piece.record = records;
	req.body_case = VRSAS__V1__FILL_REQUEST__BODY_PIECE;
	req.piece = &piece;
	int status = ask_fill(im->ctl, &req, &reply, err);
	while (n > 0)
		rows_record_free(records[--n]);
	if (status < 0)
		return status;
	complain(im, reply);
	im->watermark = reply->watermark;
	protobuf_c_message_free_unpacked(&reply->base, NULL);
	return 0;
}

static void show_progress(const struct import *im)
{
	double ratio = (double)im->watermark / (double)rows_head(im->rows);
	struct vrs_text out = {0};

	if (!im->ctl->err_tty)
		return;
	vrs_text_add(&out, "\r\033[K[");
	bar_add(&out, ratio, BAR_WIDTH);
	vrs_text_add(&out, "] %3.0f %%%s", ratio * 100, ratio >= 1 ? "\n" : "");
	(void)fwrite(out.text, 1, out.len, stderr);
	(void)fflush(stderr);
	vrs_text_fini(&out);
}

static int send_all(struct import *im, const char *cluster, struct vrs_err *err)
{
	int status = offer(im->ctl, cluster, im->rows, &im->watermark, err);
	int stuck = 0;

	while (status == 0 && im->watermark < rows_head(im->rows)) {
		uint64_t before = im->watermark;

		status = send_piece(im, before + 1, err);
		if (status == 0 && im->watermark <= before && ++stuck == 3)
			status = vrs_fail(err, VRS_EIO,
					  "import: etl did not store record %llu",
					  (unsigned long long)before + 1);
		else if (im->watermark > before)
			stuck = 0;
		show_progress(im);
	}
	return status;
}

static void report(const struct vrs_ctl *ctl, const struct rows *rows, bool sent,
		   uint64_t refused)
{
	char from[HUMAN_MAX], to[HUMAN_MAX];

	if (ctl->json)
		printf("{\"rows\": %zu, \"hosts\": %zu, \"sent\": %s, \"refused\": "
		       "%llu}\n",
		       rows_count(rows), rows_hosts(rows), sent ? "true" : "false",
		       (unsigned long long)refused);
	else
		printf("%s %zu rows from %zu hosts, %s to %s\n",
		       !sent     ? "read"
		       : refused ? "sent"
				 : "stored",
		       rows_count(rows), rows_hosts(rows),
		       human_time(from, rows_first_ms(rows)),
		       human_time(to, rows_last_ms(rows)));
}

int verb_import(struct vrs_ctl *ctl)
{
	const char *cluster = ctl->args.operand[0];
	struct vrs_err err = {0};
	bool check_only = vrs_args_has(&ctl->args, "check");

	if (!vrs_name_ok(cluster))
		return ctl_fail(EXIT_USAGE, NULL, "import: invalid cluster name '%s'",
				cluster);
	struct rows *rows = rows_new(cluster);
	struct import im = {.ctl = ctl, .rows = rows};
	int status = load_rows(ctl->args.operand[1], rows, &err);
	if (status == 0 && !check_only)
		status = send_all(&im, cluster, &err);
	int code = status < 0 ? ctl_fail_err(ctl_history_peer(ctl), &err) : EXIT_OK;
	if (code == EXIT_OK)
		report(ctl, rows, !check_only, im.refused);
	if (code == EXIT_OK && im.refused)
		code = ctl_fail(EXIT_FAILED,
				"the other records are stored; correct these rows and "
				"import the file again",
				"import: etl rejected %llu records",
				(unsigned long long)im.refused);
	rows_free(rows);
	return code;
}
