/* A definition for another place: vrs_hv_xml_rewrite of xml.h. */
#include <stdio.h>
#include <string.h>

#include "vrs/hypervisor/driver.h"
#include "vrs/hypervisor/xml.h"
#include "vrs/hypervisor/xml_tree.h"
#include "vrs/mem.h"

struct rewrite {
	const struct vrs_hv_move *move;
	struct vrs_findings *found;
	xmlNode *devices;
	size_t n_disks; /* seen so far */
};

static void drop(xmlNode *n)
{
	if (!n)
		return;
	xmlUnlinkNode(n);
	xmlFreeNode(n);
}

static void drop_all(xmlNode *parent, const char *name)
{
	for (xmlNode *n; (n = xml_child(parent, name));)
		drop(n);
}

static xmlNode *need_child(xmlNode *parent, const char *name)
{
	xmlNode *n = xml_child(parent, name);

	return n ? n : xmlNewChild(parent, NULL, X(name), NULL);
}

static void set(xmlNode *n, const char *name, const char *value)
{
	xmlSetProp(n, X(name), X(value));
}

static void drop_attr(xmlNode *n, const char *name)
{
	xmlAttr *a = xmlHasNsProp(n, X(name), NULL);

	if (a)
		xmlRemoveProp(a);
}

/* The first free name of a bus: vda, vdb, ... Drives with removable media count, too. */
static void free_target(const xmlNode *devices, const xmlNode *self, const char *prefix,
			char *buf, size_t size)
{
	for (char letter = 'a'; letter <= 'z'; letter++) {
		bool taken = false;

		(void)snprintf(buf, size, "%s%c", prefix, letter);
		for (const xmlNode *n = devices->children; n && !taken; n = n->next)
			taken = n != self && xml_is(n, "disk") &&
				xml_attr_is(xml_child(n, "target"), "dev", buf);
		if (!taken)
			return;
	}
}

static void move_bus(struct rewrite *w, xmlNode *disk, const char *dev, const char *want)
{
	bool pvscsi = strcmp(want, "pvscsi") == 0;
	const char *bus = pvscsi ? "scsi" : want;
	xmlNode *target = need_child(disk, "target");
	char name[16], old[16], subject[32];

	(void)xml_attr(target, "bus", old, sizeof(old));
	if (strcmp(old, bus) == 0 && pvscsi == xml_has_pvscsi(w->devices))
		return;
	(void)snprintf(subject, sizeof(subject), "disk %s", dev);
	vrs_findings_add(w->found, VRS_FOUND_DISK_BUS, subject, "bus %s becomes %s",
			 old[0] ? old : "(default)", want);
	if (strcmp(old, bus) != 0) {
		free_target(w->devices, disk, xml_target_prefix(bus), name, sizeof(name));
		set(target, "dev", name);
		set(target, "bus", bus);
	}
	drop_attr(target, "rotation_rate");
	drop_all(disk, "address");
}

static void check_disk(struct rewrite *w, xmlNode *disk, const char *subject)
{
	const xmlNode *source = xml_child(disk, "source");
	char type[16];

	(void)xml_attr(disk, "type", type, sizeof(type));
	if (!xml_disk_source(disk) || !source)
		vrs_findings_add(w->found, VRS_FOUND_DISK_REMOTE, subject,
				 "type %s, neither a file nor a block device",
				 type[0] ? type : "(none)");
	if (xml_child(disk, "encryption") || xml_child(source, "encryption"))
		vrs_findings_add(w->found, VRS_FOUND_DISK_ENCRYPTED, subject, "%s", "");
	if (xml_child(disk, "shareable"))
		vrs_findings_add(w->found, VRS_FOUND_DISK_SHARED, subject, "%s", "");
	if (xml_child(disk, "transient"))
		vrs_findings_add(w->found, VRS_FOUND_DISK_TRANSIENT, subject, "%s", "");
}

