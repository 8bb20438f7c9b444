/* SPDX-License-Identifier: MIT */
/* doctor: the system as a whole. sysfs, the kernel's modules and its log, limits. */
#include "doctor.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MIB              1048576ull
#define MODULES_FILE_MAX (64 * MIB)
#define LOG_MAX          (8 * MIB)
#define MEMORY_MIN       (64 * MIB) /* less than this leaves no room for a job */
#define PIDS_MIN         8          /* threads that a context may start */

/* ---- modules ----------------------------------------------------------------------- */

/* The drivers that are known here: where no module is installed the kernel itself can't tell
 * what a device would need. A new one is found by where its module lies all the same. */
static const struct {
	const char *module, *config, *glob;
} known[] = {
	{"intel_vpu", "DRM_ACCEL_IVPU", "pci:v00008086d00007D1D*"},
	{"intel_vpu", "DRM_ACCEL_IVPU", "pci:v00008086d0000AD1D*"},
	{"intel_vpu", "DRM_ACCEL_IVPU", "pci:v00008086d0000643E*"},
	{"intel_vpu", "DRM_ACCEL_IVPU", "pci:v00008086d0000B03E*"},
	{"intel_vpu", "DRM_ACCEL_IVPU", "pci:v00008086d0000FD3E*"},
	{"intel_vpu", "DRM_ACCEL_IVPU", "pci:v00008086d0000D71D*"},
	{"amdxdna", "DRM_ACCEL_AMDXDNA", "pci:v00001022d00001502*"},
	{"amdxdna", "DRM_ACCEL_AMDXDNA", "pci:v00001022d000017F[0123]*"},
	{"amdxdna", "DRM_ACCEL_AMDXDNA", "pci:v00001022d00001B0[BC]*"},
	{"qaic", "DRM_ACCEL_QAIC", "pci:v000017CBd0000A080*"},
	{"qaic", "DRM_ACCEL_QAIC", "pci:v000017CBd0000A1[01]0*"},
	{"habanalabs", "DRM_ACCEL_HABANALABS", "pci:v00001DA3d*"},
	{"rocket", "DRM_ACCEL_ROCKET", "of:N*T*Crockchip,rk3588-rknn-core*"},
	{"ethosu", "DRM_ACCEL_ARM_ETHOSU", "of:N*T*Carm,ethos-u[68]5*"},
};

static struct accel_module *add_module(struct doctor *doctor, const char *name)
{
	struct accel_module *module;
	unsigned int i;

	for (i = 0; i < doctor->modules; i++)
		if (!strcmp(doctor->module[i].name, name))
			return &doctor->module[i];
	if (doctor->modules == ARRAY_SIZE(doctor->module) || strlen(name) >= sizeof(module->name))
		return NULL;
	module = &doctor->module[doctor->modules++];
	snprintf(module->name, sizeof(module->name), "%s", name);
	return module;
}

static void add_alias(struct doctor *doctor, const char *glob, const char *module)
{
	struct accel_alias *bigger;

	if (strlen(glob) >= sizeof(bigger->glob) || strlen(module) >= sizeof(bigger->module))
		return;
	if (doctor->aliases % 64 == 0) {
		bigger = realloc(doctor->alias, (doctor->aliases + 64) * sizeof(*bigger));
		if (!bigger)
			return;
		doctor->alias = bigger;
	}
	snprintf(doctor->alias[doctor->aliases].glob, sizeof(doctor->alias->glob), "%s", glob);
	snprintf(doctor->alias[doctor->aliases].module, sizeof(doctor->alias->module), "%s",
		 module);
	doctor->aliases++;
}

static int read_modules_file(const struct doctor *doctor, const char *name, char **out)
{
	static const char *const prefix[] = {"/lib", "/usr/lib"};
	char path[PATH_MAX];
	int ret = -ENOENT;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(prefix) && ret; i++)
		if (ctl_path(path, sizeof(path), "%s/modules/%s/%s", prefix[i], doctor->release,
			     name))
			ret = ctl_read_all(path, MODULES_FILE_MAX, out);
	return ret;
}

