#include "image/disk/outside_refs.h"

#include <endian.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static uint64_t be(const uint8_t *p, int n)
{
	uint64_t v = 0;

	for (int i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

static uint64_t le(const uint8_t *p, int n)
{
	uint64_t v = 0;

	for (int i = n; i-- > 0;)
		v = v << 8 | p[i];
	return v;
}

int outside_refs_check_layer(const uint8_t *head, size_t n, struct vrs_err *err)
{
	enum { EXTERNAL_DATA_FILE = 4, CORRUPT = 2 };

	if (n < 72 || memcmp(head, "QFI\xfb", 4) != 0 || be(head + 4, 4) < 2)
		return vrs_fail(err, VRS_EPARSE, "not a qcow2 image");
	if (be(head + 32, 4) != 0)
		return vrs_fail(err, VRS_EUNSUPPORTED, "the qcow2 image is encrypted");
	if (be(head + 4, 4) >= 3 && n >= 80) {
		uint64_t features = be(head + 72, 8);

		if (features & EXTERNAL_DATA_FILE)
			return vrs_fail(err, VRS_EUNSUPPORTED,
					"the qcow2 image has an external data file");
		if (features & CORRUPT)
			return vrs_fail(err, VRS_EPARSE,
					"the qcow2 image is marked as corrupt");
	}
	return 0;
}

static int check_qcow2(const uint8_t *head, size_t n, struct vrs_err *err)
{
	int status = outside_refs_check_layer(head, n, err);

	if (status == 0 && be(head + 8, 8) != 0)
		return vrs_fail(
			err, VRS_EUNSUPPORTED,
			"the qcow2 image has a backing file; commit or flatten it "
			"first");
	return status;
}

/* A sparse extent with its descriptor inside: the descriptor must name one extent (this
 * file) and no parent. */
static int check_vmdk(const uint8_t *head, size_t n, struct vrs_err *err)
{
	static const char flat[] = "# Disk DescriptorFile";

	if (n >= sizeof(flat) - 1 && memcmp(head, flat, sizeof(flat) - 1) == 0)
		return vrs_fail(err, VRS_EUNSUPPORTED,
				"this vmdk only describes other files; copy the "
				"-flat file as raw");
	if (n < 512 || memcmp(head, "KDMV", 4) != 0)
		return vrs_fail(err, VRS_EPARSE, "not a sparse vmdk image");

	uint64_t at = le(head + 28, 8) * 512, sectors = le(head + 36, 8);
	if (at == 0 || sectors == 0)
		return vrs_fail(err, VRS_EUNSUPPORTED,
				"this vmdk is one of several files of an image");
	if (at >= n)
		return vrs_fail(
			err, VRS_EPARSE,
			"the descriptor of the vmdk image is too far from its start");
	const char *text = (const char *)head + at;
	size_t len = n - (size_t)at;
	const char *parent = memmem(text, len, "parentFileNameHint", 18);
	return parent ? vrs_fail(err, VRS_EUNSUPPORTED,
				 "the vmdk image has a parent; consolidate it first")
		      : 0;
}

int outside_refs_check_head(const uint8_t *head, size_t n, const char *format,
			    struct vrs_err *err)
{
	if (strcmp(format, "qcow2") == 0)
		return check_qcow2(head, n, err);
	if (strcmp(format, "vmdk") == 0)
		return check_vmdk(head, n, err);
	if (strcmp(format, "vhdx") == 0)
		return n >= 8 && memcmp(head, "vhdxfile", 8) == 0
			       ? 0
			       : vrs_fail(err, VRS_EPARSE, "not a vhdx image");
	return 0;
}

int outside_refs_check(int fd, const char *format, struct vrs_err *err)
{
	uint8_t head[OUTSIDE_REFS_HEAD_BYTES];
	ssize_t n = pread(fd, head, sizeof(head), 0);

	if (n < 0)
		return vrs_fail_errno(err, "cannot read the header");
	return outside_refs_check_head(head, (size_t)n, format, err);
}
