/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One row of a table for each message.  A worker may say anything, so no path, pid or descriptor is
 * taken from it, and its text goes nowhere before it is printable.  ipc/msg.c cuts the bytes into frames.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/backupid.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/ondisk.h"
#include "base/text.h"
#include "base/util.h"
#include "supervisor/answer.h"
#include "supervisor/freeze.h"
#include "supervisor/hydration.h"
#include "supervisor/logfile.h"
#include "supervisor/notify.h"
#include "supervisor/reopen.h"
#include "supervisor/reset.h"
#include "supervisor/spawn.h"
#include "supervisor/stat.h"

#define FLOOD_MESSAGES	20000	/* in one second: more is an attack */
#define STDERR_MAX	(64 * KiB)	/* of one worker: more is an attack */
#define PROGRESS_NS	(STATE_SECOND / 10)	/* nobody reads faster */

typedef int (*answer_fn)(struct supervisor *s, const unsigned char *body, size_t len);

/* Logs a line as the worker's own word, from its own budget. */
static void
say(const struct supervisor *s, enum log_level level, const char *text, size_t len)
{
	logfile_worker_line(level, text, len, s->worker.pid, s->worker.generation);
}

static int
answer_confined(struct supervisor *s, const unsigned char *body, size_t len)
{
	struct msg_confined *had = &s->confined, c;
	char why[sizeof(c.why)];

	memcpy(&c, body, len);
	if (s->worker.confined || (c.namespaces & ~(uint32_t)MSG_NS_ALL) != 0)
		return -EPROTO;
	s->worker.confined = true;
	text_copy_printable(why, sizeof(why), c.why, strnlen(c.why, sizeof(c.why)));
	if (why[0] != '\0' && (had->why[0] == '\0' || had->namespaces != c.namespaces) &&
	    logfile_tells_event())
		log_warn("worker %d has no mount namespace: it %s; Landlock alone keeps it from"
		    " the files of others", (int)s->worker.pid, why);
	*had = c;
	strcpy(had->why, why);
	/* The first one has tried everything. */
	if (s->worker.generation == 0 && !s->preparer.is_filling)
		s->namespaces = c.namespaces;
	if (log_debug_wanted() && logfile_tells_event())
		log_debug("worker %d is confined", (int)s->worker.pid);
	return 0;
}

static int
answer_progress(struct supervisor *s, const unsigned char *body, size_t len)
{
	struct msg_progress p;

	memcpy(&p, body, len);
	if (s->worker.last_heard < s->preparer.progress_due)
		return 0;
	s->preparer.progress_due = s->worker.last_heard + PROGRESS_NS;
	notify_send(s->config->notify_fd, NOTIFY_PROGRESS, "%llu %llu",
	    (unsigned long long)p.done, (unsigned long long)p.total);
	return 0;
}

static int
answer_member(struct supervisor *s, const unsigned char *body, size_t len)
{
	struct binding *found = &s->binding.found;
	struct binding_member *m;
	struct msg_member member;

	memcpy(&member, body, len);
	if (s->preparer.has_prepared || found->n_members >= CHAIN_MAX ||
	    !backup_id_is_valid(member.id))
		return -EPROTO;
	m = &found->member[found->n_members++];
	memset(m, 0, sizeof(*m));
	memcpy(m->id, member.id, strlen(member.id));
	m->version = member.version;
	m->list_crc = member.list_crc;
	return 0;
}

static int
answer_prepared(struct supervisor *s, const unsigned char *body, size_t len)
{
	char warning[sizeof(((struct msg_prepared *)0)->warning)];
	struct binding *found = &s->binding.found;
	struct msg_prepared p;

	memcpy(&p, body, len);
	if (s->preparer.has_prepared || found->n_members == 0 ||
	    p.n_members != found->n_members ||
	    (p.root_mode != 0700 && p.root_mode != 0750) || p.server_version > 99 ||
	    p.wal_segment > GiB)
		return -EPROTO;
	s->preparer.has_prepared = true;
	found->tree_digest = p.tree_digest;
	found->server_version = p.server_version;
	s->preparer.wal_segment = p.wal_segment;
	s->preparer.n_layers = p.layers;
	text_copy_printable(s->preparer.snapshot, sizeof(s->preparer.snapshot), p.snapshot,
	    strnlen(p.snapshot, sizeof(p.snapshot)));
	log_info("prepared: %llu entries from %zu backups, PostgreSQL %u, %llu bytes of WAL copied",
	    (unsigned long long)p.n_entries, found->n_members, p.server_version,
	    (unsigned long long)p.wal_copied);
	text_copy_printable(warning, sizeof(warning), p.warning,
	    strnlen(p.warning, sizeof(p.warning)));
	if (warning[0] != '\0')
		state_warn(s, "%s", warning);
	return 0;
}

