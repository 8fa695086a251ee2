#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "vrs/mem.h"
#include "vrs/seal.h"

static size_t unhex(const char *hex, unsigned char *ret)
{
	size_t n = strlen(hex) / 2;

	for (size_t i = 0; i < n; i++) {
		unsigned int byte;

		assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
		ret[i] = (unsigned char)byte;
	}
	return n;
}

/* RFC 4231, test cases 1, 2, 4 and 6. */
static void hmac_gives_the_published_vectors(void **state)
{
	(void)state;
	static const struct {
		const char *key, *data, *mac;
	} cases[] = {
		{"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
		 "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
		{"4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
		 "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
		{"0102030405060708090a0b0c0d0e0f10111213141516171819",
		 "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
		 "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",
		 "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
		{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		 "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a6520"
		 "4b6579202d2048617368204b6579204669727374",
		 "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned char key[200], data[200], want[32], got[32];
		size_t n_key = unhex(cases[i].key, key);
		size_t n_data = unhex(cases[i].data, data);

		assert_int_equal(unhex(cases[i].mac, want), 32);
		vrs_hmac_sha256(key, n_key, data, n_data, got);
		assert_memory_equal(got, want, 32);
	}
}

/* A folder with the keys of c1 (all 1) and c2 (all 2). */
static char folder[] = "/tmp/vrs-seal-XXXXXX";

static void write_key(const char *name, const char *text, mode_t mode)
{
	char path[300];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	(void)close(fd);
}

static void remove_key(const char *name)
{
	char path[300];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	(void)unlink(path);
}

#define ONES "1111111111111111111111111111111111111111111111111111111111111111"
#define TWOS "2222222222222222222222222222222222222222222222222222222222222222"

static int two_keys(void **state)
{
	struct vrs_seal_keys *keys;
	struct vrs_err err;

	if (!mkdtemp(folder))
		return -1;
	write_key("c1.key", ONES "\n", 0600);
	write_key("c2.key", TWOS "\n", 0600);
	write_key("README", "no key\n", 0644);
	if (vrs_seal_keys_read(&keys, folder, &err) < 0)
		return -1;
	*state = keys;
	return 0;
}

static int remove_keys(void **state)
{
	vrs_seal_keys_free(*state);
	remove_key("c1.key");
	remove_key("c2.key");
	remove_key("README");
	return rmdir(folder);
}

static void a_seal_holds_for_its_use_cluster_moment_and_content(void **state)
{
	const struct vrs_seal_keys *keys = *state;
	unsigned char mac[VRS_SEAL_MAC_BYTES], other_mac[VRS_SEAL_MAC_BYTES];
	Vrsas__V1__Sealed s, other;
	struct vrs_err err = {0};

	vrs_seal(vrs_seal_keys_find(keys, "c1"), VRS_SEAL_LIVE,
		 &(struct vrs_seal_content){"c1", 1000, "hello", 5}, &s, mac);
	assert_ok(vrs_seal_check(keys, VRS_SEAL_LIVE, &s, &err), &err);
	assert_fails(vrs_seal_check(keys, VRS_SEAL_FILL, &s, &err), VRS_EDENIED, &err);
	s.at_ms++;
	assert_fails(vrs_seal_check(keys, VRS_SEAL_LIVE, &s, &err), VRS_EDENIED, &err);
	s.at_ms--;
	s.payload.len--;
	assert_fails(vrs_seal_check(keys, VRS_SEAL_LIVE, &s, &err), VRS_EDENIED, &err);
	s.payload.len++;
	s.cluster = "c2";
	assert_fails(vrs_seal_check(keys, VRS_SEAL_LIVE, &s, &err), VRS_EDENIED, &err);
	assert_non_null(strstr(err.text, "key of cluster c2"));
	s.cluster = "c1";
	s.mac.len--;
	assert_fails(vrs_seal_check(keys, VRS_SEAL_LIVE, &s, &err), VRS_EDENIED, &err);
	s.mac.len++;
	mac[31] ^= 1;
	assert_fails(vrs_seal_check(keys, VRS_SEAL_LIVE, &s, &err), VRS_EDENIED, &err);

	/* the same bytes, divided otherwise */
	vrs_seal(vrs_seal_keys_find(keys, "c1"), VRS_SEAL_LIVE,
		 &(struct vrs_seal_content){"c1", 1000, "x", 1}, &s, mac);
	vrs_seal(vrs_seal_keys_find(keys, "c1"), VRS_SEAL_LIVE,
		 &(struct vrs_seal_content){"c1x", 1000, "", 0}, &other, other_mac);
	assert_memory_not_equal(mac, other_mac, sizeof(mac));
}

static void a_cluster_without_a_key_is_named(void **state)
{
	const struct vrs_seal_keys *keys = *state;
	struct vrs_seal_key key = {{0}};
	unsigned char mac[VRS_SEAL_MAC_BYTES];
	struct vrs_err err = {0};
	Vrsas__V1__Sealed s;

	vrs_seal(&key, VRS_SEAL_LIVE, &(struct vrs_seal_content){"c3", 1, "", 0}, &s,
		 mac);
	assert_fails(vrs_seal_check(keys, VRS_SEAL_LIVE, &s, &err), VRS_EDENIED, &err);
	assert_non_null(strstr(err.text, "c3"));
	s.cluster = "../c1";
	assert_fails(vrs_seal_check(keys, VRS_SEAL_LIVE, &s, &err), VRS_EDENIED, &err);
}

static void a_key_is_64_digits_that_others_cannot_read(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		mode_t mode;
		int code;
	} cases[] = {
		{ONES "\n", 0644, VRS_EDENIED},
		{ONES "1\n", 0600, VRS_EINVAL},
		{"12\n", 0600, VRS_EINVAL},
		{"g" ONES "\n", 0600, VRS_EINVAL},
	};
	struct vrs_seal_keys *keys = NULL;
	struct vrs_err err = {0};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		write_key("c9.key", cases[i].text, cases[i].mode);
		int code = vrs_seal_keys_read(&keys, folder, &err);

		remove_key("c9.key");
		assert_int_equal(code, cases[i].code);
		assert_non_null(strstr(err.text, "c9.key"));
		assert_null(keys);
	}
	assert_fails(vrs_seal_keys_read(&keys, "/nowhere", &err), VRS_ENOENT, &err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hmac_gives_the_published_vectors),
		cmocka_unit_test(a_seal_holds_for_its_use_cluster_moment_and_content),
		cmocka_unit_test(a_cluster_without_a_key_is_named),
		cmocka_unit_test(a_key_is_64_digits_that_others_cannot_read),
	};

	return cmocka_run_group_tests(tests, two_keys, remove_keys);
}
