/* A pretend hypervisor behind the command driver (docs/COMMAND-DRIVER.md), see README.md:
 *
 *   pretend-hv DIR VERB        DIR is one host, the folder it lies in is the world
 *
 * Besides the driver's verbs: power-off (its VMs are killed), power-on, cut, heal. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { OK, FAILED, WRONG, NOT_FOUND, CONFLICT, UNREACHABLE, TIMEOUT };

static char dir[PATH_MAX], world[PATH_MAX], host_name[256], program_dir[PATH_MAX];

static _Noreturn void leave(int code, const char *why)
{
	(void)fprintf(stderr, "%s\n", why);
	exit(code);
}

/* A path below the host's folder, good until the fourth next call. */
static char *at(const char *before, const char *name, const char *after)
{
	static char path[4][PATH_MAX + 300];
	static int turn;
	char *p = path[turn++ % 4];

	(void)snprintf(p, sizeof(path[0]), "%s/%s%s%s", dir, before, name, after);
	return p;
}

/* The first line of a file, "" when there is none. */
static const char *line_of(const char *path)
{
	static char line[512];
	FILE *f = fopen(path, "re");

	line[0] = '\0';
	if (f) {
		if (fgets(line, sizeof(line), f))
			line[strcspn(line, "\n")] = '\0';
		(void)fclose(f);
	}
	return line;
}

static void write_line(const char *path, const char *line)
{
	FILE *f = fopen(path, "we");

	if (!f || fprintf(f, "%s\n", line) < 0 || fclose(f) != 0)
		leave(FAILED, path);
}

static void journal(const char *what, const char *id, int pid)
{
	char path[PATH_MAX + 16];
	struct timespec t;

	(void)snprintf(path, sizeof(path), "%s/journal", world);
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	clock_gettime(CLOCK_REALTIME, &t);
	if (fd >= 0)
		(void)dprintf(fd, "%lld %s %s %s %d\n",
			      (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000, what, id,
			      host_name, pid);
	(void)close(fd);
}

/* Whoever starts something or takes the power holds the host's lock. */
static void lock_host(void)
{
	int fd = open(at("lock", "", ""), O_RDWR | O_CREAT | O_CLOEXEC, 0644);

	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		leave(FAILED, "lock");
}

/* The pid of a running VM, 0 when it does not run: a VM locks its pid file. */
static int pid_of(const char *id)
{
	int fd = open(at("run/", id, ".pid"), O_RDWR | O_CLOEXEC), pid = 0;
	char text[16] = "";

	if (fd < 0)
		return 0;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0 && read(fd, text, sizeof(text) - 1) > 0)
		pid = atoi(text);
	(void)close(fd);
	return pid;
}

/* Waits until nobody holds the VM's pid file any more. */
static void wait_gone(const char *id)
{
	int fd = open(at("run/", id, ".pid"), O_RDWR | O_CLOEXEC);

	if (fd >= 0) {
		(void)flock(fd, LOCK_EX);
		(void)close(fd);
	}
}

static void kill_vm(const char *id)
{
	int pid = pid_of(id);

	if (pid > 0) {
		(void)kill(pid, SIGKILL);
		wait_gone(id);
		journal("kill", id, pid);
	}
	(void)unlink(at("run/", id, ".pid"));
}

static void each_vm(void (*fn)(const char *id, void *arg), void *arg)
{
	DIR *d = opendir(at("vms", "", ""));
	const struct dirent *e;

	while (d && (e = readdir(d))) {
		char id[256];
		size_t n = strlen(e->d_name);

		if (n < 6 || strcmp(e->d_name + n - 5, ".json") != 0)
			continue;
		(void)snprintf(id, sizeof(id), "%.*s", (int)(n - 5), e->d_name);
		fn(id, arg);
	}
	if (d)
		(void)closedir(d);
}

static const char *state_of(const char *id)
{
	if (pid_of(id) > 0) /* its owner paused it: the file says so */
		return access(at("paused", "", ""), F_OK) == 0 ? "paused" : "running";
	return access(at("run/", id, ".pid"), F_OK) == 0 ? "crashed" : "off";
}

