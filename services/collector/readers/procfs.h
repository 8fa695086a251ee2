/* procfs.h - reads this Linux machine as a host without VMs. */
#ifndef COLLECTOR_READERS_PROCFS_H
#define COLLECTOR_READERS_PROCFS_H

#include "readers/reading.h"

/* Pure: parse the texts of /proc/stat (counters) and /proc/meminfo (RAM). */
int procfs_parse_stat(const char *text, struct vrs_hv_host *ret, struct vrs_err *err);
int procfs_parse_meminfo(const char *text, struct vrs_hv_host *ret, struct vrs_err *err);

int procfs_read(struct reading *ret, struct vrs_err *err);

#endif
