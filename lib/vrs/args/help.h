/* help.h - help, manual page and completion, all from the tables of verbs and options. */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include "vrs/args.h"
#include "vrs/mem.h"

void help_all(struct vrs_text *out, const struct verb *verbs, const struct opt *globals);
void help_verb(struct vrs_text *out, const struct verb *verb, const struct opt *globals);
void help_man(struct vrs_text *out, const struct verb *verbs, const struct opt *globals);
void help_completion(struct vrs_text *out, const struct verb *verbs,
		     const struct opt *globals);

#endif
