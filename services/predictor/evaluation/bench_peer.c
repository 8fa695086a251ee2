/* bench_peer.c - see bench_peer.h. */
#include "evaluation/bench_peer.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static bool start_with(struct peer *p, const char *python)
{
	int to[2], from[2];
	char line[64];

	if (pipe2(to, O_CLOEXEC) < 0)
		return false;
	if (pipe2(from, O_CLOEXEC) < 0) {
		(void)close(to[0]);
		(void)close(to[1]);
		return false;
	}
	p->pid = fork();
	if (p->pid == 0) {
		(void)dup2(to[0], STDIN_FILENO);
		(void)dup2(from[1], STDOUT_FILENO);
		if (!freopen("/dev/null", "w", stderr))
			_exit(127);
		(void)setenv("OMP_NUM_THREADS", "1", 1);
		execlp(python, python, "-c", py_bench_peer, (char *)NULL);
		_exit(127);
	}
	(void)close(to[0]);
	(void)close(from[1]);
	p->to = fdopen(to[1], "w");
	p->from = fdopen(from[0], "r");
	if (p->pid > 0 && p->to && p->from && fgets(line, sizeof(line), p->from) &&
	    sscanf(line, "ready %31s", p->version) == 1)
		return true;
	bench_peer_end(p);
	return false;
}

bool bench_peer_start(struct peer *p)
{
	/* Debian's PyTorch belongs to Debian's Python, which need not be the first one */
	static const char *const pythons[] = {"/usr/bin/python3", "python3"};

	(void)signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < sizeof(pythons) / sizeof(*pythons); i++) {
		*p = (struct peer){0};
		if (!start_with(p, pythons[i]))
			continue;
		(void)snprintf(p->folder, sizeof(p->folder), "/tmp/vrs-bench-XXXXXX");
		if (mkdtemp(p->folder))
			return true;
		p->folder[0] = '\0';
		bench_peer_end(p);
	}
	return false;
}

static const char *const files[] = {"rows", "weights", "enc", "facts",
				    "dec",  "peak",    "y",   "peak_y"};

void bench_peer_end(struct peer *p)
{
	char path[96];

	if (p->to)
		(void)fclose(p->to);
	if (p->from)
		(void)fclose(p->from);
	if (p->pid > 0)
		(void)waitpid(p->pid, NULL, 0);
	for (size_t i = 0; p->folder[0] && i < sizeof(files) / sizeof(*files); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", p->folder, files[i]);
		(void)unlink(path);
	}
	if (p->folder[0])
		(void)rmdir(p->folder);
	*p = (struct peer){0};
}

void bench_peer_put(const struct peer *p, const char *name, const float *x, size_t n)
{
	char path[96];

	(void)snprintf(path, sizeof(path), "%s/%s", p->folder, name);
	FILE *f = fopen(path, "we");
	if (f) {
		(void)fwrite(x, sizeof(*x), n, f);
		(void)fclose(f);
	}
}

bool bench_peer_ask(struct peer *p, double *ret_seconds, double *ret_loss,
		    const char *fmt, ...)
{
	char line[128];
	va_list ap;

	va_start(ap, fmt);
	(void)vfprintf(p->to, fmt, ap);
	va_end(ap);
	(void)fputc('\n', p->to);
	return fflush(p->to) == 0 && fgets(line, sizeof(line), p->from) &&
	       sscanf(line, "%lf %lf", ret_seconds, ret_loss) == 2;
}

const char *bench_peer_shape(const struct net_shape *s, char ret[128])
{
	(void)snprintf(ret, 128, "%u %u %u %u %u %u %u %u %u %u %u", s->enc_in, s->hidden,
		       s->facts, s->context, s->dec_in, s->dec_a, s->dec_b, s->peak_in,
		       s->peak_a, s->steps, s->horizon);
	return ret;
}
