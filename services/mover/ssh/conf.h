/* conf.h - how to reach a machine: keys, settings, limits, and which program to start
 * there. */
#ifndef MOVER_SSH_CONF_H
#define MOVER_SSH_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ssh/place.h"

/* Strings are borrowed while a connection is opened. */
struct ssh_conf {
	const char *program;        /* our vrs-image, to carry there */
	const char *remote_program; /* an installed one there; NULL or "": carry ours */
	const char *key;         /* private key file; NULL or "": agent, default keys */
	const char *known_hosts; /* NULL or "": the user's */
	bool ssh_config;         /* read SSH settings: */
	const char *ssh_file;    /* ... of this file; NULL or "": ~/.ssh/config, /etc */
	int64_t connect_ms;      /* 0: 10 s */
	int64_t silence_ms;      /* 0: 30 s; the far side says "alive" every 2 s */
	int connections;         /* 0: as many as seem right */
	/* REMOTE_SFTP_AUTO: when no program of ours can run there, files over SFTP do. */
	enum { REMOTE_SFTP_AUTO, REMOTE_SFTP_ALWAYS, REMOTE_SFTP_NEVER } sftp;
	/* Asks a person for a secret (NULL: there is none); as libssh's
	 * ssh_auth_callback, may be called on any thread. again: what was said before was
	 * wrong. 0 when buf was filled. */
	int (*ask)(const char *prompt, char *buf, size_t len, int echo, int again,
		   void *arg);
};

#endif
