/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command hydrate: tells a supervisor to begin or to stop, and shows how far it is.  The wish outlives this
 * process, the mount and the machine.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/figures.h"
#include "cli/mountref.h"
#include "cli/snapshot.h"
#include "ipc/shared.h"

#define LINE_MS		10000	/* between two lines, where there is no terminal */
#define COUNT_MS	30000	/* for the worker to count what there is to do */
#define STOP_MS		10000	/* for what is on its way */

/* As the supervisor says. */
struct progress {
	char	state[32];
	bool	detached, wanted;
	double	blocks, blocks_done, files, files_done, failed, left, room, speed, seconds;
};

static int
ask(const struct mountref *t, struct progress *p)
{
	struct json_node *nodes autofree = calloc(SNAPSHOT_NODES, sizeof(*nodes));
	const struct json_node *h;
	char *text autofree = NULL;
	const char *state;
	size_t len;

	if (nodes == NULL)
		return cli_error("out of memory");
	if (figures_ask(t, false, &text, &len) != 0)
		return EXIT_FAILURE;
	if (json_parse(text, len, nodes, SNAPSHOT_NODES) < 0 ||
	    (h = json_get(nodes, nodes, "hydrate")) == NULL ||
	    (state = json_string(json_get(nodes, h, "state"))) == NULL)
		return cli_error("the supervisor of \"%s\" (pid %d) does not know hydration: pbkfs unmount it, and mount"
		    " it again", t->mnt, (int)t->contact.peer.pid);
	*p = (struct progress){
		.detached = figures_is_true(nodes, nodes, "detached"), .wanted = figures_is_true(nodes, h, "wanted"),
		.blocks = figures_number(nodes, h, "blocks"), .blocks_done = figures_number(nodes, h, "blocks_done"),
		.files = figures_number(nodes, h, "files"), .files_done = figures_number(nodes, h, "files_done"),
		.failed = figures_number(nodes, h, "files_failed"), .left = figures_number(nodes, h, "bytes_left"),
		.room = figures_number(nodes, h, "bytes_free"), .speed = figures_number(nodes, h, "bytes_per_second"),
		.seconds = figures_number(nodes, h, "seconds_left"),
	};
	text_copy_printable(p->state, sizeof(p->state), state, strlen(state));
	return 0;
}

static int
tell(const struct mountref *t, const struct options *o)
{
	static struct command_frame q, a;
	int rc = -ETIMEDOUT;

	command_init(&q, COMMAND_HYDRATE);
	q.arg[HYDRATE_ON] = !o->stop;
	q.arg[HYDRATE_RATE] = o->stop ? 0 : MIN(o->rate, (uint64_t)INT64_MAX);
	q.arg[HYDRATE_JOBS] = o->stop ? 0 : o->jobs;
	if (!t->is_silent && t->contact.sock >= 0)
		rc = contact_ask(&t->contact, &q, &a, NULL);
	if (rc == 0 && a.type == COMMAND_DONE)
		return 0;
	if (rc == 0)
		return cli_error("could not hydrate \"%s\": %s", t->mnt, a.text);
	return figures_tell_silence(t, rc);
}

/* A supervisor tells this of itself. */
struct news {
	uint32_t state;		/* enum shared_hydration; HYDRATION_STATES: not told yet */
	bool	wanted;
};

/* Waits until the state is another one than in *n, for a second at most, and fills it in. */
static int
await(const struct mountref *t, struct news *n)
{
	static struct command_frame q, a;
	int rc = -ETIMEDOUT;

	command_init(&q, COMMAND_AWAIT);
	q.arg[0] = n->state;
	if (!t->is_silent && t->contact.sock >= 0)
		rc = contact_ask(&t->contact, &q, &a, NULL);
	if (rc == 0 && a.type == COMMAND_REFUSED)
		return cli_error("could not ask who serves \"%s\": %s", t->mnt, a.text);
	if (rc == 0 && a.type != COMMAND_HYDRATION)
		rc = -EPROTO;
	if (rc != 0)
		return figures_tell_silence(t, rc);
	*n = (struct news){ .state = (uint32_t)a.arg[AWAITED_STATE], .wanted = a.arg[AWAITED_WANTED] != 0 };
	return 0;
}

/* A narrow terminal cuts the end. */
static const char *
describe(const struct progress *p, char text[256])
{
	char left[FIGURES_TIME_MAX];

	if (strcmp(p->state, "copying") != 0)
		snprintf(text, 256, "%s, %.0f of %.0f files, %.0f of %.0f blocks", p->state, p->files_done, p->files,
		    p->blocks_done, p->blocks);
	else
		snprintf(text, 256, "%.1f MB/s%s%s, %.0f of %.0f files, %.0f of %.0f blocks", p->speed / 1e6,
		    p->speed > 0 ? ", left " : "", p->speed > 0 ? figures_time_left(p->seconds, left) : "", p->files_done,
		    p->files, p->blocks_done, p->blocks);
	return text;
}

static void
show_bar(const struct progress *p)
{
	static const char bar[] = "####################";
	int width = (int)sizeof(bar) - 1, full;
	double part = p->blocks > 0 ? p->blocks_done / p->blocks : 0;
	char text[256];

	if (!p->detached)
		part = MIN(part, 0.999);
	full = (int)(part * width);
	cli_progress("[%.*s%*s] %4.1f %%, %s", full, bar, width - full, "", part * 100, describe(p, text));
}

