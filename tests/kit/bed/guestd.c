/* guestd.c - the whole user space of a test guest: pid 1 of a real machine.
 *
 * It answers one question that relocation must get right: is everything still there
 * that was once acknowledged? A PUT is appended to the log on the guest's own disk and
 * reaches the platter (fdatasync) before the answer leaves. So after any crash, copy or
 * conversion, "seq" must be at least the last number that a client was told.
 *
 *   GET /      {"id":..,"boots":..,"seq":..,"uptime":..,"ip":..,"last":..}
 *   GET /log   every acknowledged line, "SEQ TEXT"
 *   PUT /text  appends text, answers like GET /
 *
 * /data/id and /data/ip (as 10.1.2.3/16) come with the disk. The ACPI power button
 * unmounts and powers off. The same image boots on virtio and on VMware's devices. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/input.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define VENDOR_ANY 0x0000
#define VENDOR_VIRTIO 0x1af4
#define VENDOR_VMWARE 0x15ad

/* In the order in which they need each other; loaded only where the device is there,
 * because loading is slow under emulation. */
static const struct {
	const char *name;
	long vendor;
} modules[] = {
	{"virtio_ring", VENDOR_VIRTIO},
	{"virtio", VENDOR_VIRTIO},
	{"virtio_pci_legacy_dev", VENDOR_VIRTIO},
	{"virtio_pci_modern_dev", VENDOR_VIRTIO},
	{"virtio_pci", VENDOR_VIRTIO},
	{"virtio_blk", VENDOR_VIRTIO},
	{"failover", VENDOR_VIRTIO},
	{"net_failover", VENDOR_VIRTIO},
	{"virtio_net", VENDOR_VIRTIO},
	{"scsi_common", VENDOR_VMWARE},
	{"scsi_mod", VENDOR_VMWARE},
	{"sd_mod", VENDOR_VMWARE},
	{"vmw_pvscsi", VENDOR_VMWARE},
	{"vmxnet3", VENDOR_VMWARE},
	{"evdev", VENDOR_ANY}, /* these two turn the power button into an event */
	{"button", VENDOR_ANY},
};

struct guest {
	char id[64];
	char ip[32];
	char last[256]; /* text of the newest line */
	long boots;
	long seq;
	int log_fd;
};

static void complain(const char *what)
{
	dprintf(2, "GUESTD %s: %s\n", what, strerror(errno));
}

static double uptime_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The first line of a small file; empty when there is none. */
static void read_line(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, buf, size - 1);

	buf[n > 0 ? n : 0] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	if (fd >= 0)
		close(fd);
}

static void write_line(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || dprintf(fd, "%s\n", text) < 0 || (fsync(fd) < 0 && errno != EINVAL))
		complain(path); /* EINVAL: /proc has no disk to reach */
	if (fd >= 0)
		close(fd);
}

/* --- the machine --- */

static void mount_early(void)
{
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mount("dev", "/dev", "devtmpfs", 0, NULL);

	int fd = open("/dev/console", O_RDWR);
	for (int i = 0; fd >= 0 && i < 3; i++)
		dup2(fd, i);
}

static bool has_vendor(long vendor)
{
	char path[64], text[16];

	if (vendor == VENDOR_ANY)
		return true;
	for (int slot = 0; slot < 32; slot++) {
		snprintf(path, sizeof(path), "/sys/bus/pci/devices/0000:00:%02x.0/vendor",
			 slot);
		read_line(path, text, sizeof(text));
		if (strtol(text, NULL, 16) == vendor)
			return true;
	}
	return false;
}

static void load_modules(void)
{
	char path[64];

	for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++) {
		if (!has_vendor(modules[i].vendor))
			continue;
		snprintf(path, sizeof(path), "/modules/%s.ko", modules[i].name);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue; /* built into this kernel */
		if (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST)
			complain(path);
		close(fd);
	}
}

