/* SPDX-License-Identifier: MIT */
/* Sharing with what libaccel knows nothing of. */
#ifndef RIG_LIBRARY_FOREIGN_H
#define RIG_LIBRARY_FOREIGN_H

#include "jobs.h"

/* The buffer that @fd is of, rig->dst, with the driver vgem: it takes the buffer in, its fences
 * hold the job up, and it sees the job's. */
void share_with_vgem(struct rig *rig, int fd);
/* That vgem's memory, and that of the system's heap, are refused with the documented error. */
void refuse_foreign(struct rig *rig);

#endif