/* "kernel/drivers/accel/ivpu/intel_vpu.ko.xz: ..." of modules.dep and modules.builtin. */
static void read_module_paths(struct doctor *doctor, char *text, bool built_in)
{
	struct accel_module *module;
	char *line, *rest = text, *name, *at;

	while ((line = strsep(&rest, "\n"))) {
		line[strcspn(line, ":")] = '\0';
		if (!strstr(line, "/drivers/accel/"))
			continue;
		name = strrchr(line, '/') + 1;
		name[strcspn(name, ".")] = '\0';
		for (at = name; *at; at++)
			if (*at == '-')
				*at = '_';
		module = add_module(doctor, name);
		if (module && built_in)
			module->built_in = true;
		else if (module)
			module->on_disk = true;
	}
}

/* "alias GLOB MODULE" */
static void read_aliases(struct doctor *doctor, char *text)
{
	char *line, *rest = text, glob[96], module[32];
	unsigned int i;

	while ((line = strsep(&rest, "\n"))) {
		if (sscanf(line, "alias %95s %31s", glob, module) != 2)
			continue;
		for (i = 0; i < doctor->modules; i++)
			if (!strcmp(doctor->module[i].name, module))
				add_alias(doctor, glob, module);
	}
}

static void read_modules(struct doctor *doctor)
{
	struct accel_module *module;
	char path[PATH_MAX], *text;
	size_t i;

	if (!ctl_path(path, sizeof(path), "/proc/sys/kernel/osrelease") ||
	    ctl_read(path, doctor->release, sizeof(doctor->release)) < 0 ||
	    strchr(doctor->release, '/') || *doctor->release == '.')
		doctor->release[0] = '\0';
	for (i = 0; i < ARRAY_SIZE(known); i++) {
		module = add_module(doctor, known[i].module);
		if (module)
			snprintf(module->config, sizeof(module->config), "CONFIG_%.24s",
				 known[i].config);
		add_alias(doctor, known[i].glob, known[i].module);
	}
	if (!*doctor->release || read_modules_file(doctor, "modules.dep", &text)) {
		doctor->no_modules_dir = true;
		return;
	}
	read_module_paths(doctor, text, false);
	free(text);
	if (!read_modules_file(doctor, "modules.builtin", &text)) {
		read_module_paths(doctor, text, true);
		free(text);
	}
	if (!read_modules_file(doctor, "modules.alias", &text)) {
		read_aliases(doctor, text);
		free(text);
	}
}

static bool exists(const char *format, const char *name)
{
	char path[PATH_MAX];
	int length = snprintf(path, sizeof(path), "%s", ctl_sysfs());

	if (length < 0 || length >= (int)sizeof(path))
		return false;
	/* The format is one of those below. */
	return snprintf(path + length, sizeof(path) - (size_t)length, "%s%s", format, name) <
		       (int)sizeof(path) - length &&
	       !access(path, F_OK);
}

bool doctor_driver_is_loaded(const char *module)
{
	return exists("/module/", module) || exists("/bus/pci/drivers/", module) ||
	       exists("/bus/platform/drivers/", module);
}

/* A module that was loaded has a file that one that is built in has not. */
static bool was_loaded(const char *module)
{
	char name[64];

	snprintf(name, sizeof(name), "%s/initstate", module);
	return exists("/module/", name);
}

/* Loaded, and no device of its kind is on any bus. */
void doctor_look_at_idle_modules(struct doctor *doctor)
{
	unsigned int i;

	for (i = 0; i < doctor->modules; i++)
		if (was_loaded(doctor->module[i].name) && !doctor->on_bus)
			doctor_mend(
				doctor_found(
					doctor, DOCTOR_FAULT, "driver", "module-without-device",
					NULL,
					"the module %s is loaded, and no device of its kind is "
					"on any bus",
					doctor->module[i].name),
				"switch the device on in the firmware setup (BIOS) or the device "
				"tree, and look for it in 'lspci -nn'; into a virtual machine it "
				"has to be passed");
}

