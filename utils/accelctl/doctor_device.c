/* SPDX-License-Identifier: MIT */
/* doctor: one device that the kernel has, from its state over its node to a job. */
#include "doctor.h"
#include "job.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define JOB_BYTES    65536
#define JOB_LIMIT_NS 10000000000ull
#define CAP_IPC_LOCK 14
#define MIB          1048576ull

struct patient {
	struct doctor *doctor;
	struct accel_device *device;
	struct accel_device_info info;
	char id[64];
	char node[PATH_MAX]; /* below ctl_root */
	struct stat st;      /* of the node */
};

static struct finding *fault(const struct patient *p, const char *step, const char *code,
			     const char *text)
{
	return doctor_found(p->doctor, DOCTOR_FAULT, step, code, p->id, "%s", text);
}

static int read_attr(const struct patient *p, const char *attr, char *text, size_t bytes)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/class/accel/%s/device/%s", ctl_sysfs(), p->info.name,
		     attr) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	return ctl_read(path, text, bytes);
}

/* ---- its state --------------------------------------------------------------------- */

/* Reads of a device that has left the bus give all ones. Only of one that is awake: the read
 * would wake it. */
static bool has_left_the_bus(const struct patient *p, const char *power)
{
	unsigned char ids[4];
	char path[PATH_MAX];
	ssize_t got = -1;
	int fd;

	if (strncmp(p->id, "pci:", 4) || strcmp(power, "active") ||
	    snprintf(path, sizeof(path), "%s/class/accel/%s/device/config", ctl_sysfs(),
		     p->info.name) >= (int)sizeof(path))
		return false;
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd >= 0) {
		got = read(fd, ids, sizeof(ids));
		close(fd);
	}
	return got == (ssize_t)sizeof(ids) && !memcmp(ids, "\xff\xff\xff\xff", sizeof(ids));
}

static bool check_state(const struct patient *p)
{
	const char *address = strchr(p->id, ':') ? strchr(p->id, ':') + 1 : p->id;
	char power[32] = "", status[64] = "";

	if (read_attr(p, "power/runtime_status", power, sizeof(power)) < 0)
		power[0] = '\0';
	if (has_left_the_bus(p, power)) {
		doctor_mend(
			fault(p, "bus", "device-offline",
			      "the device does not answer on its bus any more (all ones)"),
			"echo 1 >/sys/bus/pci/devices/%s/remove; echo 1 >/sys/bus/pci/rescan; if "
			"that is no use, switch the machine off and on",
			address);
		return false;
	}
	if (!strcmp(power, "error")) {
		doctor_mend(fault(p, "bus", "power-error",
				  "the kernel could not wake the device or put it to sleep"),
			    "unbind and bind its driver; 'dmesg | grep %s' has the reason",
			    address);
		return false;
	}
	/* Of habanalabs. */
	if (read_attr(p, "status", status, sizeof(status)) > 0 &&
	    strcasecmp(status, "operational")) {
		doctor_mend(doctor_found(p->doctor, DOCTOR_FAULT, "bus", "device-offline", p->id,
					 "the driver says that the device is '%s'", status),
			    "wait if it resets; else unbind and bind its driver; 'dmesg | grep %s' "
			    "has the reason",
			    address);
		return false;
	}
	doctor_found(p->doctor, DOCTOR_OK, "bus", NULL, p->id, "%s, driver %s%s%s", p->info.name,
		     *p->info.driver ? p->info.driver : "known once it is open", *power ? ", " : "",
		     power);
	return true;
}

/* ---- its node ---------------------------------------------------------------------- */

