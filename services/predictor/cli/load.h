/* load.h - what the commands share: traces as series, errors as one line and a code. */
#ifndef PREDICTOR_CLI_LOAD_H
#define PREDICTOR_CLI_LOAD_H

#include "net/traces.h"
#include "paper/paper.h"
#include "training/train.h"
#include "vrs/args.h"

struct loaded {
	struct traces traces;
	struct train_series *series; /* all of them, as bins; names belong to traces */
	size_t n;
};

/* Reads the files that option names; reports repairs on stderr. Ends the program when one
 * cannot be read. */
void load_series(const struct vrs_args *a, const char *option, int64_t until_ms,
		 struct loaded *ret);
/* The named trace, or the first one; NULL: VRS_ENOENT. */
const struct trace *load_one(const struct loaded *l, const char *entity,
			     struct vrs_err *err);
void load_free(struct loaded *l);

/* "vrs-predictor NAME: why", returns the exit code for it. */
int load_failed(const struct vrs_args *a, const struct vrs_err *err);

/* A preset of the paper with what the command line changes of it. */
struct paper_conf load_paper_conf(const struct vrs_args *a, const char *preset);

#endif
