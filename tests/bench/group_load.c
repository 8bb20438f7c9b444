/* SPDX-License-Identifier: MIT */
/* What libaccel.so costs a program that has not called it yet, read in the file itself. */
#include "bench.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct file {
	const uint8_t *bytes;
	size_t size;
};

static int find_library(struct dl_phdr_info *info, size_t size, void *path)
{
	const char *name = strrchr(info->dlpi_name, '/');

	(void)size;
	if (!name || strncmp(name, "/libaccel.so.", 13) != 0)
		return 0;
	snprintf(path, PATH_MAX, "%s", info->dlpi_name);
	return 1;
}

static int map_file(const char *path, struct file *file)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;
	struct stat st;
	void *bytes;

	if (fd < 0 || fstat(fd, &st) < 0) {
		err = -errno;
	} else {
		bytes = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (bytes == MAP_FAILED)
			err = -errno;
		else
			*file = (struct file){bytes, st.st_size};
	}
	if (fd >= 0)
		close(fd);
	return err;
}

static const void *section(const struct file *file, const ElfW(Shdr) * s)
{
	return file->bytes + s->sh_offset;
}

/* Relocations that look up a name the file itself defines: what -Bsymbolic and
 * hidden names save the dynamic linker. */
static size_t own_names(const struct file *file, const ElfW(Shdr) * sections,
			const ElfW(Shdr) * relocations)
{
	const ElfW(Sym) *names = section(file, &sections[relocations->sh_link]);
	const uint8_t *r = section(file, relocations);
	size_t n = 0;

	for (size_t at = 0; at < relocations->sh_size; at += relocations->sh_entsize) {
		/* Elf_Rel is how Elf_Rela begins. */
		const ElfW(Rel) *rel = (const void *)(r + at);
#if __ELF_NATIVE_CLASS == 64
		size_t name = ELF64_R_SYM(rel->r_info);
#else
		size_t name = ELF32_R_SYM(rel->r_info);
#endif
		n += name && names[name].st_shndx != SHN_UNDEF;
	}
	return n;
}

/* Libraries that it brings beside the C library and its loader. */
static size_t other_libraries(const struct file *file, const ElfW(Shdr) * sections,
			      const ElfW(Shdr) * dynamic)
{
	const char *strings = section(file, &sections[dynamic->sh_link]);
	const ElfW(Dyn) *d = section(file, dynamic);
	size_t n = 0;

	for (; d->d_tag != DT_NULL; d++) {
		const char *name = strings + d->d_un.d_val;

		n += d->d_tag == DT_NEEDED && strncmp(name, "libc.", 5) != 0 &&
		     strncmp(name, "ld-", 3) != 0 && strncmp(name, "ld.", 3) != 0;
	}
	return n;
}

static void look_at(struct bench *b, const struct file *file)
{
	const ElfW(Ehdr) *header = (const void *)file->bytes;
	const ElfW(Shdr) *sections = (const void *)(file->bytes + header->e_shoff);
	size_t text = 0, lookups = 0, constructors = 0, libraries = 0;

	for (int i = 0; i < header->e_shnum; i++) {
		const ElfW(Shdr) *s = &sections[i];

		if ((s->sh_flags & (SHF_ALLOC | SHF_WRITE)) == SHF_ALLOC)
			text += s->sh_size;
		if (s->sh_type == SHT_RELA || s->sh_type == SHT_REL)
			lookups += own_names(file, sections, s);
		else if (s->sh_type == SHT_INIT_ARRAY)
			constructors = s->sh_size / sizeof(void *);
		else if (s->sh_type == SHT_DYNAMIC)
			libraries = other_libraries(file, sections, s);
	}
	bench_at_most(b, "text", (double)text / 1024, "KiB", 150);
	bench_exactly(b, "lookups of own names", lookups, "relocations", 0);
	bench_at_most(b, "constructors", constructors, "functions", 1); /* the compiler's */
	bench_exactly(b, "other libraries", libraries, "files", 0);
}

static int run_load(struct bench *b)
{
	char path[PATH_MAX], out[64];
	struct file file = {0};
	int err, listed, opened;

	if (!dl_iterate_phdr(find_library, path))
		return bench_refuse(b, -ENOENT, "this program has no libaccel.so");
	err = map_file(path, &file);
	if (err)
		return bench_refuse(b, err, "%s: %s", path, strerror(-err));
	look_at(b, &file);
	munmap((void *)file.bytes, file.size);

	/* The second number shows that the first one would not be 0 for another reason. */
	err = bench_child("maps", "", out, sizeof(out));
	if (err || sscanf(out, "%d %d", &listed, &opened) != 2)
		bench_absent(b, "providers mapped by listing", "the child failed");
	else if (opened == 0)
		bench_absent(b, "providers mapped by listing", "soft maps none when it is opened");
	else
		bench_exactly(b, "providers mapped by listing", listed, "mappings", 0);
	return 0;
}

const struct bench_group bench_group_load = {
	.name = "load",
	.about = "what libaccel.so costs before it is called",
	.run = run_load,
};
