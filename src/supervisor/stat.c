/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The text, and when it is made.  Who gets it over a connection is known by client.c and attend.c.
 */
#include "config.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/json.h"
#include "base/log.h"
#include "base/ondisk.h"
#include "base/util.h"
#include "supervisor/client.h"
#include "supervisor/hydration.h"
#include "supervisor/logfile.h"
#include "supervisor/spawn.h"
#include "supervisor/stat.h"
#include "supervisor/state.h"

uint64_t
stat_quantile(const uint64_t bucket[SHARED_BUCKETS], double q)
{
	uint64_t total = 0, below = 0;
	double rank, low, high;
	int i;

	for (i = 0; i < SHARED_BUCKETS; i++)
		total += bucket[i];
	if (total == 0)
		return 0;
	rank = q * (double)total;
	for (i = 0; i < SHARED_BUCKETS - 1; i++) {
		if ((double)(below + bucket[i]) >= rank && bucket[i] > 0)
			break;
		below += bucket[i];
	}
	high = (double)(1ULL << i);
	low = i == 0 ? 0 : high / 2;
	if (bucket[i] == 0)
		return (uint64_t)low;
	return (uint64_t)(low + (high - low) * (rank - (double)below) / (double)bucket[i]);
}

/* Plain numbers, summed over the slots. */
struct op_sum {
	uint64_t count, errors, bytes, total_ns, bucket[SHARED_BUCKETS];
};

static void
sum_op(const struct shared *shared, int op, struct op_sum *sum)
{
	const struct shared_op_counter *c;
	int i, b;

	*sum = (struct op_sum){ 0 };
	for (i = 0; i < SHARED_SLOTS; i++) {
		c = &shared->counters[i].op[op];
		sum->count += atomic_load(&c->count);
		sum->errors += atomic_load(&c->errors);
		sum->bytes += atomic_load(&c->bytes);
		sum->total_ns += atomic_load(&c->total_ns);
		for (b = 0; b < SHARED_BUCKETS; b++)
			sum->bucket[b] += atomic_load(&c->bucket[b]);
	}
}

static void
put_operations(struct json_out *o, const struct shared *shared)
{
	struct op_sum sum;
	int op;

	json_open(o, "operations", '{');
	for (op = 0; op < OP_COUNT; op++) {
		sum_op(shared, op, &sum);
		json_open(o, shared_op_names[op], '{');
		json_put_u64(o, "count", sum.count);
		json_put_u64(o, "errors", sum.errors);
		json_put_u64(o, "bytes", sum.bytes);
		json_put_double(o, "mean_us", sum.count == 0 ? 0 :
		    (double)sum.total_ns / (double)sum.count / 1e3);
		json_put_double(o, "p50_us", (double)stat_quantile(sum.bucket, 0.5) / 1e3);
		json_put_double(o, "p99_us", (double)stat_quantile(sum.bucket, 0.99) / 1e3);
		json_close(o, '}');
	}
	json_close(o, '}');
}

#define SUM(shared, field) ({						\
	uint64_t sum_ = 0;						\
	for (int i_ = 0; i_ < SHARED_SLOTS; i_++)			\
		sum_ += atomic_load(&(shared)->counters[i_].field);	\
	sum_;								\
})

static void
put_blocks(struct json_out *o, const struct shared *shared, const struct binding *chain)
{
	size_t i;

	json_open(o, "blocks", '{');
	json_open(o, "backups", '[');
	for (i = 0; i < chain->n_members; i++) {
		json_open(o, NULL, '{');
		json_put_string(o, "id", chain->member[i].id);
		json_put_u64(o, "read", SUM(shared, io.blocks_chain[i]));
		json_close(o, '}');
	}
	json_close(o, ']');
	json_put_u64(o, "diff", SUM(shared, io.blocks_diff));
	json_put_u64(o, "zero", SUM(shared, io.blocks_zero));
	json_put_u64(o, "copied_up", SUM(shared, io.blocks_copied_up));
	json_put_u64(o, "written", SUM(shared, io.blocks_written));
	json_close(o, '}');
}

static void
put_engine(struct json_out *o, const struct shared *shared, const struct msg_stats *last)
{
	json_open(o, "codec", '{');
	json_put_double(o, "seconds", (double)SUM(shared, io.codec_ns) / 1e9);
	json_put_u64(o, "bytes_in", SUM(shared, io.codec_bytes_in));
	json_close(o, '}');
	json_open(o, "block_maps", '{');
	json_put_u64(o, "builds", SUM(shared, io.map_builds));
	json_put_u64(o, "evictions", SUM(shared, io.map_evictions));
	json_put_u64(o, "bytes", last->map_bytes);
	json_put_u64(o, "bytes_max", last->map_bytes_max);
	json_close(o, '}');
	json_open(o, "diff", '{');
	json_put_u64(o, "bytes", last->diff_bytes);
	json_put_u64(o, "files", last->diff_files);
	json_put_u64(o, "journal_bytes", last->journal_bytes);
	json_put_u64(o, "dirty_files", last->dirty_files);
	json_close(o, '}');
	json_open(o, "open", '{');
	json_put_u64(o, "files", last->open_files);
	json_put_u64(o, "inodes", last->inodes);
	json_close(o, '}');
}

