/* SPDX-License-Identifier: GPL-2.0 */
/* The faults that a model can be told to have, shared with the programs that tell it. */
#ifndef RIG_FAULT_H
#define RIG_FAULT_H

enum rig_fault_kind {
	RIG_FAULT_NONE,
	RIG_FAULT_SLOW,		/* takes value microseconds more */
	RIG_FAULT_HANG,		/* stops before it moves a byte; a reset helps */
	RIG_FAULT_BUS,		/* a bus error once all the work is done */
	RIG_FAULT_LOST,		/* ends well but raises no interrupt */
	/* qaic's jobs */
	RIG_FAULT_SSR,		/* the sub-system restarts, each step taking value microseconds */
	RIG_FAULT_CRASH,	/* the firmware dies, and starts again in value microseconds */
	RIG_FAULT_LINK,		/* the link is down for value microseconds; 0: for good */
	/* qaic's control messages */
	RIG_FAULT_NACK,		/* refused, with value as the status, or 1 */
	RIG_FAULT_CRC,		/* obeyed and answered with a wrong checksum */
	RIG_FAULT_MUTE,		/* obeyed and never answered */
	/* ivpu's jobs; it knows the crash and the link as well */
	RIG_FAULT_STATUS,	/* ends with value as its status */
	RIG_FAULT_MMU,		/* reads what isn't mapped */
	RIG_FAULT_HEART,	/* takes value microseconds more, in which no heartbeat counts */
	RIG_FAULT_KINDS
};

struct rig_fault {
	enum rig_fault_kind kind;
	unsigned int value;
};

/*
 * A job can carry its fault itself, which then goes before what the device was told, as a word
 * that no real device knows:
 * - in an Ethos-U command stream, this command, two words: the kind as the first's parameter,
 *   then the value. The driver passes unknown commands on.
 * - in a rocket register list, an entry for this target: the kind as register, then the value.
 * - in a command list of ivpu, an inference whose identifier has this in its upper 16 bits, the
 *   kind in the 16 bits below and then the value.
 * qaic takes a command for this: see qaic.h.
 */
#define RIG_ETHOSU_FAULT	0x7a17
#define RIG_ROCKET_FAULT	0xfa17
#define RIG_IVPU_FAULT		0xfa17

#endif