/* The stored VM with what is so now. */
static json_t *load_vm(const char *id)
{
	json_t *vm = json_load_file(at("vms/", id, ".json"), 0, NULL), *disk;
	size_t i;

	if (!vm)
		leave(NOT_FOUND, "no such VM");
	json_object_set_new(vm, "state", json_string(state_of(id)));
	json_array_foreach(json_object_get(vm, "disks"), i, disk)
	{
		const char *path = json_string_value(json_object_get(disk, "path"));
		struct stat st;

		if (path && stat(path, &st) == 0) {
			json_object_set_new(disk, "virtual_bytes",
					    json_integer(st.st_size));
			json_object_set_new(disk, "allocated_bytes",
					    json_integer(st.st_blocks * 512));
		}
	}
	return vm;
}

static void answer(json_t *o)
{
	if (json_dumpf(o, stdout, JSON_COMPACT) < 0)
		leave(FAILED, "stdout");
	json_decref(o);
}

/* --- verbs --- */

static void add_ram(const char *id, void *arg)
{
	json_t *vm = load_vm(id);

	if (pid_of(id) > 0)
		*(json_int_t *)arg +=
			json_integer_value(json_object_get(vm, "ram_bytes"));
	json_decref(vm);
}

/* The CPU runs at the ratio that `load` says since it was last asked. */
static void add_cpu(json_t *host)
{
	double was = 0, busy = 0, total = 0, load = 0.05;
	struct timespec t;
	char text[128];

	clock_gettime(CLOCK_MONOTONIC, &t);
	double now = (double)t.tv_sec + (double)t.tv_nsec / 1e9;
	(void)sscanf(line_of(at("load", "", "")), "%lf", &load);
	if (sscanf(line_of(at("cpu", "", "")), "%lf %lf %lf", &was, &busy, &total) != 3)
		was = now - 1;
	total += now - was;
	busy += load * (now - was);
	(void)snprintf(text, sizeof(text), "%.6f %.6f %.6f", now, busy, total);
	write_line(at("cpu", "", ""), text);
	json_object_set_new(host, "cpu_busy", json_real(busy));
	json_object_set_new(host, "cpu_total", json_real(total));
}

static int do_host(const json_t *request)
{
	json_t *host = json_load_file(at("host.json", "", ""), 0, NULL);
	json_int_t ram = 0;

	(void)request;
	lock_host();
	if (!host)
		host = json_pack("{s:i, s:I}", "vcpus", 4, "ram_total_bytes",
				 (json_int_t)8 << 30);
	if (!json_object_get(host, "ram_used_bytes")) {
		each_vm(add_ram, &ram);
		json_object_set_new(host, "ram_used_bytes", json_integer(ram));
	}
	add_cpu(host);
	const char *boot_id = line_of(at("boot", "", ""));
	json_object_set_new(host, "boot_id", json_string(*boot_id ? boot_id : "first"));
	answer(host);
	return OK;
}

static void add_to_list(const char *id, void *arg)
{
	json_array_append_new(arg, load_vm(id));
}

static int do_list(const json_t *request)
{
	json_t *vms = json_array();

	(void)request;
	each_vm(add_to_list, vms);
	answer(json_pack("{s:o}", "vms", vms));
	return OK;
}

static const char *id_of(const json_t *request)
{
	const char *id = json_string_value(json_object_get(request, "id"));

	if (!id || !id[0] || strchr(id, '/') || strlen(id) > 64)
		leave(WRONG, "the request has no id");
	return id;
}

static int do_get(const json_t *request)
{
	answer(load_vm(id_of(request)));
	return OK;
}

static int do_state(const json_t *request)
{
	const char *id = id_of(request);

	json_decref(load_vm(id));
	answer(json_pack("{s:s}", "state", state_of(id)));
	return OK;
}