static void
put_time(struct json_out *o, const char *key, time_t at)
{
	char text[32];
	struct tm tm;

	gmtime_r(&at, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	json_put_string(o, key, text);
}

static void
put_replacements(struct json_out *o, const struct failover *f)
{
	unsigned i = f->deaths > FAILOVER_KEPT ? f->deaths - FAILOVER_KEPT : 0;

	json_put_u64(o, "replaced", f->deaths);
	json_open(o, "replacements", '[');
	for (; i < f->deaths; i++) {
		const struct replacement *r = &f->kept[i % FAILOVER_KEPT];

		json_open(o, NULL, '{');
		json_put_u64(o, "generation", r->generation);
		put_time(o, "time", r->at);
		json_put_string(o, "reason", r->reason);
		json_put_double(o, "gap_ms", (double)r->gap_ns / 1e6);
		json_close(o, '}');
	}
	json_close(o, ']');
}

static void
put_worker(struct json_out *o, const struct supervisor *s)
{
	json_open(o, "worker", '{');
	json_put_u64(o, "pid", (uint64_t)s->worker.pid);
	json_put_u64(o, "generation", s->worker.generation);
	json_put_string(o, "state", s->phase == PHASE_SERVING ? "serving" :
	    s->phase == PHASE_LEAVING ? "leaving" : "starting");
	put_replacements(o, &s->failover);
	json_close(o, '}');
}

static void
put_users(struct json_out *o, const char *key, const struct users *users)
{
	unsigned i;

	json_open(o, key, '[');
	for (i = 0; i < MIN(users->n, (unsigned)USERS_NAMED); i++) {
		json_open(o, NULL, '{');
		json_put_u64(o, "pid", (uint64_t)users->user[i].pid);
		json_put_string(o, "name", users->user[i].name);
		json_close(o, '}');
	}
	json_close(o, ']');
}

/* A mount that was asked to go and cannot yet. */
static void
put_leaving(struct json_out *o, const struct leave *l)
{
	json_put_bool(o, "leaving", l->asked);
	if (!l->asked)
		return;
	put_time(o, "leaving_since", l->since);
	json_put_u64(o, "users_total", l->users.n);
	put_users(o, "users", &l->users);
}

static void
put_elsewhere(struct json_out *o, const struct ending *e)
{
	json_put_bool(o, "elsewhere", e->holders.n > 0);
	if (e->holders.n == 0)
		return;
	json_put_u64(o, "holders_total", e->holders.n);
	put_users(o, "holders", &e->holders);
}

static void
put_sandbox(struct json_out *o, enum sandbox_level level, const struct msg_confined *got)
{
	static const char *const levels[] = {
		[SANDBOX_FULL] = "full", [SANDBOX_SECCOMP_ONLY] = "seccomp-only",
		[SANDBOX_NONE] = "none"
	};
	static const struct { uint32_t bit; const char *name; } namespaces[] = {
		{ MSG_NS_MOUNT, "mount" }, { MSG_NS_USER, "user" }, { MSG_NS_NET, "network" },
		{ MSG_NS_IPC, "IPC" }, { MSG_NS_UTS, "UTS" }, { MSG_NS_CGROUP, "cgroup" },
	};
	char text[64] = "none";
	size_t i, len = 0;

	for (i = 0; i < ARRAY_SIZE(namespaces); i++)
		if (got->namespaces & namespaces[i].bit)
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s",
			    len > 0 ? ", " : "", namespaces[i].name);
	json_put_string(o, "sandbox", levels[level]);
	json_put_u64(o, "landlock", got->landlock);
	json_put_string(o, "namespaces", text);
}

