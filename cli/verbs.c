/* The table of verbs: what vrsctl can do, in the order of its help. */
#include "ctl.h"

const struct opt ctl_globals[] = {
	{"scheduler", 's', "URL",
	 "the scheduler's control socket (VRSAS_CONTROL, tcp://127.0.0.1:7705)"},
	{"etl", 0, "URL", "etl's fill socket (VRSAS_FILL, tcp://127.0.0.1:7702)"},
	{"gateway", 'g', "URL",
	 "ask everything through this gateway, from afar (VRSAS_GATEWAY)"},
	{"token-file", 0, "FILE",
	 "token for the gateway (VRSAS_TOKEN_FILE, or VRSAS_TOKEN itself)"},
	{"ca", 0, "FILE", "who may have signed the gateway's certificate (VRSAS_CA)"},
	{"output", 'o', "FORMAT", "table (default) or json, see docs/JSON.md"},
	{"watch", 'w', "[S]", "show again every S seconds (default 2)"},
	{"no-headers", 0, NULL, "tables without their first line"},
	{"timeout", 0, "S", "give up on an answer after this long (default 10s)"},
	{"yes", 'y', NULL, "do not ask before data is moved"},
	{"help", 'h', NULL, "help, also for one verb"},
	{"version", 'V', NULL, "print the version"},
	{"man", 0, NULL, "print the manual page (roff)"},
	{"completion", 0, "SHELL", "print the completion for a shell: bash"},
	{0},
};

static const struct opt status_options[] = {
	{"simple", 0, NULL,
	 "one line; exit code 0 ok, 1 warning, 2 critical, 3 unknown, as Nagios has it"},
	{0},
};

static const struct opt host_options[] = {
	{"cluster", 'c', "CLUSTER", "only hosts of this cluster"},
	{0},
};

static const struct opt vm_options[] = {
	{"cluster", 'c', "CLUSTER", "only VMs of this cluster"},
	{"host", 0, "HOST", "only VMs of this host"},
	{0},
};

static const struct opt plan_options[] = {
	{"explain", 0, NULL, "every candidate with its reasons, not only the choice"},
	{0},
};

static const struct opt fail_options[] = {
	{"confirm-off", 0, NULL,
	 "you have seen that the host is powered off and will stay off"},
	{"reason", 0, "TEXT", "why; required with --confirm-off, kept in the journal"},
	{"withdraw", 0, NULL,
	 "take an earlier word back, as long as nothing rests on it"},
	{0},
};

static const struct opt relocate_options[] = {
	{"to", 0, "CLUSTER", "this cluster, not the one that fits best"},
	{"dry-run", 'n', NULL, "show the decision, do nothing"},
	{"reason", 0, "TEXT", "why; kept in the journal"},
	{"wait", 0, "[S]", "follow it until it is done, at most S seconds"},
	{0},
};

static const struct opt failback_options[] = {
	{"dry-run", 'n', NULL, "show what would be done, do nothing"},
	{"wait", 0, "[S]", "follow it until it is done, at most S seconds"},
	{0},
};

static const struct opt list_options[] = {
	{"open", 0, NULL, "only those that are not at rest"},
	{0},
};

static const struct opt cancel_options[] = {
	{"reason", 0, "TEXT", "why; kept in the journal"},
	{0},
};

static const struct opt event_options[] = {
	{"follow", 'f', NULL, "go on with new ones as they come"},
	{"limit", 'n', "N", "how many of the newest (default 50)"},
	{"vm", 0, "VM", "only those about this VM"},
	{0},
};

static const struct opt export_options[] = {
	{"host", 0, "HOST", "only this host"},
	{"from", 0, "TIME", "first minute: RFC 3339, or 24h, 7d ago (default 24h)"},
	{"to", 0, "TIME", "end, not included (default now)"},
	{"file", 0, "FILE", "write there, not to standard output"},
	{0},
};

static const struct opt import_options[] = {
	{"check", 0, NULL, "read and check the file, send nothing"},
	{0},
};

