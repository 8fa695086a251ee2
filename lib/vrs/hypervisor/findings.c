#include "vrs/findings.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "vrs/mem.h"

static const struct {
	const char *name;
	enum vrs_finding_kind kind;
	const char *meaning, *remedy;
} table[] = {
	[VRS_FOUND_HOST_DEVICE] = {"host-device", VRS_STOPS_MOVE,
				   "uses a device or folder of its host",
				   "remove the device, or set protect = no"},
	[VRS_FOUND_NO_DEFINITION] =
		{"no-definition", VRS_STOPS_MOVE,
		 "its definition could not be read completely",
		 "see the collector's log; a VM may have 16 disks and 16 network cards"},
	[VRS_FOUND_DISK_REMOTE] =
		{"disk-not-a-file", VRS_STOPS_MOVE,
		 "is neither a file nor a block device",
		 "move the disk into a file or block device, or set protect = no"},
	[VRS_FOUND_DISK_BACKING] =
		{"disk-backing", VRS_STOPS_MOVE, "has a backing file",
		 "flatten it: virsh blockpull (running) or qemu-img rebase -b ''"},
	[VRS_FOUND_DISK_ENCRYPTED] = {"disk-encrypted", VRS_STOPS_MOVE,
				      "is encrypted with a secret of its host",
				      "encrypt inside the guest, or set protect = no"},
	[VRS_FOUND_DISK_SHARED] = {"disk-shared", VRS_STOPS_MOVE,
				   "is shared with other VMs",
				   "give each VM a disk of its own, or set protect = no"},
	[VRS_FOUND_DISK_TRANSIENT] = {"disk-transient", VRS_STOPS_MOVE,
				      "is transient: its data is lost when the VM stops",
				      "make the disk persistent, or set protect = no"},
	[VRS_FOUND_DISK_COUNT] = {"disk-count", VRS_STOPS_MOVE,
				  "its disks differ from those in the inventory",
				  "wait for the next inventory"},
	[VRS_FOUND_DISK_FORMAT] =
		{"disk-format", VRS_STOPS_MOVE, "has a format that cannot be converted",
		 "convert the disk to raw, qcow2, vmdk or vhdx, and set format = of the "
		 "target"},
	[VRS_FOUND_NETWORK_KIND] =
		{"network-kind", VRS_STOPS_MOVE,
		 "is connected to something that exists only on its host",
		 "connect it to a bridge or a libvirt network"},
	[VRS_FOUND_NETWORK_UNMAPPED] =
		{"network-unmapped", VRS_STOPS_MOVE, "has no counterpart at the target",
		 "map the network under networks = of both clusters"},
	[VRS_FOUND_SNAPSHOT] = {"snapshot", VRS_STOPS_MOVE, "has snapshots",
				"delete them: virsh snapshot-delete"},
	[VRS_FOUND_CHECKPOINT] =
		{"checkpoint", VRS_STOPS_MOVE, "has checkpoints of an incremental backup",
		 "delete them: virsh checkpoint-delete; the next backup is a full one"},
	[VRS_FOUND_SAVED_MEMORY] = {"saved-memory", VRS_STOPS_MOVE,
				    "its memory is saved on its host",
				    "start or resume it, or drop the saved memory: virsh "
				    "managedsave-remove"},
	[VRS_FOUND_TPM] = {"tpm", VRS_STOPS_MOVE,
			   "has a TPM whose state is stored on its host",
			   "remove the TPM, or set protect = no"},
	[VRS_FOUND_LAUNCH_SECURITY] = {"launch-security", VRS_STOPS_MOVE,
				       "its memory is encrypted by its host's processor",
				       "remove launchSecurity, or set protect = no"},
	[VRS_FOUND_NAME_TAKEN] = {"name-taken", VRS_STOPS_MOVE,
				  "its name is taken by another VM at the target",
				  "rename one of the two"},
	[VRS_FOUND_MAC_TAKEN] = {"mac-taken", VRS_STOPS_MOVE,
				 "its address is used by another VM at the target",
				 "give one of the two another MAC address"},
	[VRS_FOUND_DISK_BUS] = {"disk-bus", VRS_CHANGES_GUEST,
				"is connected to another bus",
				"remove disk_bus from the target cluster to keep the "
				"guest's current bus"},
	[VRS_FOUND_NIC_MODEL] = {"nic-model", VRS_CHANGES_GUEST,
				 "changes to another model",
				 "remove nic_model from the target cluster to keep the "
				 "guest's current NIC model"},
	[VRS_FOUND_ACCELERATOR] = {"accelerator", VRS_CHANGES_GUEST,
				   "runs with another accelerator",
				   "remove domain_type from the target cluster to keep "
				   "the current accelerator"},
	[VRS_FOUND_HOST_CPU] =
		{"host-cpu", VRS_CHANGES_GUEST,
		 "its CPU model is that of its host and differs at the target",
		 "choose a named CPU model that both clusters have"},
	[VRS_FOUND_VIRTUALPORT] =
		{"virtual-port", VRS_CHANGES_GUEST,
		 "loses its switch port, VLAN or port group",
		 "map the network without bridge= or network= to keep its type"},
	[VRS_FOUND_FIRMWARE_VARIABLES] =
		{"firmware-variables", VRS_CHANGES_GUEST,
		 "its UEFI variables are reset to the template at the target",
		 "make sure that the guest boots from the fallback path on its disk"},
	[VRS_FOUND_MEDIA] = {"media", VRS_CHANGES_GUEST, "is empty at the target",
			     "eject what the guest does not need"},
	[VRS_FOUND_CONSOLE_FILE] = {"console-file", VRS_LEFT_BEHIND,
				    "is no longer written to its file or socket",
				    "none needed"},
	[VRS_FOUND_CONSOLE_ADDRESS] = {"console-address", VRS_LEFT_BEHIND,
				       "listens on the target's default address",
				       "none needed"},
	[VRS_FOUND_TUNING] = {"tuning", VRS_LEFT_BEHIND,
			      "is no longer pinned to CPUs or memory of its host",
			      "none needed"},
};
_Static_assert(sizeof(table) / sizeof(*table) == VRS_N_FINDINGS,
	       "a row for each finding");

