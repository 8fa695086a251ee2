/* series.h - the minutes of a host in Redis: one string per UTC day, 1440 slots of 8
 * bytes.
 *
 * Slot, little endian: u16 cpu (0 = missing, else 1 + round(10000 * ratio)), u16 mem (the
 * same), u16 vCPUs of running VMs, u8 host state (HostState), u8 flags. A minute is
 * identified by its position, so writing it twice has no further effect. Pure. */
#ifndef VRS_SERIES_H
#define VRS_SERIES_H

#include <stddef.h>
#include <stdint.h>

enum {
	VRS_SLOT_BYTES = 8,
	VRS_SLOTS_PER_DAY = 1440,
	VRS_DAY_BYTES = VRS_SLOT_BYTES * VRS_SLOTS_PER_DAY,
};

enum { VRS_SLOT_LIVE = 1, VRS_SLOT_FILLED = 2, VRS_SLOT_IMPORTED = 4 };

struct vrs_slot {
	float cpu_ratio; /* NAN: missing */
	float mem_ratio;
	uint16_t vcpus_used;
	uint8_t state;
	uint8_t flags;
};

void vrs_slot_encode(uint8_t out[VRS_SLOT_BYTES], const struct vrs_slot *slot);
void vrs_slot_decode(const uint8_t in[VRS_SLOT_BYTES], struct vrs_slot *ret);

/* The key of the day of at_ms, and the byte offset of its minute. */
void vrs_series_key(char *buf, size_t size, const char *cluster, const char *host,
		    int64_t at_ms);
size_t vrs_series_offset(int64_t at_ms);

#endif
