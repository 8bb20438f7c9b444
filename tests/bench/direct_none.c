/* SPDX-License-Identifier: MIT */
/* In place of direct.c where there is no oneDNN. */
#include "direct.h"

#include <errno.h>
#include <stddef.h>

bool direct_is_there(void)
{
	return false;
}

int direct_create(bool s8, int side, int threads, void *a, void *b, void *c, struct direct **out)
{
	(void)s8;
	(void)side;
	(void)threads;
	(void)a;
	(void)b;
	(void)c;
	(void)out;
	return -EOPNOTSUPP;
}

int direct_run(struct direct *direct)
{
	(void)direct;
	return -EOPNOTSUPP;
}

void direct_destroy(struct direct *direct)
{
	(void)direct;
}
