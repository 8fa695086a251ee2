/* xml_tree.h - a domain's XML as a tree, for hv_xml*.c alone. */
#ifndef VRS_HYPERVISOR_XML_TREE_H
#define VRS_HYPERVISOR_XML_TREE_H

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdbool.h>
#include <stddef.h>

#include "vrs/err.h"

#define X(s) ((const xmlChar *)(s))

/* Refuses what is no domain, is too long, or names a document type. */
int xml_load(const char *xml, size_t n_xml, xmlDoc **ret, struct vrs_err *err);

bool xml_is(const xmlNode *n, const char *name);
xmlNode *xml_child(const xmlNode *parent, const char *name); /* NULL: none */
/* An attribute, a node's text; "" when there is none. False: too long for buf. */
bool xml_attr(const xmlNode *n, const char *name, char *buf, size_t size);
bool xml_attr_is(const xmlNode *n, const char *name, const char *want);
bool xml_text(const xmlNode *n, char *buf, size_t size);

/* A disk of the VM itself; drives with removable media are something else. */
bool xml_is_disk(const xmlNode *n);
const char *xml_disk_source(const xmlNode *disk); /* NULL: no file, no device */
bool xml_has_pvscsi(const xmlNode *devices);
const char *xml_target_prefix(const char *bus); /* vd, sd or hd: of its name */

#endif