static void mend_node(const struct patient *p, struct finding *finding, bool remove)
{
	const char *node = p->info.node;

	if (p->doctor->in_container)
		doctor_mend(finding,
			    "pass the device into the container: podman or docker run "
			    "--device %s, or by CDI ('accelctl cdi')",
			    node);
	else
		doctor_mend(finding,
			    "%s%s%sudevadm trigger --subsystem-match=accel (or: mknod %s c "
			    "%u %u)",
			    remove ? "rm " : "", remove ? node : "", remove ? "; " : "", node,
			    major((dev_t)p->info.devnum), minor((dev_t)p->info.devnum));
}

static bool check_node(struct patient *p)
{
	struct stat target;
	char text[300];

	if (!*p->info.node) {
		doctor_mend(fault(p, "node", "node-unnamed", "the kernel names no node for it"),
			    "is this a kernel without devtmpfs? 'cat %s/class/accel/%s/uevent' "
			    "should have DEVNAME",
			    ctl_sysfs(), p->info.name);
		return false;
	}
	if (lstat(p->node, &p->st)) {
		snprintf(text, sizeof(text), "its node %s is not there (%s)", p->info.node,
			 strerror(errno));
		mend_node(p, fault(p, "node", "node-missing", text), false);
		return false;
	}
	if (S_ISLNK(p->st.st_mode)) {
		if (stat(p->node, &target)) {
			snprintf(text, sizeof(text), "%s is a symbolic link that leads nowhere",
				 p->info.node);
			mend_node(p, fault(p, "node", "node-dangling", text), true);
		} else {
			snprintf(text, sizeof(text),
				 "%s is a symbolic link, which the library does not follow",
				 p->info.node);
			mend_node(p, fault(p, "node", "node-symlink", text), true);
		}
		return false;
	}
	if (!S_ISCHR(p->st.st_mode)) {
		snprintf(text, sizeof(text), "%s is no device node", p->info.node);
		mend_node(p, fault(p, "node", "node-not-device", text), true);
		return false;
	}
	if (p->st.st_rdev != (dev_t)p->info.devnum) {
		snprintf(text, sizeof(text),
			 "%s is stale: it has the number %u:%u and the device has %u:%u",
			 p->info.node, major(p->st.st_rdev), minor(p->st.st_rdev),
			 major((dev_t)p->info.devnum), minor((dev_t)p->info.devnum));
		mend_node(p, fault(p, "node", "node-stale", text), true);
		return false;
	}
	doctor_found(p->doctor, DOCTOR_OK, "node", NULL, p->id, "%s, %u:%u", p->info.node,
		     major(p->st.st_rdev), minor(p->st.st_rdev));
	return true;
}

/* ---- permission -------------------------------------------------------------------- */

/* The user is a member of the group, and this login began before that. */
static bool is_new_member(const struct passwd *user, gid_t gid)
{
	gid_t groups[256];
	int count = ARRAY_SIZE(groups), i;

	if (getgrouplist(user->pw_name, user->pw_gid, groups, &count) < 0)
		return false;
	for (i = 0; i < count; i++)
		if (groups[i] == gid)
			return true;
	return false;
}

