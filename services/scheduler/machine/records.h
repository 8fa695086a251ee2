/* records.h - relocation records between memory, message and Redis.
 *
 * A change of state is one script that checks the scheduler's lease, the state, epoch and
 * op that the change started from, and writes record and journal together. A scheduler
 * whose lease has gone to another one is refused, and so is a change of a record that
 * somebody else has changed since. */
#ifndef SCHEDULER_MACHINE_RECORDS_H
#define SCHEDULER_MACHINE_RECORDS_H

#include "machine/machine.h"
#include "vrs/store.h"
#include "vrsas/v1/control.pb-c.h"

/* What a record carries besides the machine's own memory. Borrowed. */
struct record_load {
	const Vrsas__V1__VmFacts *vm;
	const Vrsas__V1__Decision *decision;
	/* new disks of a copy, by its index; n_disks 0: as prev says */
	Vrsas__V1__PlacedDisk **disk[RELOC_MAX_COPIES];
	size_t n_disks[RELOC_MAX_COPIES];
	uint64_t owner_token;
};

/* The machine's record as the message of relocation.proto. What load leaves open comes
 * from prev (NULL: nothing). Free with vrsas__v1__relocation__free_unpacked. */
Vrsas__V1__Relocation *record_message(const struct reloc *r,
				      const Vrsas__V1__Relocation *prev,
				      const struct record_load *load);
/* And back. VRS_EPARSE when it cannot be one of ours. */
int record_machine(const Vrsas__V1__Relocation *msg, struct reloc *ret,
		   struct vrs_err *err);

/* --- Redis --- */

struct record_lease {
	const char *instance;
	int64_t lease_ms;
	uint64_t token; /* 0: not ours */
};

/* Takes or renews the lease. 0: ours (token is set; it rose if it was not ours before);
 * VRS_EDENIED: another one's (its name in err). With takeover, a lease under our own name
 * from before a restart is taken at once. */
int record_lease_renew(struct vrs_store *s, struct record_lease *lease, bool takeover,
		       struct vrs_err *err);
void record_lease_release(struct vrs_store *s, struct record_lease *lease);

/* The instance that holds the lease now; "": nobody does. */
int record_lease_holder(struct vrs_store *s, char *buf, size_t size, struct vrs_err *err);

/* Makes a change durable. from NULL: the record must not exist yet. VRS_ECONFLICT: it is
 * not as it was; read it again. VRS_EDENIED: the lease is not ours any more. */
int record_save(struct vrs_store *s, const struct record_lease *lease,
		const struct reloc *from, const Vrsas__V1__Relocation *to, bool journal,
		struct vrs_err *err);

/* VRS_ENOENT: there is none. */
int record_read(struct vrs_store *s, const char *vm_id, Vrsas__V1__Relocation **ret,
		struct vrs_err *err);
/* Ids of all VMs that have one; the caller frees the list and each. */
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
