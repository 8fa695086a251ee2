/* Long, because libxml2 has one door: reading, rewriting and building
 * share its helpers. */
#include "vrs/hv_xml.h"

#include <ctype.h>
#include <inttypes.h>
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vrs/hv_driver.h"
#include "vrs/mem.h"

#define X(s) ((const xmlChar *)(s))

/* --- reading the tree --- */

static bool is(const xmlNode *n, const char *name)
{
	return n->type == XML_ELEMENT_NODE && strcmp((const char *)n->name, name) == 0;
}

static xmlNode *child(const xmlNode *parent, const char *name)
{
	for (xmlNode *n = parent ? parent->children : NULL; n; n = n->next)
		if (is(n, name))
			return n;
	return NULL;
}

/* An attribute's value, "" when there is none; false when it does not fit. */
static bool attr(const xmlNode *n, const char *name, char *buf, size_t size)
{
	xmlChar *v = n ? xmlGetNoNsProp((xmlNode *)n, X(name)) : NULL;
	bool fits = vrs_strcpy(buf, size, v ? (const char *)v : "");

	xmlFree(v);
	return fits;
}

static bool attr_is(const xmlNode *n, const char *name, const char *want)
{
	char v[64];

	return attr(n, name, v, sizeof(v)) && strcmp(v, want) == 0;
}

static bool text_of(const xmlNode *n, char *buf, size_t size)
{
	xmlChar *v = n ? xmlNodeGetContent((xmlNode *)n) : NULL;
	const char *s = v ? (const char *)v : "";

	while (isspace((unsigned char)*s))
		s++;
	size_t len = strlen(s);
	while (len && isspace((unsigned char)s[len - 1]))
		len--;
	bool fits = len < size;
	if (fits) {
		memcpy(buf, s, len);
		buf[len] = '\0';
	} else {
		buf[0] = '\0';
	}
	xmlFree(v);
	return fits;
}

/* "<!" that opens neither a comment nor a CDATA section: a document type. libvirt never
 * writes one. It is refused before the parser sees it, because the parser expands
 * entities inside attributes whatever its options say. */
static bool has_doctype(const char *xml, size_t n)
{
	const char *end = xml + n;

	for (const char *p = xml; (p = memmem(p, (size_t)(end - p), "<!", 2)); p += 2) {
		size_t left = (size_t)(end - p);

		if (!(left >= 4 && memcmp(p, "<!--", 4) == 0) &&
		    !(left >= 9 && memcmp(p, "<![CDATA[", 9) == 0))
			return true;
	}
	return false;
}

static int load(const char *xml, size_t n_xml, xmlDoc **ret, struct vrs_err *err)
{
	if (n_xml > VRS_HV_XML_MAX)
		return vrs_fail(err, VRS_EPARSE, "domain xml: %zu bytes are too many",
				n_xml);
	if (memchr(xml, '\0', n_xml))
		return vrs_fail(err, VRS_EPARSE, "domain xml: has a zero byte");
	if (has_doctype(xml, n_xml))
		return vrs_fail(err, VRS_EPARSE, "domain xml: has a document type");

	xmlDoc *doc = xmlReadMemory(xml, (int)n_xml, NULL, "UTF-8",
				    XML_PARSE_NONET | XML_PARSE_NOERROR |
					    XML_PARSE_NOWARNING | XML_PARSE_NOBLANKS);
	if (!doc)
		return vrs_fail(err, VRS_EPARSE, "domain xml: not well-formed");
	if (doc->intSubset || !xmlDocGetRootElement(doc) ||
	    !is(xmlDocGetRootElement(doc), "domain")) {
		xmlFreeDoc(doc);
		return vrs_fail(err, VRS_EPARSE, "domain xml: not a domain");
	}
	*ret = doc;
	return 0;
}

/* --- parsing --- */