static int
answer_ready(struct supervisor *s, const unsigned char *body, size_t len)
{
	uint64_t now = clock_monotonic_ns();

	(void)body;
	(void)len;
	s->phase = PHASE_SERVING;
	failover_ready(&s->failover, now, s->death_at != 0 ? now - s->death_at : 0);
	if (s->death_at != 0 && logfile_tells_event()) {
		log_info("worker %d (generation %u) serves, %.1f ms after the end of the last one",
		    (int)s->worker.pid, s->worker.generation,
		    (double)(now - s->death_at) / 1e6);
	}
	if (!s->ready_once) {
		s->ready_once = true;
		ending_presume_cut(s);
		s->mnt.mounted_at = now;
		logfile_let_go(true);
		log_info("mounted backup %s of instance \"%s\" at \"%s\"", s->source.backup_id,
		    s->source.instance, s->config->mnt);
		if (s->preparer.advice[0] != '\0')
			state_note(s, "%s", s->preparer.advice);
	}
	hydration_tell(s);
	freeze_serves(s);
	reset_serves(s);
	stat_write(s);
	notify_send(s->config->notify_fd, NOTIFY_MOUNTED, "%u %u %u",
	    s->binding.found.server_version, (unsigned)s->preparer.wal_segment, (unsigned)s->owner.uid);
	s->outcome_sent = true;
	return 0;
}

static int
answer_failed(struct supervisor *s, const unsigned char *body, size_t len)
{
	if (s->worker.failed)
		return -EPROTO;
	s->worker.failed = true;
	text_copy_printable(s->worker.reason, sizeof(s->worker.reason), body, len);
	text_copy_printable(s->worker_error, sizeof(s->worker_error), body, len);
	logfile_show(!state_is_heard(s));	/* who hears it is sent it at the end */
	say(s, LOGL_ERROR, (const char *)body, len);
	logfile_show(true);
	return 0;
}

static int
answer_heartbeat(struct supervisor *s, const unsigned char *body, size_t len)
{
	(void)s;	/* answer_worker() noted the time */
	(void)body;
	(void)len;
	return 0;
}

static int
answer_flushing(struct supervisor *s, const unsigned char *body, size_t len)
{
	(void)body;
	(void)len;
	s->worker.flushed_at = s->worker.last_heard;
	return 0;
}

static int
answer_dirty(struct supervisor *s, const unsigned char *body, size_t len)
{
	int rc;

	(void)body;
	(void)len;
	if (!s->config->perf_unsafe)
		return -EPROTO;
	rc = s->claim.dirty ? 0 : mute_is(s) ? -ETIMEDOUT : diffdir_set_dirty(&s->claim.dir, true);
	if (rc != 0) {
		log_error("could not create \"%s\": %s", ONDISK_DIRTY, strerror(-rc));
		spawn_kill(&s->worker, "it may not write without \"%s\"", ONDISK_DIRTY);
		return 0;
	}
	s->claim.dirty = true;
	return spawn_tell(&s->worker, MSG_DIRTY_DONE) == 0 ? 0 : -EPROTO;
}

static int
answer_clean(struct supervisor *s, const unsigned char *body, size_t len)
{
	(void)body;
	(void)len;
	s->phase = PHASE_LEAVING;
	s->worker.clean_at = s->worker.last_heard;
	return 0;
}

static int
answer_stats(struct supervisor *s, const unsigned char *body, size_t len)
{
	memcpy(&s->stats.last, body, len);
	stat_arrived(s);
	return 0;
}

