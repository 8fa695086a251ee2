/* Files that vrs-image finds beside images and believes only when they make sense: the
 * chunk map, and the heads of qcow2 (with what it stands on), vmdk and vhdx. */
#include <stdlib.h>
#include <string.h>

#include "image/chain.h"
#include "image/chunkmap.h"
#include "image/refs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const formats[] = {"qcow2", "vmdk", "vhdx"};
	static uint8_t head[CHUNKMAP_PAGE_BYTES], page[CHUNKMAP_PAGE_BYTES];
	struct chunkmap m;
	struct vrs_err err = {0};
	char name[CHAIN_NAME_BYTES], format[16];

	for (size_t i = 0; i < 3; i++)
		(void)refs_check_head(data, size, formats[i], &err);

	if (chain_next(data, size, name, format, &err) == 1 &&
	    (strlen(name) == 0 || strlen(format) == 0))
		abort();

	/* a good map with some of its bytes changed */
	if (size < 8 || chunkmap_init(&m, ((uint64_t)data[0] + 1) << 30, &err) < 0)
		return 0;
	chunkmap_page(&m, 0, head);
	chunkmap_page(&m, 1, page);
	chunkmap_fini(&m);
	for (size_t i = 8; i + 3 <= size; i += 3)
		head[(data[i] | data[i + 1] << 8) % CHUNKMAP_PAGE_BYTES] ^= data[i + 2];
	memcpy(page, data, size < sizeof(page) ? size : sizeof(page));
	if (chunkmap_read_head(&m, head, &err) < 0)
		return 0;
	for (size_t i = 1; i < chunkmap_n_pages(&m); i++)
		(void)chunkmap_read_page(&m, i, page);
	for (uint64_t i = 0; i < m.n_chunks; i++)
		if (m.state[i] > CHUNK_DURABLE)
			abort();
	chunkmap_fini(&m);
	return 0;
}
