/* cache.h - hashes of a raw image that need not be computed again: ".NAME.vrs-hashes"
 * beside it, trusted only while nothing can have changed the image since.
 *
 * Why that is certain. Linux gives a file a new change time (ctime) whenever somebody
 * writes to it, truncates it, punches a hole or sets its times, and only the kernel sets
 * it. So the same inode with the same ctime, size and mtime holds what it held, if these
 * doors are shut:
 *
 * - A write that had begun, or a mapping that was dirty, when we looked. Both need the
 *   file open for writing; the kernel grants a lease only while no process has
 * (F_SETLEASE). We take and release one before the first byte is read and after the last:
 * no writer there, so whoever writes later opens later and gets a later ctime.
 * - Two writes within one tick of the clock ("racily clean", as git calls it). What was
 *   changed less than 20 ms ago is not cached; ctimes of whole seconds never.
 * - A power cut: blocks may reach the disk before the inode does. Another boot, nothing
 *   is believed; so the file need not be flushed either.
 * - Another machine writing to the same file system: only local ones are trusted.
 * - A clock that was set back: when it jumped since, nothing is trusted.
 * - Silent corruption of the disk, which no time stamp shows. After a day all is read
 *   again.
 *
 * An image that we change ourselves (image/part/overlay.c) is held with the lease of a
 * sole writer from before the first byte until it has rested for those 20 ms; blocks that
 * were changed are not cached before they have been read from the disk.
 *
 * The file may be anything: it must belong to us or root, no other user may write it, its
 * checksums must be right. In any doubt it is ignored. It takes 1/240 of the data, and is
 * not written where free space is short.
 *
 * hashcache_get and hashcache_put may be called from several threads at once. */
#ifndef MOVER_IMAGE_HASH_CACHE_H
#define MOVER_IMAGE_HASH_CACHE_H

#include <limits.h>

#include "image/hash/cache_file.h"

enum { HASHCACHE_BEST_BEFORE_MS = 24 * 3600 * 1000 };

struct hashcache;

/* Of the file that is open as fd (read only) and called name in dir_fd. NULL: of this one
 * nothing is known, and nothing that is read now may be remembered. */
struct hashcache *hashcache_open(int dir_fd, const char *name, int fd, int64_t now_ms);

/* What is known of a chunk; all else in it is undefined. */
void hashcache_get(struct hashcache *c, uint64_t chunk, struct cachefile_entry *ret);
/* Takes the place of what was known of it. The content was read after hashcache_open. */
void hashcache_put(struct hashcache *c, uint64_t chunk, const struct cachefile_entry *s);

/* Writes down what is known, if the image is what it was at hashcache_open. */
void hashcache_save(struct hashcache *c);

/* Around changes of our own, through fd, the only descriptor of the file (read and
 * write). hashcache_hold: nobody else can open it from here on, and it is what it was;
 * false: then nothing will be remembered. In between, hashcache_put for what changes. */
bool hashcache_hold(struct hashcache *c, int fd);
void hashcache_save_held(struct hashcache *c, int fd);

void hashcache_close(struct hashcache *c); /* NULL is fine */

void hashcache_remove(int dir_fd, const char *name);

#endif