const struct verb ctl_verbs[] = {
	{"status", "", 0, 0, status_options,
	 "Health, clusters, services and open relocations",
	 "The reasons for anything but HEALTHY come first.",
	 "vrsctl status\nvrsctl status --watch=5\nvrsctl status --simple\n"
	 "vrsctl status -o json | jq .health\n",
	 verb_status},
	{"host list", "", 0, 0, host_options, "Hosts of all clusters with their load",
	 NULL, "vrsctl host list\nvrsctl host list -c prod1\n", verb_host_list},
	{"vm list", "", 0, 0, vm_options,
	 "VMs, where they run and whether they are protected", NULL,
	 "vrsctl vm list --host h1\nvrsctl vm list -o json\n", verb_vm_list},
	{"forecast", "HOST|CLUSTER", 1, 1, NULL,
	 "CPU of the next hours, and how sure that is",
	 "A host is named by itself where that is clear, else as CLUSTER/HOST.",
	 "vrsctl forecast prod1\nvrsctl forecast prod1/h1\n", verb_forecast},
	{"plan", "HOST", 1, 1, plan_options,
	 "Dry run: where would each VM go if this host died now",
	 "Nothing is ordered. What was ruled out is shown with its reason.",
	 "vrsctl plan h1\nvrsctl plan h1 --explain\n", verb_plan},
	{"fail", "HOST", 1, 1, fail_options, "Your word that a host has failed",
	 "Your word makes the scheduler fence the host at once. Where it cannot be "
	 "fenced,\n"
	 "--confirm-off is your signed word that it is off: proof of death (F5). If you "
	 "are\n"
	 "wrong, a VM may run twice; go and look before you say it.",
	 "vrsctl fail h1\n"
	 "vrsctl fail h1 --confirm-off --reason 'seen dark in rack 4, plug drawn'\n"
	 "vrsctl fail h1 --withdraw\n",
	 verb_fail},
	{"relocate", "VM", 1, 1, relocate_options, "Move a VM to another cluster",
	 "Shows the decision and asks before anything is moved.",
	 "vrsctl relocate web1 --dry-run\nvrsctl relocate web1 --to prod2 --wait\n",
	 verb_relocate},
	{"failback", "VM", 1, 1, failback_options, "Bring a VM home",
	 "Only blocks that changed travel. The copy away is kept until home runs.",
	 "vrsctl failback web1 --wait\n", verb_failback},
	{"explain", "VM|HOST|CLUSTER", 1, 1, NULL,
	 "Why: every candidate of a decision, for and against",
	 "Of a VM with a story the decision it went by; of any other VM, or of a host, "
	 "the "
	 "one\n"
	 "that would be made now; of a cluster its forecast.",
	 "vrsctl explain web1\nvrsctl explain h1\n", verb_explain},
	{"relocation list", "", 0, 0, list_options, "Stories of VMs, open ones first",
	 NULL, "vrsctl relocation list --open --watch\n", verb_relocation_list},
	{"relocation show", "VM", 1, 1, NULL, "One story with its journal and evidence",
	 NULL, "vrsctl relocation show web1\n", verb_relocation_show},
	{"relocation explain", "VM", 1, 1, NULL,
	 "Why it went where it went: every candidate, for and against", NULL,
	 "vrsctl relocation explain web1\n", verb_relocation_explain},
	{"relocation cancel", "VM", 1, 1, cancel_options,
	 "Stop a relocation that has not passed its point of no return", NULL,
	 "vrsctl relocation cancel web1 --reason 'host is back'\n",
	 verb_relocation_cancel},
	{"transfer list", "", 0, 0, list_options,
	 "Copies of disks: those at work, then those that ended", NULL,
	 "vrsctl transfer list --open --watch\n", verb_transfer_list},
	{"transfer show", "JOB|VM", 1, 1, NULL, "One copy with its rates and its proof",
	 NULL, "vrsctl transfer show web1\n", verb_transfer_show},
	{"transfer pause", "JOB|VM", 1, 1, NULL, "Hold a copy until it is told to go on",
	 "What was copied stays; others may take its place meanwhile.",
	 "vrsctl transfer pause web1\n", verb_transfer_pause},
	{"transfer resume", "JOB|VM", 1, 1, NULL, "Let a held copy go on", NULL,
	 "vrsctl transfer resume web1\n", verb_transfer_resume},
	{"transfer cancel", "JOB|VM", 1, 1, NULL,
	 "Give a copy up and remove what it left at its target",
	 "A copy that a relocation waits for is given up with it: vrsctl relocation "
	 "cancel.",
	 "vrsctl transfer cancel web1\n", verb_transfer_cancel},
	{"transfer rate", "JOB|VM RATE", 2, 2, NULL,
	 "Limit a copy to so many bytes a second, or to none",
	 "RATE is a number with K, M or G, or the word none.",
	 "vrsctl transfer rate web1 50M\nvrsctl transfer rate web1 none\n",
	 verb_transfer_rate},
	{"transfer times", "[FROM [TO]]", 0, 2, NULL,
	 "What copies between clusters were expected to take, and what they took", NULL,
	 "vrsctl transfer times\nvrsctl transfer times prod1 prod2 -o json\n",
	 verb_transfer_times},
	{"events", "", 0, 0, event_options, "What happened", NULL,
	 "vrsctl events --follow\nvrsctl events --vm web1 -n 200\n", verb_events},
	{"export", "CLUSTER", 1, 1, export_options,
	 "History as CSV, one row a host a minute",
	 "Columns: Date, Time, Hostname, IP, max vCPUs, left vCPUs, max RAM, left RAM,\n"
	 "average CPU rate.",
	 "vrsctl export prod1 --from 7d > prod1.csv\n"
	 "vrsctl export prod1 --from 2026-11-01T00:00:00Z --to 2026-11-02T00:00:00Z\n",
	 verb_export},
	{"import", "CLUSTER FILE", 2, 2, import_options,
	 "Load such a CSV into the history",
	 "FILE may be - for standard input. Doing it twice has the effect of once.",
	 "vrsctl import prod1 prod1.csv\nvrsctl import prod1 --check prod1.csv\n",
	 verb_import},
	{0},
};
