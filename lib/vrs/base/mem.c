#include "vrs/mem.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void out_of_memory(void)
{
	static const char text[] = "out of memory\n";

	(void)fwrite(text, 1, sizeof(text) - 1, stderr);
	abort();
}

void *vrs_calloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size ? size : 1);

	if (!p)
		out_of_memory();
	return p;
}

void *vrs_realloc(void *p, size_t n, size_t size)
{
	void *q = reallocarray(p, n ? n : 1, size ? size : 1);

	if (!q)
		out_of_memory();
	return q;
}

void *vrs_grow(void *array, size_t n, size_t *cap, size_t element_size)
{
	if (n < *cap)
		return array;
	*cap = *cap ? 2 * *cap : 16;
	return vrs_realloc(array, *cap, element_size);
}

char *vrs_strdup(const char *s)
{
	char *d = strdup(s ? s : "");

	if (!d)
		out_of_memory();
	return d;
}

static size_t print_new(char **ret, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));
static size_t print_new(char **ret, const char *fmt, va_list ap)
{
	int n = vasprintf(ret, fmt, ap);

	if (n < 0)
		out_of_memory();
	return (size_t)n;
}

char *vrs_asprintf(const char *fmt, ...)
{
	char *s = NULL;
	va_list ap;

	va_start(ap, fmt);
	(void)print_new(&s, fmt, ap);
	va_end(ap);
	return s;
}

int vrs_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

uint64_t vrs_hash(uint64_t h, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * UINT64_C(0x100000001b3);
	return h;
}

bool vrs_strcpy(char *dst, size_t dst_size, const char *src)
{
	size_t len = strlen(src);
	size_t n = len < dst_size ? len : dst_size - 1;

	memcpy(dst, src, n);
	dst[n] = '\0';
	return n == len;
}

static bool chars_ok(const char *s, size_t max, const char *extra)
{
	if (!s || !s[0])
		return false;

	size_t n = 0;
	for (; s[n]; n++)
		if (n >= max || !(isascii(s[n]) &&
				  (isalnum((unsigned char)s[n]) || strchr(extra, s[n]))))
			return false;
	return true;
}

bool vrs_name_ok(const char *s)
{
	return chars_ok(s, 64, "._-") && s[0] != '-' && s[0] != '.';
}

bool vrs_id_ok(const char *s)
{
	return chars_ok(s, 128, "._:@+-") && s[0] != '-';
}

void vrs_text_add_bytes(struct vrs_text *t, const void *bytes, size_t n)
{
	if (t->len + n + 1 > t->cap) {
		size_t cap = t->cap ? t->cap : 64;

		while (cap < t->len + n + 1)
			cap *= 2;
		t->text = vrs_realloc(t->text, cap, 1);
		t->cap = cap;
	}
	if (n)
		memcpy(t->text + t->len, bytes, n);
	t->len += n;
	t->text[t->len] = '\0';
}

void vrs_text_add(struct vrs_text *t, const char *fmt, ...)
{
	char *s = NULL;
	va_list ap;

	va_start(ap, fmt);
	size_t n = print_new(&s, fmt, ap);
	va_end(ap);
	vrs_text_add_bytes(t, s, n);
	free(s);
}

void vrs_text_fini(struct vrs_text *t)
{
	free(t->text);
	*t = (struct vrs_text){0};
}

/* A list of blocks; memory is taken from the newest one. */
struct block {
	struct block *older;
	size_t used, size;
	_Alignas(max_align_t) unsigned char bytes[];
};

struct vrs_arena {
	struct block *newest;
	size_t limit, taken;
};

enum { ARENA_BLOCK = 16 * 1024 };

struct vrs_arena *vrs_arena_new(size_t limit_bytes)
{
	struct vrs_arena *a = vrs_calloc(1, sizeof(*a));

	a->limit = limit_bytes;
	return a;
}

void *vrs_arena_alloc(struct vrs_arena *a, size_t size)
{
	const size_t align = _Alignof(max_align_t);

	if (size > a->limit || a->taken > a->limit - size)
		return NULL;
	size = (size + align - 1) / align * align;
	a->taken += size;

	struct block *b = a->newest;
	if (!b || b->size - b->used < size) {
		size_t block_size = size > ARENA_BLOCK ? size : ARENA_BLOCK;

		b = malloc(sizeof(*b) + block_size);
		if (!b)
			return NULL;
		b->older = a->newest;
		b->used = 0;
		b->size = block_size;
		a->newest = b;
	}
	void *p = b->bytes + b->used;
	b->used += size;
	return p;
}

void vrs_arena_reset(struct vrs_arena *a)
{
	while (a->newest) {
		struct block *older = a->newest->older;

		free(a->newest);
		a->newest = older;
	}
	a->taken = 0;
}

void vrs_arena_free(struct vrs_arena *a)
{
	if (!a)
		return;
	vrs_arena_reset(a);
	free(a);
}
