#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/ondisk.h"
#include "base/util.h"
#include "ipc/clone_config.h"
#include "sandbox/sandbox.h"
#include "supervisor/become.h"
#include "supervisor/begin.h"
#include "supervisor/holders.h"
#include "supervisor/identity.h"
#include "supervisor/lock.h"
#include "supervisor/logfile.h"
#include "supervisor/mapping.h"
#include "supervisor/mountinfo.h"
#include "supervisor/notify.h"
#include "supervisor/paths.h"
#include "supervisor/probe.h"
#include "supervisor/readsearch.h"

#define HOLD_RETRY_NS	(STATE_SECOND / 10)
#define SWEEP_SECONDS	2	/* of patience with places that do not answer */

#define FAIL(s, ...)	(state_fail((s), __VA_ARGS__), -1)

static void
warn_user(const struct supervisor *s, const char *text)
{
	log_warn("%s", text);
	notify_send(s->config->notify_fd, NOTIFY_WARNING, "%s", text);
}

static int
open_mountpoint(struct supervisor *s)
{
	struct mountinfo *m autofree = malloc(sizeof(*m));
	const char *mnt = s->config->mnt;
	char parent[PATH_MAX], error[WALK_ERROR_MAX];

	if (m == NULL)
		return FAIL(s, "out of memory");
	if (mountinfo_find(mnt, m) == 0 && strcmp(m->fstype, MOUNT_FSTYPE) == 0)
		return FAIL(s, "\"%s\" is mounted already: pbkfs unmount it first", mnt);
	s->mnt_base = walk_split(mnt, parent);
	if ((s->mnt_parent_fd = walk_parent(mnt, &s->mnt_walk, error)) < 0)
		return FAIL(s, "could not use mountpoint \"%s\": %s", mnt, error);
	s->mnt_fd = openat(s->mnt_parent_fd, s->mnt_base,
	    O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (s->mnt_fd < 0)
		return FAIL(s, "could not open mountpoint \"%s\": %s", mnt, strerror(errno));
	return 0;
}

/* Once it is known for whom: nobody else may be able to put another directory there. */
static int
check_ways(struct supervisor *s)
{
	char error[MAX(DIFFDIR_ERROR_MAX, WALK_ERROR_MAX)];
	struct walk w = s->mnt_walk;
	struct stat st;

	if (!identity_is_root())
		return 0;
	if (diffdir_check_way(&s->diff, s->uid, error) != 0)
		return FAIL(s, "%s", error);
	if (fstat(s->mnt_fd, &st) != 0)
		return FAIL(s, "could not look at mountpoint \"%s\": %s", s->config->mnt,
		    strerror(errno));
	if (w.shared && st.st_uid != 0)
		w.uid = st.st_uid;	/* whose directory it is may move it away */
	if (walk_check(&w, s->config->mnt, s->uid, error) != 0)
		return FAIL(s, "could not use mountpoint \"%s\": %s", s->config->mnt, error);
	return 0;
}

static gid_t
group_of(uid_t uid, gid_t otherwise)
{
	const struct passwd *pw = getpwuid(uid);

	return pw != NULL ? pw->pw_gid : otherwise;
}

/* Root may act for anybody, by default for whom the diff directory belongs to. */
static void
choose_owner(struct supervisor *s)
{
	if (!identity_is_root()) {
		s->uid = geteuid();
		s->gid = getegid();
	} else if (s->config->owner_given) {
		s->uid = s->config->uid;
		s->gid = s->config->gid;
	} else {
		s->uid = s->diff.uid;
		s->gid = group_of(s->diff.uid, s->diff.gid);
	}
}

static int
not_ours(struct supervisor *s, const char *foreign)
{
	return FAIL(s, "\"%s\" is neither empty nor a pbkfs diff directory%s%s%s",
	    s->config->diff, foreign[0] != '\0' ? ": it holds \"" : "", foreign,
	    foreign[0] != '\0' ? "\"" : "");
}

static int
open_diff_directory(struct supervisor *s)
{
	char error[DIFFDIR_ERROR_MAX] = "", foreign[NAME_MAX + 1];
	int content;

	if (diffdir_open(&s->diff, s->config->diff, true, error) != 0)
		return FAIL(s, "%s", error);
	if ((content = diffdir_content(&s->diff, foreign)) < 0)
		return FAIL(s, "could not read diff directory \"%s\": %s", s->config->diff,
		    strerror(-content));
	if (content == DIFFDIR_FOREIGN)
		return not_ours(s, foreign);
	choose_owner(s);
	if (check_ways(s) != 0)
		return -1;
	if (diffdir_own(&s->diff, s->uid, s->gid, content == DIFFDIR_EMPTY, error) != 0)
		return FAIL(s, "%s", error[0] != '\0' ? error : strerror(errno));
	if (identity_assume(s->uid, s->gid) != 0)
		return FAIL(s, "could not act as user %u", (unsigned)s->uid);
	s->content = content;
	return 0;
}

/* Whether other mount namespaces have the mount, and ours has not. */
static bool
is_elsewhere(const char *diff, const char *mnt, char *holders, size_t size)
{
	struct mountinfo *m autofree = malloc(sizeof(*m));

	if (m == NULL || (mountinfo_find(mnt, m) == 0 && strcmp(m->source, diff) == 0) ||
	    holders_find_source(diff, m) != 0)
		return false;
	return holders_of_mount(m->major, m->minor, holders, size) > 0;
}

/* Who holds the lock, as text. */
static const char *
holder_of(int fd, char text[64])
{
	pid_t pid = lock_owner(fd, ONDISK_LOCK_SUPERVISOR);

	if (pid == 0)
		pid = lock_owner(fd, ONDISK_LOCK_WORKER);
	if (pid > 0)
		snprintf(text, 64, "process %d", (int)pid);
	else
		snprintf(text, 64, "a process that cannot be seen from here");
	return text;
}

static int
in_use(struct supervisor *s, int fd)
{
	char mnt[PATH_MAX] = "", holders[400], who[64];

	if (lock_read_mountpoint(fd, mnt) != 0)
		mnt[0] = '\0';
	if (is_elsewhere(s->config->diff, mnt, holders, sizeof(holders)))
		return FAIL(s, "diff directory \"%s\" is in use: %s serves it, for other mount"
		    " namespaces hold the mount (%s): end these processes, or pbkfs unmount --force"
		    " -d \"%s\"", s->config->diff, holder_of(fd, who), holders, s->config->diff);
	if (mnt[0] == '\0' && lock_owner(fd, ONDISK_LOCK_SUPERVISOR) == 0 && lock_owner(fd, ONDISK_LOCK_WORKER) == 0)
		return FAIL(s, "diff directory \"%s\" is in use, and its lock file was removed or"
		    " replaced: pbkfs unmount -D the mount that pbkfs list shows for it",
		    s->config->diff);
	if (mnt[0] == '\0')
		return FAIL(s, "diff directory \"%s\" is in use by %s", s->config->diff,
		    holder_of(fd, who));
	return FAIL(s, "diff directory \"%s\" is in use: %s has it mounted at \"%s\"",
	    s->config->diff, holder_of(fd, who), mnt);
}

/* Names alone do not make a directory ours: a lock file or a binding does. */
static int
open_lock(struct supervisor *s)
{
	bool unfinished = s->content == DIFFDIR_UNFINISHED;
	char mnt[PATH_MAX];
	int fd;

	fd = lock_open(s->diff.fd, s->uid, O_RDWR | (unfinished ? 0 : O_CREAT));
	if (fd == -ENOENT)
		return not_ours(s, "");
	if (fd < 0)
		return FAIL(s, "could not use \"%s/%s\": %s", s->config->diff, ONDISK_LOCK,
		    fd == -EPERM ? "it is not a plain file of the owner's" : strerror(-fd));
	s->lock_fd = fd;
	if (unfinished && lock_read_mountpoint(fd, mnt) != 0)
		return not_ours(s, "");
	return 0;
}

static int
take_lock(struct supervisor *s)
{
	int rc;

	if (open_lock(s) != 0)
		return -1;
	if ((rc = lock_take(s->diff.fd, s->lock_fd)) == -EWOULDBLOCK)
		return in_use(s, s->lock_fd);
	if (rc == 0)
		s->locked = true;
	if (rc == 0)
		rc = lock_write_mountpoint(s->lock_fd, s->config->mnt);
	if (rc != 0)
		return FAIL(s, "could not lock diff directory \"%s\": %s", s->config->diff,
		    rc == -ESTALE ? "the lock file was replaced" : strerror(-rc));
	return 0;
}

static int
load_binding(struct supervisor *s)
{
	const char *diff = s->config->diff;
	int rc;

	rc = binding_load(s->diff.fd, &s->bound);
	if (rc == -ENOENT) {
		s->fresh = true;
		return 0;
	}
	if (rc == -ENOTSUP)
		return FAIL(s, "\"%s/%s\" has a format version that this pbkfs does not know",
		    diff, ONDISK_BINDING);
	if (rc == -EUCLEAN)
		return FAIL(s, "\"%s/%s\" is damaged: pbkfs cleanup the diff directory",
		    diff, ONDISK_BINDING);
	if (rc != 0)
		return FAIL(s, "could not read \"%s/%s\": %s", diff, ONDISK_BINDING, strerror(-rc));
	s->has_binding = true;
	if (s->bound.no_wal)
		return FAIL(s, "diff directory \"%s\" was mounted with --no-wal and its WAL is gone:"
		    " pbkfs cleanup it", diff);
	return 0;
}

/* What root says of the mounts of others is not left to them. */
static void
load_record(struct supervisor *s)
{
	if (identity_is_root() && s->uid != 0)
		record_load(&s->diff, &s->record);
}

/* What a first mount decided is in the diff directory, and with it what was made of it since. */
static int
check_first_only(struct supervisor *s)
{
	const struct clone_config *p = s->config->clone;

	if (s->fresh || p == NULL || p->first_only == NULL)
		return 0;
	return FAIL(s, "%s is for the first mount of a diff directory, and \"%s\" has been mounted"
	    " before: pbkfs cleanup it, or use another one", p->first_only, s->config->diff);
}

static int
mismatch(struct supervisor *s, const char *what, const char *bound, const char *given)
{
	return FAIL(s, "diff directory \"%s\" belongs to %s \"%s\", not \"%s\"",
	    s->config->diff, what, bound, given);
}

/*
 * Only the arguments and the binding decide what is mounted.  What the binding
 * names stays: its changes belong to that backup, and to no newer one.
 */
static int
choose_backup(struct supervisor *s)
{
	const struct supervisor_config *c = s->config;

	if (s->fresh && (c->store == NULL || c->instance == NULL ||
	    (c->backup_id == NULL && !c->latest)))
		return FAIL(s, "a fresh diff directory needs --pbk-store, --instance and"
		    " --backup-id or a recovery target");
	if (!s->fresh && c->instance != NULL && strcmp(c->instance, s->bound.instance) != 0)
		return mismatch(s, "instance", s->bound.instance, c->instance);
	if (!s->fresh && c->backup_id != NULL && strcmp(c->backup_id, s->bound.backup_id) != 0)
		return mismatch(s, "backup", s->bound.backup_id, c->backup_id);
	s->store = c->store != NULL ? c->store : s->bound.store;
	s->instance = s->fresh ? c->instance : s->bound.instance;
	s->backup_id = s->fresh ? c->backup_id : s->bound.backup_id;
	return 0;
}

static bool
has_database(const struct clone_databases *d, const char *name)
{
	unsigned i;

	for (i = 0; i < d->n; i++)
		if (strcmp(d->name[i], name) == 0)
			return true;
	return false;
}

/* Names may come in any order and more than once. */
static bool
same_databases(const struct clone_databases *a, const struct clone_databases *b)
{
	unsigned i;

	for (i = 0; i < a->n; i++)
		if (!has_database(b, a->name[i]))
			return false;
	for (i = 0; i < b->n; i++)
		if (!has_database(a, b->name[i]))
			return false;
	return a->include == b->include;
}

static int
other_databases(struct supervisor *s, const struct clone_databases *given)
{
	const struct clone_databases *bound = &s->databases;
	const char *name = given->name[0];
	unsigned i;

	for (i = 0; given->include == bound->include && i < given->n; i++)
		if (!has_database(bound, given->name[i]))
			name = given->name[i];
	return FAIL(s, "diff directory \"%s\" was made with %s%s%s, and %s \"%s\" asks for"
	    " others: leave it out, pbkfs cleanup it, or use another one", s->config->diff,
	    bound->n == 0 ? "all databases" : bound->include ? "--db-include \"" : "--db-exclude \"",
	    bound->n == 0 ? "" : bound->name[0], bound->n == 0 ? "" : bound->n > 1 ? "\" and more" : "\"",
	    given->include ? "--db-include" : "--db-exclude", name);
}

/* What was left out at the first mount is left out for ever. */
static int
choose_databases(struct supervisor *s)
{
	const struct clone_config *p = s->config->clone;
	struct clone_databases *d = &s->databases;
	size_t i;

	if (s->fresh && p != NULL)
		*d = p->databases;
	if (s->fresh)
		return 0;
	d->include = s->bound.db_include;
	for (i = 0; i < s->bound.n_databases; i++)
		d->name[d->n++] = s->bound.database[i];
	return p == NULL || p->databases.n == 0 || same_databases(d, &p->databases) ? 0 :
	    other_databases(s, &p->databases);
}
_Static_assert(BINDING_DATABASES_MAX <= CLONE_DATABASES_MAX, "all names have room");

static int
record_databases(struct supervisor *s)
{
	const struct clone_databases *d = &s->databases;
	struct binding *b = &s->found;
	unsigned i;

	b->db_include = d->include;
	for (i = 0; i < d->n; i++)
		if ((b->database[b->n_databases++] = strdup(d->name[i])) == NULL)
			return -ENOMEM;
	return 0;
}
_Static_assert(CLONE_DATABASES_MAX <= BINDING_DATABASES_MAX, "all names have room");

static void
tell_of_cut(struct supervisor *s)
{
	char what[DIFFDIR_CUT_MAX], text[DIFFDIR_CUT_MAX + 128];

	if (!diffdir_get_cut(&s->diff, what))
		return;
	snprintf(text, sizeof(text), "the last mount was cut off: %s; changes that its users"
	    " had not synced may be missing", what);
	warn_user(s, text);
}

static int
check_dirty(struct supervisor *s)
{
	tell_of_cut(s);
	s->dirty = diffdir_is_dirty(&s->diff);
	if (!s->dirty)
		return 0;
	if (!s->config->force)
		return FAIL(s, "the last --perf-unsafe mount of \"%s\" did not end cleanly and its"
		    " changes may be damaged: pbkfs cleanup it, or mount with --force",
		    s->config->diff);
	warn_user(s, "the last --perf-unsafe mount did not end cleanly: mounted because of --force");
	return 0;
}

static int
check_overlap(struct supervisor *s)
{
	const struct paths_named paths[] = {
		{ "store", s->store }, { "mountpoint", s->config->mnt },
		{ "diff directory", s->config->diff },
	};
	char error[2 * PATH_MAX + 128];

	if (paths_check_overlap(paths, ARRAY_SIZE(paths), error, sizeof(error)) != 0)
		return FAIL(s, "%s", error);
	return 0;
}

/* In a child with the owner's rights: 0 if his server reaches the diff directory. */
static int
diff_is_out_of_reach(const void *arg)
{
	const struct supervisor *s = arg;
	struct stat named, ours;

	return stat(s->config->diff, &named) != 0 || fstat(s->diff.fd, &ours) != 0 ||
	    named.st_dev != ours.st_dev || named.st_ino != ours.st_ino ||
	    (named.st_mode & S_IRWXU) != S_IRWXU;
}

static enum wal_mode
default_wal(const struct supervisor *s)
{
	const struct probe server = { .uid = s->uid, .gid = s->gid, .with_groups = true };

	if (s->config->no_wal)
		return WAL_MOUNT;
	return probe_run(&server, diff_is_out_of_reach, s) == 0 ?
	    WAL_DIRECT : WAL_MOUNT;
}

static int
choose_wal(struct supervisor *s)
{
	const struct supervisor_config *c = s->config;
	enum wal_mode asked = c->wal == WAL_CHOICE_DIRECT ? WAL_DIRECT : WAL_MOUNT;
	static const char *const names[] = { [WAL_MOUNT] = "mount", [WAL_DIRECT] = "direct" };

	if (c->no_wal && c->wal == WAL_CHOICE_DIRECT)
		return FAIL(s, "--no-wal cannot be combined with --wal=direct");
	s->wal = s->has_binding ? s->bound.wal :
	    c->wal == WAL_CHOICE_AUTO ? default_wal(s) : asked;
	if (c->wal != WAL_CHOICE_AUTO && s->wal != asked)
		return FAIL(s, "diff directory \"%s\" was made with --wal=%s, not --wal=%s",
		    c->diff, names[s->wal], names[asked]);
	if (c->no_wal && s->wal == WAL_DIRECT)
		return FAIL(s, "diff directory \"%s\" was made with --wal=direct:"
		    " --no-wal is not possible", c->diff);
	if (snprintf(s->wal_link, sizeof(s->wal_link), "%s/" ONDISK_CHANGES "/" ONDISK_WAL, c->diff) >=
	    PATH_MAX)
		return FAIL(s, "\"%s\" is too long a name", c->diff);
	return 0;
}

static int
open_changes(struct supervisor *s)
{
	char error[DIFFDIR_ERROR_MAX];

	return diffdir_open_changes(&s->diff, error) != 0 ? FAIL(s, "%s", error) : 0;
}

static int
start_log(struct supervisor *s)
{
	const struct supervisor_config *c = s->config;
	struct logstore file = {
		.fd = c->log_fd, .dir_fd = c->log_dir_fd, .name = c->log_name, .as_caller = true,
		.limit = c->log_limit != 0 ? c->log_limit : LOGSTORE_LIMIT,
	};
	int rc;

	if (diffdir_make_infodir(&s->diff) != 0)
		return FAIL(s, "could not use \"%s/%s\": it is not a directory of the owner's",
		    c->diff, ONDISK_INFODIR);
	if (c->log_fd < 0) {
		file.dir_fd = s->diff.infodir_fd;
		file.name = ONDISK_LOG;
		file.as_caller = false;
	}
	if (c->log_fd < 0 && c->log_target == LOG_TO_FILE &&
	    (file.fd = logstore_open(file.dir_fd, file.name)) < 0)
		return FAIL(s, "could not open \"%s/%s/%s\": %s", c->diff, ONDISK_INFODIR,
		    ONDISK_LOG, file.fd == -EPERM ? "it is not a plain file" : strerror(-file.fd));
	if ((rc = logfile_start(c->log_target, c->log_format, &file, c->console)) != 0)
		return FAIL(s, "could not reach journald: %s", strerror(-rc));
	/* The owner reads that file, but perhaps not the store. */
	if (identity_is_root() && s->uid != 0 && c->log_fd < 0 && c->log_target == LOG_TO_FILE)
		logfile_hold();
	log_set_debug(c->debug);
	return 0;
}

static void
tell_what_is_weak(const struct supervisor *s)
{
	if (sandbox_level(SANDBOX_FULL) == SANDBOX_NONE)
		warn_user(s, "the worker runs without a sandbox: this build has none (--disable-sandbox)");
	else if (s->config->sandbox == SANDBOX_NONE)
		warn_user(s, "the worker runs without a sandbox (--sandbox=none)");
	else if (s->config->sandbox == SANDBOX_SECCOMP_ONLY)
		warn_user(s, "the worker runs without Landlock (--sandbox=seccomp-only)");
	if (identity_is_root() && s->uid == 0)
		warn_user(s, "the mount belongs to root, as whom PostgreSQL refuses to start:"
		    " use --owner");
}

static void
tell_what_stays(const struct supervisor *s)
{
	const struct supervisor_config *c = s->config;

	if (s->fresh || !c->latest)
		return;
	log_info("-i latest: the diff directory stays with backup %s", s->bound.backup_id);
	notify_send(c->notify_fd, NOTIFY_NOTE, "\"%s\" holds changes of backup %s, which stays"
	    " mounted there: the latest needs a fresh diff directory, or pbkfs cleanup", c->diff,
	    s->bound.backup_id);
}

/* What a first mount left that ended before it had a binding. */
static int
wipe_unfinished(struct supervisor *s)
{
	if (s->fresh && diffdir_wipe(&s->diff, false) != 0)
		return FAIL(s, "could not remove what an unfinished mount left in \"%s\"",
		    s->config->diff);
	return 0;
}

static const char *
why_not_there(int rc)
{
	return identity_is_root() && (rc == -EPERM || rc == -ENOTDIR || rc == -ELOOP) ?
	    "it and \"/run\" have to be directories of root's that nobody else can write to" :
	    strerror(-rc);
}

/* Some file systems of an ordinary user's have no sockets. */
static void
listen_to_commands(struct supervisor *s)
{
	char text[PATH_MAX + 256];
	int rc;

	if ((rc = attend_open(s)) == 0)
		return;
	snprintf(text, sizeof(text), "could not listen at a socket in \"%s%s\": %s; pbkfs stat cannot ask,"
	    " and unmount --force only detaches", identity_is_root() ? SOCKET_RUN : s->config->diff,
	    identity_is_root() ? "" : "/" ONDISK_INFODIR, why_not_there(rc));
	warn_user(s, text);
}

int
begin_mount(struct supervisor *s)
{
	if (open_mountpoint(s) != 0 || open_diff_directory(s) != 0 || take_lock(s) != 0 ||
	    load_binding(s) != 0)
		return -1;
	load_record(s);
	if (check_first_only(s) != 0 || choose_backup(s) != 0 || choose_databases(s) != 0 ||
	    check_overlap(s) != 0 || wipe_unfinished(s) != 0 || open_changes(s) != 0 ||
	    start_log(s) != 0)
		return -1;
	listen_to_commands(s);
	tell_what_is_weak(s);
	tell_what_stays(s);
	if (check_dirty(s) != 0 || readsearch_open_store(s) != 0 || choose_wal(s) != 0 || mapping_open(s) != 0)
		return -1;
	/* What is read from here on and changes until it is held is refused. */
	clock_gettime(CLOCK_REALTIME, &s->store_lock.since);
	return readsearch_choose(s);
}

static int
describe_binding(struct supervisor *s)
{
	char host[256] = "", created[32];
	struct binding *f = &s->found;
	time_t now = time(NULL);
	struct tm tm;

	gethostname(host, sizeof(host) - 1);
	gmtime_r(&now, &tm);
	strftime(created, sizeof(created), "%Y-%m-%dT%H:%M:%SZ", &tm);
	f->store = strdup(s->store);
	f->instance = strdup(s->instance);
	f->backup_id = strdup(f->member[0].id);
	f->host = strdup(host[0] != '\0' ? host : "unknown");
	f->created = strdup(s->has_binding ? s->bound.created : created);
	f->wal = s->wal;
	f->no_wal = s->config->no_wal;
	f->keep_settings = s->fresh ? s->config->clone != NULL &&
	    s->config->clone->keep_settings : s->bound.keep_settings;
	if (mapping_record(s) != 0 || record_databases(s) != 0)
		return -ENOMEM;
	return f->store != NULL && f->instance != NULL && f->backup_id != NULL &&
	    f->host != NULL && f->created != NULL ? 0 : -ENOMEM;
}

static int
forget_gone(void *arg, int *passed)
{
	(void)arg;
	(void)passed;
	record_forget_gone();
	return 0;
}

/* Where there is a new record, there is time for those that nobody needs any more. */
static void
sweep_records(void)
{
	char nothing[1];
	const struct become_work w = {
		.act = forget_gone, .arg = nothing, .seconds = SWEEP_SECONDS,
	};

	identity_raise();
	become_run(NULL, &w, NULL);
	identity_drop();
}

/* Before the binding is: what a crash leaves of the two must not be more. */
static void
record(struct supervisor *s)
{
	char text[sizeof(RECORD_DIRECTORY) + 320];
	int rc;

	if (!s->is_decided || (s->record.state == RECORD_FITS &&
	    binding_difference(&s->found, &s->record.binding) == NULL))
		return;
	if ((rc = record_store(&s->diff, &s->found)) == 0) {
		sweep_records();
		return;
	}
	snprintf(text, sizeof(text), "could not note in \"%s\" what is mounted: %s; the next mount"
	    " has to name all of -B, -I and -i", RECORD_DIRECTORY, record_strerror(rc));
	if (s->lends)
		warn_user(s, text);
}

int
begin_bind(struct supervisor *s)
{
	char error[512];
	int rc = 0;

	if (strcmp(s->found.member[0].id, s->backup_id) != 0)
		return FAIL(s, "the worker prepared backup %s instead of %s",
		    s->found.member[0].id, s->backup_id);
	if (s->has_binding &&
	    (rc = binding_compare(&s->bound, &s->found, error, sizeof(error))) < 0)
		return FAIL(s, "%s", error);
	if (rc == 1)
		log_info("backups of the chain were merged; the tree is the same");
	if (describe_binding(s) != 0)
		return FAIL(s, "out of memory");
	s->backup_id = s->found.backup_id;
	record(s);
	if (s->has_binding && rc == 0 && strcmp(s->bound.store, s->store) == 0 &&
	    !s->config->no_wal)
		return 0;
	if ((rc = binding_store(s->diff.fd, &s->found)) != 0)
		return FAIL(s, "could not write \"%s/%s\": %s", s->config->diff, ONDISK_BINDING,
		    strerror(-rc));
	s->has_binding = true;
	return 0;
}

static int
name_members(struct supervisor *s)
{
	size_t i;

	if (storelock_init(&s->store_lock, s->store_fd, s->instance) != 0)
		return FAIL(s, "\"%s\" cannot be the name of an instance", s->instance);
	for (i = 0; i < s->found.n_members; i++)
		if (storelock_add(&s->store_lock, s->found.member[i].id) != 0)
			return FAIL(s, "\"%s\" cannot be the id of a backup", s->found.member[i].id);
	return 0;
}

static void
tell_wait(const struct supervisor *s)
{
	const struct storelock *l = &s->store_lock;
	char who[32] = "somebody", text[160];

	if (l->holder != 0)
		snprintf(who, sizeof(who), "process %d", (int)l->holder);
	snprintf(text, sizeof(text), "backup %s is locked by %s: waiting for up to %d seconds",
	    storelock_id(l), who, STORELOCK_WAIT_SECONDS);
	warn_user(s, text);
}

/* Somebody has a backup for himself.  Says so once, and gives up in the end. */
static int
wait_for_holder(struct supervisor *s)
{
	const struct storelock *l = &s->store_lock;
	uint64_t now = clock_monotonic_ns();

	if (s->hold_until == 0) {
		s->hold_until = now + STORELOCK_WAIT_SECONDS * STATE_SECOND;
		tell_wait(s);
	} else if (now >= s->hold_until) {
		return FAIL(s, "backup %s is locked by process %d, which may be merging or deleting"
		    " it: try again when that has ended", storelock_id(l), (int)l->holder);
	}
	s->hold_due = now + HOLD_RETRY_NS;
	return 1;
}

static int
hold_failed(struct supervisor *s, int rc)
{
	const char *id = storelock_id(&s->store_lock);

	if (rc == -ESTALE)
		return FAIL(s, "backup %s was changed or removed while it was being prepared:"
		    " mount it again", id);
	return FAIL(s, "could not lock backup %s in the store: %s", id,
	    rc == -EINVAL ? "a lock file there is not a plain file" :
	    rc == -EFBIG ? "a lock file there is too large" : strerror(-rc));
}

static void
tell_hold(const struct supervisor *s)
{
	char text[256];

	if (s->store_lock.state == STORELOCK_READ_ONLY)
		log_info("the store is on a read-only file system: its locks are taken as granted");
	if (s->store_lock.state != STORELOCK_NOT_WRITABLE)
		return;
	snprintf(text, sizeof(text), "could not lock the backups in the store (%s):"
	    " merge and delete of pg_probackup do not know of this mount",
	    strerror(-s->store_lock.why));
	warn_user(s, text);
}

static int
start_keeper(struct supervisor *s)
{
	uid_t uid = s->uid;
	gid_t gid = s->gid;
	int rc = 0;

	if (!s->store_is_closed)
		rc = keeper_find_user(s->store_fd, s->instance, &uid, &gid);
	if (rc == 0)
		rc = keeper_start(&s->keeper, uid, gid, s->config->mnt);
	if (rc != 0)
		return FAIL(s, "could not start the keeper of the store's lock: %s", strerror(-rc));
	s->store_lock.pid = s->keeper.pid;
	return 0;
}

int
begin_hold(struct supervisor *s)
{
	struct storelock *l = &s->store_lock;
	int rc;

	s->hold_due = 0;
	if (s->config->store_lock == STORE_LOCK_NO)
		return 0;
	l->insist = s->config->store_lock == STORE_LOCK_YES;
	l->as = s->store_is_closed ? &s->owner : NULL;
	if (s->hold_until == 0 && (start_keeper(s) != 0 || name_members(s) != 0))
		return -1;
	if ((rc = storelock_try(l)) == -EAGAIN)
		return wait_for_holder(s);
	if (rc != 0)
		return hold_failed(s, rc);
	tell_hold(s);
	return 0;
}
