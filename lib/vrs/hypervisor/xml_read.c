#include "vrs/hypervisor/xml.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vrs/hypervisor/xml_tree.h"
#include "vrs/mem.h"

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

	if (!xml_text(n, text, sizeof(text)) || !isdigit((unsigned char)text[0]))
		return vrs_fail(err, VRS_EPARSE, "domain xml: no valid memory size");
	uint64_t v = strtoull(text, &end, 10);
	(void)xml_attr(n, "unit", unit, sizeof(unit));
	for (size_t i = 0; *end == '\0' && i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(unit, units[i].unit) == 0 &&
		    v <= UINT64_MAX / units[i].bytes) {
			*ret = v * units[i].bytes;
			return 0;
		}
	return vrs_fail(err, VRS_EPARSE, "domain xml: invalid memory size '%s %s'", text,
			unit);
}

static int parse_disk(const xmlNode *disk, bool pvscsi, struct vrs_hv_vm *vm,
		      struct vrs_err *err)
{
	const char *source = xml_disk_source(disk);
	struct vrs_hv_disk d = {0};

	if (!source || !xml_child(disk, "source"))
		return 0;
	if (vm->n_disks == VRS_HV_MAX_DISKS)
		return vrs_fail(err, VRS_ENOSPC, "vm %s: more than %d disks", vm->name,
				VRS_HV_MAX_DISKS);
	if (!xml_attr(xml_child(disk, "source"), source, d.path, sizeof(d.path)) ||
	    !xml_attr(xml_child(disk, "driver"), "type", d.format, sizeof(d.format)) ||
	    !xml_attr(xml_child(disk, "target"), "dev", d.target, sizeof(d.target)) ||
	    !xml_attr(xml_child(disk, "target"), "bus", d.bus, sizeof(d.bus)))
		return vrs_fail(err, VRS_EPARSE, "vm %s: the name of a disk is too long",
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
		return vrs_fail(err, VRS_ENOSPC, "vm %s: more than %d NICs", vm->name,
				VRS_HV_MAX_NICS);

	bool fits = xml_attr(xml_child(n, "mac"), "address", nic.mac, sizeof(nic.mac)) &&
		    xml_attr(xml_child(n, "model"), "type", nic.model, sizeof(nic.model));
	for (size_t i = 0; fits && !nic.network[0] && i < 3; i++)
		fits = xml_attr(xml_child(n, "source"), names[i], nic.network,
				sizeof(nic.network));
	if (!fits)
		return vrs_fail(err, VRS_EPARSE, "vm %s: the name of a NIC is too long",
				vm->name);
	vm->nic[vm->n_nics++] = nic;
	return 0;
}

static void read_chain(const xmlNode *disk, struct vrs_hv_vm *vm)
{
	const xmlNode *base = xml_child(disk, "backingStore");
	const char *source = base ? xml_disk_source(base) : NULL;
	char target[16], type[16];

	if (!base || !xml_attr(base, "type", type, sizeof(type)) || !type[0] ||
	    !xml_attr(xml_child(disk, "target"), "dev", target, sizeof(target)))
		return; /* the chain ends here */
	for (size_t i = 0; i < vm->n_disks; i++) {
		struct vrs_hv_disk *d = &vm->disk[i];

		if (strcmp(d->target, target) == 0 &&
		    (!source ||
		     !xml_attr(xml_child(base, "source"), source, d->backing,
			       sizeof(d->backing)) ||
		     !d->backing[0]))
			(void)snprintf(d->backing, sizeof(d->backing), "(%s)", type);
	}
}

static int parse_domain(const xmlNode *root, struct vrs_hv_vm *vm, struct vrs_err *err)
{
	char vcpu[16], *end;

	if (!xml_text(xml_child(root, "name"), vm->name, sizeof(vm->name)) ||
	    !vm->name[0])
		return vrs_fail(err, VRS_EPARSE, "domain xml: no name");
	if (!xml_text(xml_child(root, "uuid"), vm->id, sizeof(vm->id)) ||
	    !vrs_id_ok(vm->id))
		return vrs_fail(err, VRS_EPARSE, "vm %s: no uuid", vm->name);
	for (char *c = vm->id; *c; c++)
		*c = (char)tolower((unsigned char)*c);

	const xmlNode *n = xml_child(root, "vcpu");
	if (!(xml_attr(n, "current", vcpu, sizeof(vcpu)) && vcpu[0]))
		(void)xml_text(n, vcpu, sizeof(vcpu));
	unsigned long v = strtoul(vcpu, &end, 10);
	if (n && (*end || v == 0 || v > 65536))
		return vrs_fail(err, VRS_EPARSE, "vm %s: invalid number of vCPUs '%s'",
				vm->name, vcpu);
	vm->vcpus = n ? (uint32_t)v : 1;

	int status = parse_memory(xml_child(root, "memory"), &vm->ram_bytes, err);
	const xmlNode *devices = xml_child(root, "devices");
	bool pvscsi = xml_has_pvscsi(devices);
	for (n = devices ? devices->children : NULL; n && status == 0; n = n->next) {
		if (xml_is_disk(n)) {
			status = parse_disk(n, pvscsi, vm, err);
			read_chain(n, vm);
		} else if (xml_is(n, "interface")) {
			status = parse_nic(n, vm, err);
		}
	}
	return status;
}

int vrs_hv_xml_parse(const char *xml, size_t n_xml, struct vrs_hv_vm *ret,
		     struct vrs_err *err)
{
	xmlDoc *doc = NULL;
	struct vrs_hv_vm *vm;
	int status = xml_load(xml, n_xml, &doc, err);

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

void vrs_hv_xml_read_chains(const char *xml, size_t n_xml, struct vrs_hv_vm *vm)
{
	xmlDoc *doc = NULL;

	if (xml_load(xml, n_xml, &doc, NULL) < 0)
		return;
	const xmlNode *devices = xml_child(xmlDocGetRootElement(doc), "devices");
	for (const xmlNode *n = devices ? devices->children : NULL; n; n = n->next)
		if (xml_is_disk(n))
			read_chain(n, vm);
	xmlFreeDoc(doc);
}

/* --- building --- */

static xmlNode *add(xmlNode *parent, const char *name, const char *attribute,
		    const char *value)
{
	xmlNode *n = xmlNewChild(parent, NULL, X(name), NULL);

	xmlNewProp(n, X(attribute), X(value));
	return n;
}

static void build_devices(xmlNode *devices, const struct vrs_hv_vm *vm)
{
	for (size_t i = 0; i < vm->n_disks; i++) {
		const struct vrs_hv_disk *d = &vm->disk[i];
		bool pvscsi = strcmp(d->bus, "pvscsi") == 0;
		const char *bus = pvscsi ? "scsi" : d->bus[0] ? d->bus : "sata";
		char target[8];
		xmlNode *n = xmlNewChild(devices, NULL, X("disk"), NULL);

		(void)snprintf(target, sizeof(target), "%s%c", xml_target_prefix(bus),
			       'a' + (int)i);
		xmlNewProp(n, X("type"), X("file"));
		xmlNewProp(n, X("device"), X("disk"));
		xmlNewProp(add(n, "driver", "name", "qemu"), X("type"),
			   X(d->format[0] ? d->format : "raw"));
		add(n, "source", "file", d->path);
		xmlNewProp(add(n, "target", "dev", target), X("bus"), X(bus));
		if (pvscsi && !xml_has_pvscsi(devices)) {
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
		add(n, "mac", "address", nic->mac);
		if (nic->network[0])
			add(n, "source", "bridge", nic->network);
		if (nic->model[0])
			add(n, "model", "type", nic->model);
	}
}

int vrs_hv_xml_build(const struct vrs_hv_vm *vm, char **ret, struct vrs_err *err)
{
	char number[32];
	xmlChar *text = NULL;
	int n_text = 0;

	if (!vrs_id_ok(vm->id) || !vm->name[0] || !xmlCheckUTF8(X(vm->name)))
		return vrs_fail(err, VRS_EINVAL, "vm '%.40s': invalid id or name",
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
	add(os, "boot", "dev", "hd");
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
