/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A job as bytes.  One function walks over all fields, for writing and for
 * reading, so that the two cannot differ: a field that it does not visit does
 * not arrive.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/backupid.h"
#include "base/iostats.h"
#include "base/util.h"
#include "ipc/clone_config.h"
#include "ipc/job.h"
#include "ipc/msg.h"
#include "ipc/shared.h"

#define MAGIC	0x424f4a2d53464b50ULL	/* "PKFS-JOB" */
#define NO_TEXT	UINT32_MAX

/* A job and all that it points to.  It is read in place, so the bytes are here, too. */
struct box {
	struct job job;			/* first: job_free() frees the box by it */
	struct clone_config clone;
	struct recovery_target target;
	struct clone_databases databases;
	struct msg_member member[CHAIN_MAX];
	int	mapped[CLONE_MAPPINGS_MAX];
	unsigned char bytes[];
};

/* JOB_OUT_FD is the first one's number. */
static const size_t fd_at[] = {
	offsetof(struct job, out_fd), offsetof(struct job, in_fd), offsetof(struct job, store_fd),
	offsetof(struct job, diff_fd), offsetof(struct job, infodir_fd),
	offsetof(struct job, index_fd), offsetof(struct job, fuse_fd),
	offsetof(struct job, lock_fd), offsetof(struct job, lockholder_fd), offsetof(struct job, layers_fd),
	offsetof(struct job, shared_fd),
};
_Static_assert(ARRAY_SIZE(fd_at) == JOB_FDS, "every descriptor has a place");

struct wire {
	unsigned char *at, *end;
	bool	writing, failed;
	size_t	counted;	/* writing with at NULL counts only */
};

static void
walk_bytes(struct wire *w, void *p, size_t n)
{
	w->counted += n;
	if (w->at == NULL && w->writing)
		return;
	if (w->failed || (size_t)(w->end - w->at) < n) {
		w->failed = true;
		return;
	}
	memcpy(w->writing ? (void *)w->at : p, w->writing ? p : (void *)w->at, n);
	w->at += n;
}

/*
 * Walks over a number.  Returns the one that was read, or that was written; 0
 * if it is more than max.
 */
static uint64_t
walk_number(struct wire *w, uint64_t value, uint64_t max)
{
	walk_bytes(w, &value, sizeof(value));
	if (value > max)
		w->failed = true;
	return w->failed ? 0 : value;
}
#define NUMBER(w, field, max) \
	((field) = (__typeof__(field))walk_number((w), (uint64_t)(field), (max)))
#define FLAG(w, field)	((field) = walk_number((w), (field), 1) != 0)

/* Walks over a string with its NUL; the pointer leads into the bytes. */
static void
walk_text(struct wire *w, const char **text)
{
	uint32_t len = *text == NULL || !w->writing ? NO_TEXT : (uint32_t)strlen(*text);
	char *begin;

	walk_bytes(w, &len, sizeof(len));
	if (!w->writing)
		*text = NULL;
	if (w->failed || len == NO_TEXT)
		return;
	if (w->writing) {
		walk_bytes(w, (char *)(uintptr_t)*text, (size_t)len + 1);
		return;
	}
	begin = (char *)w->at;
	if ((size_t)(w->end - w->at) <= len || strnlen(begin, (size_t)len + 1) != len) {
		w->failed = true;
		return;
	}
	w->at += (size_t)len + 1;
	*text = begin;
}

static void
need_text(struct wire *w, const char **text)
{
	walk_text(w, text);
	if (*text == NULL)
		w->failed = true;
}

/* Walks over a text in an array of its own, NUL and all. */
static void
walk_array(struct wire *w, char *text, size_t size)
{
	walk_bytes(w, text, size);
	if (!w->writing && memchr(text, '\0', size) == NULL)
		w->failed = true;
}

