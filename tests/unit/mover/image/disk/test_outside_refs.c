#include "check.h"

#include <string.h>

#include "image/disk/backing_chain.h"
#include "image/disk/outside_refs.h"

static uint8_t head[OUTSIDE_REFS_HEAD_BYTES];

static void make_qcow2(void)
{
	static const uint8_t start[] = {'Q', 'F', 'I', 0xfb, 0, 0, 0, 3};

	memset(head, 0, sizeof(head));
	memcpy(head, start, sizeof(start));
}

static void make_vmdk(const char *text)
{
	memset(head, 0, sizeof(head));
	memcpy(head, "KDMV", 4);
	head[28] = 1;  /* description at sector 1 */
	head[36] = 20; /* and so many sectors long */
	strcpy((char *)head + 512, text);
}

static int check(const char *format, struct vrs_err *err)
{
	return outside_refs_check_head(head, sizeof(head), format, err);
}

static void a_qcow2_that_is_whole_in_itself_passes(void **state)
{
	(void)state;
	struct vrs_err err = {0};

	make_qcow2();
	assert_ok(check("qcow2", &err), &err);
}

static void a_qcow2_that_leads_elsewhere_is_refused(void **state)
{
	(void)state;
	struct vrs_err err = {0};

	make_qcow2();
	head[15] = 1; /* offset of a backing file's name */
	assert_fails(check("qcow2", &err), VRS_EUNSUPPORTED, &err);
	make_qcow2();
	head[79] = 4; /* external data file */
	assert_fails(check("qcow2", &err), VRS_EUNSUPPORTED, &err);
	make_qcow2();
	head[79] = 2; /* marked corrupt */
	assert_fails(check("qcow2", &err), VRS_EPARSE, &err);
	make_qcow2();
	head[35] = 1; /* encrypted */
	assert_fails(check("qcow2", &err), VRS_EUNSUPPORTED, &err);
	head[0] = 'q';
	assert_fails(check("qcow2", &err), VRS_EPARSE, &err);
}

static void a_vmdk_with_a_parent_or_in_pieces_is_refused(void **state)
{
	(void)state;
	struct vrs_err err = {0};

	make_vmdk("# Disk DescriptorFile\ncreateType=\"monolithicSparse\"\n");
	assert_ok(check("vmdk", &err), &err);
	make_vmdk("# Disk DescriptorFile\nparentFileNameHint=\"/etc/shadow\"\n");
	assert_fails(check("vmdk", &err), VRS_EUNSUPPORTED, &err);
	make_vmdk("");
	head[29] = 0xff; /* description far away */
	assert_fails(check("vmdk", &err), VRS_EPARSE, &err);
	make_vmdk("");
	head[28] = head[36] = 0;
	assert_fails(check("vmdk", &err), VRS_EUNSUPPORTED, &err);
	memset(head, 0, sizeof(head));
	strcpy((char *)head, "# Disk DescriptorFile\nRW 100 FLAT \"/etc/shadow\" 0\n");
	assert_fails(check("vmdk", &err), VRS_EUNSUPPORTED, &err);
}

static void short_files_are_no_images(void **state)
{
	(void)state;
	static const char *const formats[] = {"qcow2", "vmdk", "vhdx"};

	make_qcow2();
	for (size_t n = 0; n < 72; n++)
		for (size_t i = 0; i < 3; i++) {
			struct vrs_err err = {0};

			assert_fails(outside_refs_check_head(head, n, formats[i], &err),
				     VRS_EPARSE, &err);
		}
}

static void a_backing_file_is_used_only_with_its_format(void **state)
{
	(void)state;
	struct vrs_err err = {0};
	char name[BACKING_CHAIN_NAME_BYTES], format[16];

	make_qcow2();
	assert_int_equal(backing_chain_next(head, sizeof(head), name, format, &err), 0);
	head[14] = 1; /* its name is at 256 */
	head[19] = 4;
	memcpy(head + 256, "base", 4);
	head[103] = 104; /* the header ends there, extensions follow */
	assert_fails(backing_chain_next(head, sizeof(head), name, format, &err),
		     VRS_EUNSUPPORTED, &err);
	memcpy(head + 104, "\xE2\x79\x2A\xCA\0\0\0\3raw", 11);
	assert_int_equal(backing_chain_next(head, sizeof(head), name, format, &err), 1);
	assert_string_equal(name, "base");
	assert_string_equal(format, "raw");
	memcpy(head + 112, "nbd", 3);
	assert_fails(backing_chain_next(head, sizeof(head), name, format, &err),
		     VRS_EUNSUPPORTED, &err);
	memcpy(head + 112, "raw", 3);
	memcpy(head + 256, "a:b/", 4); /* another protocol */
	assert_fails(backing_chain_next(head, sizeof(head), name, format, &err),
		     VRS_EUNSUPPORTED, &err);
	head[13] = 0xff; /* beyond the head */
	assert_fails(backing_chain_next(head, sizeof(head), name, format, &err),
		     VRS_EPARSE, &err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_qcow2_that_is_whole_in_itself_passes),
		cmocka_unit_test(a_qcow2_that_leads_elsewhere_is_refused),
		cmocka_unit_test(a_vmdk_with_a_parent_or_in_pieces_is_refused),
		cmocka_unit_test(short_files_are_no_images),
		cmocka_unit_test(a_backing_file_is_used_only_with_its_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
