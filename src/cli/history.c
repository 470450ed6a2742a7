/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The history of proofs.  Nobody is locked out: a name is a time and a number of chance, so two
 * proofs write two files, and both may remove the same old one.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "base/json.h"
#include "base/text.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/history.h"
#include "cli/outdir.h"
#include "cli/report.h"

/* proof-20261129T031200Z-0123456789abcdef.json, whose order is that of time */
#define PATTERN		"proof-ddddddddTddddddZ-xxxxxxxxxxxxxxxx.json"
#define BESIDE		".new"		/* a file that is being written */
#define NAME_SIZE	(sizeof(PATTERN) + sizeof(BESIDE))
#define FILES_MAX	65536		/* of such names in a directory */
#define FILE_MAX	(4 * MiB)
#define NODES_MAX	49152		/* of 1024 proofs */
#define ABANDONED	(24 * 3600)	/* seconds: nobody writes that long */
#define TIME_MAX	((uint64_t)1 << 40)	/* seconds, or milliseconds */

struct names {
	char	(*name)[NAME_SIZE];
	size_t	n, size;
};

/* Files that could not be read: one line tells of all. */
struct skipped {
	size_t	n;
	char	first[NAME_SIZE];
	const char *why;
};

int
history_open(const char *dir)
{
	int fd = outdir_open(dir, O_RDONLY, true);

	if (fd < 0)
		cli_error("could not open directory \"%s\": %s (--history)", dir, outdir_strerror(fd));
	return fd;
}

/* ---- names ------------------------------------------------------------------- */

/* Whether the name is one of ours; with BESIDE behind it, if it is being written. */
static bool
is_ours(const char *name, bool beside)
{
	const char *p = PATTERN;

	for (; *p != '\0'; p++, name++)
		if (*p == 'd' || *p == 'x' ? *name == '\0' || strchr("0123456789abcdef", *name) == NULL ||
		    (*p == 'd' && *name > '9') : *name != *p)
			return false;
	return strcmp(name, beside ? BESIDE : "") == 0;
}

/* Whether it is a plain file of one of those that could change the directory anyway. */
static bool
is_believed(int dir_fd, const struct stat *st)
{
	struct stat dir;

	return S_ISREG(st->st_mode) && st->st_nlink == 1 &&
	    (st->st_uid == geteuid() || st->st_uid == 0 || (fstat(dir_fd, &dir) == 0 && st->st_uid == dir.st_uid));
}

