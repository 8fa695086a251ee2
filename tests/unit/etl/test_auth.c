#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth.h"
#include "check.h"
#include "vrs/mem.h"

enum { NOW = 1700000000 };
static const int64_t now_ms = (int64_t)NOW * 1000;

/* A gate with the keys of c1 and c2, and c1's key for those who speak. */
struct door {
	struct auth *auth;
	struct vrs_seal_key key;
	struct vrs_err err;
	/* a message on its way */
	Vrsas__V1__Live live, outer;
	Vrsas__V1__Heartbeat hb;
	Vrsas__V1__Sealed sealed;
	void *payload;
	unsigned char mac[VRS_SEAL_MAC_BYTES];
};

static struct door *door_new(void)
{
	static const char hex[] =
		"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n";
	char folder[] = "/tmp/vrs-gate-XXXXXX", path[2][64];
	struct door *d = vrs_calloc(1, sizeof(*d));
	struct vrs_seal_keys *keys = NULL;

	assert_non_null(mkdtemp(folder));
	for (int i = 0; i < 2; i++) {
		(void)snprintf(path[i], sizeof(path[i]), "%s/c%d.key", folder, i + 1);
		FILE *f = fopen(path[i], "we");
		assert_non_null(f);
		(void)fputs(hex, f);
		(void)fclose(f);
		(void)chmod(path[i], 0600);
	}
	assert_ok(vrs_seal_key_read(path[0], &d->key, &d->err), &d->err);
	assert_ok(vrs_seal_keys_read(&keys, folder, &d->err), &d->err);
	d->auth = auth_new_take(keys);
	(void)unlink(path[0]);
	(void)unlink(path[1]);
	(void)rmdir(folder);
	return d;
}

static void door_free(struct door *d)
{
	auth_free(d->auth);
	free(d->payload);
	free(d);
}

/* A heartbeat of a cluster in the seal of one. */
static const Vrsas__V1__Live *beat(struct door *d, const char *cluster,
				   const char *seal_of, int64_t at_ms)
{
	size_t n;

	vrsas__v1__heartbeat__init(&d->hb);
	vrsas__v1__live__init(&d->live);
	vrsas__v1__live__init(&d->outer);
	d->hb.cluster = cluster;
	d->hb.collector = "k";
	d->live.body_case = VRSAS__V1__LIVE__BODY_HEARTBEAT;
	d->live.heartbeat = &d->hb;
	free(d->payload);
	d->payload = vrs_msg_pack(&d->live.base, &n);
	vrs_seal(&d->key, VRS_SEAL_LIVE,
		 &(struct vrs_seal_content){seal_of, at_ms, d->payload, n}, &d->sealed,
		 d->mac);
	d->outer.body_case = VRSAS__V1__LIVE__BODY_SEALED;
	d->outer.sealed = &d->sealed;
	return &d->outer;
}

static void a_seal_is_opened(void **state)
{
	(void)state;
	struct door *d = door_new();
	const Vrsas__V1__Live *in =
		auth_live(d->auth, beat(d, "c1", "c1", now_ms), now_ms, &d->err);

	assert_non_null(in);
	assert_int_equal(in->body_case, VRSAS__V1__LIVE__BODY_HEARTBEAT);
	assert_string_equal(in->heartbeat->cluster, "c1");
	auth_close(d->auth);
	door_free(d);
}

static void a_seal_of_another_cluster_is_rejected(void **state)
{
	(void)state;
	struct door *d = door_new();

	assert_null(auth_live(d->auth, beat(d, "c1", "c2", now_ms), now_ms, &d->err));
	assert_non_null(strstr(d->err.text, "cluster c2 signed"));
	assert_non_null(strstr(d->err.text, "of cluster c1"));
	assert_int_equal(auth_refused(d->auth, AUTH_SIGNATURE), 1);
	door_free(d);
}

static void messages_without_a_seal_are_rejected(void **state)
{
	(void)state;
	struct door *d = door_new();

	(void)beat(d, "c1", "c1", now_ms);
	assert_null(auth_live(d->auth, &d->live, now_ms, &d->err));
	assert_non_null(strstr(d->err.text, "cluster c1"));
	assert_int_equal(auth_refused(d->auth, AUTH_UNSIGNED), 1);
	door_free(d);
}

