/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <err.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "stress.h"

/*
 * Fsynced data is there after everybody was killed.  A file outside of the
 * mount holds, for each page of some files, the version that was written last
 * and the last one that was fsynced, and for each name what it was and what it
 * is about to become.  It is mapped, so that it is right at any moment.
 *
 * After the mount has come back, a page has to hold one of the versions between
 * the two, whole; the verifier then takes what it found as the new start, so
 * that the next round goes on with the same files.
 */

#define PAGE		4096u
#define OWN_FILES	2
#define BACKUP_FILES	4
#define FILES		(OWN_FILES + BACKUP_FILES)
#define PAGES		64
#define NAMES		8

struct state {
	char	path[FILES][256];	/* of the backup's files: below both roots */
	uint32_t next;			/* version */
	uint32_t next_tag;
	uint32_t written[FILES][PAGES], synced[FILES][PAGES];
	struct name {
		_Atomic uint32_t is, becomes;	/* tags; 0: no such name */
	} name[NAMES];
	uint64_t n_synced;		/* pages, for the report */
};

static struct state *state;
static int fds[FILES];
static unsigned char *page, *ref_page;

/* ---- setting up --------------------------------------------------------- */

static unsigned n_found;

/* The jobs take different files: every file has one writer. */
static int
visit(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	static unsigned seen;

	(void)ftw;
	if (type != FTW_F || st->st_size < (off_t)(PAGES * PAGE) || n_found == BACKUP_FILES ||
	    seen++ % stress_self.of != stress_self.number)
		return 0;
	snprintf(state->path[OWN_FILES + n_found++], sizeof(state->path[0]), "%s",
	    path + strlen(stress_self.ref) + 1);
	return 0;
}