/* Disks are found some time after their driver is loaded; the kernel tells of each. */
static bool mount_data(void)
{
	static const char *const partitions[] = {"/dev/vda2", "/dev/sda2"};
	const struct sockaddr_nl all = {.nl_family = AF_NETLINK, .nl_groups = 1};
	struct pollfd news = {.events = POLLIN};

	news.fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
	if (news.fd < 0 || bind(news.fd, (const struct sockaddr *)&all, sizeof(all)) != 0)
		complain("news of disks");
	for (;;) {
		for (int i = 0; i < 2; i++)
			if (mount(partitions[i], "/data", "ext4", MS_NOATIME, NULL) ==
			    0) {
				close(news.fd);
				return true;
			}
		char text[4096];
		if (poll(&news, 1, 30000) <= 0 ||
		    recv(news.fd, text, sizeof(text), 0) < 0)
			break;
	}
	close(news.fd);
	complain("no data partition");
	return false;
}

/* The address goes in before the link comes up: with arp_notify the kernel then tells
 * all bridges where this guest lives now. */
static void network_up(const char *name, const char *cidr)
{
	struct ifreq req = {0};
	struct sockaddr_in addr = {.sin_family = AF_INET};
	struct sockaddr_in mask = {.sin_family = AF_INET};
	char ip[32], path[96];
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(ip, sizeof(ip), "%s", cidr);
	ip[strcspn(ip, "/")] = '\0';
	const char *slash = strchr(cidr, '/');
	int bits = slash ? atoi(slash + 1) : 16;
	inet_pton(AF_INET, ip, &addr.sin_addr);
	mask.sin_addr.s_addr = htonl(bits == 0 ? 0 : ~0u << (32 - bits));

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/arp_notify", name);
	write_line(path, "1");
	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", name);
	memcpy(&req.ifr_addr, &addr, sizeof(addr));
	if (ioctl(sock, SIOCSIFADDR, &req) < 0)
		complain(name);
	memcpy(&req.ifr_netmask, &mask, sizeof(mask));
	ioctl(sock, SIOCSIFNETMASK, &req);
	ioctl(sock, SIOCGIFFLAGS, &req);
	req.ifr_flags |= IFF_UP | IFF_RUNNING;
	ioctl(sock, SIOCSIFFLAGS, &req);
	close(sock);
}

static void power_off(void)
{
	dprintf(1, "GUESTD power button\n");
	sync();
	mount(NULL, "/data", NULL, MS_REMOUNT | MS_RDONLY, NULL);
	reboot(RB_POWER_OFF);
}

/* --- the disk --- */

static void count_boot(struct guest *g)
{
	char text[32];

	read_line("/data/boots", text, sizeof(text));
	g->boots = atol(text) + 1;
	snprintf(text, sizeof(text), "%ld", g->boots);
	write_line("/data/boots.new", text);
	rename("/data/boots.new", "/data/boots");
	int dir = open("/data", O_RDONLY | O_CLOEXEC);
	fsync(dir);
	close(dir);
}

/* A last line without its newline was never acknowledged: it is cut off. */
static void open_log(struct guest *g)
{
	char line[512];
	off_t whole = 0;
	FILE *f = fopen("/data/log", "a+e");

	if (!f) {
		complain("/data/log");
		g->log_fd = -1;
		return;
	}
	rewind(f);
	while (fgets(line, sizeof(line), f) && strchr(line, '\n')) {
		line[strcspn(line, "\n")] = '\0';
		g->seq = atol(line);
		const char *text = strchr(line, ' ');
		snprintf(g->last, sizeof(g->last), "%s", text ? text + 1 : "");
		whole = ftello(f);
	}
	fclose(f);
	g->log_fd = open("/data/log", O_RDWR | O_APPEND | O_CLOEXEC);
	if (ftruncate(g->log_fd, whole) < 0)
		complain("/data/log");
}

static bool append(struct guest *g, const char *text)
{
	char line[sizeof(g->last) + 32];
	struct stat st;
	int n = snprintf(line, sizeof(line), "%ld %s\n", g->seq + 1, text);

	if (fstat(g->log_fd, &st) < 0)
		return false;
	if (write(g->log_fd, line, (size_t)n) != n || fdatasync(g->log_fd) < 0) {
		if (ftruncate(g->log_fd, st.st_size) < 0)
			complain("/data/log");
		return false;
	}
	g->seq++;
	snprintf(g->last, sizeof(g->last), "%s", text);
	return true;
}

/* --- HTTP --- */

static void answer(int conn, int code, const char *type, size_t n_body, const char *body)
{
	dprintf(conn,
		"HTTP/1.0 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
		"Connection: close\r\n\r\n%s",
		code, code == 200 ? "OK" : "Error", type, n_body, body);
}

