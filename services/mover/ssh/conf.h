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
	const char *program;        /* the local vrs-image, to install there */
	const char *remote_program; /* one that is installed there; NULL or "": none */
	const char *key;         /* private key file; NULL or "": agent, default keys */
	const char *known_hosts; /* NULL or "": the user's */
	bool ssh_config;         /* read SSH settings: */
	const char *ssh_file;    /* ... of this file; NULL or "": ~/.ssh/config, /etc */
	int64_t connect_ms;      /* 0: 10 s */
	int64_t silence_ms;      /* 0: 30 s; vrs-image sends a keep-alive every 2 s */
	int connections;         /* 0: the default (remote/limits.h) */
	/* REMOTE_SFTP_AUTO: SFTP is used where vrs-image cannot run. */
	enum { REMOTE_SFTP_AUTO, REMOTE_SFTP_ALWAYS, REMOTE_SFTP_NEVER } sftp;
	/* Prompts for a passphrase (NULL: cannot prompt); as libssh's ssh_auth_callback,
	 * but again means that the previous passphrase was wrong. May be called on any
	 * thread. 0 when buf was filled. */
	int (*ask)(const char *prompt, char *buf, size_t len, int echo, int again,
		   void *arg);
};

/* A host, how to reach it, and the directories that vrs-image serves there. */
struct ssh_host {
	const struct ssh_conf *conf;
	const struct place *place;
	const char *const *roots;
	size_t n_roots;
};

#endif