static int parse_memory(const xmlNode *n, uint64_t *ret, struct vrs_err *err)
{
	static const struct {
		const char *unit;
		uint64_t bytes;
	} units[] = {
		{"", 1024},
		{"b", 1},
		{"bytes", 1},
		{"KB", 1000},
		{"k", 1024},
		{"KiB", 1024},
		{"MB", 1000000},
		{"M", 1 << 20},
		{"MiB", 1 << 20},
		{"GB", 1000000000},
		{"G", 1 << 30},
		{"GiB", 1 << 30},
		{"TB", 1000000000000},
		{"T", 1ULL << 40},
		{"TiB", 1ULL << 40},
	};
	char text[32], unit[16], *end;

	if (!text_of(n, text, sizeof(text)) || !isdigit((unsigned char)text[0]))
		return vrs_fail(err, VRS_EPARSE, "domain xml: no memory size");
	uint64_t v = strtoull(text, &end, 10);
	(void)attr(n, "unit", unit, sizeof(unit));
	for (size_t i = 0; *end == '\0' && i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(unit, units[i].unit) == 0 &&
		    v <= UINT64_MAX / units[i].bytes) {
			*ret = v * units[i].bytes;
			return 0;
		}
	return vrs_fail(err, VRS_EPARSE, "domain xml: memory '%s %s'", text, unit);
}

/* A disk of the VM itself; drives with removable media are something else. */
static bool is_disk(const xmlNode *n)
{
	char device[16];

	if (!is(n, "disk"))
		return false;
	return attr(n, "device", device, sizeof(device)) &&
	       (!device[0] || strcmp(device, "disk") == 0 || strcmp(device, "lun") == 0);
}

static const char *disk_source_attr(const xmlNode *disk)
{
	if (attr_is(disk, "type", "file"))
		return "file";
	if (attr_is(disk, "type", "block"))
		return "dev";
	return NULL;
}

static bool has_pvscsi(const xmlNode *devices)
{
	for (const xmlNode *n = devices ? devices->children : NULL; n; n = n->next)
		if (is(n, "controller") && attr_is(n, "type", "scsi") &&
		    attr_is(n, "model", "vmpvscsi"))
			return true;
	return false;
}

static int parse_disk(const xmlNode *disk, bool pvscsi, struct vrs_hv_vm *vm,
		      struct vrs_err *err)
{
	const char *source = disk_source_attr(disk);
	struct vrs_hv_disk d = {0};

	if (!source || !child(disk, "source"))
		return 0;
	if (vm->n_disks == VRS_HV_MAX_DISKS)
		return vrs_fail(err, VRS_ENOSPC, "vm %s: more than %d disks", vm->name,
				VRS_HV_MAX_DISKS);
	if (!attr(child(disk, "source"), source, d.path, sizeof(d.path)) ||
	    !attr(child(disk, "driver"), "type", d.format, sizeof(d.format)) ||
	    !attr(child(disk, "target"), "dev", d.target, sizeof(d.target)) ||
	    !attr(child(disk, "target"), "bus", d.bus, sizeof(d.bus)))
		return vrs_fail(err, VRS_EPARSE, "vm %s: a disk's names are too long",
				vm->name);
	if (!d.path[0])
		return 0;
	if (!d.format[0])
		(void)vrs_strcpy(d.format, sizeof(d.format), "raw");
	if (pvscsi && strcmp(d.bus, "scsi") == 0)
		(void)vrs_strcpy(d.bus, sizeof(d.bus), "pvscsi");
	vm->disk[vm->n_disks++] = d;
	return 0;
}

static int parse_nic(const xmlNode *n, struct vrs_hv_vm *vm, struct vrs_err *err)
{
	static const char *const names[] = {"bridge", "network", "dev"};
	struct vrs_hv_nic nic = {0};

	if (vm->n_nics == VRS_HV_MAX_NICS)
		return vrs_fail(err, VRS_ENOSPC, "vm %s: more than %d network cards",
				vm->name, VRS_HV_MAX_NICS);

	bool fits = attr(child(n, "mac"), "address", nic.mac, sizeof(nic.mac)) &&
		    attr(child(n, "model"), "type", nic.model, sizeof(nic.model));
	for (size_t i = 0; fits && !nic.network[0] && i < 3; i++)
		fits = attr(child(n, "source"), names[i], nic.network,
			    sizeof(nic.network));
	if (!fits)
		return vrs_fail(err, VRS_EPARSE,
				"vm %s: a network card's names are too long", vm->name);
	vm->nic[vm->n_nics++] = nic;
	return 0;
}

