#include "vrs/site.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vrs/conf.h"
#include "vrs/mem.h"

static const struct vrs_option cluster_options[] = {
	{"images", VRS_OPT_STRING, offsetof(struct vrs_site_cluster, images),
	 "/var/lib/libvirt/images", 0, 0, "folder of images on its hosts"},
	{"format", VRS_OPT_STRING, offsetof(struct vrs_site_cluster, format), "qcow2", 0,
	 0, "raw, qcow2, vmdk or vhdx"},
	{"disk_bus", VRS_OPT_STRING, offsetof(struct vrs_site_cluster, disk_bus), "", 0,
	 0, "virtio, pvscsi, scsi, sata or ide; unchanged if empty"},
	{"nic_model", VRS_OPT_STRING, offsetof(struct vrs_site_cluster, nic_model), "", 0,
	 0, "virtio, vmxnet3, e1000, ...; unchanged if empty"},
	{"domain_type", VRS_OPT_STRING, offsetof(struct vrs_site_cluster, domain_type),
	 "", 0, 0, "kvm or qemu; unchanged if empty"},
	{"shared_storage", VRS_OPT_BOOL,
	 offsetof(struct vrs_site_cluster, shared_storage), "no", 0, 0,
	 "all hosts see the same images"},
	{"accept", VRS_OPT_BOOL, offsetof(struct vrs_site_cluster, accept), "yes", 0, 0,
	 "accepts VMs from other clusters"},
	{"repair", VRS_OPT_DURATION, offsetof(struct vrs_site_cluster, repair_ms), "4h",
	 0, 0, "expected time to repair a host"},
	{"max_cpu_ratio", VRS_OPT_DOUBLE,
	 offsetof(struct vrs_site_cluster, max_cpu_ratio), "0.8", 0.05, 1,
	 "limit for the forecast P90, including relocated VMs"},
	{0},
};

static const struct vrs_option host_options[] = {
	{"uri", VRS_OPT_STRING, offsetof(struct vrs_site_host, uri), "", 0, 0,
	 "hypervisor of the host"},
	{"address", VRS_OPT_STRING, offsetof(struct vrs_site_host, address), "", 0, 0,
	 "address shown in lists and used by probes"},
	{"ssh", VRS_OPT_STRING, offsetof(struct vrs_site_host, ssh), "", 0, 0,
	 "user@host[:port], used to read and write images"},
	{"probe", VRS_OPT_STRING, offsetof(struct vrs_site_host, probe), "", 0, 0,
	 "tcp://host:port of a service that sends at least one byte on connect"},
	{"images", VRS_OPT_STRING, offsetof(struct vrs_site_host, images), "", 0, 0,
	 "images folder, if different from the cluster's"},
	{"fence", VRS_OPT_STRING, offsetof(struct vrs_site_host, fence), "", 0, 0,
	 "fence agent"},
	{0},
};

static const struct vrs_option vm_options[] = {
	{"protect", VRS_OPT_BOOL, offsetof(struct vrs_site_vm, protect), "yes", 0, 0,
	 "relocate it when its host fails"},
	{"health", VRS_OPT_STRING, offsetof(struct vrs_site_vm, health), "", 0, 0,
	 "tcp://IP:PORT or http://IP[:PORT]/PATH"},
	{0},
};

static void defaults(const struct vrs_option *options, void *target)
{
	for (; options->key; options++)
		(void)vrs_conf_set(options, target, options->fallback, NULL);
}

static int set(const struct vrs_option *options, void *target,
	       const struct vrs_ini_line *line, struct vrs_err *err)
{
	for (; options->key; options++)
		if (strcmp(options->key, line->key) == 0)
			return vrs_conf_set(options, target, line->value, err);
	return vrs_fail(err, VRS_EINVAL, "unknown key %s in [%s]", line->key,
			line->section);
}

static bool one_of(const char *value, const char *list)
{
	size_t len = strlen(value);

	for (const char *p = list; *p; p += strcspn(p, " "), p += *p == ' ')
		if (strncmp(p, value, len) == 0 && (p[len] == ' ' || p[len] == '\0') &&
		    len)
			return true;
	return false;
}

static void add_pair_take(struct vrs_site_pair **list, size_t *n, char *key, char *value)
{
	*list = vrs_realloc(*list, *n + 1, sizeof(**list));
	(*list)[(*n)++] = (struct vrs_site_pair){key, value};
}

/* "prod:br-prod, dmz:br2" */
static int parse_networks(struct vrs_site_cluster *c, const char *text,
			  struct vrs_err *err)
{
	const char *p = text;

	while (*p) {
		p += strspn(p, ", ");
		size_t len = strcspn(p, ", ");
		const char *colon = memchr(p, ':', len);

		if (len == 0)
			break;
		if (!colon || colon == p || colon + 1 == p + len)
			return vrs_fail(
				err, VRS_EINVAL,
				"invalid networks = %s: expected NAME:LOCAL-NAME, ...",
				text);
		add_pair_take(&c->network, &c->n_networks,
			      strndup(p, (size_t)(colon - p)),
			      strndup(colon + 1, len - (size_t)(colon - p) - 1));
		p += len;
	}
	return 0;
}

