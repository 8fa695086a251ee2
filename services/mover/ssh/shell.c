#include "ssh/shell.h"

void shell_quote(struct vrs_text *t, const char *s)
{
	vrs_text_add(t, "'");
	for (; *s; s++)
		vrs_text_add(t, *s == '\'' ? "'\\''" : "%c", *s);
	vrs_text_add(t, "'");
}