/* All that goes to the terminal is bounded together: more is an attack on it. */
static int
answer_for_user(struct supervisor *s, enum log_level level, enum notify_kind kind,
    const unsigned char *body, size_t len)
{
	if (++s->preparer.n_warnings > STATE_WARNINGS_MAX)
		return -EPROTO;
	state_pass_on(s, level, kind, (const char *)body, len);
	return 0;
}

static int
answer_warning(struct supervisor *s, const unsigned char *body, size_t len)
{
	return answer_for_user(s, LOGL_WARNING, NOTIFY_WARNING, body, len);
}

static int
answer_note(struct supervisor *s, const unsigned char *body, size_t len)
{
	return answer_for_user(s, LOGL_INFO, NOTIFY_NOTE, body, len);
}

/* As long as the log is held back, an error goes to the terminal. */
static int
answer_log(struct supervisor *s, const unsigned char *body, size_t len)
{
	if (body[0] > LOGL_DEBUG)
		return -EPROTO;
	if (logfile_is_held() && body[0] == LOGL_ERROR && s->preparer.n_warnings++ < STATE_WARNINGS_MAX)
		state_pass_on(s, LOGL_ERROR, NOTIFY_ERROR, (const char *)body + 1, len - 1);
	else
		say(s, body[0], (const char *)body + 1, len - 1);
	return 0;
}

static int
answer_advice(struct supervisor *s, const unsigned char *body, size_t len)
{
	text_copy_printable(s->preparer.advice, sizeof(s->preparer.advice), body, len);
	return 0;
}

/* For the command alone, which is not confined and has the zones' files: see there. */
static int
answer_zone(struct supervisor *s, const unsigned char *body, size_t len)
{
	char text[MSG_ZONE_MAX + 1];

	if (s->preparer.has_zone)
		return -EPROTO;
	s->preparer.has_zone = true;
	text_copy_printable(text, sizeof(text), body, len);
	notify_send(s->config->notify_fd, NOTIFY_ZONE, "%s", text);
	return 0;
}

static int
answer_detached(struct supervisor *s, const unsigned char *body, size_t len)
{
	(void)body;
	(void)len;
	return hydration_detached(s);
}

/* Who waits for that is told in this turn of the loop. */
static int
answer_hydration(struct supervisor *s, const unsigned char *body, size_t len)
{
	(void)s;
	(void)body;
	(void)len;
	return 0;
}

static int
answer_rested(struct supervisor *s, const unsigned char *body, size_t len)
{
	struct msg_rested r;

	memcpy(&r, body, len);
	return freeze_rested(s, r.error, r.since);
}

static int
answer_store_failed(struct supervisor *s, const unsigned char *body, size_t len)
{
	(void)body;
	(void)len;
	reopen_ask(&s->reopen, s->source.store);
	return 0;
}

