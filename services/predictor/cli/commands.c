/* commands.c - the table of commands and their options. */
#include "cli/commands.h"

#define NUMBER(option, lowest, highest, text)                                            \
	{                                                                                \
		.name = (option), .value = "N", .help = (text), .type = VRS_OPT_INT,     \
		.min = (lowest), .max = (highest)                                        \
	}
#define TIME(option, text, is_required)                                                  \
	{                                                                                \
		.name = (option), .value = "TIME", .help = (text), .type = VRS_OPT_TIME, \
		.required = (is_required)                                                \
	}
#define FILES(option, text, is_required)                                                 \
	{                                                                                \
		.name = (option), .value = "FILE", .help = (text), .type = VRS_OPT_LIST, \
		.required = (is_required)                                                \
	}
#define TRACES FILES("traces", "recorded load: CSV, may be gzipped", true)
#define ENTITY                                                                           \
	{                                                                                \
		"entity", .value = "NAME", .help = "series to use (default: the first)"  \
	}
#define FAILURE TIME("until", "time of the failure; later samples are test data", false)
#define STEP NUMBER("step-min", 5, 1440, "minutes between origins (default 30)")
#define UTC                                                                              \
	NUMBER("utc-offset", -720, 840,                                                  \
	       "minutes by which local time is ahead of UTC (default 0)")
#define SEED NUMBER("seed", 0, UINT32_MAX, "seed of the random numbers (default 1)")
#define JSON                                                                             \
	{                                                                                \
		"json", .help = "print JSON"                                             \
	}
#define PAPER_PRESETS "paper-13|paper-12-1|paper-12-2|paper-12-3"

static const struct vrs_args_option generate_options[] = {
	{"workload", .value = "1|2|3", .help = "1 mail, 2 groupware, 3 interfacing",
	 .type = VRS_OPT_CHOICE, .required = true},
	{"out", .value = "FILE", .help = "CSV file to write; - is standard output",
	 .required = true},
	NUMBER("days", 1, 3660, "days to generate, one sample per minute (default 5)"),
	SEED,
	{"hosts", .value = "N|NAME",
	 .help = "number of hosts, or their names (default 1)", .type = VRS_OPT_LIST},
	TIME("start", "first minute (default 2024-01-01, a Monday)", false),
	TIME("end", "end of the load, exclusive; instead of --start", false),
	TIME("rise-at", "groupware: time of day at which the load rises", false),
	NUMBER("shift-min", -1440, 1440, "shift each day by N minutes (default 0)"),
	NUMBER("scale", 1, 300, "load in percent of the paper's (default 100)"),
	NUMBER("net", 0, 255, "host addresses are 10.0.N.1, 10.0.N.2, ... (default 0)"),
	{"every-day", .help = "groupware: work at weekends too"},
	{0},
};

static const struct vrs_args_option train_options[] = {
	TRACES,
	{"model", .value = "FILE", .help = "model file to write", .required = true},
	{"preset", .value = "default|" PAPER_PRESETS, .type = VRS_OPT_CHOICE,
	 .help = "the default net, or one of the paper's nets for each series"},
	{"base", .value = "FILE", .help = "model to continue training from"},
	TIME("until", "use only samples before this time", false),
	SEED,
	NUMBER("hidden", 0, 256, "LSTM units (default 32); 0 means a net without LSTM"),
	NUMBER("epochs", 1, 10000, "passes over the training data (default 12)"),
	NUMBER("batch", 0, 4096, "windows per step (default: depends on their number)"),
	NUMBER("max-windows", 512, 10000000, "windows per epoch (default 80000)"),
	UTC,
	JSON,
	{0},
};

static const struct vrs_args_option forecast_options[] = {
	TRACES,
	TIME("at", "origin: only samples before this time are used", true),
	{"model", .value = "FILE", .help = "model file (default: a simple method)"},
	{"entity", .value = "NAME", .help = "forecast only this series"},
	UTC,
	JSON,
	{0},
};

static const struct vrs_args_option backtest_options[] = {
	TRACES,
	{"model", .value = "FILE", .help = "model file written by train",
	 .required = true},
	TIME("from", "first origin", true),
	TIME("to", "last origin", true),
	STEP,
	UTC,
	{"peaks", .value = "FILE", .help = "write forecast peaks to FILE, for decide"},
	{"paths", .value = "FILE", .help = "write forecast paths to FILE"},
	{"net-only", .help = "use the net at every origin, without fallback methods"},
	NUMBER("history-hours", 1, 192, "hours of history to use (default: all)"),
	NUMBER("lost-min", 0, 1440, "treat the newest N minutes as lost (default 0)"),
	{"paper", .help = "also train the paper's nets on data before --from, and score "
			  "them; about 20 s each"},
	NUMBER("paper-epochs", 1, 10000,
	       "passes when training the paper's nets (default 100)"),
	JSON,
	{0},
};

