/* The table of verbs: what vrsctl can do, in the order of its help. */
#include "client/ctl.h"

const struct opt ctl_globals[] = {
	{"scheduler", 's', "URL",
	 "the scheduler's control socket (VRSAS_CONTROL, tcp://127.0.0.1:7705)"},
	{"etl", 0, "URL", "etl's fill socket (VRSAS_FILL, tcp://127.0.0.1:7702)"},
	{"gateway", 'g', "URL",
	 "use this gateway instead of both sockets (VRSAS_GATEWAY)"},
	{"token-file", 0, "FILE",
	 "file with the gateway token (VRSAS_TOKEN_FILE, or VRSAS_TOKEN itself)"},
	{"ca", 0, "FILE", "CA that signed the gateway's certificate (VRSAS_CA)"},
	{"output", 'o', "FORMAT", "table (default) or json, see docs/JSON.md"},
	{"watch", 'w', "[S]", "refresh every S seconds (default 2)"},
	{"no-headers", 0, NULL, "print tables without the header line"},
	{"timeout", 0, "S", "time limit for a reply (default 10s)"},
	{"yes", 'y', NULL, "do not ask for confirmation"},
	{"help", 'h', NULL, "print help, or help for one verb"},
	{"version", 'V', NULL, "print the version"},
	{"man", 0, NULL, "print the manual page (roff)"},
	{"completion", 0, "SHELL", "print the completion script for a shell: bash"},
	{0},
};

static const struct opt status_options[] = {
	{"simple", 0, NULL,
	 "one line, with the exit code of a Nagios plugin: 0 ok, 1 warning, 2 critical, "
	 "3 unknown"},
	{0},
};

static const struct opt host_options[] = {
	{"cluster", 'c', "CLUSTER", "only hosts of this cluster"},
	{0},
};

static const struct opt vm_options[] = {
	{"cluster", 'c', "CLUSTER", "only VMs of this cluster"},
	{"host", 0, "HOST", "only VMs on this host"},
	{0},
};

static const struct opt plan_options[] = {
	{"explain", 0, NULL, "show every candidate with its reasons"},
	{0},
};

static const struct opt fail_options[] = {
	{"confirm-off", 0, NULL,
	 "claim that the host is powered off and stays off; check it on site first"},
	{"reason", 0, "TEXT",
	 "reason, recorded in the journal; required with --confirm-off"},
	{"withdraw", 0, NULL,
	 "withdraw an earlier declaration, unless a relocation already relied on it"},
	{0},
};

static const struct opt relocate_options[] = {
	{"to", 0, "CLUSTER", "target cluster (default: the best candidate)"},
	{"dry-run", 'n', NULL, "show the decision, change nothing"},
	{"reason", 0, "TEXT", "reason, recorded in the journal"},
	{"wait", 0, "[S]", "wait until it is done, at most S seconds"},
	{0},
};

static const struct opt failback_options[] = {
	{"dry-run", 'n', NULL, "show the plan, change nothing"},
	{"wait", 0, "[S]", "wait until it is done, at most S seconds"},
	{0},
};

static const struct opt list_options[] = {
	{"open", 0, NULL, "only active ones"},
	{0},
};

static const struct opt cancel_options[] = {
	{"reason", 0, "TEXT", "reason, recorded in the journal"},
	{0},
};

static const struct opt event_options[] = {
	{"follow", 'f', NULL, "print new events as they arrive"},
	{"limit", 'n', "N", "show the newest N events (default 50)"},
	{"vm", 0, "VM", "only events of this VM"},
	{0},
};

static const struct opt export_options[] = {
	{"host", 0, "HOST", "only this host"},
	{"from", 0, "TIME", "start: RFC 3339, or an age such as 24h or 7d (default 24h)"},
	{"to", 0, "TIME", "end, exclusive (default now)"},
	{"file", 0, "FILE", "write to FILE instead of standard output"},
	{0},
};

static const struct opt import_options[] = {
	{"check", 0, NULL, "validate the file, send nothing"},
	{0},
};

