/* SPDX-License-Identifier: MIT */
/*
 * Buffers of the software device: anonymous memory, the caller's memory, a memfd where they
 * are to be shared, and imported dma-bufs and memfds. All are mapped from their beginning,
 * for the workers need them so.
 */
#define _GNU_SOURCE
#include "soft_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/udmabuf.h>
#include <string.h>
#include <sys/mman.h>

/* Of newer kernels than the C library's headers may be. */
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#define WRITE_FLAGS (ACCEL_BO_CPU_WRITE | ACCEL_BO_DEVICE_WRITE)

/* ---- making ------------------------------------------------------------ */

/* Every page of the caller's memory must be there, and writable if it is to be written. */
static int check_user(const struct accel_bo *bo, void *user)
{
	int advice = bo->flags & WRITE_FLAGS ? MADV_POPULATE_WRITE : MADV_POPULATE_READ;
	int err;

	/* A kernel before 5.14 doesn't know these, and can only tell what is not mapped. */
	if (accel_core_sys.madvise(user, 0, advice))
		advice = MADV_WILLNEED;
	do {
		err = accel_core_sys.madvise(user, bo->bytes, advice);
	} while (err == -EINTR || err == -EAGAIN);
	if (!err || (err == -EBADF && advice == MADV_WILLNEED))
		return 0;
	return accel_core_fail(-EFAULT, "soft: the user memory at %p is not mapped%s", user,
			       bo->flags & WRITE_FLAGS ? ", or not writable" : "");
}

static int map_bytes(struct accel_bo *bo, int prot, int flags)
{
	void *map;
	int err;

	if (bo->bytes > SIZE_MAX)
		return accel_core_fail(-ENOMEM, "soft: no address space for the buffer");
	err = accel_core_sys.mmap(bo->bytes, prot, flags, bo->fd, 0, &map);
	if (err == -EPERM) /* sealed against writing */
		err = -EACCES;
	/* All but the size is right; or more locked memory than is allowed. */
	if (err == -EINVAL || err == -EOVERFLOW || err == -EAGAIN)
		err = -ENOMEM;
	if (err)
		return accel_core_fail(err, "soft: mapping %llu bytes: %s",
				       (unsigned long long)bo->bytes, strerror(-err));
	bo->map = map;
	bo->map_bytes = bo->bytes;
	return 0;
}

