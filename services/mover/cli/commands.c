/* The table of commands: what vrs-mover can do beside the service. */
#include <stdlib.h>

#include "cli/cmd.h"
#include "remote/limits.h"
#include "vrs/log.h"

#define FORMATS "raw|qcow2|vmdk|vhdx"
#define FORMAT(option, of)                                                               \
	{                                                                                \
		.name = (option), .value = FORMATS, .type = VRS_OPT_CHOICE,              \
		.help = "format of " of " (default: from its name, else raw)"            \
	}
static const struct vrs_args_option copy_options[] = {
	FORMAT("format", "DST"),
	FORMAT("from-format", "SRC"),
	{"seed", .value = "OLD",
	 .help = "older copy at the target; only changes are sent. If OLD is DST, DST is "
		 "replaced after verification"},
	{"base", .value = "OLD"}, /* earlier name of --seed */
	{"compress", .value = "auto|off|zstd", .type = VRS_OPT_CHOICE,
	 .help = "auto (default: compress only while that is faster), off, zstd "
		 "(always)"},
	{"limit", .value = "RATE", .type = VRS_OPT_BYTES,
	 .help = "bandwidth limit in bytes per second (K, M, G)"},
	{"tries", .value = "N", .type = VRS_OPT_INT, .min = 1, .max = 1000000,
	 .help = "attempts after a lost connection (default 5)"},
	{"every", .value = "SECONDS", .type = VRS_OPT_INT, .min = 1, .max = 31536000,
	 .help = "interval at which seed repeats the copy (default: once)"},
	{"direct", .value = "never|auto|always", .type = VRS_OPT_CHOICE,
	 .help = "copy directly between two remote hosts: never (default: through this "
		 "machine), auto (if possible), always. The vrs-mover on SRC's host "
		 "sends to DST, with its own keys and known hosts"},
	{"vrs-mover", .value = "PATH",
	 .help = "path of vrs-mover on SRC's host (default: vrs-mover)"},
	{"verify", .help = "read back and compare; always on"},
	{"resume", .help = "continue an interrupted copy; always on"},
	{0},
};

static const struct vrs_args_option verify_options[] = {
	FORMAT("format", "B"), FORMAT("from-format", "A"), {0}};

static const struct vrs_args_option hash_options[] = {FORMAT("format", "IMAGE"), {0}};

_Static_assert(REMOTE_DEFAULT_CONNECTIONS == 2 && REMOTE_DISTANT_CONNECTIONS == 6 &&
		       REMOTE_DISTANT_MS == 4 && REMOTE_SFTP_SESSIONS == 4,
	       "the help of --connections names the defaults");

static const struct vrs_args_option globals[] = {
	{"port", 'p', "PORT", .type = VRS_OPT_INT, .min = 1, .max = 65535,
	 .help = "SSH port"},
	{"key", 'i', "KEY",
	 .help = "private key file; KEY-cert.pub beside it is used too (default: agent, "
		 "default keys)"},
	{"ssh-config", 'F', "FILE",
	 .help = "SSH settings, with ProxyJump and ProxyCommand (default: "
		 "~/.ssh/config, unless --known-hosts is given)"},
	{"known-hosts", .value = "FILE",
	 .help = "known hosts (default: ~/.ssh/known_hosts); other hosts are refused"},
	{"connections", .value = "N", .type = VRS_OPT_INT, .min = 1,
	 .max = REMOTE_MAX_CONNECTIONS,
	 .help = "SSH connections, 1 to 8 (default: 2; 6 if the round trip is at least 4 "
		 "ms; 4 over SFTP)"},
	{"vrs-image", .value = "PATH",
	 .help = "path of vrs-image on the remote host (default: upload this one to "
		 "~/.vrsas)"},
	{"sftp", .help = "use SFTP only and start no program on the remote host "
			 "(default: only if none can be started)"},
	{"json", .help = "print the result as one JSON object"},
	{0},
};

static const struct vrs_args_command commands[] = {
	{"serve", "[SETTINGS]", NULL, "Run the service (default)",
	 "'vrs-mover serve --help' lists its settings.", NULL, NULL},
	{"copy", "SRC DST", copy_options, "Copy one disk image",
	 "To continue an interrupted copy, run the same command again.",
	 "vrs-mover copy /images/web1.qcow2 root@spare:/images/web1.raw\n"
	 "vrs-mover copy root@a:/images/db1.raw root@b:/images/db1.raw --direct auto\n",
	 cmd_copy},
	{"seed", "SRC DST", copy_options, "Keep DST up to date with SRC",
	 "Like copy with --seed DST: only changes are sent.",
	 "vrs-mover seed /images/web1.raw root@spare:/images/web1.raw --every 600\n",
	 cmd_seed},
	{"verify", "A B", verify_options, "Compare the content of two images",
	 "Exit code 1 if they differ.",
	 "vrs-mover verify /images/web1.qcow2 root@spare:/images/web1.raw\n", cmd_verify},
	{"hash", "IMAGE", hash_options, "Print the hash of an image's content", NULL,
	 "vrs-mover hash root@spare:/images/web1.raw\n", cmd_hash},
	{"direct", "", NULL, "Serve a direct copy on the source host",
	 "Started over SSH by a mover that copies with --direct.", NULL, cmd_direct},
	{0},
};

static const struct vrs_args_program program = {
	.name = "vrs-mover",
	.summary = "copy disk images over SSH and prove them equal",
	.text = "Copies disk images between machines over SSH and proves them equal.\n"
		"SRC, DST, A, B and IMAGE are local paths or user@host:/absolute/path.",
	.commands = commands,
	.options = globals,
	.examples = "vrs-mover copy /images/web1.qcow2 root@spare:/images/web1.raw\n",
	.exit_codes = "0 ok, 1 failed or different, 2 usage, 3 not found, 4 refused, "
		      "5 unreachable, 6 timeout",
	.see_also = ".BR vrs-mover (8),\n",
};

int commands_run(int argc, char **argv)
{
	struct vrs_ctl ctl = {0};
	int code = vrs_args_begin(&ctl.args, &program, argc, argv);

	if (code >= 0)
		return code;
	vrs_log_init("mover", VRS_WARN, false);
	cmd_set_up(&ctl);
	code = ctl.args.command->run(&ctl);
	free((char *)(uintptr_t)ctl.far.program);
	return code;
}
