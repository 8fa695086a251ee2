/* findings.h - what the move of a VM would run into, known before anything is stopped.
 *
 * A finding is a code, what it is about ("disk vda"), and a detail. What a code means,
 * which of three kinds it is, and what to do about it stand in one table (findings.c), so
 * that the plan, the dry run, the status, the page and the error of a refused definition
 * say the same. Pure. */
#ifndef VRS_FINDINGS_H
#define VRS_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>

enum vrs_finding_kind {
	VRS_STOPS_MOVE,    /* the VM cannot be moved as it is */
	VRS_CHANGES_GUEST, /* the guest sees other hardware at the target */
	VRS_LEFT_BEHIND,   /* exists at home only, and is back when the VM is */
};

enum vrs_finding_code {
	/* stops the move */
	VRS_FOUND_HOST_DEVICE,
	VRS_FOUND_NO_DEFINITION,
	VRS_FOUND_DISK_REMOTE,
	VRS_FOUND_DISK_BACKING,
	VRS_FOUND_DISK_ENCRYPTED,
	VRS_FOUND_DISK_SHARED,
	VRS_FOUND_DISK_TRANSIENT,
	VRS_FOUND_DISK_COUNT,
	VRS_FOUND_DISK_FORMAT,
	VRS_FOUND_NETWORK_KIND,
	VRS_FOUND_NETWORK_UNMAPPED,
	VRS_FOUND_SNAPSHOT,
	VRS_FOUND_CHECKPOINT,
	VRS_FOUND_SAVED_MEMORY,
	VRS_FOUND_TPM,
	VRS_FOUND_LAUNCH_SECURITY,
	VRS_FOUND_NAME_TAKEN,
	VRS_FOUND_MAC_TAKEN,
	/* changes the guest */
	VRS_FOUND_DISK_BUS,
	VRS_FOUND_NIC_MODEL,
	VRS_FOUND_ACCELERATOR,
	VRS_FOUND_HOST_CPU,
	VRS_FOUND_VIRTUALPORT,
	VRS_FOUND_FIRMWARE_VARIABLES,
	VRS_FOUND_MEDIA,
	/* left behind */
	VRS_FOUND_CONSOLE_FILE,
	VRS_FOUND_CONSOLE_ADDRESS,
	VRS_FOUND_TUNING,
	VRS_N_FINDINGS,
};

struct vrs_finding {
	enum vrs_finding_code code;
	char subject[80]; /* "disk vda", "network card 52:54:00:..."; "": the VM */
	char detail[160]; /* what was found; "": the code's meaning says it all */
};

enum { VRS_MAX_FINDINGS = 48 };

/* Zeroed: empty. */
struct vrs_findings {
	struct vrs_finding item[VRS_MAX_FINDINGS];
	size_t n;
};

/* The same code and subject is kept once. A full list drops what does not stop the move,
 * never what does. found may be NULL: nothing is kept. */
void vrs_findings_add(struct vrs_findings *found, enum vrs_finding_code code,
		      const char *subject, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* The first finding that stops the move; NULL: it can move. */
const struct vrs_finding *vrs_findings_stop(const struct vrs_findings *found);
bool vrs_findings_has(const struct vrs_findings *found, enum vrs_finding_code code);

const char *vrs_finding_name(enum vrs_finding_code code);    /* "host-device" */
enum vrs_finding_code vrs_finding_of_name(const char *name); /* VRS_N_FINDINGS: none */
enum vrs_finding_kind vrs_finding_kind(enum vrs_finding_code code);
const char *vrs_finding_kind_name(enum vrs_finding_kind kind); /* "stops the move" */
const char *vrs_finding_meaning(enum vrs_finding_code code);
const char *vrs_finding_remedy(enum vrs_finding_code code);

/* "disk vda: has a backing file /ds/base.qcow2" */
void vrs_finding_text(const struct vrs_finding *f, char *buf, size_t size);

#endif
