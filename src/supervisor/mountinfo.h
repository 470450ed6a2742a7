/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * /proc/.../mountinfo: which mounts there are, without touching them.
 */
#ifndef SUPERVISOR_MOUNTINFO_H
#define SUPERVISOR_MOUNTINFO_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define MOUNT_FSTYPE	"fuse.pbkfs"

#define MOUNTINFO_SELF	"/proc/self/mountinfo"

struct mountinfo {
	int	id, parent;	/* of the mount, no other one of this system has it; and of the one that it lies in */
	unsigned major, minor;
	char	mountpoint[PATH_MAX];	/* unescaped */
	char	fstype[64];
	char	source[PATH_MAX];
	bool	is_private;	/* FUSE without allow_other: nobody but uid and gid looks inside */
	bool	has_user;	/* FUSE, and the kernel says for whom it was made: */
	uid_t	uid;
	gid_t	gid;
};

/* Others may have made very many: what is more is counted. */
#define MOUNTINFO_LIST_MAX	4096
struct mountinfo_list {
	struct mountinfo *mount;
	size_t	n, room, left_out;
};

/*
 * Finds the topmost mount at exactly this path.  Returns 0, -ENOENT if nothing
 * is mounted there, or negative errno.
 */
int	mountinfo_find(const char *mountpoint, struct mountinfo *m);

/*
 * Finds the mount that path, canonical, is on, by name alone.  Returns 0,
 * -ENOENT if there is none, or negative errno.
 */
int	mountinfo_of(const char *path, struct mountinfo *m);

/*
 * The id of the mount in which fd lies, an O_PATH descriptor too; or of the one that
 * is seen at name in dir_fd, without asking its file system.  Returns the id or
 * negative errno.
 */
int	mountinfo_id_of(int fd);
int	mountinfo_id_at(int dir_fd, const char *name);

/* Finds a mount by its id.  Returns as mountinfo_find(). */
int	mountinfo_find_id(int id, struct mountinfo *m);

/*
 * Finds the mount of ours that has this source, by name alone, and is user uid's, or anybody's with
 * (uid_t)-1: whoever may mount can claim any source.  Returns 0, -ENOENT if there is none or another
 * mount lies over it, -EEXIST if there are several, or negative errno.
 */
int	mountinfo_find_source(const char *source, uid_t uid, struct mountinfo *m);

/*
 * Visits all mounts of a type (NULL = any) that a table has, in its order, until visit() says false.
 * Returns 0 or negative errno.
 */
int	mountinfo_each(const char *table, const char *fstype,
	    bool (*visit)(void *arg, const struct mountinfo *m), void *arg);

/*
 * The same with a limit: returns -ETIMEDOUT if clock_monotonic_ms() comes to until.  begin(),
 * if not NULL, sees the first line as it is and says whether the rest is of interest.
 */
struct mountinfo_walk {
	const char *table, *fstype;
	int64_t	until;		/* INT64_MAX = none */
	bool	(*begin)(void *arg, const char *first);
	bool	(*visit)(void *arg, const struct mountinfo *m);
	void	*arg;
};
int	mountinfo_walk(const struct mountinfo_walk *w);

/*
 * Appends one, or all of these, to a list, which the caller frees whatever is
 * returned: 0 or negative errno.
 */
int	mountinfo_append(struct mountinfo_list *l, const struct mountinfo *m);
int	mountinfo_list(const char *table, const char *fstype, struct mountinfo_list *l);
void	mountinfo_free(struct mountinfo_list *l);

/*
 * One line of the file.  Returns 0, or -EUCLEAN if it cannot be understood.
 */
int	mountinfo_parse(char *line, struct mountinfo *m);

/* Space, tab, line feed and backslash as \ooo; cut at size bytes. */
void	mountinfo_escape(const char *from, char *to, size_t size);

#endif
