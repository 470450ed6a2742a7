#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/log.h"
#include "base/util.h"
#include "pg/pg_types.h"
#include "probackup/chain.h"
#include "probackup/chain_find.h"
#include "probackup/conf.h"
#include "probackup/explain.h"

#define VERSION_MIN	20000	/* program-version 2.0.0 */
#define VERSION_END	20600	/* the first one whose format is not known */
#define SERVER_MIN	12

/* What the whole walk knows. */
struct walk {
	int	instance_fd;
	const char *instance;
	bool	force;
	struct chain *chain;
	char	*error;
};

static int
open_regular(int dirfd, const char *name, uint64_t *size)
{
	/* A FIFO in a hostile store must not hold us. */
	int fd autoclose = io_open_beneath(dirfd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) != 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	*size = (uint64_t)st.st_size;
	return steal_fd(&fd);
}

static int
read_control(struct walk *w, struct backup *b)
{
	char reason[CHAIN_ERROR_MAX];
	char *text autofree = NULL;
	int fd autoclose = -1;
	uint64_t size;
	size_t len;
	int r;

	fd = open_regular(b->dirfd, "backup.control", &size);
	if (fd == -ENOENT)
		return explain(w->error, -EUCLEAN,
		    "backup \"%s\" has no backup.control, it is being made or broken: mount another backup",
		    b->id);
	r = fd < 0 ? fd : io_read_file(fd, CONTROL_SIZE_MAX, &text, &len);
	if (r < 0)
		return explain(w->error, r, "could not read backup.control of backup \"%s\": %s",
		    b->id, strerror(-r));
	if ((r = control_parse(text, len, &b->control, reason)) < 0)
		return explain(w->error, r,
		    "backup.control of backup \"%s\" is damaged: %.300s: restore the file, or mount another backup",
		    b->id, reason);
	return 0;
}

static int
check_version(struct walk *w, const struct backup *b)
{
	if (b->control.version >= VERSION_END)
		return explain(w->error, -EUCLEAN,
		    "backup \"%s\" was made by pg_probackup %s, and only 2.0 to 2.5 are known: use a newer pbkfs",
		    b->id, b->control.program_version);
	if (b->control.version < VERSION_MIN)
		return explain(w->error, -EUCLEAN,
		    "backup \"%s\" was made by pg_probackup %s, and only 2.0 to 2.5 are known: restore it with pg_probackup",
		    b->id, b->control.program_version);
	return 0;
}

static int
check_server(struct walk *w, const struct backup *b)
{
	if (atoi(b->control.server_version) < SERVER_MIN)
		return explain(w->error, -EUCLEAN,
		    "backup \"%s\" is of PostgreSQL \"%s\", and only %d and newer can be mounted: restore it with pg_probackup",
		    b->id, b->control.server_version, SERVER_MIN);
	if (b->control.block_size != BLCKSZ)
		return explain(w->error, -EUCLEAN,
		    "backup \"%s\" has blocks of %u bytes instead of %d: restore it with pg_probackup",
		    b->id, b->control.block_size, BLCKSZ);
	return 0;
}

static int
check_codec(struct walk *w, const struct backup *b)
{
	const char *name = b->control.compress_alg;

	if (name[0] == '\0' || codec_by_name(name, strlen(name)) >= 0)
		return 0;
	return explain(w->error, -EUCLEAN,
	    "backup \"%s\" is compressed with \"%s\", which is not known: use a newer pbkfs",
	    b->id, name);
}

/* With force every bad status is named in the warning, as far as there is room. */
static int
check_status(struct walk *w, const struct backup *b)
{
	char *warning = w->chain->warning;
	size_t used = strlen(warning);
	const char *status = b->control.status;

	if (strcmp(status, "OK") == 0 || strcmp(status, "DONE") == 0)
		return 0;
	if (!w->force)
		return explain(w->error, -EUCLEAN,
		    "backup \"%s\" has status %s instead of OK or DONE: validate it with pg_probackup, mount another backup, or use --force",
		    b->id, status);
	snprintf(warning + used, CHAIN_ERROR_MAX - used, "%sbackup \"%s\" has status %s",
	    used > 0 ? ", " : "", b->id, status);
	return 0;
}

static int
check_list(struct walk *w, struct backup *b)
{
	int fd autoclose = open_regular(b->dirfd, "backup_content.control", &b->list_len);

	if (fd < 0)
		return explain(w->error, fd == -ENOENT ? -EUCLEAN : fd,
		    "could not open backup_content.control of backup \"%s\": %s: restore the file, or mount another backup",
		    b->id, strerror(-fd));
	if (b->list_len > LIST_SIZE_MAX)
		return explain(w->error, -EFBIG,
		    "backup_content.control of backup \"%s\" has %llu bytes, and at most %llu are read: mount another backup",
		    b->id, (unsigned long long)b->list_len, (unsigned long long)LIST_SIZE_MAX);
	b->list_crc = b->control.content_crc;
	return 0;
}

