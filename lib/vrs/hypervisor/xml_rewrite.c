/* vrs_hv_xml_rewrite: rewrites a definition for another host. */
#include <stdio.h>
#include <string.h>

#include "vrs/hypervisor/driver.h"
#include "vrs/hypervisor/xml.h"
#include "vrs/hypervisor/xml_tree.h"
#include "vrs/mem.h"

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

/* The first free device name of a bus: vda, vdb, ... Drives with removable media count,
 * too. */
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

static void move_bus(xmlNode *devices, xmlNode *disk, const char *want)
{
	bool pvscsi = strcmp(want, "pvscsi") == 0;
	const char *bus = pvscsi ? "scsi" : want;
	xmlNode *target = need_child(disk, "target");
	char name[16];

	if (xml_attr_is(target, "bus", bus) && pvscsi == xml_has_pvscsi(devices))
		return;
	if (!xml_attr_is(target, "bus", bus)) {
		free_target(devices, disk, xml_target_prefix(bus), name, sizeof(name));
		set(target, "dev", name);
		set(target, "bus", bus);
	}
	drop_attr(target, "rotation_rate");
	drop_all(disk, "address");
}

static int move_disk(xmlNode *devices, xmlNode *disk, const struct vrs_hv_disk *to,
		     struct vrs_err *err)
{
	static const char *const of_old_host[] = {"backingStore", "mirror", "alias",
						  "auth", "seclabel"};
	char dev[16];

	(void)xml_attr(xml_child(disk, "target"), "dev", dev, sizeof(dev));
	if (!xml_disk_source(disk) || !xml_child(disk, "source"))
		return vrs_fail(err, VRS_EUNSUPPORTED,
				"disk %s is neither a file nor a block device", dev);
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
		move_bus(devices, disk, to->bus);
	return 0;
}

/* libvirt adds the controllers that disks need; only a model visible to the guest is
 * specified. If no disk is added to or removed from the SCSI bus, controllers are
 * unchanged. */
