/* hv-asker - hv.h from the command line, for system tests.
 *
 *   hv-asker URI host|list
 *   hv-asker URI state|start|shutdown|destroy|undefine|autostart-off ID
 *   hv-asker URI store PATH
 *   hv-asker URI native ID                       prints the definition
 *   hv-asker URI define FILE PATH FORMAT BUS NIC_MODEL TYPE [FROM=TO]...
 *
 * define reads a native definition from FILE; "-" leaves a word as it was. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vrs/clock.h"
#include "vrs/hv.h"
#include "vrs/hypervisor/xml.h"
#include "vrs/mem.h"

enum { DEADLINE_MS = 60000, MAX_NETWORKS = 8 };

static struct vrs_hv *hv;
static struct vrs_err err;

static int done(int status)
{
	if (status < 0)
		(void)fprintf(stderr, "%s: %s\n", vrs_code_name(status), err.text);
	return status < 0;
}

static int host(void)
{
	struct vrs_hv_host h;

	if (vrs_hv_host(hv, DEADLINE_MS, &h, &err) < 0)
		return done(err.code);
	printf("vcpus=%u ram_total=%" PRIu64 " ram_used=%" PRIu64 "\n", h.vcpus,
	       h.ram_total_bytes, h.ram_used_bytes);
	return 0;
}

static int list(void)
{
	struct vrs_hv_vm *vm = NULL;
	size_t n = 0;

	if (vrs_hv_list(hv, DEADLINE_MS, &vm, &n, &err) < 0)
		return done(err.code);
	for (size_t i = 0; i < n; i++)
		printf("%s %s %s\n", vm[i].id, vm[i].name,
		       vrs_hv_state_name(vm[i].state));
	vrs_hv_vms_free(vm, n);
	return 0;
}

static int state(const char *id)
{
	enum vrs_hv_state s;

	if (vrs_hv_state(hv, DEADLINE_MS, id, &s, &err) < 0)
		return done(err.code);
	puts(vrs_hv_state_name(s));
	return 0;
}

static int store(const char *path)
{
	struct vrs_hv_store s;

	if (vrs_hv_store(hv, DEADLINE_MS, path, &s, &err) < 0)
		return done(err.code);
	printf("%" PRIu64 " %" PRIu64 "\n", s.total_bytes, s.free_bytes);
	return 0;
}

static int native(const char *id)
{
	struct vrs_hv_vm *vm = vrs_calloc(1, sizeof(*vm));
	int status = vrs_hv_get(hv, DEADLINE_MS, id, vm, &err);

	if (status == 0)
		(void)fputs(vm->native, stdout);
	vrs_hv_vm_fini(vm);
	free(vm);
	return done(status);
}

static void word(char *dst, size_t size, const char *src)
{
	if (strcmp(src, "-") != 0)
		(void)vrs_strcpy(dst, size, src);
}

static int define(int n, char **arg)
{
	struct vrs_hv_vm *vm = vrs_calloc(1, sizeof(*vm));
	struct vrs_hv_disk disk = {0};
	const char *from[MAX_NETWORKS], *to[MAX_NETWORKS];
	struct vrs_hv_move move = {
		.disk = &disk, .n_disks = 1, .network_from = from, .network_to = to};
	struct vrs_text xml = {0};
	char buf[4096];
	FILE *f = fopen(arg[0], "re");

	for (size_t got; f && (got = fread(buf, 1, sizeof(buf), f)) > 0;)
		vrs_text_add_bytes(&xml, buf, got);
	if (f)
		(void)fclose(f);
	int status = vrs_hv_xml_parse(xml.text ? xml.text : "", xml.len, vm, &err);
	word(disk.path, sizeof(disk.path), arg[1]);
	word(disk.format, sizeof(disk.format), arg[2]);
	word(disk.bus, sizeof(disk.bus), arg[3]);
	move.nic_model = strcmp(arg[4], "-") == 0 ? NULL : arg[4];
	move.domain_type = strcmp(arg[5], "-") == 0 ? NULL : arg[5];
	for (int i = 6; i < n && move.n_networks < MAX_NETWORKS; i++) {
		char *eq = strchr(arg[i], '=');

		if (!eq)
			continue;
		*eq = '\0';
		from[move.n_networks] = arg[i];
		to[move.n_networks++] = eq + 1;
	}
	if (status == 0)
		status = vrs_hv_define(hv, DEADLINE_MS, vm, &move, &err);
	if (status == 0)
		puts(vm->id);
	vrs_text_fini(&xml);
	vrs_hv_vm_fini(vm);
	free(vm);
	return done(status);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *verb;
		enum vrs_hv_act act;
	} plain[] = {
		{"start", VRS_HV_START},
		{"shutdown", VRS_HV_SHUTDOWN},
		{"destroy", VRS_HV_DESTROY},
		{"undefine", VRS_HV_UNDEFINE},
		{"autostart-off", VRS_HV_AUTOSTART_OFF},
	};
	const char *verb = argc > 2 ? argv[2] : "", *id = argc > 3 ? argv[3] : "";
	int status = 2;

	if (argc < 3)
		return 2;
	if (vrs_hv_open(&hv, argv[1], DEADLINE_MS, &err) < 0)
		return done(err.code);
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		if (strcmp(verb, plain[i].verb) == 0)
			status =
				done(vrs_hv_act(hv, plain[i].act, DEADLINE_MS, id, &err));
	if (strcmp(verb, "host") == 0)
		status = host();
	else if (strcmp(verb, "list") == 0)
		status = list();
	else if (strcmp(verb, "state") == 0)
		status = state(id);
	else if (strcmp(verb, "store") == 0)
		status = store(id);
	else if (strcmp(verb, "native") == 0)
		status = native(id);
	else if (strcmp(verb, "define") == 0 && argc >= 9)
		status = define(argc - 3, argv + 3);
	vrs_hv_close(hv);
	return status;
}
