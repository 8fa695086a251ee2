#include <ctype.h>
#include <string.h>

#include "vrs/hypervisor/xml.h"
#include "vrs/hypervisor/xml_tree.h"
#include "vrs/mem.h"

bool xml_is(const xmlNode *n, const char *name)
{
	return n->type == XML_ELEMENT_NODE && strcmp((const char *)n->name, name) == 0;
}

xmlNode *xml_child(const xmlNode *parent, const char *name)
{
	for (xmlNode *n = parent ? parent->children : NULL; n; n = n->next)
		if (xml_is(n, name))
			return n;
	return NULL;
}

/* An attribute's value, "" if there is none; false if it does not fit. */
bool xml_attr(const xmlNode *n, const char *name, char *buf, size_t size)
{
	xmlChar *v = n ? xmlGetNoNsProp((xmlNode *)n, X(name)) : NULL;
	bool fits = vrs_strcpy(buf, size, v ? (const char *)v : "");

	xmlFree(v);
	return fits;
}

bool xml_attr_is(const xmlNode *n, const char *name, const char *want)
{
	char v[64];

	return xml_attr(n, name, v, sizeof(v)) && strcmp(v, want) == 0;
}

bool xml_text(const xmlNode *n, char *buf, size_t size)
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

/* "<!" that opens neither a comment nor a CDATA section is a document type. libvirt
 * never writes one. It is rejected before parsing, because the parser expands entities
 * in attributes in spite of its options. */
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

int xml_load(const char *xml, size_t n_xml, xmlDoc **ret, struct vrs_err *err)
{
	if (n_xml > VRS_HV_XML_MAX)
		return vrs_fail(err, VRS_EPARSE, "domain xml: %zu bytes exceed the limit",
				n_xml);
	if (memchr(xml, '\0', n_xml))
		return vrs_fail(err, VRS_EPARSE, "domain xml: contains a zero byte");
	if (has_doctype(xml, n_xml))
		return vrs_fail(err, VRS_EPARSE, "domain xml: contains a document type");

	xmlDoc *doc = xmlReadMemory(xml, (int)n_xml, NULL, "UTF-8",
				    XML_PARSE_NONET | XML_PARSE_NOERROR |
					    XML_PARSE_NOWARNING | XML_PARSE_NOBLANKS);
	if (!doc)
		return vrs_fail(err, VRS_EPARSE, "domain xml: not well-formed");
	if (doc->intSubset || !xmlDocGetRootElement(doc) ||
	    !xml_is(xmlDocGetRootElement(doc), "domain")) {
		xmlFreeDoc(doc);
		return vrs_fail(err, VRS_EPARSE, "domain xml: not a domain");
	}
	*ret = doc;
	return 0;
}

bool xml_is_disk(const xmlNode *n)
{
	char device[16];

	if (!xml_is(n, "disk"))
		return false;
	return xml_attr(n, "device", device, sizeof(device)) &&
	       (!device[0] || strcmp(device, "disk") == 0 || strcmp(device, "lun") == 0);
}

const char *xml_disk_source(const xmlNode *disk)
{
	if (xml_attr_is(disk, "type", "file"))
		return "file";
	if (xml_attr_is(disk, "type", "block"))
		return "dev";
	return NULL;
}

bool xml_has_pvscsi(const xmlNode *devices)
{
	for (const xmlNode *n = devices ? devices->children : NULL; n; n = n->next)
		if (xml_is(n, "controller") && xml_attr_is(n, "type", "scsi") &&
		    xml_attr_is(n, "model", "vmpvscsi"))
			return true;
	return false;
}

const char *xml_target_prefix(const char *bus)
{
	return strcmp(bus, "virtio") == 0 ? "vd" : strcmp(bus, "ide") == 0 ? "hd" : "sd";
}