static void move_controllers(xmlNode *devices, const struct vrs_hv_move *move)
{
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

static int move_network(xmlNode *nic, const struct vrs_hv_move *move, struct vrs_err *err)
{
	static const char bridge[] = "bridge=", network[] = "network=";
	char type[16], name[64];
	xmlNode *source = xml_child(nic, "source");
	const char *key;

	(void)xml_attr(nic, "type", type, sizeof(type));
	key = strcmp(type, "direct") == 0 ? "dev" : type;
	if (strcmp(type, "user") == 0 || !source)
		return 0;
	if (strcmp(type, "hostdev") == 0)
		return vrs_fail(err, VRS_EUNSUPPORTED, "a NIC is a device of its host");
	if (!xml_attr(source, key, name, sizeof(name)) || !name[0])
		return vrs_fail(err, VRS_EUNSUPPORTED,
				"a NIC of type %s cannot be relocated", type);

	const char *to = vrs_hv_map_network(move, name);
	if (!to)
		return vrs_fail(err, VRS_EINVAL,
				"network %s has no counterpart at the target", name);
	if (strncmp(to, bridge, sizeof(bridge) - 1) == 0) {
		to += sizeof(bridge) - 1;
		(void)vrs_strcpy(type, sizeof(type), "bridge");
	} else if (strncmp(to, network, sizeof(network) - 1) == 0) {
		to += sizeof(network) - 1;
		(void)vrs_strcpy(type, sizeof(type), "network");
	}
	key = strcmp(type, "direct") == 0 ? "dev" : type;

	drop_all(nic, "source");
	source = need_child(nic, "source");
	set(nic, "type", type);
	set(source, key, to);
	if (strcmp(type, "direct") == 0)
		set(source, "mode", "bridge");
	return 0;
}

static int move_nic(xmlNode *nic, const struct vrs_hv_move *move, struct vrs_err *err)
{
	static const char *const of_old_host[] = {"alias", "target", "virtualport",
						  "backend", "portgroup"};
	int status = move_network(nic, move, err);

	if (status < 0)
		return status;
	for (size_t i = 0; i < sizeof(of_old_host) / sizeof(of_old_host[0]); i++)
		drop_all(nic, of_old_host[i]);
	if (move->nic_model &&
	    !xml_attr_is(xml_child(nic, "model"), "type", move->nic_model)) {
		set(need_child(nic, "model"), "type", move->nic_model);
		drop_all(nic, "driver");
		drop_all(nic, "address");
	}
	return 0;
}

/* A console connected to a file or socket of the source host becomes a pty. */
static void move_console(xmlNode *n)
{
	if (xml_attr_is(n, "type", "pty"))
		drop_all(n, "source");
	else if (!xml_attr_is(n, "type", "spicevmc") && !xml_attr_is(n, "type", "null")) {
		set(n, "type", "pty");
		drop_all(n, "source");
		drop_all(n, "protocol");
		drop_all(n, "log");
	}
	drop_all(n, "alias");
}

static int move_device(xmlNode *devices, xmlNode *n, const struct vrs_hv_move *move,
		       size_t *n_disk, struct vrs_err *err)
{
	static const char *const stuck[] = {"hostdev", "filesystem", "shmem", "lease"};

	for (size_t i = 0; i < sizeof(stuck) / sizeof(stuck[0]); i++)
		if (xml_is(n, stuck[i]))
			return vrs_fail(err, VRS_EUNSUPPORTED,
					"its <%s> ties it to its host", stuck[i]);
	if (xml_is_disk(n)) {
		const struct vrs_hv_disk *to =
			*n_disk < move->n_disks ? &move->disk[*n_disk] : NULL;

		(*n_disk)++;
		return move_disk(devices, n, to, err);
	}
	if (xml_is(n, "disk")) { /* an empty drive works on every host */
		drop_all(n, "source");
		drop_all(n, "backingStore");
		drop_all(n, "alias");
		if (xml_attr_is(n, "type", "network") || xml_attr_is(n, "type", "volume"))
			set(n, "type", "file");
	} else if (xml_is(n, "interface")) {
		return move_nic(n, move, err);
	} else if (xml_is(n, "serial") || xml_is(n, "console") || xml_is(n, "parallel")) {
		move_console(n);
	} else if (xml_is(n, "channel") && xml_attr_is(n, "type", "unix")) {
		drop_all(n, "source"); /* libvirt creates its own path */
		drop_all(n, "alias");
	} else if (xml_is(n, "emulator")) {
		drop(n);
	} else if (n->type == XML_ELEMENT_NODE) {
		drop_all(n, "alias");
	}
	return 0;
}

static int move_devices(xmlNode *devices, const struct vrs_hv_move *move,
			struct vrs_err *err)
{
	size_t n_disk = 0;
	int status = 0;

	for (xmlNode *n = devices->children, *next; n && status == 0; n = next) {
		next = n->next;
		status = move_device(devices, n, move, &n_disk, err);
	}
	if (status == 0 && move->n_disks > 0 && move->n_disks != n_disk)
		status = vrs_fail(err, VRS_EINVAL,
				  "it has %zu disks, but %zu new paths were given",
				  n_disk, move->n_disks);
	if (status == 0)
		move_controllers(devices, move);
	return status;
}

static void move_domain(xmlNode *root, const struct vrs_hv_move *move)
{
	static const char *const of_old_host[] = {"seclabel", "numatune", "resource"};
	static const char *const pins[] = {"vcpupin", "emulatorpin", "iothreadpin",
					   "cachetune", "memorytune"};
	xmlNode *cpu = xml_child(root, "cpu"), *os = xml_child(root, "os"), *n;

	drop_attr(root, "id");
	for (size_t i = 0; i < sizeof(of_old_host) / sizeof(of_old_host[0]); i++)
		drop_all(root, of_old_host[i]);
	for (size_t i = 0; i < sizeof(pins) / sizeof(pins[0]); i++)
		drop_all(xml_child(root, "cputune"), pins[i]);
	if ((n = xml_child(root, "vcpu"))) {
		drop_attr(n, "cpuset");
		drop_attr(n, "placement");
	}
	if (os && (n = xml_child(os, "nvram"))) /* created from its template */
		xmlNodeSetContent(n, X(""));
	if (!move->domain_type || xml_attr_is(root, "type", move->domain_type))
		return;
	set(root, "type", move->domain_type);
	/* A CPU mode that copies the host's CPU requires KVM. */
	if (strcmp(move->domain_type, "kvm") != 0 && cpu &&
	    (xml_attr_is(cpu, "mode", "host-passthrough") ||
	     xml_attr_is(cpu, "mode", "host-model") ||
	     xml_attr_is(cpu, "mode", "maximum")))
		drop(cpu);
}

int vrs_hv_xml_rewrite(const char *xml, size_t n_xml, const struct vrs_hv_move *move,
		       char **ret, struct vrs_err *err)
{
	xmlDoc *doc = NULL;
	xmlChar *text = NULL;
	int n_text = 0;
	char name[128];
	int status = xml_load(xml, n_xml, &doc, err);

	if (status < 0)
		return status;

	xmlNode *root = xmlDocGetRootElement(doc);
	xmlNode *devices = xml_child(root, "devices");
	(void)xml_text(xml_child(root, "name"), name, sizeof(name));
	if (!name[0] || !devices) {
		status = vrs_fail(err, VRS_EPARSE, "domain xml: no %s",
				  name[0] ? "devices" : "name");
		goto out;
	}
	status = move_devices(devices, move, err);
	if (status < 0) {
		vrs_context(err, "vm %s cannot be defined", name);
		goto out;
	}
	move_domain(root, move);
	xmlDocDumpFormatMemoryEnc(doc, &text, &n_text, "UTF-8", 1);
	*ret = vrs_strdup((const char *)text);
	xmlFree(text);
out:
	xmlFreeDoc(doc);
	return status;
}