/* A memfd that others may map without fear: it can't be cut short under them. */
static int make_memfd(struct accel_bo *bo)
{
	int fd, err;

	fd = accel_core_sys.memfd("accel", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return accel_core_fail(fd, "soft: memfd_create: %s", strerror(-fd));
	do {
		err = accel_core_sys.truncate(fd, bo->bytes);
	} while (err == -EINTR);
	if (!err)
		err = accel_core_sys.add_seals(fd, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	if (err) {
		accel_core_sys.close(fd);
		if (err == -EFBIG || err == -ENOSPC)
			err = -ENOMEM;
		return accel_core_fail(err, "soft: a memfd of %llu bytes: %s",
				       (unsigned long long)bo->bytes, strerror(-err));
	}
	bo->fd = fd;
	return 0;
}

int soft_bo_init(struct accel_bo *bo, const struct accel_bo_params *params)
{
	int err;

	soft_bo(bo)->dmabuf = -1;
	atomic_store(&soft_bo(bo)->sync_fd, -1);
	if (params->ext)
		return accel_core_fail(-EINVAL, "soft: buffers have no vendor struct");
	if (bo->flags & ACCEL_BO_DEVICE_LOCAL)
		return accel_core_fail(-EOPNOTSUPP, "soft: the device has no memory of its own");
	if (params->user) {
		if (bo->flags & ACCEL_BO_SHARE)
			return accel_core_fail(-EOPNOTSUPP, "soft: user memory can't be exported");
		bo->no_cache = true;
		bo->map = params->user;
		return check_user(bo, params->user);
	}
	if (!(bo->flags & ACCEL_BO_SHARE))
		return map_bytes(bo, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);

	bo->no_cache = true;
	err = make_memfd(bo);
	if (err)
		return err;
	err = map_bytes(bo, PROT_READ | PROT_WRITE, MAP_SHARED);
	if (err) {
		accel_core_sys.close(bo->fd);
		bo->fd = -1;
	}
	return err;
}

/* It is already; the core asks only if it isn't. */
int soft_bo_map(struct accel_bo *bo)
{
	(void)bo;
	return 0;
}

void soft_bo_fini(struct accel_bo *bo)
{
	if (soft_bo(bo)->dmabuf >= 0)
		accel_core_sys.close(soft_bo(bo)->dmabuf);
	soft_bo(bo)->dmabuf = -1;
}

/* ---- sharing ----------------------------------------------------------- */

static uint64_t mix(uint64_t value)
{
	value ^= value >> 32;
	value *= 0x9e3779b97f4a7c15ull;
	value ^= value >> 29;
	value *= 0xd6e8feb86659fd93ull;
	return value ^ value >> 32;
}

/* The identity of an open file, never 0. It can't be reused while a buffer is in the table,
 * for that holds the file. */
static int file_key(int fd, uint64_t *key)
{
	struct stat st;
	int err;

	err = accel_core_sys.fstat(fd, &st);
	if (err)
		return accel_core_fail(err, "descriptor %d: %s", fd, strerror(-err));
	*key = mix(mix((uint64_t)st.st_dev) + (uint64_t)st.st_ino);
	if (!*key)
		*key = 1;
	return 0;
}

int soft_bo_import_key(struct accel_context *context, int dmabuf_fd, uint64_t *key)
{
	(void)context;
	return file_key(dmabuf_fd, key);
}

/* Ask for a sync in no direction: a dma-buf finds that invalid, other files don't know the
 * question. */
static bool is_dmabuf(int fd)
{
	struct dma_buf_sync sync = {0};
	struct stat st;

	/* A device may take the number for something else. */
	if (accel_core_sys.fstat(fd, &st) || (S_IFMT & st.st_mode && !S_ISREG(st.st_mode)))
		return false;
	return accel_core_sys.ioctl(fd, DMA_BUF_IOCTL_SYNC, &sync) == -EINVAL;
}

int soft_bo_import(struct accel_bo *bo, int dmabuf_fd)
{
	int prot = PROT_READ | (bo->flags & WRITE_FLAGS ? PROT_WRITE : 0);
	bool dmabuf = false;
	int64_t bytes;
	int seals, fd, err;

	soft_bo(bo)->dmabuf = -1;
	atomic_store(&soft_bo(bo)->sync_fd, -1);
	seals = accel_core_sys.get_seals(dmabuf_fd);
	if (seals == -EBADF)
		return accel_core_fail(-EBADF, "descriptor %d is not open", dmabuf_fd);
	if (seals < 0)
		dmabuf = is_dmabuf(dmabuf_fd);
	if (seals < 0 && !dmabuf)
		return accel_core_fail(-EINVAL, "descriptor %d is neither a dma-buf nor a memfd",
				       dmabuf_fd);
	if (!dmabuf && !(seals & F_SEAL_SHRINK))
		return accel_core_fail(-EINVAL,
				       "the memfd can be cut short: seal it with F_SEAL_SHRINK");
	bytes = accel_core_sys.size(dmabuf_fd);
	if (bytes <= 0)
		return accel_core_fail(-EINVAL, "descriptor %d has no size", dmabuf_fd);
	fd = accel_core_sys.dup(dmabuf_fd);
	if (fd < 0)
		return accel_core_fail(fd, "no descriptor: %s", strerror(-fd));
	bo->fd = fd;
	bo->bytes = (uint64_t)bytes;
	bo->no_cache = true;
	err = map_bytes(bo, prot, MAP_SHARED);
	if (err) {
		accel_core_sys.close(fd);
		bo->fd = -1;
		return err;
	}
	if (dmabuf) {
		bo->flags |= ACCEL_BO_IS_NONCOHERENT;
		atomic_store(&soft_bo(bo)->sync_fd, fd);
	}
	return 0;
}

/* A dma-buf of the buffer's memfd: -ENODEV and other errors where that can't be had. */
static int make_dmabuf(struct accel_bo *bo)
{
	struct udmabuf_create create = {
		.memfd = (uint32_t)bo->fd,
		.flags = UDMABUF_FLAGS_CLOEXEC,
		.size = bo->bytes,
	};
	int dev, fd;

	dev = accel_core_sys.open("/dev/udmabuf", O_RDWR);
	if (dev < 0)
		return dev;
	fd = accel_core_sys.ioctl(dev, UDMABUF_CREATE, &create);
	accel_core_sys.close(dev);
	return fd;
}

/*
 * The first export settles whether the buffer is known as a dma-buf or as a memfd, so that
 * all descriptors of it are of one file and an import finds the buffer. Under
 * context->lock.
 */
int soft_bo_export(struct accel_bo *base, int *dmabuf_fd)
{
	struct soft_bo *bo = soft_bo(base);
	uint64_t key;
	int fd, err;

	if (base->flags & ACCEL_BO_IS_IMPORTED || base->fd < 0)
		return accel_core_fail(-EINVAL, "soft: an imported buffer can't be exported");
	if (!atomic_load(&base->key)) {
		fd = make_dmabuf(base);
		/* These pass; to settle on a memfd for them would last. */
		if (fd == -EMFILE || fd == -ENFILE || fd == -ENOMEM)
			return accel_core_fail(fd, "soft: making a dma-buf: %s", strerror(-fd));
		err = file_key(fd >= 0 ? fd : base->fd, &key);
		if (err) {
			if (fd >= 0)
				accel_core_sys.close(fd);
			return err;
		}
		if (fd >= 0) {
			bo->dmabuf = fd;
			atomic_store(&bo->sync_fd, fd);
		}
		atomic_store(&base->key, key);
	}
	fd = accel_core_sys.dup(bo->dmabuf >= 0 ? bo->dmabuf : base->fd);
	if (fd < 0)
		return accel_core_fail(fd, "no descriptor: %s", strerror(-fd));
	*dmabuf_fd = fd;
	return 0;
}

/* ---- access ------------------------------------------------------------ */

int soft_bo_sync(struct accel_bo *bo, bool begin, uint32_t access)
{
	int fd = atomic_load_explicit(&soft_bo(bo)->sync_fd, memory_order_relaxed);

	return fd < 0 ? 0 : accel_core_dmabuf_sync(fd, begin, access);
}

int soft_bo_begin(struct accel_bo *bo, uint32_t access, uint64_t offset, uint64_t bytes,
		  int64_t deadline)
{
	(void)offset;
	(void)bytes;
	(void)deadline;
	return soft_bo_sync(bo, true, access);
}

int soft_bo_end(struct accel_bo *bo, uint32_t access, uint64_t offset, uint64_t bytes)
{
	(void)offset;
	(void)bytes;
	return soft_bo_sync(bo, false, access);
}