/* The worker counts first, which takes a moment. */
static int
await_count(const struct mountref *t, struct progress *p)
{
	struct news n = { .state = HYDRATION_STATES };
	int64_t until = clock_monotonic_ms() + COUNT_MS;
	int rc;

	do {
		if ((rc = await(t, &n)) != 0)
			return rc;
	} while ((n.state == HYDRATION_OFF || n.state == HYDRATION_COUNTING) && n.wanted && clock_monotonic_ms() < until);
	return ask(t, p);
}

/* Runs that are on their way end first, and complete files are synced. */
static int
stop(const struct mountref *t)
{
	struct news n = { .state = HYDRATION_STATES };
	int64_t until = clock_monotonic_ms() + STOP_MS;
	int rc;

	do {
		if ((rc = await(t, &n)) != 0)
			return rc;
	} while (n.state != HYDRATION_OFF && n.state != HYDRATION_DETACHED && clock_monotonic_ms() < until);
	if (n.state == HYDRATION_DETACHED)
		cli_say("\"%s\" is detached: it needs no store any more", t->mnt);
	else if (n.state == HYDRATION_OFF)
		cli_say("hydration of \"%s\" is stopped; what is copied stays", t->mnt);
	else
		return cli_error("hydration of \"%s\" was told to stop, and has not within %d seconds: what it is at does not"
		    " end, see its log; pbkfs stat tells when it is off", t->mnt, STOP_MS / 1000);
	return 0;
}

/* Tells beforehand how much it takes, and whether that is there. */
static void
say_need(const struct mountref *t, const struct progress *p)
{
	char need[TEXT_NUMBER_MAX], room[TEXT_NUMBER_MAX];

	text_size((uint64_t)p->left, need);
	text_size((uint64_t)p->room, room);
	cli_say("hydrating \"%s\": %s in %.0f files are to be copied, %s may be used for that", t->mnt, need,
	    p->files - p->files_done, room);
	if (p->left > p->room)
		cli_warn("the disk of the diff directory has not enough room: hydration will stop before it is full, and"
		    " go on when there is more");
	cli_flush();
}

/* Whoever waits for the end has to know what the end waits for. */
static bool
waits(const struct progress *p)
{
	return strncmp(p->state, "waiting", strlen("waiting")) == 0;
}

/* One look; lines: a line is due.  Returns 0, or 1 where nothing is to be waited for. */
static int
look(const struct mountref *t, const struct options *o, bool terminal, bool line)
{
	struct progress p;
	char text[256];
	int rc;

	if ((rc = ask(t, &p)) != 0)
		return rc;
	if (terminal)
		show_bar(&p);
	else if (line || waits(&p))
		cli_note("%s", describe(&p, text));
	if (p.failed == 0 || strcmp(p.state, "waiting for the store") != 0 || o->watch)
		return 0;
	cli_progress_end();
	return cli_error("could not copy %.0f files of \"%s\": see its log; hydration tries again"
	    " each minute", p.failed, t->mnt);
}

/* Whoever waits is woken when the state changes; figures are asked for where somebody sees them. */
static int
attend(const struct mountref *t, const struct options *o)
{
	bool terminal = isatty(STDERR_FILENO) == 1, lines = o->watch && !terminal, changed;
	struct news n = { .state = HYDRATION_STATES };
	int64_t due = 0;
	uint32_t told;
	int rc;

	for (;;) {
		told = n.state;
		if ((rc = await(t, &n)) != 0)
			return rc;
		if (n.state == HYDRATION_DETACHED)
			break;
		if (!n.wanted) {
			cli_progress_end();
			return cli_error("hydration of \"%s\" was stopped", t->mnt);
		}
		changed = n.state != told;
		if (!terminal && !changed && !(lines && clock_monotonic_ms() >= due))
			continue;
		if ((rc = look(t, o, terminal, lines)) != 0)
			return rc;
		due = clock_monotonic_ms() + LINE_MS;
	}
	cli_progress_end();
	return 0;
}

static int
hydrate(const struct mountref *t, const struct options *o)
{
	struct progress p;
	int rc;

	if ((rc = ask(t, &p)) != 0 || (!p.detached && !(o->watch && p.wanted && o->rate == 0 && o->jobs == 0) &&
	    (rc = tell(t, o)) != 0))
		return rc;
	if (p.detached) {
		cli_say("\"%s\" is detached: it needs no store", t->mnt);
		return 0;
	}
	if (o->stop)
		return stop(t);
	if ((rc = await_count(t, &p)) != 0)
		return rc;
	if (!p.detached)
		say_need(t, &p);
	if (!o->wait && !o->watch)
		return 0;
	cli_if_interrupted("interrupted; hydration of \"%s\" goes on in the background: pbkfs hydrate --stop ends it",
	    t->mnt);
	if ((rc = attend(t, o)) != 0)
		return rc;
	cli_say("\"%s\" is detached: it needs no store any more", t->mnt);
	return 0;
}

int
cmd_hydrate(const struct options *o)
{
	static struct mountref t;
	int rc;

	if (o->mnt == NULL)
		return cli_usage("--mnt-path is required");
	if (o->stop && (o->wait || o->watch || o->rate != 0 || o->jobs != 0))
		return cli_usage("--stop cannot be combined with other options");
	if (mountref_find(&t, o->mnt, NULL) != 0)
		return EXIT_FAILURE;
	mountref_contact(&t);
	rc = hydrate(&t, o);
	mountref_close(&t);
	return rc;
}