static int parse_domain(const xmlNode *root, struct vrs_hv_vm *vm, struct vrs_err *err)
{
	char vcpu[16], *end;

	if (!text_of(child(root, "name"), vm->name, sizeof(vm->name)) || !vm->name[0])
		return vrs_fail(err, VRS_EPARSE, "domain xml: no name");
	if (!text_of(child(root, "uuid"), vm->id, sizeof(vm->id)) || !vrs_id_ok(vm->id))
		return vrs_fail(err, VRS_EPARSE, "vm %s: no uuid", vm->name);
	for (char *c = vm->id; *c; c++)
		*c = (char)tolower((unsigned char)*c);

	const xmlNode *n = child(root, "vcpu");
	if (!(attr(n, "current", vcpu, sizeof(vcpu)) && vcpu[0]))
		(void)text_of(n, vcpu, sizeof(vcpu));
	unsigned long v = strtoul(vcpu, &end, 10);
	if (n && (*end || v == 0 || v > 65536))
		return vrs_fail(err, VRS_EPARSE, "vm %s: '%s' vCPUs", vm->name, vcpu);
	vm->vcpus = n ? (uint32_t)v : 1;

	int status = parse_memory(child(root, "memory"), &vm->ram_bytes, err);
	const xmlNode *devices = child(root, "devices");
	bool pvscsi = has_pvscsi(devices);
	for (n = devices ? devices->children : NULL; n && status == 0; n = n->next) {
		if (is_disk(n))
			status = parse_disk(n, pvscsi, vm, err);
		else if (is(n, "interface"))
			status = parse_nic(n, vm, err);
	}
	return status;
}

int vrs_hv_xml_parse(const char *xml, size_t n_xml, struct vrs_hv_vm *ret,
		     struct vrs_err *err)
{
	xmlDoc *doc = NULL;
	struct vrs_hv_vm *vm;
	int status = load(xml, n_xml, &doc, err);

	if (status < 0)
		return status;
	vm = vrs_calloc(1, sizeof(*vm));
	vm->cpu_time_s = NAN;
	status = parse_domain(xmlDocGetRootElement(doc), vm, err);
	if (status == 0) {
		vm->native = vrs_calloc(n_xml + 1, 1);
		memcpy(vm->native, xml, n_xml);
		*ret = *vm;
	}
	free(vm);
	xmlFreeDoc(doc);
	return status;
}

/* --- rewriting --- */

static void drop(xmlNode *n)
{
	if (!n)
		return;
	xmlUnlinkNode(n);
	xmlFreeNode(n);
}

static void drop_all(xmlNode *parent, const char *name)
{
	for (xmlNode *n; (n = child(parent, name));)
		drop(n);
}

static xmlNode *need_child(xmlNode *parent, const char *name)
{
	xmlNode *n = child(parent, name);

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
			taken = n != self && is(n, "disk") &&
				attr_is(child(n, "target"), "dev", buf);
		if (!taken)
			return;
	}
}

static const char *target_prefix(const char *bus)
{
	return strcmp(bus, "virtio") == 0 ? "vd" : strcmp(bus, "ide") == 0 ? "hd" : "sd";
}

