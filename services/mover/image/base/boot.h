/* boot.h - which boot of this machine it is. */
#ifndef MOVER_IMAGE_BASE_BOOT_H
#define MOVER_IMAGE_BASE_BOOT_H

#include <stddef.h>

/* Another one after every start of the machine; "" when the kernel does not tell. */
void boot_id(char *buf, size_t size);

#endif
