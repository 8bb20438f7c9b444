/* SPDX-License-Identifier: MIT */
/*
 * A driver qaic that isn't there: what the provider's ioctls meet. It watches that none of the
 * real one's traps is stepped into.
 */
#ifndef QAIC_TEST_KERNEL_H
#define QAIC_TEST_KERNEL_H

#include "support.h"

#define K_CHANNELS 4
#define K_BOS      64

struct kernel {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* ---- what it is to do */
	_Atomic bool offline;
	_Atomic int manage_err;           /* MANAGE fails so */
	_Atomic uint32_t activate_status; /* an activation is refused so */
	_Atomic bool hold;                /* MANAGE does not return while this is so */
	_Atomic bool hold_answer;         /* ... when all is done but to tell so */
	_Atomic uint32_t pieces;          /* elements that a slice takes; 0: 1 */
	_Atomic int execute_err;          /* EXECUTE fails so ... */
	_Atomic uint32_t execute_err_at;  /* ... at this buffer, having begun those before */
	_Atomic bool quick;               /* what is executed ends at once, in less than 1 us */
	_Atomic bool at_once;             /* ... ends at once */
	bool keep_release;                /* the firmware doesn't give channels back */
	/* ---- what has happened */
	_Atomic uint32_t manages, releases, attaches, detaches, executes, partials, waits;
	_Atomic uint32_t statistics;
	_Atomic uint32_t longest_ms;  /* of WAIT_BO */
	_Atomic uint32_t disturbable; /* waits in which a signal could have come */
	_Atomic uint32_t bos;         /* alive */
	_Atomic uint32_t wrong;
	char why[200];
	_Atomic uint64_t last_resize;
	_Atomic uint32_t last_handle; /* of what EXECUTE took */
};
extern struct kernel kernel;

/* After seam_install(); again: as it was then. */
void kernel_install(void);
/* As if the device had let go of what is under way with the buffer; of all. */
void kernel_end(uint32_t handle);
void kernel_end_all(void);
/* A channel is taken away, as a restart of its sub-system does. */
void kernel_take_away(uint32_t channel);
void kernel_let_go(void); /* of held MANAGEs */
uint32_t kernel_channels_in_use(void);
uint32_t kernel_attached(void);
/* What is moved through the device's memory from now on: 1 to it, 2 from it. */
extern _Atomic uint32_t kernel_moves;

#endif