static bool check_permission(const struct patient *p)
{
	const struct passwd *user;
	const struct group *group;
	struct finding *finding;

	if (!faccessat(AT_FDCWD, p->node, R_OK | W_OK, AT_EACCESS)) {
		doctor_found(p->doctor, DOCTOR_OK, "permission", NULL, p->id,
			     "this user may open it");
		return true;
	}
	user = getpwuid(geteuid());
	group = getgrgid(p->st.st_gid);
	if ((p->st.st_mode & 0060) != 0060 || !group || p->st.st_gid == 0) {
		finding = doctor_found(
			p->doctor, DOCTOR_FAULT, "permission", "permission", p->id,
			"%s may not be opened by this user: it belongs to %u:%u with "
			"mode %04o",
			p->info.node, (unsigned int)p->st.st_uid, (unsigned int)p->st.st_gid,
			(unsigned int)p->st.st_mode & 07777);
		doctor_mend(
			finding,
			p->doctor->in_container
				? "run the container with the node's group: podman run "
				  "--group-add keep-groups, docker run --group-add GID"
				: "echo 'SUBSYSTEM==\"accel\", GROUP=\"render\", MODE=\"0660\"' "
				  ">/etc/udev/rules.d/70-accel.rules; udevadm trigger "
				  "--subsystem-match=accel");
		return false;
	}
	if (user && is_new_member(user, p->st.st_gid)) {
		finding = doctor_found(p->doctor, DOCTOR_FAULT, "permission", "permission-login",
				       p->id,
				       "%s belongs to the group %s, of which %s became a member "
				       "after this login",
				       p->info.node, group->gr_name, user->pw_name);
		doctor_mend(finding, "log out and in again, or: newgrp %s", group->gr_name);
		return false;
	}
	finding = doctor_found(p->doctor, DOCTOR_FAULT, "permission", "permission", p->id,
			       "%s belongs to the group %s, of which this user is no member",
			       p->info.node, group->gr_name);
	doctor_mend(finding, "usermod -aG %s %s, and log in anew", group->gr_name,
		    user ? user->pw_name : "USER");
	return false;
}

/* ---- provider, limits -------------------------------------------------------------- */

static bool check_provider(const struct patient *p)
{
	const bool missing = p->info.usable == ACCEL_NO_PROVIDER;
	const uint32_t version = accel_version();
	struct finding *finding;

	if (p->info.usable != ACCEL_NO_PROVIDER && p->info.usable != ACCEL_PROVIDER_ABI) {
		doctor_found(p->doctor, DOCTOR_OK, "provider", NULL, p->id, "there is one");
		return true;
	}
	finding = fault(p, "provider", missing ? "provider-missing" : "provider-abi",
			p->info.reason);
	/* The library knows whether a package has one. */
	if (missing && !strstr(p->info.reason, "the package libaccel-"))
		doctor_mend(finding,
			    "ask its vendor for one (LIBACCEL_PROVIDER_DIR names its directory)");
	else
		doctor_mend(finding,
			    "install libaccel-%s %u.%u.%u (LIBACCEL_PROVIDER_DIR names another "
			    "directory)",
			    p->info.flags & ACCEL_DEVICE_SOFTWARE ? "soft" : "providers",
			    version >> 16, version >> 8 & 0xff, version & 0xff);
	return false;
}

/* What these drivers pin at the least counts as locked memory. */
static bool check_memlock(const struct patient *p)
{
	const uint64_t limit = doctor_limit("Max locked memory");
	const bool needs = !strncmp(p->info.driver, "amdxdna", 7);
	const bool may_need = !strcmp(p->info.driver, "intel_vpu") ||
			      !strcmp(p->info.driver, "habanalabs");

	if (limit >= 64 * MIB || (!needs && !may_need) || doctor_has_capability(CAP_IPC_LOCK))
		return true;
	doctor_mend(doctor_found(p->doctor, needs ? DOCTOR_FAULT : DOCTOR_NOTE, "limits", "memlock",
				 p->id, "this user may lock %s of memory, and the driver %s %s",
				 ctl_bytes(limit), p->info.driver,
				 needs ? "locks 64 MiB for each context"
				       : "locks what it is given of the user's own memory"),
		    "ulimit -l unlimited; to stay: '@render - memlock unlimited' in "
		    "/etc/security/limits.conf, LimitMEMLOCK=infinity in the service");
	return !needs;
}

/* ---- a job ------------------------------------------------------------------------- */