static int cluster_key(struct vrs_site *s, const char *name,
		       const struct vrs_ini_line *line, struct vrs_err *err)
{
	const char *key = line->key, *value = line->value;
	struct vrs_site_cluster *c =
		(struct vrs_site_cluster *)(uintptr_t)vrs_site_cluster(s, name);

	if (!vrs_name_ok(name))
		return vrs_fail(err, VRS_EINVAL,
				"[%s]: invalid cluster name: use letters, digits, "
				"'.', '-' and '_'",
				line->section);
	if (!c) {
		s->cluster =
			vrs_realloc(s->cluster, s->n_clusters + 1, sizeof(*s->cluster));
		c = &s->cluster[s->n_clusters++];
		*c = (struct vrs_site_cluster){.name = vrs_strdup(name)};
		defaults(cluster_options, c);
	}
	if (strcmp(key, "networks") == 0)
		return parse_networks(c, value, err);
	if (strcmp(key, "format") == 0 && !one_of(value, "raw qcow2 vmdk vhdx"))
		return vrs_fail(err, VRS_EINVAL,
				"invalid format = %s: expected raw, qcow2, vmdk or vhdx",
				value);
	if (strcmp(key, "disk_bus") == 0 && !one_of(value, "virtio pvscsi sata scsi ide"))
		return vrs_fail(err, VRS_EINVAL,
				"invalid disk_bus = %s: expected virtio, pvscsi, "
				"scsi, sata or ide",
				value);
	return set(cluster_options, c, line, err);
}

static struct vrs_site_host *host_new(struct vrs_site *s, const char *cluster,
				      const char *name)
{
	s->host = vrs_realloc(s->host, s->n_hosts + 1, sizeof(*s->host));
	struct vrs_site_host *h = &s->host[s->n_hosts++];

	*h = (struct vrs_site_host){.cluster = vrs_strdup(cluster),
				    .name = vrs_strdup(name)};
	defaults(host_options, h);
	return h;
}

static int host_key(struct vrs_site *s, const char *name, const struct vrs_ini_line *line,
		    struct vrs_err *err)
{
	const char *slash = strchr(name, '/'), *key = line->key;
	char cluster[80];

	if (!slash || (size_t)(slash - name) >= sizeof(cluster))
		return vrs_fail(err, VRS_EINVAL, "[%s]: expected [host CLUSTER/HOST]",
				line->section);
	memcpy(cluster, name, (size_t)(slash - name));
	cluster[slash - name] = '\0';
	if (!vrs_name_ok(cluster) || !vrs_name_ok(slash + 1))
		return vrs_fail(err, VRS_EINVAL,
				"[%s]: invalid name: use letters, digits, "
				"'.', '-' and '_'",
				line->section);
	struct vrs_site_host *h =
		(struct vrs_site_host *)(uintptr_t)vrs_site_host(s, cluster, slash + 1);
	if (!h)
		h = host_new(s, cluster, slash + 1);
	if (strncmp(key, "fence.", 6) == 0) {
		if (!vrs_name_ok(key + 6))
			return vrs_fail(err, VRS_EINVAL, "%s: invalid fence agent key",
					key);
		if (strcmp(key + 6, "missing_as_off") == 0 ||
		    strcmp(key + 6, "action") == 0)
			return vrs_fail(
				err, VRS_EINVAL,
				"%s is not allowed: it would accept an answer that does "
				"not prove that the host is off",
				key);
		add_pair_take(&h->fence_arg, &h->n_fence_args, vrs_strdup(key + 6),
			      vrs_strdup(line->value));
		return 0;
	}
	return set(host_options, h, line, err);
}

static int vm_key(struct vrs_site *s, const char *name, const struct vrs_ini_line *line,
		  struct vrs_err *err)
{
	const char *key = line->key, *value = line->value;
	struct vrs_site_vm *v = NULL;
	int64_t n;

	for (size_t i = 0; i < s->n_vms; i++)
		if (strcmp(s->vm[i].pattern, name) == 0)
			v = &s->vm[i];
	if (!v) {
		s->vm = vrs_realloc(s->vm, s->n_vms + 1, sizeof(*s->vm));
		v = &s->vm[s->n_vms++];
		*v = (struct vrs_site_vm){.pattern = vrs_strdup(name), .vm_class = 4};
		defaults(vm_options, v);
	}
	if (strcmp(key, "class") == 0) {
		if (vrs_parse_bytes(value, &n) < 0 || n < 1 || n > 4)
			return vrs_fail(
				err, VRS_EINVAL,
				"invalid class = %s: expected 1 (most urgent) to 4",
				value);
		v->vm_class = (uint32_t)n;
		return 0;
	}
	if (strcmp(key, "health") == 0 && strncmp(value, "tcp://", 6) != 0 &&
	    strncmp(value, "http://", 7) != 0)
		return vrs_fail(err, VRS_EINVAL,
				"invalid health = %s: expected tcp://IP:PORT or "
				"http://IP[:PORT]/PATH",
				value);
	return set(vm_options, v, line, err);
}