static void move_disk(struct rewrite *w, xmlNode *disk)
{
	static const char *const of_old_host[] = {"backingStore", "mirror", "alias",
						  "auth", "seclabel"};
	const struct vrs_hv_disk *to =
		w->n_disks < w->move->n_disks ? &w->move->disk[w->n_disks] : NULL;
	char dev[16], subject[32];

	w->n_disks++;
	(void)xml_attr(xml_child(disk, "target"), "dev", dev, sizeof(dev));
	(void)snprintf(subject, sizeof(subject), "disk %s", dev);
	check_disk(w, disk, subject);
	for (size_t i = 0; i < sizeof(of_old_host) / sizeof(of_old_host[0]); i++)
		drop_all(disk, of_old_host[i]);

	if (to && to->path[0]) {
		drop_all(disk, "source");
		set(disk, "type", "file");
		set(need_child(disk, "source"), "file", to->path);
	} else {
		drop_all(xml_child(disk, "source"), "seclabel");
	}
	if (to && to->format[0])
		set(need_child(disk, "driver"), "type", to->format);
	if (to && to->bus[0])
		move_bus(w, disk, dev, to->bus);
}

/* libvirt adds the controllers that disks need; only a model that guests must see is
 * said. Controllers stay as they are when no disk came to or left the SCSI bus. */
static void move_controllers(struct rewrite *w)
{
	const struct vrs_hv_move *move = w->move;
	xmlNode *devices = w->devices;
	bool want_pvscsi = false, want_any = false;

	for (size_t i = 0; i < move->n_disks; i++) {
		want_any |= move->disk[i].bus[0] != '\0';
		want_pvscsi |= strcmp(move->disk[i].bus, "pvscsi") == 0;
	}
	if (!want_any || want_pvscsi == xml_has_pvscsi(devices))
		return;
	for (xmlNode *n = devices->children, *next; n; n = next) {
		next = n->next;
		if (xml_is(n, "controller") && xml_attr_is(n, "type", "scsi"))
			drop(n);
	}
	if (want_pvscsi) {
		xmlNode *c = xmlNewChild(devices, NULL, X("controller"), NULL);

		set(c, "type", "scsi");
		set(c, "index", "0");
		set(c, "model", "vmpvscsi");
	}
}

/* --- network cards --- */

static void nic_subject(xmlNode *nic, char *buf, size_t size)
{
	char mac[18];

	(void)xml_attr(xml_child(nic, "mac"), "address", mac, sizeof(mac));
	(void)snprintf(buf, size, "network card %s", mac);
}

/* What belongs to the kind of the old network: port of a virtual switch, VLAN, group. */
static void drop_port(struct rewrite *w, xmlNode *nic, const char *subject)
{
	static const char *const of_kind[] = {"virtualport", "vlan"};

	for (size_t i = 0; i < sizeof(of_kind) / sizeof(of_kind[0]); i++)
		if (xml_child(nic, of_kind[i])) {
			vrs_findings_add(w->found, VRS_FOUND_VIRTUALPORT, subject,
					 "<%s> is dropped", of_kind[i]);
			drop_all(nic, of_kind[i]);
		}
}

/* The network's new name, and its kind where move names one. */
static const char *new_network(struct rewrite *w, const char *name, char *type,
			       size_t size)
{
	static const struct {
		const char *prefix, *type;
	} kinds[] = {{"bridge=", "bridge"}, {"network=", "network"}};
	const char *to = vrs_hv_map_network(w->move, name);

	for (size_t i = 0; to && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t n = strlen(kinds[i].prefix);

		if (strncmp(to, kinds[i].prefix, n) == 0) {
			(void)vrs_strcpy(type, size, kinds[i].type);
			return to + n;
		}
	}
	return to;
}

static void move_network(struct rewrite *w, xmlNode *nic, const char *subject)
{
	static const char *const known[] = {"bridge", "network", "direct"};
	char type[16], old[16], name[64], group[64];
	xmlNode *source = xml_child(nic, "source");
	bool is_known = false;

	(void)xml_attr(nic, "type", type, sizeof(type));
	if (strcmp(type, "user") == 0)
		return;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		is_known |= strcmp(type, known[i]) == 0;
	const char *key = strcmp(type, "direct") == 0 ? "dev" : type;
	if (!is_known || !source || !xml_attr(source, key, name, sizeof(name)) ||
	    !name[0]) {
		vrs_findings_add(w->found, VRS_FOUND_NETWORK_KIND, subject,
				 "a network card of type %s cannot be moved", type);
		return;
	}

	(void)vrs_strcpy(old, sizeof(old), type);
	const char *to = new_network(w, name, type, sizeof(type));
	if (!to) {
		vrs_findings_add(w->found, VRS_FOUND_NETWORK_UNMAPPED, subject,
				 "network %s has no counterpart at the target", name);
		return;
	}
	if (strcmp(type, old) != 0)
		drop_port(w, nic, subject);
	if (strcmp(to, name) == 0 && strcmp(type, old) == 0)
		return;
	if (xml_attr(source, "portgroup", group, sizeof(group)) && group[0])
		vrs_findings_add(w->found, VRS_FOUND_VIRTUALPORT, subject,
				 "port group %s is dropped", group);
	drop_all(nic, "source");
	source = need_child(nic, "source");
	set(nic, "type", type);
	set(source, strcmp(type, "direct") == 0 ? "dev" : type, to);
	if (strcmp(type, "direct") == 0)
		set(source, "mode", "bridge");
}

