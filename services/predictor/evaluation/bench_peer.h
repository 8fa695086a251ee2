/* bench_peer.h - PyTorch as a program beside us that is asked line by line. */
#ifndef PREDICTOR_EVALUATION_BENCH_PEER_H
#define PREDICTOR_EVALUATION_BENCH_PEER_H

#include <stdio.h>
#include <sys/types.h>

#include "net/feature.h"

/* bench_peer.py, as the build made a text of it. */
extern const char py_bench_peer[];

struct peer {
	pid_t pid;
	FILE *to, *from;
	char version[32];
	char folder[64]; /* for its numbers; gone at the end */
};

/* False: there is no Python here that has PyTorch. */
bool bench_peer_start(struct peer *p);
void bench_peer_end(struct peer *p);

/* A file of the folder. */
void bench_peer_put(const struct peer *p, const char *name, const float *x, size_t n);

/* Asks a line; false when it does not answer as it should. */
bool bench_peer_ask(struct peer *p, double *ret_seconds, double *ret_loss,
		    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* The numbers of a net's shape, as the peer wants them at the end of a line. */
const char *bench_peer_shape(const struct net_shape *s, char ret[128]);

#endif