static int
load_member(struct walk *w, struct backup *b)
{
	static int (*const checks[])(struct walk *, const struct backup *) = {
		check_version, check_server, check_codec, check_status,
	};
	size_t i;
	int r;

	if ((r = read_control(w, b)) < 0)
		return r;
	for (i = 0; i < ARRAY_SIZE(checks); i++)
		if ((r = checks[i](w, b)) < 0)
			return r;
	return check_list(w, b);
}

/* Opens the directory of member b; child is NULL for the mounted backup. */
static int
open_member(struct walk *w, const struct backup *b, const struct backup *child)
{
	int fd;

	if (child == NULL)
		return chain_find_backup(w->instance_fd, w->instance, b->id, w->error);
	fd = io_open_beneath(w->instance_fd, b->id, O_PATH | O_DIRECTORY, 0);
	if (fd == -ENOENT)
		return explain(w->error, -EUCLEAN,
		    "backup \"%s\" of instance \"%s\" is missing, and \"%s\" is based on it: restore the directory, or mount an older backup",
		    b->id, w->instance, child->id);
	if (fd < 0)
		return explain(w->error, fd,
		    "could not open backup \"%s\" of instance \"%s\", on which \"%s\" is based: %s",
		    b->id, w->instance, child->id, strerror(-fd));
	return fd;
}

static int
check_place(struct walk *w, const char *id, const struct backup *child)
{
	unsigned i;

	if (child == NULL)
		return 0;
	for (i = 0; i < w->chain->n; i++)
		if (strcmp(w->chain->member[i].id, id) == 0)
			return explain(w->error, -EUCLEAN,
			    "backup \"%s\" has \"%s\" as its parent, which is based on it: correct backup.control, or mount a backup of another chain",
			    child->id, id);
	if (w->chain->n == CHAIN_MAX)
		return explain(w->error, -EUCLEAN,
		    "the chain of backup \"%s\" has more than %d members: merge some of them with pg_probackup",
		    w->chain->member[0].id, CHAIN_MAX);
	return 0;
}

static int
add_member(struct walk *w, const char *id)
{
	struct chain *c = w->chain;
	struct backup *b = &c->member[c->n], *child = c->n > 0 ? b - 1 : NULL;
	int r;

	if ((r = check_place(w, id, child)) < 0)
		return r;
	snprintf(b->id, sizeof(b->id), "%s", id);
	if ((r = open_member(w, b, child)) < 0)
		return r;
	b->dirfd = r;
	c->n++;
	return load_member(w, b);
}

static int
walk_chain(struct walk *w, const char *id)
{
	const char *next = id;
	int r;

	do {
		if ((r = add_member(w, next)) < 0)
			return r;
		next = w->chain->member[w->chain->n - 1].control.parent;
	} while (next[0] != '\0');
	return 0;
}

/* Ids are shown in upper case and taken in either. */
static int
normalize_id(const char *id, char out[BACKUP_ID_MAX], char *error)
{
	size_t i;

	for (i = 0; i < BACKUP_ID_MAX - 1 && id[i] != '\0'; i++)
		out[i] = (char)toupper((unsigned char)id[i]);
	out[i] = '\0';
	if (id[i] == '\0' && backup_id_is_valid(out))
		return 0;
	return explain(error, -EINVAL,
	    "\"%.40s\" is not a backup id: give digits and letters as \"pg_probackup show\" does", id);
}

/* A bad setting only costs what depends on it. */
static uint32_t
load_segment_size(int instance_fd, const char *instance)
{
	struct conf conf = { 0 };
	char reason[CHAIN_ERROR_MAX];

	if (conf_load(instance_fd, &conf, reason) < 0)
		log_warn("could not read pg_probackup.conf of instance \"%s\": %s",
		    instance, reason);
	return conf.xlog_seg_size;
}

int
chain_open(int store_fd, const char *store_name, const char *instance, const char *id,
    bool force, struct chain **out, char *error)
{
	struct walk w = { .instance_fd = -1, .instance = instance, .force = force, .error = error };
	char upper[BACKUP_ID_MAX];
	int r;

	if ((r = normalize_id(id, upper, error)) < 0)
		return r;
	if ((w.instance_fd = chain_find_instance(store_fd, store_name, instance, error)) < 0)
		return w.instance_fd;
	if ((w.chain = calloc(1, sizeof(*w.chain))) != NULL) {
		w.chain->xlog_seg_size = load_segment_size(w.instance_fd, instance);
		r = walk_chain(&w, upper);
	} else
		r = explain(error, -ENOMEM, "out of memory");
	close(w.instance_fd);
	if (r < 0)
		chain_free(w.chain);
	else
		*out = w.chain;
	return r;
}

void
chain_free(struct chain *c)
{
	unsigned i;

	if (c == NULL)
		return;
	for (i = 0; i < c->n; i++)
		close(c->member[i].dirfd);
	free(c);
}