static const struct vrs_args_option paper_options[] = {
	TRACES,
	ENTITY,
	FAILURE,
	{"preset", .value = PAPER_PRESETS, .type = VRS_OPT_CHOICE,
	 .help = "settings of the paper (default paper-13)"},
	{"scaler", .value = "MinMax|MaxAbs|Standard|Robust", .type = VRS_OPT_CHOICE,
	 .help = "scaler of the samples (default: the preset's)"},
	NUMBER("window", 1, 1440, "minutes of input (default: the preset's)"),
	NUMBER("batch", 1, 4096, "rows per step (default: the preset's)"),
	NUMBER("epochs", 1, 100000, "passes over the training data"),
	NUMBER("hidden", 1, 1024, "LSTM units (default: the preset's)"),
	SEED,
	JSON,
	{0},
};

static const struct vrs_args_option sweep_options[] = {
	FILES("traces", "recorded load (default: five days of generated groupware)",
	      false),
	{"out", .value = "FOLDER",
	 .help = "folder for table.csv and plots; created if missing", .required = true},
	ENTITY,
	FAILURE,
	NUMBER("epochs", 1, 10000, "passes per net (default 100)"),
	NUMBER("hidden", 1, 1024, "LSTM units (default 64)"),
	SEED,
	JSON,
	{0},
};

static const struct vrs_args_option decide_options[] = {
	FILES("truth", "recorded load: CSV, may be gzipped", true),
	{"forecasts", .value = "FILE",
	 .help = "peaks written by backtest (default: simple rules only)"},
	TIME("from", "first origin", true),
	TIME("to", "last origin", true),
	STEP,
	NUMBER("horizon", 5, 1440, "minutes that the VM stays (default 240)"),
	NUMBER("theta", 1, 100, "CPU limit in percent (default 80)"),
	NUMBER("demand", 0, 100, "CPU demand of the VM in percent (default 20)"),
	NUMBER("candidates", 1, 64, "clusters to choose from (default 5)"),
	NUMBER("draws", 1, 100000, "placements per origin (default 20)"),
	SEED,
	JSON,
	{0},
};

static const struct vrs_args_option bench_options[] = {
	FILES("traces", "recorded load (default: generated workloads)", false),
	NUMBER("windows", 512, 1000000,
	       "windows to train the default net (default 8192)"),
	NUMBER("epochs", 1, 1000, "passes over these windows (default 2)"),
	NUMBER("runs", 1, 100, "runs; the best one is reported (default 3)"),
	{"alone", .help = "do not compare with PyTorch"},
	{0},
};

static const struct vrs_args_command commands[] = {
	{"serve", "[SETTINGS]", NULL, "Run the service (default)",
	 "vrs-predictor serve --help lists its settings.", NULL, NULL},
	{"generate", "", generate_options,
	 "Generate the load of one of the paper's workloads", NULL, NULL, cmd_generate},
	{"train", "", train_options, "Train a model on recorded load",
	 "With a preset of the paper: one net per series.", NULL, cmd_train},
	{"forecast", "", forecast_options,
	 "Forecast the next 240 minutes of recorded load", NULL, NULL, cmd_forecast},
	{"backtest", "", backtest_options,
	 "Score past forecasts, compared with simple rules",
	 "Each forecast uses only what was known at its origin.", NULL, cmd_backtest},
	{"paper", "", paper_options,
	 "Train and test the paper's one-minute LSTM on one series",
	 "Compared with the last value and with the same time yesterday.", NULL,
	 cmd_paper},
	{"sweep", "", sweep_options,
	 "Repeat the paper's comparisons as a table and plots",
	 "Trains the paper's net with each scaler, window and batch in turn; the other\n"
	 "settings are those of its Table 13. The plots are SVG files.",
	 NULL, cmd_sweep},
	{"decide", "", decide_options,
	 "Score placement by forecasts, compared with simple rules",
	 "The score is the avoidable overload rate (AOR).", NULL, cmd_decide},
	{"bench", "", bench_options, "Measure how fast nets train and forecast",
	 "The paper's net, the default net, and 10,000 forecasts at once and one at a\n"
	 "time; compared with PyTorch if python3-torch is installed.",
	 NULL, cmd_bench},
	{0},
};

static const struct vrs_args_program program = {
	.name = "vrs-predictor",
	.summary = "train and score forecasts of CPU load",
	.text = "Trains forecasting models on recorded load and scores them. Without a\n"
		"command it is the service that forecasts for the scheduler.",
	.commands = commands,
	.examples = "vrs-predictor train --traces history.csv.gz --model my.model\n"
		    "vrs-predictor forecast --traces history.csv.gz --model my.model "
		    "--at 2026-11-01T00:00:00Z\n",
	.exit_codes = "0 ok, 1 failed, 2 usage, 3 not found",
	.see_also = ".BR vrs-predictor (8),\n",
};

int commands_run(int argc, char **argv)
{
	struct vrs_ctl ctl = {0};
	int code = vrs_args_begin(&ctl.args, &program, argc, argv);

	return code >= 0 ? code : ctl.args.command->run(&ctl);
}
