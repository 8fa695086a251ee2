/* json.h - converts any message to JSON by the rules of docs/JSON.md.
 *
 * Pure. It walks the message's descriptor, so a field added in proto/ appears without
 * further code, under its own name. */
#ifndef VRS_JSON_H
#define VRS_JSON_H

#include <jansson.h>
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

/* The caller owns the result. */
json_t *vrs_json_of_message(const ProtobufCMessage *msg);

/* The set member of a message's oneof, by its case; the message itself if none is set. */
const ProtobufCMessage *vrs_message_body(const ProtobufCMessage *msg, unsigned body_case);

/* The name of an enum value in JSON and tables: without the common prefix of the enum;
 * NULL for "..._UNSPECIFIED" and for unknown numbers. */
const char *vrs_enum_name(const ProtobufCEnumDescriptor *type, int value);

/* Indented, or on one line; ends with a newline. The caller frees it. */
char *vrs_json_text(const json_t *json, bool one_line);

#endif
