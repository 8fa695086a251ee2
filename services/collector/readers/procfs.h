/* procfs.h - this Linux host as a host without virtual machines. */
#ifndef COLLECTOR_READERS_PROCFS_H
#define COLLECTOR_READERS_PROCFS_H

#include <stddef.h>

#include "readers/reading.h"

/* Pure: counters from the text of /proc/stat, RAM from that of /proc/meminfo. */
int procfs_parse_stat(const char *text, struct vrs_hv_host *ret, struct vrs_err *err);
int procfs_parse_meminfo(const char *text, struct vrs_hv_host *ret, struct vrs_err *err);

int procfs_read(struct reading *ret, struct vrs_err *err);

#endif