static void move_bus(xmlNode *devices, xmlNode *disk, const char *want)
{
	bool pvscsi = strcmp(want, "pvscsi") == 0;
	const char *bus = pvscsi ? "scsi" : want;
	xmlNode *target = need_child(disk, "target");
	char name[16];

	if (attr_is(target, "bus", bus) && pvscsi == has_pvscsi(devices))
		return;
	if (!attr_is(target, "bus", bus)) {
		free_target(devices, disk, target_prefix(bus), name, sizeof(name));
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

	(void)attr(child(disk, "target"), "dev", dev, sizeof(dev));
	if (!disk_source_attr(disk) || !child(disk, "source"))
		return vrs_fail(err, VRS_EUNSUPPORTED,
				"disk %s is neither a file nor a block device", dev);
	for (size_t i = 0; i < sizeof(of_old_host) / sizeof(of_old_host[0]); i++)
		drop_all(disk, of_old_host[i]);

	if (to && to->path[0]) {
		drop_all(disk, "source");
		set(disk, "type", "file");
		set(need_child(disk, "source"), "file", to->path);
	} else {
		drop_all(child(disk, "source"), "seclabel");
	}
	if (to && to->format[0])
		set(need_child(disk, "driver"), "type", to->format);
	if (to && to->bus[0])
		move_bus(devices, disk, to->bus);
	return 0;
}

/* libvirt adds the controllers that disks need; only a model that guests must see is
 * said. Controllers stay as they are when no disk came to or left the SCSI bus. */
static void move_controllers(xmlNode *devices, const struct vrs_hv_move *move)
{
	bool want_pvscsi = false, want_any = false;

	for (size_t i = 0; i < move->n_disks; i++) {
		want_any |= move->disk[i].bus[0] != '\0';
		want_pvscsi |= strcmp(move->disk[i].bus, "pvscsi") == 0;
	}
	if (!want_any || want_pvscsi == has_pvscsi(devices))
		return;
	for (xmlNode *n = devices->children, *next; n; n = next) {
		next = n->next;
		if (is(n, "controller") && attr_is(n, "type", "scsi"))
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
	xmlNode *source = child(nic, "source");
	const char *key;

	(void)attr(nic, "type", type, sizeof(type));
	key = strcmp(type, "direct") == 0 ? "dev" : type;
	if (strcmp(type, "user") == 0 || !source)
		return 0;
	if (strcmp(type, "hostdev") == 0)
		return vrs_fail(err, VRS_EUNSUPPORTED,
				"a network card is a device of its host");
	if (!attr(source, key, name, sizeof(name)) || !name[0])
		return vrs_fail(err, VRS_EUNSUPPORTED,
				"a network card of type %s cannot move", type);

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
	if (move->nic_model && !attr_is(child(nic, "model"), "type", move->nic_model)) {
		set(need_child(nic, "model"), "type", move->nic_model);
		drop_all(nic, "driver");
		drop_all(nic, "address");
	}
	return 0;
}

/* A console that wrote into a file or socket of the old host becomes a plain one. */
static void move_console(xmlNode *n)
{
	if (attr_is(n, "type", "pty"))
		drop_all(n, "source");
	else if (!attr_is(n, "type", "spicevmc") && !attr_is(n, "type", "null")) {
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
		if (is(n, stuck[i]))
			return vrs_fail(err, VRS_EUNSUPPORTED,
					"its <%s> ties it to its host", stuck[i]);
	if (is_disk(n)) {
		const struct vrs_hv_disk *to =
			*n_disk < move->n_disks ? &move->disk[*n_disk] : NULL;

		(*n_disk)++;
		return move_disk(devices, n, to, err);
	}
	if (is(n, "disk")) { /* an empty drive starts everywhere */
		drop_all(n, "source");
		drop_all(n, "backingStore");
		drop_all(n, "alias");
		if (attr_is(n, "type", "network") || attr_is(n, "type", "volume"))
			set(n, "type", "file");
	} else if (is(n, "interface")) {
		return move_nic(n, move, err);
	} else if (is(n, "serial") || is(n, "console") || is(n, "parallel")) {
		move_console(n);
	} else if (is(n, "channel") && attr_is(n, "type", "unix")) {
		drop_all(n, "source"); /* libvirt makes a path of its own */
		drop_all(n, "alias");
	} else if (is(n, "emulator")) {
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
				  "it has %zu disks, new places are given for %zu",
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
	xmlNode *cpu = child(root, "cpu"), *os = child(root, "os"), *n;

	drop_attr(root, "id");
	for (size_t i = 0; i < sizeof(of_old_host) / sizeof(of_old_host[0]); i++)
		drop_all(root, of_old_host[i]);
	for (size_t i = 0; i < sizeof(pins) / sizeof(pins[0]); i++)
		drop_all(child(root, "cputune"), pins[i]);
	if ((n = child(root, "vcpu"))) {
		drop_attr(n, "cpuset");
		drop_attr(n, "placement");
	}
	if (os && (n = child(os, "nvram"))) /* made anew from its template */
		xmlNodeSetContent(n, X(""));
	if (!move->domain_type || attr_is(root, "type", move->domain_type))
		return;
	set(root, "type", move->domain_type);
	/* A CPU that mirrors its host exists with hardware help only. */
	if (strcmp(move->domain_type, "kvm") != 0 && cpu &&
	    (attr_is(cpu, "mode", "host-passthrough") ||
	     attr_is(cpu, "mode", "host-model") || attr_is(cpu, "mode", "maximum")))
		drop(cpu);
}

int vrs_hv_xml_rewrite(const char *xml, size_t n_xml, const struct vrs_hv_move *move,
		       char **ret, struct vrs_err *err)
{
	xmlDoc *doc = NULL;
	xmlChar *text = NULL;
	int n_text = 0;
	char name[128];
	int status = load(xml, n_xml, &doc, err);

	if (status < 0)
		return status;

	xmlNode *root = xmlDocGetRootElement(doc);
	xmlNode *devices = child(root, "devices");
	(void)text_of(child(root, "name"), name, sizeof(name));
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

/* --- building --- */

static void add(xmlNode *parent, const char *name, const char *a1, const char *v1,
		const char *a2, const char *v2)
{
	xmlNode *n = xmlNewChild(parent, NULL, X(name), NULL);

	xmlNewProp(n, X(a1), X(v1));
	if (a2)
		xmlNewProp(n, X(a2), X(v2));
}

static void build_devices(xmlNode *devices, const struct vrs_hv_vm *vm)
{
	for (size_t i = 0; i < vm->n_disks; i++) {
		const struct vrs_hv_disk *d = &vm->disk[i];
		bool pvscsi = strcmp(d->bus, "pvscsi") == 0;
		const char *bus = pvscsi ? "scsi" : d->bus[0] ? d->bus : "sata";
		char target[8];
		xmlNode *n = xmlNewChild(devices, NULL, X("disk"), NULL);

		(void)snprintf(target, sizeof(target), "%s%c", target_prefix(bus),
			       'a' + (int)i);
		xmlNewProp(n, X("type"), X("file"));
		xmlNewProp(n, X("device"), X("disk"));
		add(n, "driver", "name", "qemu", "type",
		    d->format[0] ? d->format : "raw");
		add(n, "source", "file", d->path, NULL, NULL);
		add(n, "target", "dev", target, "bus", bus);
		if (pvscsi && !has_pvscsi(devices)) {
			xmlNode *c = xmlNewChild(devices, NULL, X("controller"), NULL);

			xmlNewProp(c, X("type"), X("scsi"));
			xmlNewProp(c, X("index"), X("0"));
			xmlNewProp(c, X("model"), X("vmpvscsi"));
		}
	}
	for (size_t i = 0; i < vm->n_nics; i++) {
		const struct vrs_hv_nic *nic = &vm->nic[i];
		xmlNode *n = xmlNewChild(devices, NULL, X("interface"), NULL);

		xmlNewProp(n, X("type"), X(nic->network[0] ? "bridge" : "user"));
		add(n, "mac", "address", nic->mac, NULL, NULL);
		if (nic->network[0])
			add(n, "source", "bridge", nic->network, NULL, NULL);
		if (nic->model[0])
			add(n, "model", "type", nic->model, NULL, NULL);
	}
}

int vrs_hv_xml_build(const struct vrs_hv_vm *vm, char **ret, struct vrs_err *err)
{
	char number[32];
	xmlChar *text = NULL;
	int n_text = 0;

	if (!vrs_id_ok(vm->id) || !vm->name[0] || !xmlCheckUTF8(X(vm->name)))
		return vrs_fail(err, VRS_EINVAL, "vm '%.40s': id or name is not usable",
				vm->id);

	xmlDoc *doc = xmlNewDoc(X("1.0"));
	xmlNode *root = xmlNewNode(NULL, X("domain"));
	xmlDocSetRootElement(doc, root);
	xmlNewProp(root, X("type"), X("kvm"));
	xmlNewTextChild(root, NULL, X("name"), X(vm->name));
	xmlNewTextChild(root, NULL, X("uuid"), X(vm->id));
	(void)snprintf(number, sizeof(number), "%" PRIu64, vm->ram_bytes);
	xmlNewProp(xmlNewTextChild(root, NULL, X("memory"), X(number)), X("unit"),
		   X("b"));
	(void)snprintf(number, sizeof(number), "%u", vm->vcpus ? vm->vcpus : 1);
	xmlNewTextChild(root, NULL, X("vcpu"), X(number));

	xmlNode *os = xmlNewChild(root, NULL, X("os"), NULL);
	xmlNewProp(xmlNewTextChild(os, NULL, X("type"), X("hvm")), X("arch"),
		   X("x86_64"));
	add(os, "boot", "dev", "hd", NULL, NULL);
	xmlNode *features = xmlNewChild(root, NULL, X("features"), NULL);
	xmlNewChild(features, NULL, X("acpi"), NULL);
	xmlNewChild(features, NULL, X("apic"), NULL);
	build_devices(xmlNewChild(root, NULL, X("devices"), NULL), vm);

	xmlDocDumpMemory(doc, &text, &n_text);
	xmlFreeDoc(doc);
	*ret = vrs_strdup((const char *)text);
	xmlFree(text);
	return 0;
}
