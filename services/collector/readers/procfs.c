#include "readers/procfs.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vrs/mem.h"

int procfs_parse_stat(const char *text, struct vrs_hv_host *ret, struct vrs_err *err)
{
	/* user nice system idle iowait irq softirq steal; guest time is within user */
	unsigned long long t[8] = {0};
	uint32_t n_cpus = 0;

	int n = sscanf(text, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &t[0], &t[1],
		       &t[2], &t[3], &t[4], &t[5], &t[6], &t[7]);
	if (n < 4)
		return vrs_fail(err, VRS_EPARSE, "/proc/stat: no line for all CPUs");
	for (const char *p = text; (p = strstr(p, "\ncpu")); p++)
		if (isdigit((unsigned char)p[4]))
			n_cpus++;
	double total = 0;
	for (int i = 0; i < 8; i++)
		total += (double)t[i];
	ret->cpu_total = total;
	ret->cpu_busy = total - (double)t[3] - (double)t[4];
	ret->cpu_known = true;
	ret->vcpus = n_cpus ? n_cpus : 1;
	return 0;
}

static bool find_kib(const char *text, const char *key, uint64_t *ret_bytes)
{
	const char *p = strstr(text, key);
	uint64_t kib;

	if (!p || sscanf(p + strlen(key), " %" SCNu64, &kib) != 1 ||
	    kib > UINT64_MAX / 1024)
		return false;
	*ret_bytes = kib * 1024;
	return true;
}

int procfs_parse_meminfo(const char *text, struct vrs_hv_host *ret, struct vrs_err *err)
{
	uint64_t total, available;

	if (!find_kib(text, "MemTotal:", &total) ||
	    !find_kib(text, "MemAvailable:", &available))
		return vrs_fail(err, VRS_EPARSE,
				"/proc/meminfo: no MemTotal or MemAvailable");
	ret->ram_total_bytes = total;
	ret->ram_used_bytes = available < total ? total - available : 0;
	return 0;
}

static int slurp(const char *path, struct vrs_text *ret, struct vrs_err *err)
{
	char buf[8192];
	FILE *f = fopen(path, "re");

	if (!f)
		return vrs_fail_errno(err, "cannot open %s", path);
	for (size_t n; (n = fread(buf, 1, sizeof(buf), f)) > 0 && ret->len < 1 << 20;)
		vrs_text_add_bytes(ret, buf, n);
	(void)fclose(f);
	vrs_text_add_bytes(ret, "", 0);
	return 0;
}

int procfs_read(struct reading *ret, struct vrs_err *err)
{
	struct vrs_text stat = {0}, meminfo = {0};
	int status = slurp("/proc/stat", &stat, err);

	if (status == 0)
		status = slurp("/proc/meminfo", &meminfo, err);
	if (status == 0)
		status = procfs_parse_stat(stat.text, &ret->host, err);
	if (status == 0)
		status = procfs_parse_meminfo(meminfo.text, &ret->host, err);
	ret->has_vms = status == 0;
	vrs_text_fini(&stat);
	vrs_text_fini(&meminfo);
	return status;
}