static void say_open(const struct patient *p, int ret, const char *why)
{
	const char *node = p->info.node;
	struct finding *finding;

	switch (ret) {
	case -EACCES:
		finding = fault(p, "open", "device-cgroup", why);
		if (p->doctor->in_container)
			doctor_mend(finding,
				    "podman or docker run --device %s, or by CDI ('accelctl "
				    "cdi')",
				    node);
		else
			doctor_mend(finding,
				    "of a service: DeviceAllow=%s rw; else see the security "
				    "module's log (ausearch -m avc, dmesg)",
				    node);
		break;
	case -EAGAIN:
		doctor_mend(fault(p, "open", "device-offline", why),
			    "wait and try again; 'dmesg | grep %s' says what its firmware does; "
			    "unbind and bind the driver",
			    p->info.name);
		break;
	case -EBUSY:
		doctor_mend(fault(p, "open", "busy", why),
			    "'fuser -v %s' tells who has it; this driver allows one at a time",
			    node);
		break;
	case -EMFILE:
	case -ENFILE:
		doctor_mend(fault(p, "open", "contexts", why),
			    "end a program that has it open ('fuser -v %s')", node);
		break;
	case -ENOPKG:
	case -ELIBBAD:
		doctor_mend(fault(p, "provider", "provider-broken", why),
			    "install libaccel and libaccel-providers anew, of one version");
		break;
	default:
		doctor_mend(fault(p, "open", "open-failed", why),
			    "'dmesg | grep %s' may say more; unbind and bind the driver",
			    p->info.name);
	}
}

static void say_job(const struct patient *p, int ret, const char *why)
{
	const char *code = ret == -ETIME || ret == -ETIMEDOUT ? "job-timeout" : "job-failed";

	if (ret == -ETIME)
		why = "a copy of 64 KiB has not ended in 10 s";
	doctor_mend(fault(p, "job", code, why),
		    "LIBACCEL_LOG=debug accelctl run copy %s tells more; 'dmesg | grep %s' too; "
		    "unbind and bind the driver",
		    p->info.id, p->info.name);
}

static void check_job(const struct patient *p)
{
	struct job_request request = {
		.shape = {.kind = JOB_COPY, .bytes = JOB_BYTES},
		.count = 1,
	};
	struct accel_error why = {.size = sizeof(why)};
	struct job_result result;
	char text[300];
	int ret;

	accel_deadline(JOB_LIMIT_NS, &request.deadline);
	ret = job_run(p->device, &request, &result);
	accel_last_error(&why);
	snprintf(text, sizeof(text), "%s: %s", result.step ? result.step : "", why.text);
	if (ret && result.step && !strcmp(result.step, "opening the device")) {
		say_open(p, ret, text);
	} else if (ret && result.step) {
		say_job(p, ret, text);
	} else if (ret) {
		doctor_found(p->doctor, DOCTOR_OK, "open", NULL, p->id,
			     "it can be opened; there is no job of ours for the driver %s",
			     result.driver);
	} else if (result.wrong) {
		snprintf(text, sizeof(text),
			 "a copy of 64 KiB came out with %" PRIu64 " wrong bytes", result.wrong);
		doctor_mend(fault(p, "job", "wrong-bytes", text),
			    "the device or its memory is faulty: 'accelctl ras show %s', and dmesg",
			    p->info.id);
	} else {
		doctor_found(p->doctor, DOCTOR_OK, "job", NULL, p->id,
			     "a copy of 64 KiB came out right");
	}
}

void doctor_look_at_device(struct doctor *doctor, struct accel_device *device)
{
	struct patient p = {.doctor = doctor, .device = device};

	p.info.size = sizeof(p.info);
	if (accel_device_get_info(device, &p.info))
		return;
	snprintf(p.id, sizeof(p.id), "%s", p.info.id);
	if (!(p.info.flags & ACCEL_DEVICE_SOFTWARE)) {
		/* What its bus found wrong comes first. */
		if (doctor_has_fault(doctor, p.id) ||
		    !ctl_path(p.node, sizeof(p.node), "%s", p.info.node))
			return;
		if (!check_state(&p) || !check_node(&p) || !check_permission(&p))
			return;
	}
	if (!check_provider(&p) || !check_memlock(&p))
		return;
	if (!doctor->no_job && !*ctl_root)
		check_job(&p);
}
