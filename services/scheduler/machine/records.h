/* records.h - relocation records between memory, message and Redis.
 *
 * A change of state is one script that checks the scheduler's lease, the state, epoch and
 * op that the change started from, and writes record and journal together. A scheduler
 * that has lost its lease is refused, and so is a change of a record that another
 * scheduler has changed since. */
#ifndef SCHEDULER_MACHINE_RECORDS_H
#define SCHEDULER_MACHINE_RECORDS_H

#include "machine/machine.h"
#include "vrs/store.h"
#include "vrsas/v1/control.pb-c.h"

/* What a record holds besides the machine's state. Borrowed. */
struct record_load {
	const Vrsas__V1__VmFacts *vm;
	const Vrsas__V1__Decision *decision;
	/* new disks of a copy, by its index; n_disks 0: those of prev */
	Vrsas__V1__PlacedDisk **disk[RELOC_MAX_COPIES];
	size_t n_disks[RELOC_MAX_COPIES];
	uint64_t owner_token;
};

/* The machine's record as the message of relocation.proto. What load does not set comes
 * from prev (may be NULL). Free with vrsas__v1__relocation__free_unpacked. */
Vrsas__V1__Relocation *record_message(const struct reloc *r,
				      const Vrsas__V1__Relocation *prev,
				      const struct record_load *load);
/* The reverse. VRS_EPARSE: not a valid record. */
int record_machine(const Vrsas__V1__Relocation *msg, struct reloc *ret,
		   struct vrs_err *err);

/* --- Redis --- */

struct record_lease {
	const char *instance;
	int64_t lease_ms;
	uint64_t token; /* 0: not held */
};

/* Takes or renews the lease. 0: held (token is set; it is higher after a takeover);
 * VRS_EDENIED: another scheduler holds it (its name in err). With takeover, a lease under
 * the own name from before a restart is taken at once. */
int record_lease_renew(struct vrs_store *s, struct record_lease *lease, bool takeover,
		       struct vrs_err *err);
void record_lease_release(struct vrs_store *s, struct record_lease *lease);

/* The instance that holds the lease now; "": none. */
int record_lease_holder(struct vrs_store *s, char *buf, size_t size, struct vrs_err *err);

/* Makes a change durable. from NULL: the record must not exist yet. VRS_ECONFLICT: it was
 * changed meanwhile; read it again. VRS_EDENIED: the lease is lost. */
int record_save(struct vrs_store *s, const struct record_lease *lease,
		const struct reloc *from, const Vrsas__V1__Relocation *to, bool journal,
		struct vrs_err *err);

/* Removes the record of a VM that its owner deleted. Errors as for record_save. */
int record_remove(struct vrs_store *s, const struct record_lease *lease,
		  const struct reloc *r, const char *why, struct vrs_err *err);

/* VRS_ENOENT: no such record. */
int record_read(struct vrs_store *s, const char *vm_id, Vrsas__V1__Relocation **ret,
		struct vrs_err *err);
/* Ids of all VMs with a record; the caller frees the list and each. */
int record_list(struct vrs_store *s, char ***ret, size_t *ret_n, struct vrs_err *err);

/* A VM's journal, oldest first; at most the newest `limit`. */
struct record_journal {
	Vrsas__V1__JournalEntry **entry;
	size_t n;
};
int record_journal(struct vrs_store *s, const char *vm_id, size_t limit,
		   struct record_journal *ret, struct vrs_err *err);
void record_journal_free(struct record_journal *j);

#endif