static void
map_state(void)
{
	char name[PATH_MAX];
	int fd;

	if (stress_self.state == NULL)
		errx(2, "the jobs \"durable\" and \"verify\" need -l");
	snprintf(name, sizeof(name), "%s.%u", stress_self.state, stress_self.number);
	if ((fd = open(name, O_RDWR | O_CREAT, 0600)) < 0 || ftruncate(fd, sizeof(*state)) != 0)
		err(2, "%s", name);
	state = mmap(NULL, sizeof(*state), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (state == MAP_FAILED)
		err(2, "%s", name);
	close(fd);
	page = stress_buffer(PAGE);
	ref_page = stress_buffer(PAGE);
	if (state->next != 0)
		return;
	state->next = state->next_tag = 1;
	if (stress_self.ref != NULL && nftw(stress_self.ref, visit, 16, FTW_PHYS) != 0)
		err(2, "%s", stress_self.ref);
}

static bool
has_file(unsigned f)
{
	return f < OWN_FILES || state->path[f][0] != '\0';
}

static int
open_file(unsigned f, int flags)
{
	char path[PATH_MAX];

	if (f < OWN_FILES)
		snprintf(path, sizeof(path), "own%u", f);
	else
		snprintf(path, sizeof(path), "%s/%s", stress_self.mnt, state->path[f]);
	return STRESS_OK(open(path, flags, 0600), path);
}

/* Reads the content of a page before its first write. */
static void
read_reference(unsigned f, unsigned p)
{
	char path[PATH_MAX];
	int fd;

	memset(ref_page, 0, PAGE);
	if (f < OWN_FILES)
		return;
	snprintf(path, sizeof(path), "%s/%s", stress_self.ref, state->path[f]);
	if ((fd = open(path, O_RDONLY)) < 0 || pread(fd, ref_page, PAGE, (off_t)p * PAGE) < 0)
		err(2, "%s", path);
	close(fd);
}

/* ---- writing ------------------------------------------------------------ */

static void
write_page(unsigned f)
{
	unsigned p = stress_below(PAGES);
	uint32_t version = state->next++;

	stress_fill(page, PAGE, f, p, version);
	state->written[f][p] = version;
	if (STRESS_OK(pwrite(fds[f], page, PAGE, (off_t)p * PAGE), "a durable file") !=
	    (ssize_t)PAGE)
		stress_fail("pwrite: short");
}

static void
sync_file(unsigned f)
{
	unsigned p;

	if (stress_one_in(2))
		STRESS_OK(fdatasync(fds[f]), "a durable file");
	else
		STRESS_OK(fsync(fds[f]), "a durable file");
	for (p = 0; p < PAGES; p++) {
		if (state->synced[f][p] == state->written[f][p])
			continue;
		state->synced[f][p] = state->written[f][p];
		state->n_synced++;
	}
}

static const char *
name_text(unsigned i)
{
	static char text[4][16];
	static unsigned turn;
	char *s = text[turn++ % 4];

	snprintf(s, sizeof(text[0]), "name%u", i);
	return s;
}

static void
sync_directory(void)
{
	int fd = STRESS_OK(open(".", O_RDONLY | O_DIRECTORY), ".");

	STRESS_OK(fsync(fd), ".");
	STRESS_OK(close(fd), ".");
}

static void
settle(struct name *n)
{
	atomic_store(&n->is, atomic_load(&n->becomes));
}

/* Makes a file as PostgreSQL does: written, synced, renamed, its directory synced. */
static void
replace_name(unsigned i)
{
	struct name *n = &state->name[i];
	uint32_t tag = state->next_tag++;
	int fd;

	fd = STRESS_OK(open("temporary", O_WRONLY | O_CREAT | O_TRUNC, 0600), "temporary");
	STRESS_OK(write(fd, &tag, sizeof(tag)), "temporary");
	STRESS_OK(fsync(fd), "temporary");
	STRESS_OK(close(fd), "temporary");
	atomic_store(&n->becomes, tag);
	STRESS_OK(rename("temporary", name_text(i)), name_text(i));
	sync_directory();
	settle(n);
}

static void
move_name(unsigned i, unsigned j)
{
	struct name *from = &state->name[i], *to = &state->name[j];

	if (from->is == 0 || i == j)
		return;
	atomic_store(&to->becomes, from->is);
	atomic_store(&from->becomes, 0);
	STRESS_OK(rename(name_text(i), name_text(j)), name_text(i));
	sync_directory();
	settle(from);
	settle(to);
}

static void
remove_name(unsigned i)
{
	struct name *n = &state->name[i];

	if (n->is == 0)
		return;
	atomic_store(&n->becomes, 0);
	STRESS_OK(unlink(name_text(i)), name_text(i));
	sync_directory();
	settle(n);
}

static void
do_something(void)
{
	unsigned what = stress_below(100), f = stress_below(FILES);

	if (what < 70 && has_file(f))
		write_page(f);
	else if (what < 85 && has_file(f))
		sync_file(f);
	else if (what < 92)
		replace_name(stress_below(NAMES));
	else if (what < 97)
		move_name(stress_below(NAMES), stress_below(NAMES));
	else
		remove_name(stress_below(NAMES));
}

void
stress_durable(void)
{
	unsigned f;

	map_state();
	for (f = 0; f < FILES; f++)
		if (has_file(f))
			fds[f] = open_file(f, O_RDWR | (f < OWN_FILES ? O_CREAT : 0));
	while (stress_going())
		do_something();
}

/* ---- verifying ---------------------------------------------------------- */

static void
verify_page(unsigned f, unsigned p, ssize_t len)
{
	uint32_t synced = state->synced[f][p], written = state->written[f][p], found;

	if (len != 0 && len != (ssize_t)PAGE)
		stress_fail("page %u of file %u: %zd bytes", p, f, len);
	if (len == 0)
		memset(page, 0, PAGE);
	read_reference(f, p);
	found = stress_version(page);
	if (memcmp(page, ref_page, PAGE) == 0)
		found = 0;
	else if (!stress_is_filled(page, PAGE, f, p, found))
		stress_fail("page %u of file %u \"%s\" is mixed: its head says version %u;"
		    " %u was synced, %u written", p, f, state->path[f], found, synced, written);
	if (found < synced || found > written)
		stress_fail("page %u of file %u \"%s\": version %u was synced, %u written,"
		    " found %u", p, f, state->path[f], synced, written, found);
	state->synced[f][p] = state->written[f][p] = found;
}

static void
verify_file(unsigned f)
{
	int fd = open_file(f, O_RDWR | (f < OWN_FILES ? O_CREAT : 0));
	unsigned p;

	for (p = 0; p < PAGES; p++)
		verify_page(f, p, STRESS_OK(pread(fd, page, PAGE, (off_t)p * PAGE), "a file"));
	STRESS_OK(close(fd), "a durable file");
}

static void
verify_name(unsigned i)
{
	struct name *n = &state->name[i];
	uint32_t tag = 0;
	ssize_t len = 0;
	int fd = STRESS_CALL(open(name_text(i), O_RDONLY));

	if (fd < 0 && errno != ENOENT)
		stress_fail_call("open", name_text(i));
	if (fd >= 0 && (len = STRESS_OK(read(fd, &tag, sizeof(tag)), name_text(i))) != sizeof(tag))
		stress_fail("%s is there, but holds %zd bytes", name_text(i), len);
	if (tag != n->is && tag != n->becomes)
		stress_fail("%s: expected file %u or %u, found %u", name_text(i), n->is,
		    n->becomes, tag);
	n->is = n->becomes = tag;
	if (fd >= 0)
		STRESS_OK(close(fd), name_text(i));
}

/* A file was synced before its rename, so it is there under one of its two names. */
static void
verify_moves(void)
{
	struct name before[NAMES];
	unsigned i, j;

	memcpy(before, state->name, sizeof(before));
	for (i = 0; i < NAMES; i++)
		verify_name(i);
	for (i = 0; i < NAMES; i++)
		for (j = 0; j < NAMES; j++)
			if (before[i].is != 0 && before[i].becomes == 0 && i != j &&
			    before[j].becomes == before[i].is && before[j].is != before[i].is &&
			    state->name[i].is != before[i].is && state->name[j].is != before[i].is)
				stress_fail("file %u is gone with both of its names", before[i].is);
}

void
stress_durable_verify(void)
{
	unsigned f;

	map_state();
	for (f = 0; f < FILES; f++)
		if (has_file(f))
			verify_file(f);
	verify_moves();
	printf("# job %u: %llu pages were fsynced so far, all of them are there\n",
	    stress_self.number, (unsigned long long)state->n_synced);
	fflush(stdout);
}