static void a_heartbeat_is_accepted_once(void **state)
{
	(void)state;
	struct door *d = door_new();
	const struct {
		int64_t at_ms;
		bool in;
	} cases[] = {
		{now_ms, true},     {now_ms, false},          {now_ms - 1, false},
		{now_ms + 1, true}, {now_ms + 121000, false}, {now_ms - 121000, false},
		{now_ms + 2, true}, /* what was refused has left no trace */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(auth_live(d->auth, beat(d, "c1", "c1", cases[i].at_ms),
					   now_ms, &d->err) != NULL,
				 cases[i].in);
	assert_int_equal(auth_refused(d->auth, AUTH_REPLAY), 4);
	door_free(d);
}

static void nested_seals_and_garbage_are_rejected(void **state)
{
	(void)state;
	struct door *d = door_new();
	Vrsas__V1__Live outer = VRSAS__V1__LIVE__INIT;
	Vrsas__V1__Sealed sealed;
	unsigned char mac[VRS_SEAL_MAC_BYTES];
	size_t n;
	void *inner = vrs_msg_pack(&beat(d, "c1", "c1", now_ms)->base, &n);

	outer.body_case = VRSAS__V1__LIVE__BODY_SEALED;
	outer.sealed = &sealed;
	vrs_seal(&d->key, VRS_SEAL_LIVE,
		 &(struct vrs_seal_content){"c1", now_ms, inner, n}, &sealed, mac);
	assert_null(auth_live(d->auth, &outer, now_ms, &d->err));
	vrs_seal(&d->key, VRS_SEAL_LIVE,
		 &(struct vrs_seal_content){"c1", now_ms, "\xff\xff", 2}, &sealed, mac);
	assert_null(auth_live(d->auth, &outer, now_ms, &d->err));
	assert_int_equal(auth_refused(d->auth, AUTH_MALFORMED), 2);
	free(inner);
	door_free(d);
}

static void every_record_of_a_piece_is_of_the_seals_cluster(void **state)
{
	(void)state;
	struct door *d = door_new();
	Vrsas__V1__Record a = VRSAS__V1__RECORD__INIT, b = VRSAS__V1__RECORD__INIT;
	Vrsas__V1__Record *list[] = {&a, &b};
	Vrsas__V1__Piece piece = VRSAS__V1__PIECE__INIT;
	Vrsas__V1__FillRequest inner = VRSAS__V1__FILL_REQUEST__INIT;
	Vrsas__V1__FillRequest outer = VRSAS__V1__FILL_REQUEST__INIT;
	Vrsas__V1__Sealed sealed;
	unsigned char mac[VRS_SEAL_MAC_BYTES];
	size_t n;

	a.cluster = "c1";
	piece.record = list;
	piece.n_record = 2;
	inner.body_case = VRSAS__V1__FILL_REQUEST__BODY_PIECE;
	inner.piece = &piece;
	outer.body_case = VRSAS__V1__FILL_REQUEST__BODY_SEALED;
	outer.sealed = &sealed;
	for (int i = 0; i < 2; i++) {
		b.cluster = i ? "c1" : "c2";
		void *bytes = vrs_msg_pack(&inner.base, &n);

		vrs_seal(&d->key, VRS_SEAL_FILL,
			 &(struct vrs_seal_content){"c1", now_ms, bytes, n}, &sealed,
			 mac);
		assert_int_equal(auth_fill(d->auth, &outer, &d->err) != NULL, i);
		free(bytes);
	}
	assert_null(auth_fill(d->auth, &inner, &d->err)); /* no seal */
	assert_int_equal(auth_refused(d->auth, AUTH_UNSIGNED), 1);
	door_free(d);
}

static void reading_the_history_needs_no_seal(void **state)
{
	(void)state;
	struct door *d = door_new();
	Vrsas__V1__FillRequest r = VRSAS__V1__FILL_REQUEST__INIT;
	Vrsas__V1__ExportPage page = VRSAS__V1__EXPORT_PAGE__INIT;

	r.body_case = VRSAS__V1__FILL_REQUEST__BODY_EXPORT_PAGE;
	r.export_page = &page;
	assert_ptr_equal(auth_fill(d->auth, &r, &d->err), &r);
	door_free(d);
}

static void without_keys_everything_is_accepted(void **state)
{
	(void)state;
	struct door *d = door_new();
	struct auth *open = auth_new_take(NULL);

	assert_non_null(auth_live(open, beat(d, "c1", "c2", 5), now_ms, &d->err));
	assert_non_null(auth_live(open, &d->live, now_ms, &d->err));
	auth_free(open);
	door_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_seal_is_opened),
		cmocka_unit_test(a_seal_of_another_cluster_is_rejected),
		cmocka_unit_test(messages_without_a_seal_are_rejected),
		cmocka_unit_test(a_heartbeat_is_accepted_once),
		cmocka_unit_test(nested_seals_and_garbage_are_rejected),
		cmocka_unit_test(every_record_of_a_piece_is_of_the_seals_cluster),
		cmocka_unit_test(reading_the_history_needs_no_seal),
		cmocka_unit_test(without_keys_everything_is_accepted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