/* ---- the kernel's log -------------------------------------------------------------- */

/* One record per read(2); in a copy it is a plain file. */
static char *read_log(bool *hidden)
{
	char path[PATH_MAX], *text = calloc(1, LOG_MAX + 8193);
	size_t length = 0;
	ssize_t got;
	int fd;

	if (!text || !ctl_path(path, sizeof(path), "/dev/kmsg"))
		return text;
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	*hidden = fd < 0 && (errno == EACCES || errno == EPERM);
	while (fd >= 0 && length < LOG_MAX) {
		got = read(fd, text + length, 8192);
		/* EPIPE: records were overwritten meanwhile; the next one is there. */
		if (got < 0 && (errno == EPIPE || errno == EINTR))
			continue;
		if (got < 0 && errno == EPERM)
			*hidden = true;
		if (got <= 0)
			break;
		length += (size_t)got;
	}
	if (fd >= 0)
		close(fd);
	text[length] = '\0';
	return text;
}

char *doctor_log_line(const struct doctor *doctor, const char *a, const char *b)
{
	const char *at = doctor->kernel_log, *end, *found = NULL, *text;
	size_t found_length = 0, length;
	char *line;

	for (; at && *at; at = *end ? end + 1 : end) {
		end = strchrnul(at, '\n');
		length = (size_t)(end - at);
		/* What was before the driver had it last is no reason now. */
		if (memmem(at, length, "] Initialized ", 14) && memmem(at, length, a, strlen(a))) {
			found = NULL;
		} else if (memmem(at, length, a, strlen(a)) && memmem(at, length, b, strlen(b))) {
			found = at;
			found_length = length;
		}
	}
	if (!found)
		return NULL;
	/* "6,1234,5678,-;text" */
	text = memchr(found, ';', found_length);
	if (text)
		found_length -= (size_t)(text + 1 - found);
	line = strndup(text ? text + 1 : found, found_length);
	return line;
}

/* ---- limits ------------------------------------------------------------------------ */

uint64_t doctor_limit(const char *name)
{
	char path[PATH_MAX], text[4096], *at;
	unsigned long long value;

	if (!ctl_path(path, sizeof(path), "/proc/self/limits") ||
	    ctl_read(path, text, sizeof(text)) < 0)
		return UINT64_MAX;
	at = strstr(text, name);
	return at && sscanf(at + strlen(name), "%llu", &value) == 1 ? value : UINT64_MAX;
}

bool doctor_has_capability(unsigned int number)
{
	char path[PATH_MAX], text[8192], *at;
	unsigned long long set;

	if (!ctl_path(path, sizeof(path), "/proc/self/status") ||
	    ctl_read(path, text, sizeof(text)) < 0)
		return false;
	at = strstr(text, "CapEff:");
	return at && sscanf(at, "CapEff: %llx", &set) == 1 && (set >> number & 1);
}

/* A number of a control group; UINT64_MAX: "max", or not there. */
static uint64_t group_number(const char *group, const char *file)
{
	char path[PATH_MAX], text[64], *end;
	unsigned long long value;

	if (snprintf(path, sizeof(path), "%s/fs/cgroup%s/%s", ctl_sysfs(), group, file) >=
		    (int)sizeof(path) ||
	    ctl_read(path, text, sizeof(text)) < 0)
		return UINT64_MAX;
	value = strtoull(text, &end, 10);
	return end != text && !*end ? value : UINT64_MAX;
}

/* What @now leaves of @max; a group that tells one and not the other tells nothing. */
static uint64_t left_of(uint64_t max, uint64_t now)
{
	if (max == UINT64_MAX || now == UINT64_MAX)
		return UINT64_MAX;
	return max > now ? max - now : 0;
}

