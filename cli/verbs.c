/* The table of commands: what vrsctl can do, in the order of its help. */
#include "client/ctl.h"

static const struct vrs_args_option globals[] = {
	{"scheduler", 's', "URL",
	 .help = "the scheduler's control socket (VRSAS_CONTROL, tcp://127.0.0.1:7705)"},
	{"etl", 0, "URL", .help = "etl's fill socket (VRSAS_FILL, tcp://127.0.0.1:7702)"},
	{"gateway", 'g', "URL",
	 .help = "use this gateway instead of both sockets (VRSAS_GATEWAY)"},
	{"token-file", 0, "FILE",
	 .help = "file with the gateway token (VRSAS_TOKEN_FILE, or VRSAS_TOKEN itself)"},
	{"ca", 0, "FILE", .help = "CA that signed the gateway's certificate (VRSAS_CA)"},
	{"output", 'o', "table|json",
	 .help = "output format (default table), see docs/JSON.md",
	 .type = VRS_OPT_CHOICE},
	{"watch", 'w', "[S]", .help = "refresh every S seconds (default 2)",
	 .type = VRS_OPT_DURATION, .min = 1},
	{"no-headers", 0, NULL, .help = "print tables without the header line"},
	{"timeout", 0, "S", .help = "time limit for a reply (default 10s)",
	 .type = VRS_OPT_DURATION, .min = 1},
	{"yes", 'y', NULL, .help = "do not ask for confirmation"},
	{0},
};

static const struct vrs_args_option status_options[] = {
	{"simple", 0, NULL,
	 .help = "one line, with the exit code of a Nagios plugin: 0 ok, 1 warning, 2 "
		 "critical, "
		 "3 unknown"},
	{0},
};

static const struct vrs_args_option host_options[] = {
	{"cluster", 'c', "CLUSTER", .help = "only hosts of this cluster"},
	{0},
};

static const struct vrs_args_option vm_options[] = {
	{"cluster", 'c', "CLUSTER", .help = "only VMs of this cluster"},
	{"host", 0, "HOST", .help = "only VMs on this host"},
	{0},
};

static const struct vrs_args_option plan_options[] = {
	{"explain", 0, NULL, .help = "show every candidate with its reasons"},
	{0},
};

static const struct vrs_args_option preflight_options[] = {
	{"all", 0, NULL, .help = "examine every protected VM (the default)"},
	{"to", 0, "CLUSTER", .help = "examine only a move to this cluster"},
	{0},
};

static const struct vrs_args_option fail_options[] = {
	{"confirm-off", 0, NULL,
	 .help = "claim that the host is powered off and stays off; check it on site "
		 "first"},
	{"reason", 0, "TEXT",
	 .help = "reason, recorded in the journal; required with --confirm-off"},
	{"withdraw", 0, NULL,
	 .help = "withdraw an earlier declaration, unless a relocation already relied on "
		 "it"},
	{0},
};

static const struct vrs_args_option relocate_options[] = {
	{"to", 0, "CLUSTER", .help = "target cluster (default: the best candidate)"},
	{"dry-run", 'n', NULL, .help = "show the decision, change nothing"},
	{"reason", 0, "TEXT", .help = "reason, recorded in the journal"},
	{"wait", 0, "[S]", .help = "wait until the VM has moved, at most S seconds",
	 .type = VRS_OPT_DURATION, .min = 1},
	{0},
};

static const struct vrs_args_option failback_options[] = {
	{"dry-run", 'n', NULL, .help = "show the plan, change nothing"},
	{"wait", 0, "[S]", .help = "wait until the VM has moved, at most S seconds",
	 .type = VRS_OPT_DURATION, .min = 1},
	{0},
};

static const struct vrs_args_option list_options[] = {
	{"open", 0, NULL, .help = "only active relocations or transfers"},
	{0},
};

static const struct vrs_args_option cancel_options[] = {
	{"reason", 0, "TEXT", .help = "reason, recorded in the journal"},
	{0},
};

static const struct vrs_args_option event_options[] = {
	{"follow", 'f', NULL, .help = "print new events as they arrive"},
	{"limit", 'n', "N", .help = "show the newest N events (default 50)",
	 .type = VRS_OPT_INT, .min = 1, .max = 10000},
	{"vm", 0, "VM", .help = "only events of this VM"},
	{0},
};

