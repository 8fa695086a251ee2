#include "vrs/columns.h"

#include <math.h>
#include <string.h>

#include "vrsas/v1/control.pb-c.h"

/* --- the tables --- */

static const struct vrs_tone_rule name_tone[] = {{NULL, VRS_TONE_NAME}};
static const struct vrs_tone_rule up_tones[] = {{"less", VRS_TONE_BAD},
						{NULL, VRS_TONE_PLAIN}};
static const struct vrs_tone_rule host_tones[] = {
	{"up", VRS_TONE_GOOD},   {"maintenance", VRS_TONE_WARN},
	{"back", VRS_TONE_WARN}, {"unknown", VRS_TONE_WARN},
	{NULL, VRS_TONE_BAD},
};
static const struct vrs_tone_rule vm_tones[] = {{"RUNNING", VRS_TONE_GOOD},
						{NULL, VRS_TONE_WARN}};
static const struct vrs_tone_rule protect_tones[] = {{"no", VRS_TONE_DIM},
						     {NULL, VRS_TONE_PLAIN}};

/* clang-format off */
static const struct vrs_column clusters[] = {
	{"CLUSTER", "Cluster", VRS_COLUMN_TEXT, "name", NULL, name_tone},
	{">HOSTS UP", "Hosts up", VRS_COLUMN_OF, "hosts_up", "hosts", up_tones},
	{">VMS", NULL, VRS_COLUMN_COUNT, "vms", NULL, NULL},
	{">PROTECTED", "VMs protected", VRS_COLUMN_COUNT, "vms_protected", NULL, NULL},
	{">VCPUS", "vCPUs", VRS_COLUMN_COUNT, "vcpus_total", NULL, NULL},
	{">RAM", NULL, VRS_COLUMN_BYTES, "ram_total_bytes", NULL, NULL},
	{">CPU", "CPU", VRS_COLUMN_RATIO, "cpu_ratio", NULL, NULL},
	{">MEM", "Memory", VRS_COLUMN_RATIO, "mem_ratio", NULL, NULL},
	{">PEAK P50", "Peak 4 h, P50", VRS_COLUMN_RATIO, "peak_p50_ratio", NULL, NULL},
	{">PEAK P90", "Peak 4 h, P90", VRS_COLUMN_RATIO, "peak_p90_ratio", NULL, NULL},
	{">DISK FREE", NULL, VRS_COLUMN_BYTES, "disk_free_bytes", NULL, NULL},
	{"LAST SAMPLE", "Reading", VRS_COLUMN_AGE, "last_sample_at_ms", NULL, NULL},
};

static const struct vrs_column hosts[] = {
	{NULL, "Host", VRS_COLUMN_PLACE, "cluster", "name", name_tone},
	{"CLUSTER", NULL, VRS_COLUMN_TEXT, "cluster", NULL, NULL},
	{"HOST", NULL, VRS_COLUMN_TEXT, "name", NULL, name_tone},
	{"ADDRESS", NULL, VRS_COLUMN_TEXT, "address", NULL, NULL},
	{"STATE", "State", VRS_COLUMN_TEXT, "state", NULL, host_tones},
	{">VCPUS", NULL, VRS_COLUMN_OF, "vcpus_used", "vcpus_total", NULL},
	{">RAM", NULL, VRS_COLUMN_BYTES, "ram_total_bytes", NULL, NULL},
	{">CPU", "CPU", VRS_COLUMN_RATIO, "cpu_ratio", NULL, NULL},
	{">MEM", "Memory", VRS_COLUMN_RATIO, "mem_ratio", NULL, NULL},
	{">VMS", "VMs", VRS_COLUMN_COUNT, "vms", NULL, NULL},
	{">PEAK P90", "Peak 4 h, P90", VRS_COLUMN_RATIO, "peak_p90_ratio", NULL, NULL},
	{"LAST SAMPLE", "Reading", VRS_COLUMN_AGE, "last_sample_at_ms", NULL, NULL},
	{"NOTE", "Note", VRS_COLUMN_TEXT, "note", NULL, NULL},
};

static const struct vrs_column vms[] = {
	{"CLUSTER", "Cluster", VRS_COLUMN_TEXT, "cluster", NULL, NULL},
	{"HOST", "Host", VRS_COLUMN_TEXT, "host", NULL, NULL},
	{"VM", "VM", VRS_COLUMN_TEXT, "facts.name", NULL, name_tone},
	{"STATE", "State", VRS_COLUMN_TEXT, "facts.state", NULL, vm_tones},
	{">VCPUS", "vCPUs", VRS_COLUMN_COUNT, "facts.vcpus", NULL, NULL},
	{">RAM", "Memory", VRS_COLUMN_BYTES, "facts.ram_bytes", NULL, NULL},
	{">DISK", "Disk", VRS_COLUMN_BYTES, "facts.disk.virtual_bytes", NULL, NULL},
	{">CLASS", "Class", VRS_COLUMN_COUNT, "facts.vm_class", NULL, NULL},
	{"PROTECT", "Protect", VRS_COLUMN_TEXT, "facts.protect", NULL, protect_tones},
	{"READABLE", "Readable without its host", VRS_COLUMN_TEXT,
	 "facts.readable_without_host", NULL, NULL},
	{"RELOCATION", "Relocation", VRS_COLUMN_TEXT, "relocation", NULL, NULL},
	{"NOTE", "Note", VRS_COLUMN_TEXT, "note", NULL, NULL},
};
/* clang-format on */

