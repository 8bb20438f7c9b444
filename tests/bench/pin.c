/* SPDX-License-Identifier: MIT */
/* On which CPUs it is measured. */
#include "report.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

static cpu_set_t all;

static void learn(void)
{
	if (CPU_COUNT(&all) == 0)
		sched_getaffinity(0, sizeof(all), &all);
}

int bench_cpus(void)
{
	learn();
	return CPU_COUNT(&all);
}

/* The n-th CPU of those the process was started on, or -1. */
static int cpu_number(int n)
{
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET(cpu, &all) && n-- == 0)
			return cpu;
	}
	return -1;
}

int bench_pin(struct bench *b, int first, int second)
{
	cpu_set_t set;

	learn();
	CPU_ZERO(&set);
	for (int i = 0; i < (second < 0 ? 1 : 2); i++) {
		int n = i == 0 ? first : second, cpu = cpu_number(n);

		if (cpu < 0)
			return bench_refuse(b, -ENODEV, "needs %d CPUs, has %d", n + 1,
					    CPU_COUNT(&all));
		CPU_SET(cpu, &set);
	}
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		return bench_refuse(b, -errno, "can't be pinned to a CPU: %s", strerror(errno));
	return 0;
}

void bench_unpin(void)
{
	learn();
	sched_setaffinity(0, sizeof(all), &all);
}