const struct verb ctl_verbs[] = {
	{"status", "", 0, 0, status_options,
	 "Health, clusters, services and open relocations",
	 "If the health is not HEALTHY, its reasons are listed first.",
	 "vrsctl status\nvrsctl status --watch=5\nvrsctl status --simple\n"
	 "vrsctl status -o json | jq .health\n",
	 verb_status},
	{"host list", "", 0, 0, host_options, "Hosts of all clusters with their load",
	 NULL, "vrsctl host list\nvrsctl host list -c prod1\n", verb_host_list},
	{"vm list", "", 0, 0, vm_options, "VMs with their host and protection", NULL,
	 "vrsctl vm list --host h1\nvrsctl vm list -o json\n", verb_vm_list},
	{"forecast", "HOST|CLUSTER", 1, 1, NULL, "Forecast CPU load, with confidence",
	 "Write CLUSTER/HOST if several clusters have a host of this name.",
	 "vrsctl forecast prod1\nvrsctl forecast prod1/h1\n", verb_forecast},
	{"plan", "HOST", 1, 1, plan_options,
	 "Show where each VM would go if this host failed now",
	 "Nothing is changed. Rejected candidates are listed with their reason.",
	 "vrsctl plan h1\nvrsctl plan h1 --explain\n", verb_plan},
	{"fail", "HOST", 1, 1, fail_options,
	 "Declare a host failed: fence it and relocate its VMs",
	 "The scheduler fences the host at once. If fencing fails, --confirm-off is "
	 "your\n"
	 "signed claim that the host is off, and counts as proof of death (F5). If the "
	 "claim\n"
	 "is wrong, a VM may run twice: check the host on site first.",
	 "vrsctl fail h1\n"
	 "vrsctl fail h1 --confirm-off --reason 'rack 4: no lights, power cable "
	 "unplugged'\n"
	 "vrsctl fail h1 --withdraw\n",
	 verb_fail},
	{"relocate", "VM", 1, 1, relocate_options, "Move a VM to another cluster",
	 "Shows the decision and asks for confirmation.",
	 "vrsctl relocate web1 --dry-run\nvrsctl relocate web1 --to prod2 --wait\n",
	 verb_relocate},
	{"failback", "VM", 1, 1, failback_options, "Move a VM back to its home host",
	 "Only changed blocks are sent. The remote copy is kept until the VM runs at "
	 "home.",
	 "vrsctl failback web1 --wait\n", verb_failback},
	{"explain", "VM|HOST|CLUSTER", 1, 1, NULL,
	 "Explain a decision: every candidate, for and against",
	 "For a VM being relocated: the decision taken. For other VMs and hosts: the "
	 "decision\n"
	 "that would be taken now. For a cluster: its forecast.",
	 "vrsctl explain web1\nvrsctl explain h1\n", verb_explain},
	{"relocation list", "", 0, 0, list_options, "List relocations, active ones first",
	 NULL, "vrsctl relocation list --open --watch\n", verb_relocation_list},
	{"relocation show", "VM", 1, 1, NULL,
	 "Show one relocation with its journal and evidence", NULL,
	 "vrsctl relocation show web1\n", verb_relocation_show},
	{"relocation explain", "VM", 1, 1, NULL,
	 "Explain the choice of the target: every candidate, for and against", NULL,
	 "vrsctl relocation explain web1\n", verb_relocation_explain},
	{"relocation cancel", "VM", 1, 1, cancel_options,
	 "Cancel a relocation before its point of no return", NULL,
	 "vrsctl relocation cancel web1 --reason 'host is back'\n",
	 verb_relocation_cancel},
	{"transfer list", "", 0, 0, list_options, "List disk copies, active ones first",
	 NULL, "vrsctl transfer list --open --watch\n", verb_transfer_list},
	{"transfer show", "JOB|VM", 1, 1, NULL, "Show one copy with its rates and hashes",
	 NULL, "vrsctl transfer show web1\n", verb_transfer_show},
	{"transfer pause", "JOB|VM", 1, 1, NULL, "Pause a copy until it is resumed",
	 "Copied data is kept. Queued copies may run meanwhile.",
	 "vrsctl transfer pause web1\n", verb_transfer_pause},
	{"transfer resume", "JOB|VM", 1, 1, NULL, "Resume a paused copy", NULL,
	 "vrsctl transfer resume web1\n", verb_transfer_resume},
	{"transfer cancel", "JOB|VM", 1, 1, NULL,
	 "Cancel a copy and remove its partial data at the target",
	 "To cancel a copy of a relocation, use vrsctl relocation cancel.",
	 "vrsctl transfer cancel web1\n", verb_transfer_cancel},
	{"transfer rate", "JOB|VM RATE", 2, 2, NULL,
	 "Set or lift a copy's bandwidth limit",
	 "RATE is bytes per second, with K, M or G, or none.",
	 "vrsctl transfer rate web1 50M\nvrsctl transfer rate web1 none\n",
	 verb_transfer_rate},
	{"transfer times", "[FROM [TO]]", 0, 2, NULL,
	 "Compare expected and actual durations of copies between clusters", NULL,
	 "vrsctl transfer times\nvrsctl transfer times prod1 prod2 -o json\n",
	 verb_transfer_times},
	{"events", "", 0, 0, event_options, "List events", NULL,
	 "vrsctl events --follow\nvrsctl events --vm web1 -n 200\n", verb_events},
	{"export", "CLUSTER", 1, 1, export_options,
	 "Export the history as CSV, one row per host and minute",
	 "Columns: Date, Time, Hostname, IP, max vCPUs, left vCPUs, max RAM, left RAM,\n"
	 "average CPU rate.",
	 "vrsctl export prod1 --from 7d > prod1.csv\n"
	 "vrsctl export prod1 --from 2026-11-01T00:00:00Z --to 2026-11-02T00:00:00Z\n",
	 verb_export},
	{"import", "CLUSTER FILE", 2, 2, import_options,
	 "Import an exported CSV file into the history",
	 "FILE may be - for standard input. Importing the same file again changes "
	 "nothing.",
	 "vrsctl import prod1 prod1.csv\nvrsctl import prod1 --check prod1.csv\n",
	 verb_import},
	{0},
};