static const struct vrs_args_option export_options[] = {
	{"host", 0, "HOST", .help = "only readings of this host"},
	{"from", 0, "TIME",
	 .help = "start: RFC 3339, or an age such as 24h or 7d (default 24h)"},
	{"to", 0, "TIME", .help = "end, exclusive (default now)"},
	{"file", 0, "FILE", .help = "write to FILE instead of standard output"},
	{0},
};

static const struct vrs_args_option import_options[] = {
	{"check", 0, NULL, .help = "validate the file, send nothing"},
	{0},
};

static const struct vrs_args_command commands[] = {
	{"status", "", status_options, "Health, clusters, services and open relocations",
	 "If the health is not HEALTHY, its reasons are listed first.",
	 "vrsctl status\nvrsctl status --watch=5\nvrsctl status --simple\n"
	 "vrsctl status -o json | jq .health\n",
	 verb_status},
	{"host list", "", host_options, "Hosts of all clusters with their load", NULL,
	 "vrsctl host list\nvrsctl host list -c prod1\n", verb_host_list},
	{"vm list", "", vm_options, "VMs with their host and protection", NULL,
	 "vrsctl vm list --host h1\nvrsctl vm list -o json\n", verb_vm_list},
	{"forecast", "HOST|CLUSTER", NULL, "Forecast CPU load, with confidence",
	 "Write CLUSTER/HOST if several clusters have a host of this name.",
	 "vrsctl forecast prod1\nvrsctl forecast prod1/h1\n", verb_forecast},
	{"plan", "HOST", plan_options,
	 "Show where each VM would go if this host failed now",
	 "Nothing is changed. Rejected candidates are listed with their reason.",
	 "vrsctl plan h1\nvrsctl plan h1 --explain\n", verb_plan},
	{"preflight", "[VM|HOST]", preflight_options,
	 "Show what would stop or change a move of each VM",
	 "Nothing is changed. Each finding stops the move, changes the guest, or names "
	 "what is\n"
	 "left behind, and is followed by its remedy. The exit code is 1 if some VM "
	 "cannot be\n"
	 "moved to any cluster.",
	 "vrsctl preflight\nvrsctl preflight web1 --to prod2\nvrsctl preflight prod1/h1 "
	 "-o json\n",
	 verb_preflight},
	{"fail", "HOST", fail_options,
	 "Declare a host failed: fence it and relocate its VMs",
	 "The scheduler fences the host at once. If fencing fails, --confirm-off is your "
	 "claim,\nrecorded with your name and reason, that the host is off. It counts as "
	 "proof of death\n(F5). If the claim is wrong, a VM may run twice: check the "
	 "host on site first.",
	 "vrsctl fail h1\n"
	 "vrsctl fail h1 --confirm-off --reason 'rack 4: no lights, power cable "
	 "unplugged'\n"
	 "vrsctl fail h1 --withdraw\n",
	 verb_fail},
	{"relocate", "VM", relocate_options, "Move a VM to another cluster",
	 "Shows the decision and asks for confirmation.",
	 "vrsctl relocate web1 --dry-run\nvrsctl relocate web1 --to prod2 --wait\n",
	 verb_relocate},
	{"failback", "VM", failback_options, "Move a VM back to its home host",
	 "Only changed blocks are sent. The remote copy is kept until the VM runs at "
	 "home.",
	 "vrsctl failback web1 --wait\n", verb_failback},
	{"explain", "VM|HOST|CLUSTER", NULL,
	 "Explain a decision: every candidate, for and against",
	 "For a VM being relocated: the decision taken. For other VMs and hosts: the "
	 "decision\n"
	 "that would be taken now. For a cluster: its forecast.",
	 "vrsctl explain web1\nvrsctl explain h1\n", verb_explain},
	{"relocation list", "", list_options, "List relocations, active ones first", NULL,
	 "vrsctl relocation list --open --watch\n", verb_relocation_list},
	{"relocation show", "VM", NULL,
	 "Show one relocation with its journal and evidence", NULL,
	 "vrsctl relocation show web1\n", verb_relocation_show},
	{"relocation explain", "VM", NULL,
	 "Explain the choice of the target: every candidate, for and against", NULL,
	 "vrsctl relocation explain web1\n", verb_relocation_explain},
	{"relocation cancel", "VM", cancel_options,
	 "Cancel a relocation before its point of no return", NULL,
	 "vrsctl relocation cancel web1 --reason 'host is back'\n",
	 verb_relocation_cancel},
	{"transfer list", "", list_options, "List disk copies, active ones first", NULL,
	 "vrsctl transfer list --open --watch\n", verb_transfer_list},
	{"transfer show", "JOB|VM", NULL, "Show one copy with its rates and hashes", NULL,
	 "vrsctl transfer show web1\n", verb_transfer_show},
	{"transfer pause", "JOB|VM", NULL, "Pause a copy until it is resumed",
	 "Copied data is kept. Queued copies may run meanwhile.",
	 "vrsctl transfer pause web1\n", verb_transfer_pause},
	{"transfer resume", "JOB|VM", NULL, "Resume a paused copy", NULL,
	 "vrsctl transfer resume web1\n", verb_transfer_resume},
	{"transfer cancel", "JOB|VM", NULL,
	 "Cancel a copy and remove its partial data at the target",
	 "To cancel a copy of a relocation, use vrsctl relocation cancel.",
	 "vrsctl transfer cancel web1\n", verb_transfer_cancel},
	{"transfer rate", "JOB|VM RATE", NULL, "Set or lift a copy's bandwidth limit",
	 "RATE is in bytes per second, with K, M or G, or none to lift the limit.",
	 "vrsctl transfer rate web1 50M\nvrsctl transfer rate web1 none\n",
	 verb_transfer_rate},
	{"transfer times", "[FROM [TO]]", NULL,
	 "Compare expected and actual durations of copies between clusters", NULL,
	 "vrsctl transfer times\nvrsctl transfer times prod1 prod2 -o json\n",
	 verb_transfer_times},
	{"events", "", event_options, "List events", NULL,
	 "vrsctl events --follow\nvrsctl events --vm web1 -n 200\n", verb_events},
	{"export", "CLUSTER", export_options,
	 "Export the history as CSV, one row per host and minute",
	 "Columns: Date, Time, Hostname, IP, max vCPUs, left vCPUs, max RAM, left RAM,\n"
	 "average CPU rate.",
	 "vrsctl export prod1 --from 7d > prod1.csv\n"
	 "vrsctl export prod1 --from 2026-11-01T00:00:00Z --to 2026-11-02T00:00:00Z\n",
	 verb_export},
	{"import", "CLUSTER FILE", import_options,
	 "Import an exported CSV file into the history",
	 "FILE may be - for standard input. Importing the same file again changes "
	 "nothing.",
	 "vrsctl import prod1 prod1.csv\nvrsctl import prod1 --check prod1.csv\n",
	 verb_import},
	{0},
};

static const struct vrs_args_option environment[] = {
	{"VRSAS_CONTROL", .help = "Address of the scheduler's control socket"},
	{"VRSAS_FILL", .help = "Address of etl's fill socket"},
	{"VRSAS_GATEWAY", .help = "Gateway to use instead of both sockets"},
	{"VRSAS_TOKEN_FILE", .help = "File with the gateway token in its first line"},
	{"VRSAS_TOKEN", .help = "The gateway token, if no file is given"},
	{"VRSAS_CA", .help = "CA that signed the gateway's certificate"},
	{"NO_COLOR", .help = "If set, output has no colour"},
	{0},
};

const struct vrs_args_program ctl_program = {
	.name = "vrsctl",
	.summary = "query and control VR-SAS",
	.text = "Queries and controls VR-SAS, which relocates VMs between clusters after "
		"failures.\nData goes to standard output, messages to standard error.",
	.commands = commands,
	.options = globals,
	.environment = environment,
	.examples = "vrsctl status\nvrsctl plan h1\nvrsctl explain web1\n"
		    "vrsctl events --follow\n",
	.exit_codes = "0 ok, 1 failed, 2 usage, 3 not found, 4 refused by policy, "
		      "5 unreachable, 6 timeout",
};
