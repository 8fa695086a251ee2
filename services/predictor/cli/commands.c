/* commands.c - see commands.h. */
#include "cli/commands.h"

#include <stdio.h>
#include <string.h>

#include "cli/args.h"

static const struct command verbs[] = {
	{"generate", "a recorded-looking load of one of the paper's kinds, as CSV",
	 cmd_generate},
	{"train", "a model from traces", cmd_train},
	{"forecast", "one forecast from a model and a trace", cmd_forecast},
	{"backtest", "scores of past forecasts, beside simple rules", cmd_backtest},
	{"paper", "the one-minute LSTM of the paper on one series, for comparison",
	 cmd_paper},
	{"sweep",
	 "the paper's comparisons of scalers, windows and batches, as a table and plots",
	 cmd_sweep},
	{"decide", "would the forecasts have chosen the right cluster?", cmd_decide},
	{"bench", "how fast nets learn and answer here; beside PyTorch where it is",
	 cmd_bench},
};

static int help(void)
{
	printf("Usage: vrs-predictor [serve] [settings]   the service (-h lists "
	       "settings)\n"
	       "       vrs-predictor COMMAND [options]    (--help lists its "
	       "options)\n\n");
	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
		printf("  %-10s %s\n", verbs[i].name, verbs[i].does);
	return 0;
}

int commands_run(int argc, char **argv)
{
	if (argc < 2 || argv[1][0] == '-' || strcmp(argv[1], "serve") == 0)
		return -1;
	if (strcmp(argv[1], "help") == 0)
		return help();
	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
		if (strcmp(argv[1], verbs[i].name) == 0)
			return verbs[i].run(argc - 1, argv + 1);
	(void)fprintf(stderr,
		      "vrs-predictor: unknown command '%s' (see vrs-predictor "
		      "help)\n",
		      argv[1]);
	return 2;
}
