/* mem.h - allocation, strings, and a bounded arena.
 *
 * A small allocation that fails ends the process, and the supervisor restarts it. The
 * caller must first check any size that comes from outside. */
#ifndef VRS_MEM_H
#define VRS_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *vrs_calloc(size_t n, size_t size);
void *vrs_realloc(void *p, size_t n, size_t size);
/* Returns the array with space for one more element; doubles it when n reaches *cap. */
void *vrs_grow(void *array, size_t n, size_t *cap, size_t element_size);
char *vrs_strdup(const char *s);
char *vrs_asprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Copies as much of src as fits, always terminated; false if it was cut. */
bool vrs_strcpy(char *dst, size_t dst_size, const char *src);

/* True for names that may become keys, file names and arguments: 1..64 characters of
 * [A-Za-z0-9._-], not starting with '-' or '.'. Cluster, host and collector names. */
bool vrs_name_ok(const char *s);

/* True for a VM id or name: 1..128 of [A-Za-z0-9._:@+-], not starting with '-'. */
bool vrs_id_ok(const char *s);

/* 0..15; -1: not a hexadecimal digit. */
int vrs_hex_digit(char c);

/* FNV-1a over bytes, continued from h (first VRS_HASH_BEGIN). It detects changes; it is
 * not cryptographic. */
#define VRS_HASH_BEGIN UINT64_C(0xcbf29ce484222325)
uint64_t vrs_hash(uint64_t h, const void *bytes, size_t n);

/* A growing text; the empty value is {0}. text is NULL until something is added. */
struct vrs_text {
	char *text;
	size_t len, cap;
};
void vrs_text_add(struct vrs_text *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void vrs_text_add_bytes(struct vrs_text *t, const void *bytes, size_t n);
void vrs_text_fini(struct vrs_text *t);

/* An arena allocates by moving a pointer and frees everything at once. Beyond limit bytes
 * it returns NULL, which bounds the memory of hostile messages. */
struct vrs_arena;
struct vrs_arena *vrs_arena_new(size_t limit_bytes);
void *vrs_arena_alloc(struct vrs_arena *a, size_t size); /* NULL: limit reached */
void vrs_arena_reset(struct vrs_arena *a);
void vrs_arena_free(struct vrs_arena *a);

#endif