static int do_define(const json_t *request)
{
	const char *id = id_of(request);
	json_t *vm = json_object_get(request, "vm");
	json_t *native = json_object_get(request, "native");

	lock_host();
	if (pid_of(id) > 0)
		leave(CONFLICT, "it is running");
	if (!json_is_object(vm))
		leave(WRONG, "the request has no vm");
	if (native)
		json_object_set(vm, "native", native);
	json_object_set_new(vm, "autostart", json_false());
	(void)mkdir(at("vms", "", ""), 0755);
	if (json_dump_file(vm, at("vms/", id, ".json"), JSON_INDENT(1)) < 0)
		leave(FAILED, "cannot write");
	return OK;
}

/* Where a VM's guest answers is part of its native definition: {"port": N}. */
static void port_of(const json_t *vm, char *buf, size_t size)
{
	const char *native = json_string_value(json_object_get(vm, "native"));
	json_t *o = native ? json_loads(native, 0, NULL) : NULL;

	(void)snprintf(buf, size, "%d",
		       (int)json_integer_value(json_object_get(o, "port")));
	json_decref(o);
}

static int do_start(const json_t *request)
{
	const char *id = id_of(request);
	char program[PATH_MAX + 16], port[16], ready;
	int out[2], status = 0;

	lock_host();
	if (strcmp(line_of(at("power", "", "")), "off") == 0)
		leave(UNREACHABLE, "no power");
	json_t *vm = load_vm(id);
	if (pid_of(id) > 0) {
		json_decref(vm);
		return OK;
	}
	const json_t *disk = json_array_get(json_object_get(vm, "disks"), 0);
	const char *image = json_string_value(json_object_get(disk, "path"));
	if (!image)
		leave(FAILED, "it has no disk");
	(void)mkdir(at("run", "", ""), 0755);
	port_of(vm, port, sizeof(port));
	(void)snprintf(program, sizeof(program), "%s/pretend-vm", program_dir);
	if (pipe2(out, O_CLOEXEC) < 0)
		leave(FAILED, "pipe");

	pid_t pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);
		char *log = at("run/", id, ".log");
		int err = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

		(void)setsid();
		(void)dup2(null, STDIN_FILENO);
		(void)dup2(out[1], STDOUT_FILENO);
		(void)dup2(err, STDERR_FILENO);
		(void)execl(program, program, id, host_name, image, port,
			    at("run/", id, ".pid"), world, (char *)NULL);
		_exit(127);
	}
	(void)close(out[1]);
	if (read(out[0], &ready, 1) == 1) {
		json_decref(vm);
		return OK;
	}
	(void)waitpid(pid, &status, 0);
	leave(WIFEXITED(status) && WEXITSTATUS(status) ? WEXITSTATUS(status) : FAILED,
	      line_of(at("run/", id, ".log")));
}

static int do_shutdown(const json_t *request)
{
	const char *id = id_of(request);

	json_decref(load_vm(id));
	if (access(at("deaf-", id, ""), F_OK) == 0)
		leave(TIMEOUT, "the guest does not listen");
	int pid = pid_of(id);
	if (pid > 0) {
		(void)kill(pid, SIGTERM);
		wait_gone(id);
	}
	return OK;
}

static int do_destroy(const json_t *request)
{
	const char *id = id_of(request);

	json_decref(load_vm(id));
	kill_vm(id);
	return OK;
}

static int do_undefine(const json_t *request)
{
	const char *id = id_of(request);

	lock_host();
	if (pid_of(id) > 0)
		leave(CONFLICT, "it is running");
	(void)unlink(at("run/", id, ".pid"));
	(void)unlink(at("vms/", id, ".json"));
	return OK;
}

static int do_autostart_off(const json_t *request)
{
	const char *id = id_of(request);

	lock_host();
	json_t *vm = load_vm(id);
	json_object_set_new(vm, "autostart", json_false());
	if (json_dump_file(vm, at("vms/", id, ".json"), JSON_INDENT(1)) < 0)
		leave(FAILED, "cannot write");
	json_decref(vm);
	return OK;
}