static void
walk_target(struct wire *w, struct recovery_target *t)
{
	NUMBER(w, t->kind, RECOVERY_NAME);
	walk_text(w, &t->value);
	walk_text(w, &t->timeline);
	walk_bytes(w, &t->time_us, sizeof(t->time_us));
	walk_array(w, t->written, sizeof(t->written));
	NUMBER(w, t->xid, UINT32_MAX);
	NUMBER(w, t->lsn, UINT64_MAX);
	NUMBER(w, t->tli_kind, RECOVERY_TLI_NUMBER);
	NUMBER(w, t->tli, UINT32_MAX);
	if (t->kind >= RECOVERY_TIME && t->value == NULL)
		w->failed = true;
}

static void
walk_databases(struct wire *w, struct clone_databases *d)
{
	unsigned i;

	FLAG(w, d->include);
	NUMBER(w, d->n, CLONE_DATABASES_MAX);
	for (i = 0; i < d->n; i++)
		need_text(w, &d->name[i]);
}

static void
walk_clone(struct wire *w, struct clone_config *p)
{
	unsigned i;

	walk_text(w, &p->inclusive);
	walk_text(w, &p->action);
	walk_text(w, &p->restore_command);
	FLAG(w, p->replica);
	FLAG(w, p->keep_settings);
	FLAG(w, p->skip_external);
	NUMBER(w, p->n_mappings, CLONE_MAPPINGS_MAX);
	for (i = 0; i < p->n_mappings; i++) {
		need_text(w, &p->mapping[i].from);
		need_text(w, &p->mapping[i].to);
		FLAG(w, p->mapping[i].external);
	}
	walk_databases(w, &p->databases);
	NUMBER(w, p->n_settings, CLONE_SETTINGS_MAX);
	for (i = 0; i < p->n_settings; i++)
		need_text(w, &p->setting[i]);
	walk_text(w, &p->first_only);
	walk_text(w, &p->mnt);
}

static void
walk_members(struct wire *w, struct box *box)
{
	unsigned i;

	NUMBER(w, box->job.n_members, CHAIN_MAX);
	for (i = 0; i < box->job.n_members; i++) {
		walk_array(w, box->member[i].id, sizeof(box->member[i].id));
		NUMBER(w, box->member[i].version, UINT32_MAX);
		NUMBER(w, box->member[i].list_crc, UINT32_MAX);
	}
	box->job.member = box->member;
}

static void
walk_values(struct wire *w, struct job *job)
{
	NUMBER(w, job->program, JOB_PROGRAMS - 1);
	NUMBER(w, job->sandbox, SANDBOX_NONE);
	NUMBER(w, job->namespaces, MSG_NS_ALL);
	FLAG(w, job->switch_user);
	FLAG(w, job->keep_read_search);
	NUMBER(w, job->uid, UINT32_MAX);
	NUMBER(w, job->gid, UINT32_MAX);
	NUMBER(w, job->n_groups, JOB_GROUPS_MAX);
	walk_bytes(w, job->groups, job->n_groups * sizeof(*job->groups));
	walk_array(w, job->owner_name, sizeof(job->owner_name));
	need_text(w, &job->store_name);
	need_text(w, &job->instance);
	walk_text(w, &job->backup_id);
	FLAG(w, job->force);
	NUMBER(w, job->wal, WAL_DIRECT);
	NUMBER(w, job->cache, CACHE_WRITETHROUGH);
	NUMBER(w, job->verify, VERIFY_OFF);
	FLAG(w, job->no_wal);
	FLAG(w, job->perf_unsafe);
	FLAG(w, job->discard);
	FLAG(w, job->debug);
	FLAG(w, job->fresh);
	FLAG(w, job->detached);
	walk_text(w, &job->wal_link);
	walk_text(w, &job->mnt);
	walk_text(w, &job->diff);
	FLAG(w, job->keep_locations);
	NUMBER(w, job->threads, SHARED_SLOTS);
	NUMBER(w, job->cache_size, SIZE_MAX);
	NUMBER(w, job->index_max, SIZE_MAX);
	NUMBER(w, job->generation, UINT32_MAX);
	FLAG(w, job->careful);
	NUMBER(w, job->step, JOB_STEPS - 1);
	walk_text(w, &job->layer);
	walk_text(w, &job->message);
	FLAG(w, job->again);
}

