// SPDX-License-Identifier: GPL-2.0
/*
 * Runs a command that can write, on the host, nothing but what it is given:
 *
 *	confine PATH... -- COMMAND [ARGUMENT]...
 *
 * Each PATH, a directory with all below it or a file, stays writable; so does what is open. The
 * guest's root may do as it likes in the guest, and mounts what it likes of the host: this is the
 * host's word on what it can change there. By Landlock, which needs no privileges; on a host
 * without, the command runs unconfined. With no words at all it tells by its status whether there
 * is Landlock.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Newer than some headers. */
#define REFER	 (1ULL << 13)
#define TRUNCATE (1ULL << 14)

#define WRITES_OF_FILE (LANDLOCK_ACCESS_FS_WRITE_FILE | TRUNCATE)
#define WRITES                                                                             \
	(WRITES_OF_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | \
	 LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR |                      \
	 LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |                      \
	 LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |                    \
	 LANDLOCK_ACCESS_FS_MAKE_SYM | REFER)

/* What the host's Landlock knows of it. */
static uint64_t known_writes(void)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0,
			       LANDLOCK_CREATE_RULESET_VERSION);

	if (version < 1)
		return 0;
	return WRITES & ~(version < 2 ? REFER : 0) & ~(version < 3 ? TRUNCATE : 0);
}

static int allow(int ruleset, const char *path, uint64_t writes)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = writes };
	struct stat st;
	int ret = -1;

	rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (rule.parent_fd < 0)
		return -1;
	if (!fstat(rule.parent_fd, &st)) {
		if (!S_ISDIR(st.st_mode))
			rule.allowed_access &= WRITES_OF_FILE;
		ret = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	}
	close(rule.parent_fd);
	return ret;
}

int main(int argc, char **argv)
{
	struct landlock_ruleset_attr attr = { .handled_access_fs = known_writes() };
	int ruleset = -1, i;

	if (argc == 1)
		return !attr.handled_access_fs;
	if (attr.handled_access_fs) {
		ruleset = syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
		if (ruleset < 0)
			goto fail;
	}
	for (i = 1; i < argc && strcmp(argv[i], "--"); i++)
		if (ruleset >= 0 && allow(ruleset, argv[i], attr.handled_access_fs))
			goto fail;
	if (ruleset >= 0 && (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
			     syscall(SYS_landlock_restrict_self, ruleset, 0)))
		goto fail;
	if (ruleset >= 0)
		close(ruleset);
	if (i + 1 < argc)
		execv(argv[i + 1], argv + i + 1);
fail:
	fprintf(stderr, "confine: %s\n", strerror(errno));
	return 2;
}
