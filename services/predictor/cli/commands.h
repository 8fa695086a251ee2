/* commands.h - the verbs of vrs-predictor; without one it is the service. */
#ifndef PREDICTOR_CLI_COMMANDS_H
#define PREDICTOR_CLI_COMMANDS_H

/* Runs the verb and gives its exit code; -1: the first word is no
 * verb, run the service. */
int commands_run(int argc, char **argv);

int cmd_train(int argc, char **argv);
int cmd_forecast(int argc, char **argv);
int cmd_backtest(int argc, char **argv);
int cmd_decide(int argc, char **argv);
int cmd_paper(int argc, char **argv);
int cmd_sweep(int argc, char **argv);
int cmd_bench(int argc, char **argv);
int cmd_generate(int argc, char **argv);

#endif