static void look_at_group(struct doctor *doctor, const char *group)
{
	const uint64_t memory_max = group_number(group, "memory.max");
	const uint64_t pids_max = group_number(group, "pids.max");
	/* Pages of files are given back when memory is short. */
	const uint64_t memory_left = left_of(memory_max, group_number(group, "memory.current"));
	const uint64_t pids_left = left_of(pids_max, group_number(group, "pids.current"));

	if (memory_left < MEMORY_MIN && memory_max < 16 * MEMORY_MIN)
		doctor_mend(
			doctor_found(doctor, DOCTOR_FAULT, "limits", "cgroup-memory", NULL,
				     "the control group %s allows %s of memory and %s of that is "
				     "left",
				     *group ? group : "/", ctl_bytes(memory_max),
				     ctl_bytes(memory_left)),
			"raise it: systemd MemoryMax=, podman or docker --memory, Kubernetes "
			"resources.limits.memory");
	if (pids_left < PIDS_MIN)
		doctor_mend(doctor_found(doctor, DOCTOR_FAULT, "limits", "cgroup-pids", NULL,
					 "the control group %s allows %" PRIu64 " more threads",
					 *group ? group : "/", pids_left),
			    "raise it: systemd TasksMax=, podman or docker --pids-limit");
}

void doctor_look_at_limits(struct doctor *doctor)
{
	char path[PATH_MAX], text[4096], *group, *slash;
	const uint64_t files = doctor_limit("Max open files");

	if (files < 16)
		doctor_mend(doctor_found(doctor, DOCTOR_FAULT, "limits", "nofile", NULL,
					 "this process may have %" PRIu64 " open files", files),
			    "ulimit -n 1024, or LimitNOFILE= in the service");
	if (!ctl_path(path, sizeof(path), "/proc/self/cgroup") ||
	    ctl_read(path, text, sizeof(text)) < 0)
		return;
	group = strstr(text, "0::/");
	if (!group)
		return;
	group += 3;
	group[strcspn(group, "\n")] = '\0';
	if (strstr(group, ".."))
		return;
	/* Those above hold for it too. */
	while (!doctor_has_fault(doctor, NULL)) {
		if (!strcmp(group, "/"))
			*group = '\0';
		look_at_group(doctor, group);
		slash = strrchr(group, '/');
		if (!slash)
			break;
		*slash = '\0';
	}
}

/* ---- all of it --------------------------------------------------------------------- */

static bool find_container(void)
{
	char path[PATH_MAX], text[64];

	return (ctl_path(path, sizeof(path), "/run/.containerenv") && !access(path, F_OK)) ||
	       (ctl_path(path, sizeof(path), "/.dockerenv") && !access(path, F_OK)) ||
	       (ctl_path(path, sizeof(path), "/run/systemd/container") &&
		ctl_read(path, text, sizeof(text)) > 0);
}

static bool has_nodes(void)
{
	char path[PATH_MAX], **names;
	unsigned int count;

	if (!ctl_path(path, sizeof(path), "/dev/accel") || ctl_names(path, &names, &count))
		return false;
	ctl_names_free(names, count);
	return count > 0;
}

bool doctor_look_at_system(struct doctor *doctor)
{
	struct finding *finding;
	bool has_class, has_bus;

	doctor->in_container = find_container();
	has_bus = exists("", "/bus");
	has_class = exists("/class/", "accel");
	if (!has_bus || (!has_class && has_nodes())) {
		finding = doctor_found(doctor, DOCTOR_FAULT, "system", "sysfs-masked", NULL,
				       has_bus ? "there are nodes in /dev/accel and %s/class/accel "
						 "is not there: it is masked"
					       : "%s is empty or masked",
				       ctl_sysfs());
		doctor_mend(finding,
			    doctor->in_container
				    ? "run the container with sysfs: podman run --security-opt "
				      "unmask=/sys ..., docker run -v /sys:/sys:ro ..."
				    : "mount -t sysfs sysfs /sys; of a service: see "
				      "ProtectKernelTunables= and InaccessiblePaths=");
		return false;
	}
	doctor_found(doctor, DOCTOR_OK, "system", NULL, NULL, "%s can be read%s", ctl_sysfs(),
		     doctor->in_container ? "; this is a container" : "");
	read_modules(doctor);
	doctor->kernel_log = read_log(&doctor->log_is_hidden);
	return true;
}
