/* load.h - what the commands share: traces as series, errors as one line and a code. */
#ifndef PREDICTOR_CLI_LOAD_H
#define PREDICTOR_CLI_LOAD_H

#include "cli/args.h"
#include "net/traces.h"
#include "training/train.h"

struct loaded {
	struct traces traces;
	struct train_series *series; /* all of them, as bins; names belong to traces */
	size_t n;
};

/* Reads the files; repairs are said on stderr. Ends the program when one is refused. */
void load_series(const struct command *c, const char *const *files, int64_t until_ms,
		 struct loaded *ret);
/* The named trace, or the first one; NULL: VRS_ENOENT. */
const struct trace *load_one(const struct loaded *l, const char *entity,
			     struct vrs_err *err);
void load_free(struct loaded *l);

/* "vrs-predictor NAME: why", returns the exit code for it. */
int load_failed(const struct command *c, const struct vrs_err *err);

#endif