static void move_nic(struct rewrite *w, xmlNode *nic)
{
	static const char *const of_old_host[] = {"alias", "target", "backend"};
	char subject[40], model[32];

	nic_subject(nic, subject, sizeof(subject));
	move_network(w, nic, subject);
	for (size_t i = 0; i < sizeof(of_old_host) / sizeof(of_old_host[0]); i++)
		drop_all(nic, of_old_host[i]);
	(void)xml_attr(xml_child(nic, "model"), "type", model, sizeof(model));
	if (w->move->nic_model && w->move->nic_model[0] &&
	    strcmp(model, w->move->nic_model) != 0) {
		vrs_findings_add(w->found, VRS_FOUND_NIC_MODEL, subject,
				 "model %s becomes %s", model[0] ? model : "(default)",
				 w->move->nic_model);
		set(need_child(nic, "model"), "type", w->move->nic_model);
		drop_all(nic, "driver");
		drop_all(nic, "address");
	}
}

/* --- consoles, drives, and what is tied to the host --- */

/* A console that wrote into a file or socket of the old host becomes a plain one. */
static void move_console(struct rewrite *w, xmlNode *n)
{
	if (xml_attr_is(n, "type", "pty")) {
		drop_all(n, "source");
	} else if (!xml_attr_is(n, "type", "spicevmc") &&
		   !xml_attr_is(n, "type", "null")) {
		char type[16];

		(void)xml_attr(n, "type", type, sizeof(type));
		vrs_findings_add(w->found, VRS_FOUND_CONSOLE_FILE, (const char *)n->name,
				 "its %s becomes a pty", type);
		set(n, "type", "pty");
		drop_all(n, "source");
		drop_all(n, "protocol");
		drop_all(n, "log");
	}
	drop_all(n, "alias");
}

static bool everywhere(const char *address)
{
	static const char *const general[] = {"", "0.0.0.0", "127.0.0.1", "::", "::1"};

	for (size_t i = 0; i < sizeof(general) / sizeof(general[0]); i++)
		if (strcmp(address, general[i]) == 0)
			return true;
	return false;
}

/* A display that listens at an address of the old host could start nowhere else. */
static void move_display(struct rewrite *w, xmlNode *n)
{
	char address[64], type[16], of_child[64];
	bool is_general;

	(void)xml_attr(n, "type", type, sizeof(type));
	is_general =
		xml_attr(n, "listen", address, sizeof(address)) && everywhere(address);
	for (xmlNode *l = n->children; l; l = l->next) {
		if (!xml_is(l, "listen"))
			continue;
		if (!xml_attr(l, "address", of_child, sizeof(of_child)) ||
		    !everywhere(of_child) || xml_attr_is(l, "type", "network")) {
			is_general = false;
			(void)vrs_strcpy(address, sizeof(address), of_child);
		}
	}
	if (is_general)
		return;
	vrs_findings_add(w->found, VRS_FOUND_CONSOLE_ADDRESS, type,
			 "does not listen on %s, but on the target's default address",
			 address[0] ? address : "its network's address");
	drop_attr(n, "listen");
	drop_all(n, "listen");
}