/* Adds a copy of the name.  Returns 0, or -ENOMEM. */
static int
add_name(struct names *names, const char *name)
{
	void *larger;

	if (names->n == FILES_MAX)
		return 0;
	if (names->n == names->size) {
		names->size = MAX(2 * names->size, (size_t)64);
		if ((larger = realloc(names->name, names->size * NAME_SIZE)) == NULL)
			return -ENOMEM;
		names->name = larger;
	}
	strlcpy(names->name[names->n++], name, NAME_SIZE);
	return 0;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Lists what is ours, the oldest first.  Returns 0 or negative errno; free names->name. */
static int
list(int dir_fd, bool beside, struct names *names)
{
	const struct dirent *e;
	DIR *dir;
	int rc;

	if ((rc = io_opendir(dir_fd, ".", &dir)) < 0)
		return rc;
	while ((rc = io_readdir(dir, &e)) > 0)
		if (is_ours(e->d_name, beside) && (rc = add_name(names, e->d_name)) < 0)
			break;
	closedir(dir);
	if (names->n > 0)
		qsort(names->name, names->n, NAME_SIZE, compare_names);
	return rc;
}

/* ---- reading ------------------------------------------------------------------- */

static struct history_instance *
find_instance(struct history *h, const char *visible)
{
	char name[TEXT_VISIBLE_MAX(NAME_MAX)];
	size_t i;

	for (i = 0; i < h->n; i++) {
		text_copy_visible(name, sizeof(name), h->instance[i].name);
		if (strcmp(name, visible) == 0)
			return &h->instance[i];
	}
	return NULL;
}

/* The run of that time, which the file of that time, or a part of it, belongs to. */
static struct history_run *
run_at(struct history_instance *in, int64_t time, bool is_new)
{
	struct history_run *larger;

	if (!is_new && in->n > 0)
		return &in->run[in->n - 1];
	if (in->n == in->size) {
		in->size = MAX(2 * in->size, (size_t)16);
		if ((larger = realloc(in->run, in->size * sizeof(*in->run))) == NULL)
			return NULL;
		in->run = larger;
	}
	in->run[in->n] = (struct history_run){ .time = time, .result = PROVE_OK };
	return &in->run[in->n++];
}

/* Of two results, the one that counts for both. */
static enum prove_result
worse(enum prove_result a, enum prove_result b)
{
	static const int rank[] = {
		[PROVE_NOT_ASKED] = 0, [PROVE_SKIPPED] = 1, [PROVE_OK] = 2, [PROVE_NOT_RUN] = 3,
		[PROVE_UNKNOWN] = 4, [PROVE_RUNNING] = 5, [PROVE_FAILED] = 5,
	};

	return rank[a] > rank[b] ? a : b;
}

/* Seconds as JSON has them, in milliseconds.  Returns 0 or -EUCLEAN. */
static int
read_ms(const struct json_node *node, int64_t *ms)
{
	double seconds;

	if (node == NULL || node->type != JSON_NUMBER)
		return -EUCLEAN;
	seconds = strtod(node->text, NULL);
	if (!(seconds >= 0 && seconds < 1e9))
		return -EUCLEAN;
	*ms = (int64_t)(seconds * 1000 + 0.5);
	return 0;
}

static int
read_result(const struct json_node *node, enum prove_result *result)
{
	const char *word = json_string(node);

	*result = word != NULL ? prove_result_of(word) : PROVE_NOT_ASKED;
	return *result == PROVE_NOT_ASKED ? -EUCLEAN : 0;
}

static int
read_step(const struct json_node *nodes, const struct json_node *node, struct history_run *run)
{
	const char *name = json_string(json_get(nodes, node, "step"));
	enum prove_result result;
	int64_t ms;
	size_t i;

	if (name == NULL || read_result(json_get(nodes, node, "result"), &result) != 0 ||
	    read_ms(json_get(nodes, node, "seconds"), &ms) != 0)
		return -EUCLEAN;
	for (i = 0; i < PROVE_STEPS; i++)
		if (strcmp(name, prove_step_names[i]) == 0) {
			run->step[i].ms += ms;
			run->step[i].result = worse(run->step[i].result, result);
		}
	return 0;
}

/* One proof of a file; `run` is where it is added. */
static int
read_proof(const struct json_node *nodes, const struct json_node *proof, struct history_run *run)
{
	const struct json_node *steps = json_get(nodes, proof, "steps"), *s = NULL,
	    *age = json_get(nodes, proof, "newest_age_seconds");
	enum prove_result result;
	uint64_t v;

	if (read_result(json_get(nodes, proof, "result"), &result) != 0)
		return -EUCLEAN;
	if (age != NULL) {
		if (json_u64(age, &v) != 0 || v >= TIME_MAX)
			return -EUCLEAN;
		run->has_age = true;
		run->age = (int64_t)v;
	}
	run->result = worse(run->result, result);
	run->backups++;
	while ((s = json_next(nodes, steps, s)) != NULL)
		if (read_step(nodes, s, run) != 0)
			return -EUCLEAN;
	return 0;
}

/* Forgets what a file has added that turned out to be damaged. */
static void
take_back(struct history *h, const size_t n[HISTORY_INSTANCES_MAX])
{
	size_t i;

	for (i = 0; i < h->n; i++)
		h->instance[i].n = n[i];
}

/* Adds what a file says of a proof of this store.  Returns NULL, or why it is not believed. */
static const char *
read_proofs(const struct json_node *nodes, const struct json_node *proofs, int64_t time, struct history *h)
{
	const struct json_node *p = NULL;
	size_t n[HISTORY_INSTANCES_MAX] = { 0 }, i;
	struct history_instance *in;
	struct history_run *run;
	const char *name;

	for (i = 0; i < h->n; i++)
		n[i] = h->instance[i].n;
	while ((p = json_next(nodes, proofs, p)) != NULL) {
		if ((name = json_string(json_get(nodes, p, "instance"))) == NULL) {
			take_back(h, n);
			return "it is damaged";
		}
		if ((in = find_instance(h, name)) == NULL)
			continue;
		if ((run = run_at(in, time, in->n == n[in - h->instance])) == NULL ||
		    read_proof(nodes, p, run) != 0) {
			take_back(h, n);
			return run == NULL ? "out of memory" : "it is damaged";
		}
	}
	return NULL;
}

static const char *
read_text(char *text, size_t len, struct json_node *nodes, const char *store, struct history *h)
{
	const struct json_node *proofs;
	uint64_t version, time;
	const char *format, *of;

	if (json_parse(text, len, nodes, NODES_MAX) < 0)
		return "it is damaged";
	format = json_string(json_get(nodes, nodes, "format"));
	if (format == NULL || strcmp(format, "pbkfs-proof") != 0)
		return "it is no proof";
	if (json_u64(json_get(nodes, nodes, "version"), &version) != 0 || version != 1)
		return "it is of another version";
	of = json_string(json_get(nodes, nodes, "store"));
	proofs = json_get(nodes, nodes, "proofs");
	if (of == NULL || json_u64(json_get(nodes, nodes, "time"), &time) != 0 || time >= TIME_MAX ||
	    proofs == NULL || proofs->type != JSON_ARRAY)
		return "it is damaged";
	return strcmp(of, store) != 0 ? NULL : read_proofs(nodes, proofs, (int64_t)time, h);
}

static const char *
read_file(int dir_fd, const char *name, struct json_node *nodes, const char *store, struct history *h)
{
	char *text autofree = NULL;
	struct stat st;
	size_t len;
	int fd autoclose = io_open_plain(dir_fd, name, &st), rc;

	if (fd == -ENOENT)
		return NULL;	/* another proof has removed it */
	if (fd < 0)
		return fd == -ELOOP ? "it is a symbolic link" : io_plain_error(fd);
	if (!is_believed(dir_fd, &st))
		return st.st_nlink != 1 ? "it has a second name (a hard link)" : "it belongs to somebody else";
	if ((rc = io_read_file(fd, FILE_MAX, &text, &len)) != 0)
		return io_plain_error(rc);
	return read_text(text, len, nodes, store, h);
}

static int
compare_runs(const void *a, const void *b)
{
	const struct history_run *x = a, *y = b;

	return (x->time > y->time) - (x->time < y->time);
}

/* Those that are not proven come first. */
static void
choose_instances(const struct report *r, struct history *h)
{
	size_t i, k, pass;

	for (pass = 0; pass < 2; pass++)
		for (i = 0; i < r->n; i++) {
			if ((prove_judge(&r->proof[i]) == PROVE_OK) != (pass == 1))
				continue;
			for (k = 0; k < h->n && strcmp(h->instance[k].name, r->proof[i].instance) != 0; k++)
				;
			if (k < h->n)
				continue;
			if (h->n < HISTORY_INSTANCES_MAX)
				h->instance[h->n++].name = r->proof[i].instance;
			else	/* of its proofs, the first is counted */
				h->left_out += i == 0 || strcmp(r->proof[i - 1].instance, r->proof[i].instance) != 0;
		}
}

/* Tonight. */
static void
add_report(const struct report *r, struct history_instance *in)
{
	struct history_run *run = run_at(in, r->ended, true);
	size_t i, k;

	for (i = 0; i < r->n && run != NULL; i++) {
		const struct proof *p = &r->proof[i];

		if (strcmp(p->instance, in->name) != 0)
			continue;
		run->backups++;
		run->result = worse(run->result, prove_judge(p));
		run->has_age = run->has_age || p->has_age;
		run->age = p->has_age ? p->age : run->age;
		for (k = 0; k < PROVE_STEPS; k++) {
			run->step[k].ms += p->step[k].ms;
			run->step[k].result = worse(run->step[k].result, p->step[k].result);
		}
	}
}

void
history_load(int dir_fd, const char *dir, const struct report *r, struct history *h)
{
	char store[TEXT_VISIBLE_MAX(PATH_MAX)];
	struct json_node *nodes autofree = calloc(NODES_MAX, sizeof(*nodes));
	struct skipped skipped = { 0 };
	struct names names = { 0 };
	const char *why;
	size_t i;
	int rc = nodes == NULL ? -ENOMEM : list(dir_fd, false, &names);

	memset(h, 0, sizeof(*h));
	choose_instances(r, h);
	text_copy_visible(store, sizeof(store), r->store);
	for (i = names.n > HISTORY_RUNS_MAX ? names.n - HISTORY_RUNS_MAX : 0; rc == 0 && i < names.n; i++) {
		if ((why = read_file(dir_fd, names.name[i], nodes, store, h)) == NULL)
			continue;
		if (skipped.n++ == 0) {
			strlcpy(skipped.first, names.name[i], sizeof(skipped.first));
			skipped.why = why;
		}
	}
	free(names.name);
	if (rc != 0)
		cli_warn("could not read \"%s\": %s (--history)", dir, strerror(-rc));
	if (skipped.n > 0)
		cli_warn("left out %zu of the proofs in \"%s\", the first of them \"%s\": %s (--history)", skipped.n,
		    dir, skipped.first, skipped.why);
	for (i = 0; i < h->n; i++) {
		if (h->instance[i].n > 0)
			qsort(h->instance[i].run, h->instance[i].n, sizeof(*h->instance[i].run), compare_runs);
		add_report(r, &h->instance[i]);
	}
}

void
history_free(struct history *h)
{
	size_t i;

	for (i = 0; i < h->n; i++)
		free(h->instance[i].run);
	memset(h, 0, sizeof(*h));
}

/* ---- writing -------------------------------------------------------------------- */

/* Gives it to the owner of the directory, who can remove it anyway, and may prove as well. */
static int
give_away(int fd, int dir_fd)
{
	struct stat dir;

	if (geteuid() != 0)
		return 0;
	if (fstat(dir_fd, &dir) != 0)
		return -errno;
	return dir.st_uid == 0 || fchown(fd, dir.st_uid, dir.st_gid) == 0 ? 0 : -errno;
}

static int
write_file(int dir_fd, const char *name, const char *text, size_t len)
{
	char beside[NAME_SIZE];
	int fd autoclose = -1, rc;

	snprintf(beside, sizeof(beside), "%s%s", name, BESIDE);
	if ((fd = openat(dir_fd, beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)) < 0)
		return -errno;
	if ((rc = io_write(fd, text, len)) == 0)
		rc = give_away(fd, dir_fd);
	if (rc == 0 && (fsync(fd) != 0 || renameat(dir_fd, beside, dir_fd, name) != 0))
		rc = -errno;
	if (rc != 0)
		unlinkat(dir_fd, beside, 0);
	return rc;
}

/* Removes the oldest files beyond those that are kept, and what killed proofs have left. */
static void
prune(int dir_fd, int64_t now)
{
	struct names names = { 0 };
	size_t i, n = 0;
	struct stat st;

	if (list(dir_fd, false, &names) == 0)
		for (i = names.n; i-- > 0;)
			if (fstatat(dir_fd, names.name[i], &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			    is_believed(dir_fd, &st) && ++n > HISTORY_RUNS_MAX)
				unlinkat(dir_fd, names.name[i], 0);
	names.n = 0;
	if (list(dir_fd, true, &names) == 0)
		for (i = 0; i < names.n; i++)
			if (fstatat(dir_fd, names.name[i], &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			    is_believed(dir_fd, &st) && st.st_mtime < now - ABANDONED)
				unlinkat(dir_fd, names.name[i], 0);
	free(names.name);
}

void
history_record(int dir_fd, const char *dir, const struct report *r)
{
	char *text autofree = NULL, when[24], name[sizeof(PATTERN)];
	time_t ended = (time_t)r->ended;
	uint64_t number;
	struct tm tm;
	size_t len = 0;
	int rc = 0;

	if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number) || gmtime_r(&ended, &tm) == NULL ||
	    strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", &tm) == 0)
		rc = -EIO;
	if (rc == 0)
		rc = report_json_make(r, true, &text, &len);
	if (rc == 0) {
		snprintf(name, sizeof(name), "proof-%.16s-%016llx.json", when, (unsigned long long)number);
		rc = write_file(dir_fd, name, text, len);
	}
	if (rc != 0)
		cli_warn("could not add this proof to \"%s\": %s (--history)", dir, strerror(-rc));
	else
		prune(dir_fd, r->ended);
}
