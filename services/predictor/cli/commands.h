/* commands.h - the commands of vrs-predictor; without one it is the service. */
#ifndef PREDICTOR_CLI_COMMANDS_H
#define PREDICTOR_CLI_COMMANDS_H

#include "vrs/args.h"

struct vrs_ctl {
	struct vrs_args args;
};

/* Runs the command of the command line and returns its exit code. */
int commands_run(int argc, char **argv);

int cmd_train(struct vrs_ctl *ctl);
int cmd_forecast(struct vrs_ctl *ctl);
int cmd_backtest(struct vrs_ctl *ctl);
int cmd_decide(struct vrs_ctl *ctl);
int cmd_paper(struct vrs_ctl *ctl);
int cmd_sweep(struct vrs_ctl *ctl);
int cmd_bench(struct vrs_ctl *ctl);
int cmd_generate(struct vrs_ctl *ctl);

#endif
