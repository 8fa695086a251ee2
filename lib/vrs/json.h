/* json.h - any of our messages as JSON; the rules of docs/JSON.md.
 *
 * Pure. One walk over the message's descriptor: a field that is added to proto/ appears
 * by itself, under its own name. */
#ifndef VRS_JSON_H
#define VRS_JSON_H

#include <jansson.h>
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

/* The caller owns the result. */
json_t *vrs_json_of_message(const ProtobufCMessage *msg);

/* What is set of a message's oneof, by its case; the message itself where nothing is. */
const ProtobufCMessage *vrs_message_body(const ProtobufCMessage *msg, unsigned body_case);

/* The name of an enum value as JSON and tables show it: without the prefix that all names
 * of the enum share; NULL for "..._UNSPECIFIED" and for numbers without a name. */
const char *vrs_enum_name(const ProtobufCEnumDescriptor *type, int value);

/* Indented, or on one line; ends with a newline. The caller frees it. */
char *vrs_json_text(const json_t *json, bool one_line);

#endif