/* A drive with removable media: its medium stays at home. */
static void move_drive(struct rewrite *w, xmlNode *n)
{
	char device[16], path[128], subject[40], dev[16];
	const char *source = xml_disk_source(n);
	xmlNode *medium = xml_child(n, "source");

	if (medium) {
		(void)xml_attr(n, "device", device, sizeof(device));
		(void)xml_attr(xml_child(n, "target"), "dev", dev, sizeof(dev));
		(void)snprintf(subject, sizeof(subject), "%s %s", device, dev);
		if (!source || !xml_attr(medium, source, path, sizeof(path)))
			path[0] = '\0';
		vrs_findings_add(w->found, VRS_FOUND_MEDIA, subject,
				 "is empty at the target, without %s",
				 path[0] ? path : "its medium");
	}
	drop_all(n, "source");
	drop_all(n, "backingStore");
	drop_all(n, "alias");
	if (xml_attr_is(n, "type", "network") || xml_attr_is(n, "type", "volume"))
		set(n, "type", "file");
}

/* Devices that exist on their host only; a type narrows an element down. */
static bool check_tied(struct rewrite *w, xmlNode *n)
{
	static const struct {
		const char *element, *attr, *value;
		enum vrs_finding_code code;
	} tied[] = {
		{"hostdev", NULL, NULL, VRS_FOUND_HOST_DEVICE},
		{"filesystem", NULL, NULL, VRS_FOUND_HOST_DEVICE},
		{"shmem", NULL, NULL, VRS_FOUND_HOST_DEVICE},
		{"lease", NULL, NULL, VRS_FOUND_HOST_DEVICE},
		{"smartcard", "mode", "host", VRS_FOUND_HOST_DEVICE},
		{"smartcard", "mode", "host-certificates", VRS_FOUND_HOST_DEVICE},
		{"input", "type", "passthrough", VRS_FOUND_HOST_DEVICE},
		{"input", "type", "evdev", VRS_FOUND_HOST_DEVICE},
		{"memory", "model", "nvdimm", VRS_FOUND_HOST_DEVICE},
		{"memory", "model", "virtio-pmem", VRS_FOUND_HOST_DEVICE},
		{"memory", "model", "sgx-epc", VRS_FOUND_HOST_DEVICE},
		{"tpm", NULL, NULL, VRS_FOUND_TPM},
	};

	for (size_t i = 0; i < sizeof(tied) / sizeof(tied[0]); i++)
		if (xml_is(n, tied[i].element) &&
		    (!tied[i].attr || xml_attr_is(n, tied[i].attr, tied[i].value))) {
			vrs_findings_add(w->found, tied[i].code, tied[i].element,
					 tied[i].code == VRS_FOUND_TPM
						 ? "%s"
						 : "its <%s> ties it to its host",
					 tied[i].code == VRS_FOUND_TPM ? ""
								       : tied[i].element);
			return true;
		}
	return false;
}

static void move_device(struct rewrite *w, xmlNode *n)
{
	if (n->type != XML_ELEMENT_NODE || check_tied(w, n))
		return;
	if (xml_is_disk(n)) {
		move_disk(w, n);
	} else if (xml_is(n, "disk")) {
		move_drive(w, n);
	} else if (xml_is(n, "interface")) {
		move_nic(w, n);
	} else if (xml_is(n, "serial") || xml_is(n, "console") || xml_is(n, "parallel")) {
		move_console(w, n);
	} else if (xml_is(n, "graphics")) {
		move_display(w, n);
	} else if (xml_is(n, "channel") && xml_attr_is(n, "type", "unix")) {
		drop_all(n, "source"); /* libvirt makes a path of its own */
		drop_all(n, "alias");
	} else if (xml_is(n, "emulator")) {
		drop(n);
	} else {
		drop_all(n, "alias");
	}
}

static void move_devices(struct rewrite *w)
{
	for (xmlNode *n = w->devices->children, *next; n; n = next) {
		next = n->next;
		move_device(w, n);
	}
	if (w->move->n_disks > 0 && w->move->n_disks != w->n_disks &&
	    !vrs_findings_stop(w->found))
		vrs_findings_add(w->found, VRS_FOUND_DISK_COUNT, "",
				 "it has %zu disks, but %zu new paths were given",
				 w->n_disks, w->move->n_disks);
	move_controllers(w);
}

/* --- the machine --- */

