/* Bytes from Redis or a file that call themselves a model. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "net/forecast.h"
#include "paper/net_set.h"
#include "vrs/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try(const void *bytes, size_t n)
{
	struct vrs_err err = {0};
	struct paper_set *set = NULL;
	struct model *m = NULL;

	if (paper_set_unpack(&set, bytes, n, &err) == 0)
		paper_set_free(set);
	if (model_unpack(&m, bytes, n, &err) < 0)
		return;
	free(model_report(m));
	model_free(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try(data, size);
	if (size >= sizeof(uint64_t)) { /* once more with a checksum that fits */
		size_t n = size - sizeof(uint64_t);
		uint8_t *copy = vrs_calloc(1, size);
		uint64_t sum = XXH3_64bits(data, n);

		memcpy(copy, data, n);
		memcpy(copy + n, &sum, sizeof(sum));
		try(copy, size);
		free(copy);
	}
	return 0;
}
