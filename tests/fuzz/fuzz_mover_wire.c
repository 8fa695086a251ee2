/* What a hostile mover could send to vrs-image, and what a hostile vrs-image could
 * answer: frames out of these bytes go to the real requests, in an empty directory. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "image/base/pack.h"
#include "image/base/wire.h"
#include "image/hash/hashes.h"
#include "image/serve/requests.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_FRAMES = 64 };

static struct sandbox roots;
static uint8_t *out;
static char dir[] = "/tmp/vrs-fuzz-XXXXXX";

static void clean_up(void)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	char path[400];

	while (d && (e = readdir(d))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		(void)remove(path);
	}
	if (d)
		(void)closedir(d);
	(void)rmdir(dir);
}

static void set_up(void)
{
	static const struct rlimit small = {1 << 24, 1 << 24};
	char path[64];

	out = malloc(REPLY_BYTES);
	(void)setrlimit(RLIMIT_FSIZE, &small);
	(void)setenv("PATH", "/nonexistent", 1); /* no QEMU in here */
	if (!mkdtemp(dir) || sandbox_add(&roots, dir, NULL) < 0)
		abort();
	(void)atexit(clean_up);
	/* a known short way in: a request finds "/r/..." below the directory */
	(void)snprintf(path, sizeof(path), "%s/x", dir);
	FILE *f = fopen(path, "w");
	if (!f || ftruncate(fileno(f), 3 << 20) < 0)
		abort();
	(void)fputs("some content", f);
	(void)fclose(f);
	free(roots.root[0]);
	roots.root[0] = strdup("/r");
}

static int on_frame(void *arg, const struct wire_head *head, uint8_t *payload,
		    struct vrs_err *err)
{
	struct wire_head reply = {0};

	struct image_request r = {.head = head,
				  .payload = payload ? payload : (uint8_t *)"",
				  .reply = &reply,
				  .out = out};
	(void)requests_run(arg, &r, err);
	if (reply.len > REPLY_BYTES)
		abort();
	free(payload);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tree_digest leaf[TREE_LEAVES_PER_CHUNK], chunk;
	struct vrs_err err = {0};

	if (!out)
		set_up();
	if (hashes_parse_leaves(data, size, &chunk, leaf) > size)
		abort();
	(void)wire_blocks_ok(&(struct wire_blocks){data, 0, size, TREE_LEAF_SHIFT}, size);
	(void)pack_decompress(out, REPLY_BYTES, data, size, &err);

	/* heads are made from the bytes, so that most of them are heads */
	struct requests *a = requests_open(&roots, "");
	struct wire_reader r = {.on_frame = on_frame, .arg = a};
	struct wire_head hello = {.type = WIRE_HELLO, .a = WIRE_VERSION};
	(void)on_frame(a, &hello, NULL, &err);
	for (int i = 0; i < MAX_FRAMES && size >= 20; i++) {
		uint8_t head[WIRE_HEAD_BYTES];
		struct wire_head h = {
			.type = (uint8_t)(1 + data[0] % WIRE_LAST_REQUEST),
			.slot = data[1] % (WIRE_MAX_SLOTS + 1),
			.shift = (uint16_t)(data[2] | (data[3] & 1 ? WIRE_PACKED : 0)),
			.len = data[3],
		};

		memcpy(&h.a, data + 4, 8);
		memcpy(&h.b, data + 12, 8);
		h.a >>= data[4] % 64;
		h.b >>= data[12] % 64;
		data += 20;
		size -= 20;
		if (h.len > size)
			h.len = (uint32_t)size;
		wire_pack(head, &h);
		if (wire_reader_feed(&r, head, sizeof(head), &err) < 0 ||
		    wire_reader_feed(&r, data, h.len, &err) < 0)
			break;
		data += h.len;
		size -= h.len;
	}
	(void)wire_reader_feed(&r, data, size, &err); /* the rest as it is */
	wire_reader_fini(&r);
	requests_close(a);
	return 0;
}
