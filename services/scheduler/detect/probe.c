#include "detect/probe.h"

#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "detect/connect.h"
#include "vrs/clock.h"

static int parse(const char *address, struct connect_address *a, bool *ret_first_byte,
		 struct vrs_err *err)
{
	static const char first_byte[] = "tcp://", accept_only[] = "tcp-connect://";

	*ret_first_byte = strncmp(address, first_byte, sizeof(first_byte) - 1) == 0;
	if (*ret_first_byte)
		return connect_parse(address + sizeof(first_byte) - 1, NULL, a, err);
	if (strncmp(address, accept_only, sizeof(accept_only) - 1) == 0)
		return connect_parse(address + sizeof(accept_only) - 1, NULL, a, err);
	return vrs_fail(err, VRS_EINVAL, "'%.80s' is not tcp:// or tcp-connect://",
			address);
}

int probe_run(const char *address, int64_t timeout_ms, struct vrs_err *err)
{
	int64_t deadline_ms = vrs_now_mono_ms() + timeout_ms;
	struct connect_address a;
	bool first_byte;
	char byte;
	int fd = -1;
	int status = parse(address, &a, &first_byte, err);

	if (status == 0)
		status = connect_open(&a, deadline_ms, &fd, err);
	if (status == 0 && first_byte) {
		status = connect_wait(fd, POLLIN, deadline_ms,
				      "the port accepts connections but sends nothing",
				      err);
		if (status == 0 && recv(fd, &byte, 1, 0) != 1)
			status = vrs_fail(
				err, VRS_ECONN,
				"the port accepts connections but closes them at once");
	}
	if (fd >= 0)
		(void)close(fd);
	if (status < 0)
		vrs_context(err, "probe");
	return status;
}
