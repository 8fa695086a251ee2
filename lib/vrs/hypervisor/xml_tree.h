/* xml_tree.h - a domain's XML as a tree, for xml_read.c and xml_rewrite.c. */
#ifndef VRS_HYPERVISOR_XML_TREE_H
#define VRS_HYPERVISOR_XML_TREE_H

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdbool.h>
#include <stddef.h>

#include "vrs/err.h"

#define X(s) ((const xmlChar *)(s))

/* Rejects text that is not a domain, is too long, or has a document type. */
int xml_load(const char *xml, size_t n_xml, xmlDoc **ret, struct vrs_err *err);

bool xml_is(const xmlNode *n, const char *name);
xmlNode *xml_child(const xmlNode *parent, const char *name); /* NULL: none */
/* An attribute or a node's text; "" if there is none. False: too long for buf. */
bool xml_attr(const xmlNode *n, const char *name, char *buf, size_t size);
bool xml_attr_is(const xmlNode *n, const char *name, const char *want);
bool xml_text(const xmlNode *n, char *buf, size_t size);

/* A disk of the VM, not a drive with removable media. */
bool xml_is_disk(const xmlNode *n);
const char *xml_disk_source(const xmlNode *disk); /* NULL: neither file nor device */
bool xml_has_pvscsi(const xmlNode *devices);
const char *xml_target_prefix(const char *bus); /* vd, sd or hd */

#endif
