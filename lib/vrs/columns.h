/* columns.h - the columns of clusters, hosts and VMs in vrsctl, /tables and the page.
 *
 * One table each. A column names a field of the view message (proto/vrsas/v1/
 * control.proto), its titles, its kind and its tones; values are read through the
 * message's descriptor. To show another field, add one line in model/columns.c. The
 * renderers (cli/commands/cmd_status.c, services/gateway/api/tables.c, www/tables.js
 * through GET /api/v1/columns) know kinds, not fields. Pure. */
#ifndef VRS_COLUMNS_H
#define VRS_COLUMNS_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

#include "vrs/json.h"

enum vrs_tone {
	VRS_TONE_PLAIN,
	VRS_TONE_GOOD,
	VRS_TONE_WARN,
	VRS_TONE_BAD,
	VRS_TONE_DIM,
	VRS_TONE_NAME, /* the name of the row's object */
};

enum vrs_column_kind {
	VRS_COLUMN_TEXT,  /* text, yes or no, or the name of an enum value */
	VRS_COLUMN_PLACE, /* field and second: CLUSTER/HOST */
	VRS_COLUMN_COUNT,
	VRS_COLUMN_OF, /* field of second; its text is "less" or "all" */
	VRS_COLUMN_BYTES,
	VRS_COLUMN_RATIO, /* NAN: not known */
	VRS_COLUMN_AGE,   /* since a time in ms; 0: never */
};

/* The first rule with this text applies; NULL matches every text. */
struct vrs_tone_rule {
	const char *text;
	enum vrs_tone tone;
};

struct vrs_column {
	const char *heading; /* in vrsctl; '>' first: right-aligned; NULL: not shown */
	const char *title;   /* in /tables and on the page; NULL: not shown */
	enum vrs_column_kind kind;
	/* Paths with dots. Numbers in a repeated field are summed. */
	const char *field, *second;
	const struct vrs_tone_rule *tones; /* NULL: plain */
};

struct vrs_columns {
	const char *name;
	const ProtobufCMessageDescriptor *row;
	const struct vrs_column *column;
	size_t n;
};

extern const struct vrs_columns vrs_columns_cluster, vrs_columns_host, vrs_columns_vm;

/* text and second are "" if there is none; they are owned by the row. */
struct vrs_column_value {
	const char *text, *second;
	uint64_t count, of;
	double ratio;
	int64_t at_ms;
	enum vrs_tone tone;
};
void vrs_column_read(const struct vrs_column *c, const ProtobufCMessage *row,
		     struct vrs_column_value *ret);

/* The columns with a title, as sent by GET /api/v1/columns. The caller owns it. */
json_t *vrs_columns_json(const struct vrs_columns *all);

#endif