static void
put_mount(struct json_out *o, const struct supervisor *s)
{
	static const char *const verifies[] = {
		[VERIFY_AUTO] = "auto", [VERIFY_ON] = "on", [VERIFY_OFF] = "off"
	};
	const struct supervisor_config *c = s->config;

	json_put_string(o, "mountpoint", c->mnt);
	json_put_string(o, "diff_dir", c->diff);
	if (s->binding.saved.branch != NULL)
		json_put_string(o, "branch", s->binding.saved.branch);
	if (s->preparer.n_layers > 0) {
		json_put_string(o, "snapshot", s->preparer.snapshot);
		json_put_u64(o, "layers", s->preparer.n_layers);
	}
	json_put_string(o, "store", s->source.store);
	json_put_string(o, "instance", s->source.instance);
	json_put_string(o, "backup_id", s->source.backup_id);
	json_put_u64(o, "server_version", s->binding.found.server_version);
	json_put_u64(o, "owner_uid", s->owner.uid);
	json_put_u64(o, "owner_gid", s->owner.gid);
	json_put_string(o, "store_read_by", s->owner.keep_read_search ? "CAP_DAC_READ_SEARCH" :
	    "owner");
	json_put_string(o, "store_lock", storelock_state_name(s->hold.lock.state));
	json_put_bool(o, "store_changed", s->stats.last.store_changed != 0);
	put_sandbox(o, c->sandbox, &s->confined);
	json_put_string(o, "verify", verifies[c->verify]);
	json_put_string(o, "cache", c->cache == CACHE_WRITEBACK ? "writeback" : "writethrough");
	json_put_string(o, "wal", s->terms.wal == WAL_DIRECT ? "direct" : "mount");
	json_put_bool(o, "no_wal", c->no_wal);
	json_put_bool(o, "perf_unsafe", c->perf_unsafe);
}

/*
 * On a full disk there is no room for a new file beside the old one, but there
 * is the old one.  Readers see it close.
 */
static int
overwrite(int dir_fd, const char *text, size_t len)
{
	int fd autoclose = -1, rc;
	struct stat st;

	fd = openat(dir_fd, ONDISK_STAT, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_nlink != 1)
		return -EPERM;
	if ((rc = io_pwrite(fd, text, len, 0)) < 0)
		return rc;
	return ftruncate(fd, (off_t)len) != 0 ? -errno : 0;
}

/* Returns 0 with a text that the caller frees, or negative errno. */
static int
make_text(const struct supervisor *s, char **text, size_t *len)
{
	struct json_out o = { 0 };

	json_open(&o, NULL, '{');
	json_put_string(&o, "format", "pbkfs-stat");
	json_put_u64(&o, "version", 1);
	json_put_string(&o, "pbkfs", PACKAGE_VERSION);
	put_time(&o, "time", time(NULL));
	put_mount(&o, s);
	put_leaving(&o, &s->leave);
	put_elsewhere(&o, &s->ending);
	hydration_put(&o, s);
	json_put_u64(&o, "supervisor_pid", (uint64_t)getpid());
	json_put_double(&o, "uptime_seconds", s->mnt.mounted_at == 0 ? 0 :
	    (double)(clock_monotonic_ns() - s->mnt.mounted_at) / 1e9);
	put_worker(&o, s);
	put_operations(&o, s->kit.shared);
	put_blocks(&o, s->kit.shared, &s->binding.found);
	put_engine(&o, s->kit.shared, &s->stats.last);
	json_close(&o, '}');
	return json_take(&o, text, len);
}

static void
write_text(struct supervisor *s, const char *text, size_t len)
{
	int rc;

	s->stats.to_file = false;
	if (mute_is(s))
		return;
	rc = diffdir_replace(s->claim.dir.infodir_fd, ONDISK_STAT, text, len, false);

	if (rc == -ENOSPC || rc == -EDQUOT)
		rc = overwrite(s->claim.dir.infodir_fd, text, len);
	if (rc != 0 && logfile_tells_event())
		log_warn("could not write \"%s/%s\": %s", ONDISK_INFODIR, ONDISK_STAT,
		    strerror(-rc));
	state_infodir_changed(s);
}

void
stat_write(struct supervisor *s)
{
	s->stats.to_file = true;
	stat_answer(s);
}

void
stat_write_soon(struct statistics *t)
{
	t->to_file = true;
	t->due = clock_monotonic_ns();
}

/* A command is answered without a write: the diff directory may not answer. */
void
stat_answer(struct supervisor *s)
{
	char *text autofree = NULL;
	size_t len;
	int rc;

	s->stats.due = 0;
	s->stats.asked = 0;
	if ((rc = make_text(s, &text, &len)) != 0) {
		log_warn("could not make statistics: %s", strerror(-rc));
		return;
	}
	client_report(s->attend.client, text, len);
	if (s->stats.to_file)
		write_text(s, text, len);
}

/* Figures that are on their way will do, but not for who wants the counters from zero. */
void
stat_ask(struct supervisor *s, bool reset)
{
	bool asked = s->stats.due != 0;

	if (!asked)
		s->stats.due = clock_monotonic_ns() + STATE_SECOND;
	if (asked && !reset)
		return;
	s->stats.asked++;
	if ((reset && spawn_tell(&s->worker, MSG_RESET) != 0) ||
	    spawn_tell(&s->worker, MSG_DUMP) != 0)
		stat_answer(s);
}

void
stat_arrived(struct supervisor *s)
{
	if (s->stats.asked > 0)
		s->stats.asked--;
	if (s->stats.due != 0 && s->stats.asked == 0)
		stat_answer(s);
}