/* Walks over which descriptors there are; their numbers are fixed. */
static void
walk_fds(struct wire *w, struct box *box)
{
	struct job *job = &box->job;
	bool mapped = job->mapped_fds != NULL, have;
	unsigned i;
	int *fd;

	for (i = 0; i < JOB_FDS; i++) {
		fd = (int *)(void *)((char *)job + fd_at[i]);
		have = *fd >= 0;
		FLAG(w, have);
		if (!w->writing)
			*fd = have ? job_fd_number(i) : -1;
	}
	FLAG(w, mapped);
	for (i = 0; !w->writing && i < CLONE_MAPPINGS_MAX; i++)
		box->mapped[i] = job_fd_number(JOB_FDS + i);
	if (mapped && job->clone == NULL)
		w->failed = true;
	if (!w->writing)
		job->mapped_fds = mapped ? box->mapped : NULL;
}

static void
walk(struct wire *w, struct box *box)
{
	struct job *job = &box->job;
	uint64_t magic = MAGIC, version = JOB_VERSION, shared = sizeof(struct shared);
	bool clone = job->clone != NULL, databases = job->databases != NULL;

	NUMBER(w, magic, UINT64_MAX);
	NUMBER(w, version, UINT64_MAX);
	NUMBER(w, shared, UINT64_MAX);
	if (magic != MAGIC || version != JOB_VERSION || shared != sizeof(struct shared))
		w->failed = true;
	walk_values(w, job);
	FLAG(w, clone);
	if (clone) {
		walk_clone(w, &box->clone);
		walk_target(w, &box->target);
	}
	FLAG(w, databases);
	if (databases)
		walk_databases(w, &box->databases);
	box->clone.target = &box->target;
	job->clone = clone ? &box->clone : NULL;
	job->databases = databases ? &box->databases : NULL;
	walk_members(w, box);
	walk_fds(w, box);
}

static void
fill_box(struct box *box, const struct job *job)
{
	box->job = *job;
	if (job->clone != NULL) {
		box->clone = *job->clone;
		box->target = *job->clone->target;
	}
	if (job->databases != NULL)
		box->databases = *job->databases;
	if (job->n_members > 0)
		memcpy(box->member, job->member, job->n_members * sizeof(box->member[0]));
}

ssize_t
job_encode(const struct job *job, unsigned char **bytes)
{
	struct box *box autofree = calloc(1, sizeof(*box));
	struct wire count = { .writing = true }, w = { .writing = true };

	if (box == NULL)
		return -ENOMEM;
	if (job->n_members > CHAIN_MAX)
		return -E2BIG;
	fill_box(box, job);
	walk(&count, box);
	if (count.failed || count.counted > JOB_MAX)
		return -E2BIG;
	if ((w.at = *bytes = malloc(count.counted)) == NULL)
		return -ENOMEM;
	w.end = w.at + count.counted;
	fill_box(box, job);
	walk(&w, box);
	return (ssize_t)count.counted;
}

int
job_decode(const unsigned char *bytes, size_t len, struct job **job)
{
	struct wire w = { 0 };
	struct box *box;

	if (len > JOB_MAX)
		return -EPROTO;
	if ((box = calloc(1, sizeof(*box) + len)) == NULL)
		return -ENOMEM;
	memcpy(box->bytes, bytes, len);
	w.at = box->bytes;
	w.end = w.at + len;
	walk(&w, box);
	if (w.failed || w.at != w.end) {
		free(box);
		return -EPROTO;
	}
	*job = &box->job;
	return 0;
}

void
job_free(struct job *job)
{
	free(job);
}

unsigned
job_fds(const struct job *job)
{
	return JOB_FDS + (job->mapped_fds != NULL ? job->clone->n_mappings : 0);
}

int
job_fd(const struct job *job, unsigned i)
{
	return i < JOB_FDS ? *(const int *)(const void *)((const char *)job + fd_at[i]) :
	    job->mapped_fds[i - JOB_FDS];
}

int
job_fd_number(unsigned i)
{
	return JOB_OUT_FD + (int)i;
}
