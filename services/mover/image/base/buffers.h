/* buffers.h - memory that a disk reads into and writes from.
 *
 * A request to a disk names every piece of memory that does not lie behind the one before
 * it, and there is a limit to their number. Rooms lie in huge pages where the kernel has
 * them, so a buffer is one or two pieces instead of 256: a disk was measured to write 1.3
 * and to read 2 times as fast. What was taken once stays with the process, for the next
 * who takes. From any thread. */
#ifndef MOVER_IMAGE_BASE_BUFFERS_H
#define MOVER_IMAGE_BASE_BUFFERS_H

#include <stdint.h>

enum { BUFFER_BYTES = 5 << 18 }; /* a MiB and what goes with it */

/* Begins on a page, holds anything. NULL: no memory. */
uint8_t *buffer_take(void);
void buffer_put(uint8_t *buffer); /* NULL is nothing */

#endif