static const char *const kind_names[] = {
	[VRS_STOPS_MOVE] = "stops the move",
	[VRS_CHANGES_GUEST] = "changes the guest",
	[VRS_LEFT_BEHIND] = "left behind",
};

static struct vrs_finding *place_for(struct vrs_findings *found,
				     enum vrs_finding_code code, const char *subject)
{
	for (size_t i = 0; i < found->n; i++)
		if (found->item[i].code == code &&
		    strcmp(found->item[i].subject, subject) == 0)
			return NULL;
	if (found->n < VRS_MAX_FINDINGS)
		return &found->item[found->n++];
	for (size_t i = found->n; table[code].kind == VRS_STOPS_MOVE && i-- > 0;)
		if (table[found->item[i].code].kind != VRS_STOPS_MOVE)
			return &found->item[i];
	return NULL;
}

void vrs_findings_add(struct vrs_findings *found, enum vrs_finding_code code,
		      const char *subject, const char *fmt, ...)
{
	struct vrs_finding f = {.code = code};
	va_list ap;

	if (!found)
		return;
	(void)snprintf(f.subject, sizeof(f.subject), "%s", subject);
	va_start(ap, fmt);
	(void)vsnprintf(f.detail, sizeof(f.detail), fmt, ap);
	va_end(ap);
	struct vrs_finding *place = place_for(found, code, f.subject);
	if (place)
		*place = f;
}

const struct vrs_finding *vrs_findings_stop(const struct vrs_findings *found)
{
	for (size_t i = 0; i < found->n; i++)
		if (table[found->item[i].code].kind == VRS_STOPS_MOVE)
			return &found->item[i];
	return NULL;
}

bool vrs_findings_has(const struct vrs_findings *found, enum vrs_finding_code code)
{
	for (size_t i = 0; i < found->n; i++)
		if (found->item[i].code == code)
			return true;
	return false;
}

const char *vrs_finding_name(enum vrs_finding_code code)
{
	return table[code].name;
}

enum vrs_finding_code vrs_finding_of_name(const char *name)
{
	unsigned code = 0;

	while (code < VRS_N_FINDINGS && strcmp(table[code].name, name) != 0)
		code++;
	return (enum vrs_finding_code)code;
}

enum vrs_finding_kind vrs_finding_kind(enum vrs_finding_code code)
{
	return table[code].kind;
}

const char *vrs_finding_kind_name(enum vrs_finding_kind kind)
{
	return kind_names[kind];
}

const char *vrs_finding_meaning(enum vrs_finding_code code)
{
	return table[code].meaning;
}

const char *vrs_finding_remedy(enum vrs_finding_code code)
{
	return table[code].remedy;
}

void vrs_finding_text(const struct vrs_finding *f, char *buf, size_t size)
{
	const char *what = f->detail[0] ? f->detail : table[f->code].meaning;

	(void)snprintf(buf, size, "%s%s%s", f->subject, f->subject[0] ? ": " : "", what);
}