static void drop_tuning(struct rewrite *w, xmlNode *root)
{
	static const char *const of_old_host[] = {"seclabel", "numatune", "resource"};
	static const char *const pins[] = {"vcpupin", "emulatorpin", "iothreadpin",
					   "cachetune", "memorytune"};
	xmlNode *cputune = xml_child(root, "cputune"), *vcpu = xml_child(root, "vcpu");
	bool tuned = xml_child(root, "numatune") != NULL;

	for (size_t i = 0; i < sizeof(of_old_host) / sizeof(of_old_host[0]); i++)
		drop_all(root, of_old_host[i]);
	for (size_t i = 0; i < sizeof(pins) / sizeof(pins[0]); i++) {
		tuned |= xml_child(cputune, pins[i]) != NULL;
		drop_all(cputune, pins[i]);
	}
	if (vcpu) {
		tuned |= xmlHasNsProp(vcpu, X("cpuset"), NULL) != NULL;
		drop_attr(vcpu, "cpuset");
		drop_attr(vcpu, "placement");
	}
	if (tuned)
		vrs_findings_add(w->found, VRS_FOUND_TUNING, "", "%s", "");
}

static bool mirrors_host(const xmlNode *cpu)
{
	return cpu && (xml_attr_is(cpu, "mode", "host-passthrough") ||
		       xml_attr_is(cpu, "mode", "host-model") ||
		       xml_attr_is(cpu, "mode", "maximum"));
}

static void move_accelerator(struct rewrite *w, xmlNode *root)
{
	const char *want = w->move->domain_type;
	xmlNode *cpu = xml_child(root, "cpu");
	char type[16];

	(void)xml_attr(root, "type", type, sizeof(type));
	if (mirrors_host(cpu))
		vrs_findings_add(w->found, VRS_FOUND_HOST_CPU, "", "%s", "");
	if (!want || !want[0] || strcmp(type, want) == 0)
		return;
	vrs_findings_add(w->found, VRS_FOUND_ACCELERATOR, "",
			 "runs with %s instead of %s", want, type);
	set(root, "type", want);
	/* A CPU that mirrors its host exists with hardware help only. */
	if (strcmp(want, "kvm") != 0 && mirrors_host(cpu))
		drop(cpu);
}

static void move_domain(struct rewrite *w, xmlNode *root)
{
	xmlNode *nvram = xml_child(xml_child(root, "os"), "nvram");

	drop_attr(root, "id");
	drop_tuning(w, root);
	if (xml_child(root, "launchSecurity"))
		vrs_findings_add(w->found, VRS_FOUND_LAUNCH_SECURITY, "", "%s", "");
	if (nvram) { /* made anew from its template */
		vrs_findings_add(w->found, VRS_FOUND_FIRMWARE_VARIABLES, "", "%s", "");
		xmlNodeSetContent(nvram, X(""));
	}
	move_accelerator(w, root);
}

/* A finding that stops the move as an error of the definition. */
static int refuse(const struct vrs_finding *f, const char *name, struct vrs_err *err)
{
	bool is_argument =
		f->code == VRS_FOUND_DISK_COUNT || f->code == VRS_FOUND_NETWORK_UNMAPPED;
	char text[256];

	vrs_finding_text(f, text, sizeof(text));
	return vrs_fail(err, is_argument ? VRS_EINVAL : VRS_EUNSUPPORTED,
			"vm %s cannot be defined: %s", name, text);
}

int vrs_hv_xml_rewrite(const char *xml, size_t n_xml, const struct vrs_hv_move *move,
		       struct vrs_findings *found, char **ret, struct vrs_err *err)
{
	xmlDoc *doc = NULL;
	xmlChar *text = NULL;
	int n_text = 0;
	char name[128];
	struct vrs_findings own = {0};
	struct rewrite w = {.move = move, .found = &own};
	int status = xml_load(xml, n_xml, &doc, err);

	if (status < 0)
		return status;

	xmlNode *root = xmlDocGetRootElement(doc);
	w.devices = xml_child(root, "devices");
	(void)xml_text(xml_child(root, "name"), name, sizeof(name));
	if (!name[0] || !w.devices) {
		status = vrs_fail(err, VRS_EPARSE, "domain xml: no %s",
				  name[0] ? "devices" : "name");
		goto out;
	}
	move_devices(&w);
	move_domain(&w, root);
	if (found)
		*found = own;
	if (vrs_findings_stop(&own)) {
		status = refuse(vrs_findings_stop(&own), name, err);
		goto out;
	}
	if (ret) {
		xmlDocDumpFormatMemoryEnc(doc, &text, &n_text, "UTF-8", 1);
		*ret = vrs_strdup((const char *)text);
		xmlFree(text);
	}
out:
	xmlFreeDoc(doc);
	return status;
}
