/* boot.h - the boot id of this host. */
#ifndef MOVER_IMAGE_BASE_BOOT_H
#define MOVER_IMAGE_BASE_BOOT_H

#include <stddef.h>

/* Changes with every boot; "" when the kernel has none. */
void boot_id(char *buf, size_t size);

#endif
