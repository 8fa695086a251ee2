/* displaced.h - what had an image's name and was neither its base nor equal: it was
 * renamed to NAME.kept-TOKEN when its successor was proven (part.h), and goes away with
 * the next proven one, or with the image. */
#ifndef MOVER_IMAGE_PART_DISPLACED_H
#define MOVER_IMAGE_PART_DISPLACED_H

#include <stddef.h>
#include <stdint.h>

enum { DISPLACED_NAME_BYTES = 300 };

void displaced_name(char buf[DISPLACED_NAME_BYTES], const char *name, uint64_t token);

/* Takes those of name away, except the one that is called but (NULL: none). What somebody
 * has open for writing stays. Returns how many went. */
int displaced_remove(int dir_fd, const char *name, const char *but);

#endif