static int do_store(const json_t *request)
{
	const char *path = json_string_value(json_object_get(request, "path"));
	struct statvfs st;
	long long total, unused;

	if (sscanf(line_of(at("store", "", "")), "%lld %lld", &total, &unused) != 2) {
		if (!path || statvfs(path, &st) < 0)
			leave(NOT_FOUND, "no such path");
		total = (long long)st.f_blocks * (long long)st.f_frsize;
		unused = (long long)st.f_bavail * (long long)st.f_frsize;
	}
	answer(json_pack("{s:I, s:I}", "total_bytes", (json_int_t)total, "free_bytes",
			 (json_int_t)unused));
	return OK;
}

static const struct {
	const char *verb;
	int (*fn)(const json_t *request);
} verbs[] = {
	{"host", do_host},         {"list", do_list},
	{"get", do_get},           {"state", do_state},
	{"define", do_define},     {"start", do_start},
	{"shutdown", do_shutdown}, {"destroy", do_destroy},
	{"undefine", do_undefine}, {"autostart-off", do_autostart_off},
	{"store", do_store},
};

/* --- the world around the host --- */

static void kill_one(const char *id, void *arg)
{
	(void)arg;
	kill_vm(id);
}

static void boot(void)
{
	struct timespec t;
	char id[48];

	clock_gettime(CLOCK_REALTIME, &t);
	(void)snprintf(id, sizeof(id), "%lld.%09ld", (long long)t.tv_sec, t.tv_nsec);
	write_line(at("boot", "", ""), id);
}

static bool change_world(const char *verb)
{
	if (strcmp(verb, "power-off") == 0) {
		write_line(at("power", "", ""),
			   "off"); /* first: nothing starts any more */
		lock_host();
		each_vm(kill_one, NULL);
		journal("power-off", "-", 0);
	} else if (strcmp(verb, "power-on") == 0) {
		boot();
		write_line(at("power", "", ""), "on");
		journal("power-on", "-", 0);
	} else if (strcmp(verb, "cut") == 0) {
		write_line(at("link", "", ""), "cut");
		journal("cut", "-", 0);
	} else if (strcmp(verb, "heal") == 0) {
		write_line(at("link", "", ""), "up");
		journal("heal", "-", 0);
	} else {
		return false;
	}
	return true;
}

static void find_places(const char *argv0_dir)
{
	char self[PATH_MAX] = "", copy[PATH_MAX];

	if (!realpath(argv0_dir, dir))
		leave(WRONG, "no such host");
	(void)snprintf(copy, sizeof(copy), "%s", dir);
	(void)snprintf(host_name, sizeof(host_name), "%s", basename(copy));
	(void)snprintf(copy, sizeof(copy), "%s", dir);
	(void)snprintf(world, sizeof(world), "%s", dirname(copy));
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) > 0)
		(void)snprintf(program_dir, sizeof(program_dir), "%s", dirname(self));
}

/* Fault files: hang, fail-VERB ("CODE why"), power, link. */
static void meet_faults(const char *verb)
{
	int code = 0;

	if (strcmp(line_of(at("power", "", "")), "off") == 0)
		leave(UNREACHABLE, "no route to host");
	if (strcmp(line_of(at("link", "", "")), "cut") == 0)
		leave(UNREACHABLE, "no route to host");
	if (access(at("hang", "", ""), F_OK) == 0)
		(void)pause();
	const char *line = line_of(at("fail-", verb, ""));
	if (sscanf(line, "%d", &code) == 1)
		leave(code, line);
}

int main(int argc, char **argv)
{
	if (argc != 3)
		leave(WRONG, "usage: pretend-hv DIR VERB");
	find_places(argv[1]);
	if (change_world(argv[2]))
		return OK;
	meet_faults(argv[2]);

	json_t *request = json_loadf(stdin, 0, NULL);
	if (!request)
		leave(WRONG, "the request is not JSON");
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verbs[i].verb, argv[2]) == 0) {
			int code = verbs[i].fn(request);

			json_decref(request);
			return code;
		}
	leave(WRONG, "no such verb");
}