static const struct answer {
	uint16_t type;
	unsigned phases;
	uint32_t min, max;	/* bytes of the body */
	answer_fn handler;
} answers[] = {
#define EXACTLY(n)	(n), (n)
	{ MSG_CONFINED,	PHASE_PREPARING | PHASE_STARTING, EXACTLY(sizeof(struct msg_confined)),
	    answer_confined },
	{ MSG_PROGRESS,	PHASE_PREPARING, EXACTLY(sizeof(struct msg_progress)), answer_progress },
	{ MSG_MEMBER,	PHASE_PREPARING, EXACTLY(sizeof(struct msg_member)), answer_member },
	{ MSG_PREPARED,	PHASE_PREPARING, EXACTLY(sizeof(struct msg_prepared)), answer_prepared },
	{ MSG_READY,	PHASE_STARTING, EXACTLY(0), answer_ready },
	{ MSG_FAILED,	PHASE_ANY, 1, MSG_BODY_MAX, answer_failed },
	{ MSG_HEARTBEAT, PHASE_STARTING | PHASE_SERVING | PHASE_LEAVING, EXACTLY(0), answer_heartbeat },
	{ MSG_FLUSHING,	PHASE_STARTING | PHASE_SERVING, EXACTLY(0), answer_flushing },
	{ MSG_DIRTY,	PHASE_STARTING | PHASE_SERVING, EXACTLY(0), answer_dirty },
	{ MSG_CLEAN,	PHASE_STARTING | PHASE_SERVING, EXACTLY(0), answer_clean },
	{ MSG_STATS,	PHASE_STARTING | PHASE_SERVING | PHASE_LEAVING,
	    EXACTLY(sizeof(struct msg_stats)), answer_stats },
	{ MSG_LOG,	PHASE_ANY, 2, MSG_BODY_MAX, answer_log },
	{ MSG_WARNING,	PHASE_PREPARING, 1, MSG_BODY_MAX, answer_warning },
	{ MSG_NOTE,	PHASE_PREPARING, 1, MSG_BODY_MAX, answer_note },
	{ MSG_ZONE,	PHASE_PREPARING, 1, MSG_ZONE_MAX, answer_zone },
	{ MSG_ADVICE,	PHASE_PREPARING, 1, MSG_BODY_MAX, answer_advice },
	{ MSG_STORE_FAILED, PHASE_SERVING, EXACTLY(0), answer_store_failed },
	{ MSG_DETACHED,	PHASE_SERVING, EXACTLY(0), answer_detached },
	{ MSG_HYDRATION, PHASE_STARTING | PHASE_SERVING | PHASE_LEAVING, EXACTLY(0), answer_hydration },
	{ MSG_RESTED,	PHASE_SERVING, EXACTLY(sizeof(struct msg_rested)), answer_rested },
};	/* anything else: log it, end the worker */

int
answer_message(struct supervisor *s, const struct msg_header *h, const unsigned char *body)
{
	const struct answer *a;

	for (a = answers; a < answers + ARRAY_SIZE(answers); a++)
		if (a->type == h->type)
			break;
	if (a == answers + ARRAY_SIZE(answers) || (a->phases & s->phase) == 0 ||
	    h->len < a->min || h->len > a->max)
		return -EPROTO;
	return a->handler(s, body, h->len);
}

/* Whether the worker sends more than any honest one would. */
static bool
is_flood(struct worker *w)
{
	uint64_t second = w->last_heard / STATE_SECOND;

	if (second != w->window)
		w->in_window = 0;
	w->window = second;
	return ++w->in_window > FLOOD_MESSAGES;
}

int
answer_worker(struct supervisor *s)
{
	struct worker *w = &s->worker;
	const unsigned char *body;
	struct msg_header h;
	int n, rc;

	if ((n = msg_fill(w->in_fd, &w->reader)) <= 0)
		return n == -EAGAIN ? n : 0;
	w->last_heard = clock_monotonic_ns();
	while ((rc = msg_next(&w->reader, &h, &body)) > 0) {
		if (w->killed)
			continue;	/* it has nothing to say any more */
		if (is_flood(w)) {
			spawn_kill(w, "it floods its supervisor with messages");
			continue;
		}
		if (answer_message(s, &h, body) != 0) {
			spawn_kill(w, "it sent message %u of %u bytes, which is not allowed now",
			    h.type, h.len);
			return 0;
		}
	}
	if (rc < 0) {
		spawn_kill(w, "it sent bytes that are not a message");
		return 0;
	}
	return n;
}

int
answer_stderr(struct supervisor *s)
{
	struct worker *w = &s->worker;
	char text[4096], *line = text, *end;
	ssize_t n = -1;

	if (w->err_fd >= 0 && w->err_bytes < STDERR_MAX &&
	    (n = read(w->err_fd, text, sizeof(text) - 1)) < 0 && (errno == EAGAIN || errno == EINTR))
		return -EAGAIN;
	if (n <= 0) {
		if (w->err_fd >= 0)
			close(w->err_fd);
		w->err_fd = -1;
		return 0;
	}
	w->err_bytes += (size_t)n;
	text[n] = '\0';
	for (; line < text + n; line = end + 1) {
		end = memchr(line, '\n', (size_t)(text + n - line));
		end = end != NULL ? end : text + n;
		if (end > line)
			say(s, LOGL_WARNING, line, (size_t)(end - line));
	}
	return (int)n;
}