const struct vrs_columns vrs_columns_cluster = {
	"cluster", &vrsas__v1__cluster_view__descriptor, clusters,
	sizeof(clusters) / sizeof(*clusters)};
const struct vrs_columns vrs_columns_host = {"host", &vrsas__v1__host_view__descriptor,
					     hosts, sizeof(hosts) / sizeof(*hosts)};
const struct vrs_columns vrs_columns_vm = {"vm", &vrsas__v1__vm_view__descriptor, vms,
					   sizeof(vms) / sizeof(*vms)};

/* --- values --- */

struct raw {
	const char *text;
	uint64_t whole;
	double real;
};

static const char *enum_text(const ProtobufCFieldDescriptor *f, int value)
{
	const char *name = vrs_enum_name(f->descriptor, value);

	if (!name)
		return "";
	if (f->descriptor == &vrsas__v1__answer__descriptor)
		return strcmp(name, "YES") == 0  ? "yes"
		       : strcmp(name, "NO") == 0 ? "no"
						 : "";
	return name;
}

static void take_value(const ProtobufCFieldDescriptor *f, const void *at, struct raw *ret)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_STRING:
		ret->text = *(const char *const *)at;
		break;
	case PROTOBUF_C_TYPE_BOOL:
		ret->text = *(const protobuf_c_boolean *)at ? "yes" : "no";
		break;
	case PROTOBUF_C_TYPE_ENUM:
		ret->text = enum_text(f, *(const int *)at);
		break;
	case PROTOBUF_C_TYPE_UINT32:
		ret->whole += *(const uint32_t *)at;
		break;
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_INT64:
		ret->whole += *(const uint64_t *)at;
		break;
	case PROTOBUF_C_TYPE_DOUBLE:
		ret->real = *(const double *)at;
		break;
	default:
		break;
	}
}

/* Follows the path from msg, with one recursive call for each dot. */
static void take_path(const ProtobufCMessage *msg, const char *path, struct raw *ret)
{
	char name[64];
	size_t n = strcspn(path, ".");

	if (!msg || n >= sizeof(name))
		return;
	memcpy(name, path, n);
	name[n] = '\0';
	const ProtobufCFieldDescriptor *f =
		protobuf_c_message_descriptor_get_field_by_name(msg->descriptor, name);
	if (!f)
		return;
	const char *at = (const char *)msg + f->offset;
	if (f->type != PROTOBUF_C_TYPE_MESSAGE) {
		take_value(f, at, ret);
	} else if (path[n] == '.' && f->label == PROTOBUF_C_LABEL_REPEATED) {
		size_t n_rows =
			*(const size_t *)((const char *)msg + f->quantifier_offset);
		const ProtobufCMessage *const *row =
			*(const ProtobufCMessage *const *const *)at;

		for (size_t i = 0; i < n_rows; i++)
			take_path(row[i], path + n + 1, ret);
	} else if (path[n] == '.') {
		take_path(*(const ProtobufCMessage *const *)at, path + n + 1, ret);
	}
}

static struct raw raw_of(const ProtobufCMessage *row, const char *path)
{
	struct raw r = {.real = NAN};

	if (path)
		take_path(row, path, &r);
	if (!r.text)
		r.text = "";
	return r;
}

void vrs_column_read(const struct vrs_column *c, const ProtobufCMessage *row,
		     struct vrs_column_value *ret)
{
	struct raw first = raw_of(row, c->field), second = raw_of(row, c->second);

	*ret = (struct vrs_column_value){.text = first.text,
					 .second = second.text,
					 .count = first.whole,
					 .of = second.whole,
					 .ratio = first.real,
					 .at_ms = (int64_t)first.whole};
	if (c->kind == VRS_COLUMN_OF)
		ret->text = ret->count < ret->of ? "less" : "all";
	for (const struct vrs_tone_rule *t = c->tones; t; t++) {
		if (t->text && strcmp(t->text, ret->text) != 0)
			continue;
		ret->tone = t->tone;
		break;
	}
}

/* --- for the page --- */

static json_t *tones_json(const struct vrs_tone_rule *t)
{
	static const char *const names[] = {"plain", "good", "warn",
					    "bad",   "dim",  "name"};
	json_t *list = json_array();

	for (; t; t++) {
		(void)json_array_append_new(list,
					    json_pack("{s:s?, s:s}", "text", t->text,
						      "tone", names[t->tone]));
		if (!t->text)
			break;
	}
	return list;
}

/* The field's name in JSON (json.h): times lose "_ms". */
static json_t *json_name(const struct vrs_column *c)
{
	return json_stringn(c->field,
			    strlen(c->field) -
				    (c->kind == VRS_COLUMN_AGE ? strlen("_ms") : 0));
}

json_t *vrs_columns_json(const struct vrs_columns *all)
{
	static const char *const kinds[] = {"text",  "place", "count", "of",
					    "bytes", "ratio", "age"};
	json_t *list = json_array();

	for (size_t i = 0; i < all->n; i++) {
		const struct vrs_column *c = &all->column[i];

		if (c->title)
			(void)json_array_append_new(
				list, json_pack("{s:s, s:s, s:o, s:s?, s:o}", "title",
						c->title, "kind", kinds[c->kind], "field",
						json_name(c), "second", c->second,
						"tones", tones_json(c->tones)));
	}
	return list;
}
