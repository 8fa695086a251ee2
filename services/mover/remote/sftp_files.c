/* The files that each SFTP worker holds open: one image and one map for each slot. */
#include <fcntl.h>
#include <stdlib.h>

#include "remote/sftp_parts.h"

void sftp_slot_clear(struct sftp_slot *s)
{
	unsigned next = s->generation + 1;

	free(s->path);
	free(s->file);
	free(s->map_file);
	free(s->began_empty);
	chunkmap_fini(&s->map);
	*s = (struct sftp_slot){.generation = next};
}

static int refresh_files(struct sftp_worker *w, unsigned slot, struct vrs_err *err)
{
	struct sftp_slot *s = &w->shared->slot[slot];

	if (!s->path)
		return vrs_fail(err, VRS_EINVAL, "no image is open in this slot");
	if (w->open[slot].generation != s->generation) {
		sftp_side_file_close(w->open[slot].image);
		sftp_side_file_close(w->open[slot].map);
		w->open[slot].image = w->open[slot].map = NULL;
		w->open[slot].generation = s->generation;
	}
	return 0;
}

int sftp_image(struct sftp_worker *w, unsigned slot, struct sftp_side_file **ret,
	       struct vrs_err *err)
{
	struct sftp_slot *s = &w->shared->slot[slot];
	int status = refresh_files(w, slot, err);

	if (status == 0 && !w->open[slot].image)
		status = sftp_side_file_open(w->side, s->file,
					     s->map_file ? O_RDWR : O_RDONLY,
					     &w->open[slot].image, err);
	*ret = w->open[slot].image;
	return status;
}

int sftp_map(struct sftp_worker *w, unsigned slot, struct sftp_side_file **ret,
	     struct vrs_err *err)
{
	struct sftp_slot *s = &w->shared->slot[slot];
	int status = refresh_files(w, slot, err);

	if (status == 0 && !s->map_file)
		return vrs_fail(err, VRS_EINVAL, "no target is open in this slot");
	if (status == 0 && !w->open[slot].map)
		status = sftp_side_file_open(w->side, s->map_file, O_RDWR,
					     &w->open[slot].map, err);
	*ret = w->open[slot].map;
	return status;
}
