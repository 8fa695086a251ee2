/* serve.h - vrs-image's side of the protocol: one request after the other until the pipe
 * ends. */
#ifndef MOVER_IMAGE_SERVE_SERVE_H
#define MOVER_IMAGE_SERVE_SERVE_H

#include "image/base/sandbox.h"

/* 0 when the mover said goodbye by closing the pipe between two frames. */
int serve(const struct sandbox *b, int in_fd, int out_fd, struct vrs_err *err);

#endif