static int on_key(void *arg, const struct vrs_ini_line *line, struct vrs_err *err)
{
	const char *section = line->section;

	if (strncmp(section, "cluster ", 8) == 0)
		return cluster_key(arg, section + 8, line, err);
	if (strncmp(section, "host ", 5) == 0)
		return host_key(arg, section + 5, line, err);
	if (strncmp(section, "vm ", 3) == 0)
		return vm_key(arg, section + 3, line, err);
	return vrs_fail(err, VRS_EINVAL,
			"[%s]: expected [cluster NAME], [host CLUSTER/HOST] or [vm NAME]",
			section);
}

/* Derives address, probe and ssh from the URI, so that most hosts need one line. */
static void fill_in(struct vrs_site_host *h)
{
	const char *at = strstr(h->uri, "://");
	char host[256] = "";

	if (at) {
		at += 3;
		size_t len = strcspn(at, "/?");
		const char *user = memchr(at, '@', len);

		if (user) {
			len -= (size_t)(user + 1 - at);
			at = user + 1;
		}
		size_t host_len =
			at[0] == '[' ? strcspn(at, "]") + 1 : strcspn(at, ":/?");
		if (host_len > len)
			host_len = len;
		if (host_len < sizeof(host)) {
			memcpy(host, at, host_len);
			host[host_len] = '\0';
		}
	}
	if (!*h->address && *host) {
		free(h->address);
		h->address = vrs_strdup(host);
	}
	if (!*h->probe && *h->address) {
		free(h->probe);
		h->probe = vrs_asprintf("tcp://%s:22", h->address);
	}
	if (!*h->ssh && *h->address) {
		free(h->ssh);
		h->ssh = vrs_asprintf("root@%s", h->address);
	}
}

int vrs_site_load(struct vrs_site **ret, const char *path, struct vrs_err *err)
{
	struct vrs_site *s = vrs_calloc(1, sizeof(*s));
	int status = vrs_ini_read(path, on_key, s, err);

	for (size_t i = 0; i < s->n_hosts && status == 0; i++) {
		struct vrs_site_host *h = &s->host[i];

		if (!vrs_site_cluster(s, h->cluster))
			status = vrs_fail(
				err, VRS_EINVAL,
				"%s: [host %s/%s]: section [cluster %s] is missing", path,
				h->cluster, h->name, h->cluster);
		else if (!*h->uri)
			status = vrs_fail(err, VRS_EINVAL,
					  "%s: [host %s/%s]: uri is not set", path,
					  h->cluster, h->name);
		fill_in(h);
		if (!*h->fence) {
			free(h->fence);
			h->fence = NULL;
		}
	}
	if (status == 0 && s->n_clusters == 0)
		status = vrs_fail(err, VRS_EINVAL, "%s: no [cluster NAME] section", path);
	if (status < 0) {
		vrs_site_free(s);
		return status;
	}
	*ret = s;
	return 0;
}

static void pairs_free(struct vrs_site_pair *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(p[i].key);
		free(p[i].value);
	}
	free(p);
}

void vrs_site_free(struct vrs_site *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n_clusters; i++) {
		vrs_conf_fini(cluster_options, &s->cluster[i]);
		free(s->cluster[i].name);
		pairs_free(s->cluster[i].network, s->cluster[i].n_networks);
	}
	for (size_t i = 0; i < s->n_hosts; i++) {
		vrs_conf_fini(host_options, &s->host[i]);
		free(s->host[i].cluster);
		free(s->host[i].name);
		pairs_free(s->host[i].fence_arg, s->host[i].n_fence_args);
	}
	for (size_t i = 0; i < s->n_vms; i++) {
		vrs_conf_fini(vm_options, &s->vm[i]);
		free(s->vm[i].pattern);
	}
	free(s->cluster);
	free(s->host);
	free(s->vm);
	free(s);
}

const struct vrs_site_cluster *vrs_site_cluster(const struct vrs_site *s,
						const char *name)
{
	for (size_t i = 0; i < s->n_clusters; i++)
		if (strcmp(s->cluster[i].name, name) == 0)
			return &s->cluster[i];
	return NULL;
}

const struct vrs_site_host *vrs_site_host(const struct vrs_site *s, const char *cluster,
					  const char *host)
{
	for (size_t i = 0; i < s->n_hosts; i++)
		if (strcmp(s->host[i].cluster, cluster) == 0 &&
		    strcmp(s->host[i].name, host) == 0)
			return &s->host[i];
	return NULL;
}

const struct vrs_site_vm *vrs_site_vm(const struct vrs_site *s, const char *id,
				      const char *name)
{
	for (size_t i = 0; i < s->n_vms; i++)
		if (strcmp(s->vm[i].pattern, id) == 0 ||
		    fnmatch(s->vm[i].pattern, name, 0) == 0)
			return &s->vm[i];
	return NULL;
}