static void answer_state(int conn, int code, const struct guest *g)
{
	char body[640];
	int n = snprintf(body, sizeof(body),
			 "{\"id\":\"%s\",\"boots\":%ld,\"seq\":%ld,\"uptime\":%.3f,"
			 "\"ip\":\"%s\",\"last\":\"%s\"}\n",
			 g->id, g->boots, g->seq, uptime_s(), g->ip, g->last);

	answer(conn, code, "application/json", (size_t)n, body);
}

static void answer_log(int conn, const struct guest *g)
{
	off_t from = 0;
	struct stat st;

	if (fstat(g->log_fd, &st) < 0)
		return;
	answer(conn, 200, "text/plain", (size_t)st.st_size, "");
	while (from < st.st_size && sendfile(conn, g->log_fd, &from, 1 << 16) > 0)
		;
}

/* Text stays what it is in JSON, in a line and in a URL. */
static bool plain(const char *text)
{
	return *text && strlen(text) < sizeof(((struct guest *)0)->last) &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			    "0123456789._=:-") == strlen(text);
}

static void serve(struct guest *g, int conn)
{
	const struct timeval patience = {.tv_sec = 5};
	const int one = 1;
	char req[4096], method[8] = "", path[512] = "";
	size_t n = 0;

	setsockopt(conn, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(conn, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	setsockopt(conn, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	do {
		ssize_t got = read(conn, req + n, sizeof(req) - 1 - n);
		if (got <= 0)
			return;
		n += (size_t)got;
		req[n] = '\0';
	} while (!strstr(req, "\r\n\r\n") && n < sizeof(req) - 1);

	sscanf(req, "%7s /%511s", method, path);
	bool put = strcmp(method, "PUT") == 0 || strcmp(method, "POST") == 0;
	if (put && !plain(path))
		answer_state(conn, 400, g);
	else if (put)
		answer_state(conn, append(g, path) ? 200 : 507, g);
	else if (strcmp(path, "log") == 0)
		answer_log(conn, g);
	else
		answer_state(conn, 200, g);
}

static int listen_on(uint16_t port)
{
	const int one = 1;
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(fd, 64) < 0)
		complain("listen");
	return fd;
}

/* --- all of it --- */

#define MAX_INPUTS 8

static nfds_t open_inputs(struct pollfd *fds)
{
	char path[32];
	nfds_t n = 0;

	for (int i = 0; i < MAX_INPUTS; i++) {
		snprintf(path, sizeof(path), "/dev/input/event%d", i);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd >= 0)
			fds[n++] = (struct pollfd){.fd = fd, .events = POLLIN};
	}
	return n;
}

static bool is_power_button(int fd)
{
	struct input_event ev;

	return read(fd, &ev, sizeof(ev)) == (ssize_t)sizeof(ev) && ev.type == EV_KEY &&
	       ev.code == KEY_POWER && ev.value == 1;
}

int main(void)
{
	struct guest g = {.log_fd = -1};
	struct pollfd fds[1 + MAX_INPUTS];

	signal(SIGPIPE, SIG_IGN);
	mount_early();
	load_modules();
	if (!mount_data())
		reboot(RB_POWER_OFF);
	read_line("/data/id", g.id, sizeof(g.id));
	read_line("/data/ip", g.ip, sizeof(g.ip));
	count_boot(&g);
	open_log(&g);
	network_up("lo", "127.0.0.1/8");
	network_up("eth0", g.ip);
	fds[0] = (struct pollfd){.fd = listen_on(80), .events = POLLIN};
	nfds_t n_fds = 1 + open_inputs(fds + 1);
	dprintf(1, "GUESTD ready id=%s ip=%s boots=%ld seq=%ld uptime=%.3f\n", g.id, g.ip,
		g.boots, g.seq, uptime_s());

	for (;;) {
		poll(fds, n_fds, -1);
		for (nfds_t i = 1; i < n_fds; i++)
			if (fds[i].revents && is_power_button(fds[i].fd))
				power_off();
		if (!fds[0].revents)
			continue;
		int conn = accept4(fds[0].fd, NULL, NULL, SOCK_CLOEXEC);
		if (conn >= 0) {
			serve(&g, conn);
			close(conn);
		}
	}
}
