/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tells what proofs would do, need and lack: prove --plan.  Each backup has its rows, which a table
 * shows and from which the exit status follows; a report has the numbers behind them.
 */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/limited.h"
#include "cli/plan.h"
#include "cli/run.h"
#include "cli/show_json.h"
#include "cli/table.h"

#define ROWS_MAX	(CHAIN_MAX + 2 * RECOVERY_GAPS_MAX + PLAN_SETTINGS_MAX + GUEST_ARGUMENTS_MAX + \
			    PLAN_WARNINGS_MAX + PROVE_STEPS + 32)
#define ROW_MAX		2304

/*
 * Of a run that makes its own diff directory: what a server writes before anybody changes a row, and
 * segments that it makes in advance.
 */
#define SERVER_OWN	(32 * MiB)
#define SEGMENTS_AHEAD	3

struct row {
	const char *item;
	enum prove_result result;	/* PROVE_NOT_ASKED: it is no judgement */
	const char *word;		/* in the place of the result's */
	char	text[ROW_MAX];
};

/* An estimate, in bytes. */
struct space {
	uint64_t pg_wal, archive, pages, server, all;
};

struct planning {
	const struct options *options;
	const struct proof *proof;
	struct plan_store *store;	/* shared with a child, as is */
	struct plan_host *host;
	bool	has_store, has_host;
	struct space space;
	size_t	n;
	struct row row[ROWS_MAX];
};

static void	add(struct planning *g, const char *item, enum prove_result r, const char *fmt, ...)
		    __attribute__((format(printf, 4, 5)));

static void
add(struct planning *g, const char *item, enum prove_result r, const char *fmt, ...)
{
	struct row *row = &g->row[g->n];
	va_list ap;

	if (g->n == ROWS_MAX)
		return;
	g->n++;
	row->item = item;
	row->result = r;
	row->word = NULL;
	va_start(ap, fmt);
	vsnprintf(row->text, sizeof(row->text), fmt, ap);
	va_end(ap);
}

static enum prove_result
judge(const struct planning *g)
{
	enum prove_result worst = PROVE_OK;
	size_t i;

	for (i = 0; i < g->n; i++)
		if (g->row[i].result == PROVE_FAILED)
			return PROVE_FAILED;
		else if (g->row[i].result == PROVE_UNKNOWN)
			worst = PROVE_UNKNOWN;
	return worst;
}

/* ---- what the catalog has ------------------------------------------------------------------ */

static void
plan_chain(struct planning *g)
{
	const struct plan_store *s = g->store;
	char size[TEXT_NUMBER_MAX];
	unsigned i;

	if (s->chain_error[0] != '\0')
		add(g, "chain", PROVE_FAILED, "%s", s->chain_error);
	for (i = s->n_members; i-- > 0;) {
		text_size(s->member[i].stored, size);
		add(g, "chain", PROVE_OK, "%s %s, %s stored", s->member[i].id, backup_mode_name(s->member[i].mode), size);
	}
}

static void
plan_tree(struct planning *g)
{
	char size[TEXT_NUMBER_MAX];

	text_size(g->store->bytes, size);
	if (g->store->tree_error[0] != '\0')
		add(g, "tree", PROVE_FAILED, "%s", g->store->tree_error);
	else
		add(g, "tree", PROVE_OK, "%llu files, %s", (unsigned long long)g->store->files, size);
}

static const char *
plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static void
plan_range(struct planning *g, const struct recovery_range *r, const char *what)
{
	char size[TEXT_NUMBER_MAX];
	unsigned i;

	if (r->n == 0)
		return;
	text_size(r->n * g->store->seg_size, size);
	add(g, "wal", r->missing > 0 ? PROVE_FAILED : PROVE_OK, "%s: %s to %s, %llu segment%s, %s%s", what, r->first,
	    r->last, (unsigned long long)r->n, plural(r->n), size, r->missing > 0 ? ", not all there" : "");
	for (i = 0; i < r->n_gaps; i++)
		add(g, "missing", PROVE_FAILED, "%llu segment%s from %s on", (unsigned long long)r->gap[i].n,
		    plural(r->gap[i].n), r->gap[i].first);
	if (r->more_gaps)
		add(g, "missing", PROVE_FAILED, "more behind these: %llu segments in all", (unsigned long long)r->missing);
}

static bool
goes_to_end(const struct planning *g)
{
	const struct options *o = g->options;

	return o->target != NULL ? strcmp(o->target, "latest") == 0 : g->proof->has_archive;
}

static void
plan_wal(struct planning *g)
{
	const struct plan_store *s = g->store;
	uint64_t from = s->start_lsn, to = s->stop_lsn;

	plan_range(g, &s->need.own, s->stream ? "to be consistent, in the backup" : "to be consistent, in the archive");
	plan_range(g, &s->need.rest, "to the end of the archive");
	if (s->wal_error[0] != '\0')
		add(g, "recovery", PROVE_FAILED, "%s", s->wal_error);
	else if (to == 0)
		add(g, "recovery", PROVE_NOT_ASKED, "the backup does not say which WAL it needs");
	else
		add(g, "recovery", PROVE_OK, "from %X/%X, consistent at %X/%X of timeline %u, %s%.0u",
		    (unsigned)(from >> 32), (unsigned)from, (unsigned)(to >> 32), (unsigned)to, s->timeline,
		    !goes_to_end(g) ? "and no further" : "then to the end of the archive, timeline ",
		    goes_to_end(g) ? s->need.timeline : 0);
	if (s->wal_warning[0] != '\0')
		add(g, "warning", PROVE_NOT_ASKED, "%s", s->wal_warning);
}

/* ---- what this machine has --------------------------------------------------------------------- */

static void
plan_server(struct planning *g)
{
	const struct plan_host *h = g->host;
	unsigned version = g->store->server_version;
	size_t i;

	if (h->server_error[0] != '\0') {
		add(g, "server", PROVE_UNKNOWN, "%s", h->server_error);
		return;
	}
	add(g, "server", PROVE_OK, "PostgreSQL %u in %s", version, h->bindir);
	for (i = 0; i < PLAN_PROGRAMS; i++)
		if (i == PLAN_AMCHECK && version < PROVE_AMCHECK_VERSION)
			add(g, "program", PROVE_SKIPPED, "%s needs PostgreSQL %d", plan_host_programs[i], PROVE_AMCHECK_VERSION);
		else if (h->program[i][0] == '\0')
			add(g, "program", PROVE_UNKNOWN, "%s is not installed", plan_host_programs[i]);
		else
			add(g, "program", PROVE_OK, "%s", h->program[i]);
}

/* The guest's max_wal_size in bytes; 0 if that is not ours to say. */
static uint64_t
wal_limit(const struct guest *guest)
{
	static const char name[] = "max_wal_size=";
	unsigned i;

	for (i = 0; i < guest->n; i++)
		if (strncmp(guest->text[i], name, strlen(name)) == 0)
			return strtoull(guest->text[i] + strlen(name), NULL, 10) * KiB;
	return 0;
}

/*
 * Recovery keeps the segments that it took until a restart point, and changes pages: a page image
 * or more of it is in that WAL, so that its length stands for theirs, and there are no more than the tree has.
 */
static void
estimate_space(struct planning *g)
{
	const struct plan_store *s = g->store;
	uint64_t limit = wal_limit(&g->host->guest), from_archive = (s->stream ? s->need.rest.n :
	    s->need.own.n + s->need.rest.n) * s->seg_size;
	struct space *e = &g->space;

	e->pg_wal = s->pg_wal;
	e->archive = limit != 0 ? MIN(from_archive, limit) : from_archive;
	e->pages = MIN((s->need.own.n + s->need.rest.n) * s->seg_size, s->bytes);
	e->server = SERVER_OWN + SEGMENTS_AHEAD * (uint64_t)s->seg_size;
	e->all = e->pg_wal + e->archive + e->pages + e->server;
}

static void
plan_space(struct planning *g)
{
	const struct space *e = &g->space;
	char all[TEXT_NUMBER_MAX], pg_wal[TEXT_NUMBER_MAX], archive[TEXT_NUMBER_MAX], pages[TEXT_NUMBER_MAX],
	    server[TEXT_NUMBER_MAX], is_free[TEXT_NUMBER_MAX];
	bool enough;

	if (g->host->workdir_error[0] != '\0') {
		add(g, "space", PROVE_UNKNOWN, "%s", g->host->workdir_error);
		return;
	}
	estimate_space(g);
	enough = e->all <= g->host->free;
	text_size(e->all, all);
	text_size(e->pg_wal, pg_wal);
	text_size(e->archive, archive);
	text_size(e->pages, pages);
	text_size(e->server, server);
	text_size(g->host->free, is_free);
	add(g, "space", enough ? PROVE_OK : PROVE_UNKNOWN, "%sabout %s in %s, where %s is free", enough ? "" : "too little: ",
	    all, g->host->workdir, is_free);
	add(g, "space", PROVE_NOT_ASKED, "an estimate: pg_wal of the backup %s, WAL from the archive %s, pages that it"
	    " changes %s, the server's own %s", pg_wal, archive, pages, server);
}

static void
plan_settings(struct planning *g)
{
	const struct guest *guest = &g->host->guest;
	const struct plan_store *s = g->store;
	unsigned i;

	for (i = 0; i < g->options->set.n; i++)
		add(g, "setting", PROVE_NOT_ASKED, "%s (--set)", g->options->set.item[i]);
	for (i = 1; i < guest->n; i += 2)
		add(g, "setting", PROVE_NOT_ASKED, "%s", guest->text[i]);
	for (i = 0; i < s->n_settings; i++)
		add(g, "setting", PROVE_NOT_ASKED, "%s=%s", s->setting[i].name,
		    s->setting[i].value[0] != '\0' ? s->setting[i].value : "''");
	if (g->options->keep_settings)
		add(g, "setting", PROVE_NOT_ASKED, "all others as production has them (--keep-settings)");
	if (s->lacks_library)
		add(g, "library", PROVE_UNKNOWN, "one is not installed that the server preloads: see the warnings");
	for (i = 0; i < s->n_warnings; i++)
		add(g, "warning", PROVE_NOT_ASKED, "%s", s->warning[i]);
}

/* ---- the steps --------------------------------------------------------------------------------------- */

/* Why a step would not be taken; NULL: it would. */
static const char *
why_skipped(const struct planning *g, enum prove_step_name name)
{
	if (g->proof->step[name].result == PROVE_NOT_ASKED)
		return name == PROVE_AGE ? "--max-age is not given" : name == PROVE_DUMP ? "--dump is not given" :
		    name == PROVE_SQL ? "--sql is not given" : "not asked for";
	if (name == PROVE_AMCHECK && g->has_store && g->store->server_version != 0 &&
	    g->store->server_version < PROVE_AMCHECK_VERSION)
		return "pg_amcheck has come with PostgreSQL 14";
	return NULL;
}
_Static_assert(PROVE_AMCHECK_VERSION == 14, "why_skipped() says so");

static void
plan_steps(struct planning *g)
{
	const char *why;
	unsigned i;

	for (i = 0; i < PROVE_STEPS; i++) {
		why = why_skipped(g, (enum prove_step_name)i);
		add(g, "step", PROVE_NOT_ASKED, "%s%s%s", prove_step_names[i], why != NULL ? ": " : "",
		    why != NULL ? why : "");
		g->row[g->n - 1].word = why != NULL ? "skipped" : "planned";
	}
}

/* ---- one backup ------------------------------------------------------------------------------------------ */

static void
plan_age(struct planning *g)
{
	const struct prove_step *s = &g->proof->step[PROVE_AGE];

	if (s->remark[0] != '\0')
		add(g, "age", s->result, "%s", s->remark);
}

static void
plan_backup(struct planning *g)
{
	const struct prove_step *verify = &g->proof->step[PROVE_VERIFY];

	g->n = 0;
	g->has_store = g->has_host = false;
	plan_age(g);
	if (g->proof->id[0] == '\0') {
		add(g, "backup", verify->result == PROVE_UNKNOWN ? PROVE_UNKNOWN : PROVE_FAILED, "%s", verify->remark);
		return;
	}
	g->has_store = plan_store_read(g->options, g->proof, g->store) == 0;
	if (!g->has_store) {
		add(g, "chain", PROVE_UNKNOWN, "the catalog could not be read");
		return;
	}
	plan_chain(g);
	if (g->store->chain_error[0] == '\0') {
		plan_tree(g);
		plan_wal(g);
		g->has_host = plan_host_look(g->options, g->store->server_version, g->store->seg_size, g->host) == 0;
	}
	if (g->has_host) {
		plan_server(g);
		if (g->host->fuse_error[0] != '\0')
			add(g, "mount", PROVE_UNKNOWN, "%s", g->host->fuse_error);
		plan_space(g);
		plan_settings(g);
	} else if (g->store->chain_error[0] == '\0') {
		add(g, "server", PROVE_UNKNOWN, "this machine could not be looked at");
	}
	plan_steps(g);
}

/* ---- the table ---------------------------------------------------------------------------------------------- */

static void
cell_item(const void *row, char *text)
{
	strlcpy(text, ((const struct row *)row)->item, TABLE_CELL_MAX);
}

static void
cell_result(const void *row, char *text)
{
	const struct row *r = row;

	strlcpy(text, r->word != NULL ? r->word : prove_result_word(r->result), TABLE_CELL_MAX);
}

static void
cell_text(const void *row, char *text)
{
	strlcpy(text, ((const struct row *)row)->text, TABLE_CELL_MAX);
}

static void
print_table(const struct planning *g)
{
	static const struct table_column columns[] = {
		{ "ITEM", cell_item, false }, { "RESULT", cell_result, false }, { "DETAIL", cell_text, false },
	};
	int width[ARRAY_SIZE(columns)] = { 0 };
	char name[NAME_MAX + 1];
	size_t i;

	strlcpy(name, g->proof->instance, sizeof(name));
	text_make_terminal(name);
	cli_print("instance %s, backup %s: %s\n", name, g->proof->id[0] != '\0' ? g->proof->id : "-",
	    prove_result_word(judge(g)));
	table_measure(columns, ARRAY_SIZE(columns), NULL, width);
	for (i = 0; i < g->n; i++)
		table_measure(columns, ARRAY_SIZE(columns), &g->row[i], width);
	table_print(columns, ARRAY_SIZE(columns), NULL, width);
	for (i = 0; i < g->n; i++)
		table_print(columns, ARRAY_SIZE(columns), &g->row[i], width);
}

/* ---- the report ------------------------------------------------------------------------------------------------ */

static void
put_range(struct json_out *o, const char *key, const struct recovery_range *r, uint32_t seg_size)
{
	unsigned i;

	if (r->n == 0)
		return;
	json_open(o, key, '{');
	json_put_string(o, "first", r->first);
	json_put_string(o, "last", r->last);
	json_put_u64(o, "segments", r->n);
	json_put_u64(o, "bytes", r->n * seg_size);
	json_put_u64(o, "missing_segments", r->missing);
	json_open(o, "missing", '[');
	for (i = 0; i < r->n_gaps; i++) {
		json_open(o, NULL, '{');
		json_put_string(o, "first", r->gap[i].first);
		json_put_u64(o, "segments", r->gap[i].n);
		json_close(o, '}');
	}
	json_close(o, ']');
	json_close(o, '}');
}

static void
put_store(struct json_out *o, const struct plan_store *s)
{
	unsigned i;

	json_open(o, "chain", '[');
	for (i = s->n_members; i-- > 0;) {
		json_open(o, NULL, '{');
		json_put_string(o, "id", s->member[i].id);
		json_put_string(o, "mode", backup_mode_name(s->member[i].mode));
		json_put_u64(o, "stored_bytes", s->member[i].stored);
		json_close(o, '}');
	}
	json_close(o, ']');
	if (s->n_members == 0)
		return;
	json_put_u64(o, "tree_files", s->files);
	json_put_u64(o, "tree_bytes", s->bytes);
	json_open(o, "wal", '{');
	json_put_string(o, "source", s->stream ? "backup" : "archive");
	json_put_u64(o, "timeline", s->timeline);
	show_json_lsn(o, "start_lsn", s->start_lsn);
	show_json_lsn(o, "stop_lsn", s->stop_lsn);
	json_put_u64(o, "segment_bytes", s->seg_size);
	put_range(o, "consistency", &s->need.own, s->seg_size);
	put_range(o, "archive_end", &s->need.rest, s->seg_size);
	if (s->need.timeline != 0)
		json_put_u64(o, "end_timeline", s->need.timeline);
	json_close(o, '}');
	json_put_u64(o, "server_version", s->server_version);
}

static void
put_programs(struct json_out *o, const struct plan_host *h)
{
	size_t i;

	json_put_bool(o, "server_installed", h->server_error[0] == '\0');
	if (h->bindir[0] != '\0')
		json_put_string(o, "bindir", h->bindir);
	if (h->package[0] != '\0')
		json_put_string(o, "package", h->package);
	json_open(o, "programs", '{');
	for (i = 0; i < PLAN_PROGRAMS; i++)
		if (h->program[i][0] != '\0')
			json_put_string(o, plan_host_programs[i], h->program[i]);
	json_close(o, '}');
}

static void
put_space(struct json_out *o, const struct planning *g)
{
	if (g->host->workdir_error[0] != '\0')
		return;
	json_open(o, "space", '{');
	json_put_string(o, "workdir", g->host->workdir);
	json_put_u64(o, "free_bytes", g->host->free);
	json_put_u64(o, "estimated_bytes", g->space.all);
	json_put_u64(o, "estimated_pg_wal_bytes", g->space.pg_wal);
	json_put_u64(o, "estimated_archive_bytes", g->space.archive);
	json_put_u64(o, "estimated_page_bytes", g->space.pages);
	json_put_u64(o, "estimated_server_bytes", g->space.server);
	json_close(o, '}');
}

static void
put_rows(struct json_out *o, const struct planning *g)
{
	const struct row *r;
	size_t i;

	json_open(o, "items", '[');
	for (i = 0; i < g->n; i++) {
		r = &g->row[i];
		json_open(o, NULL, '{');
		json_put_string(o, "item", r->item);
		if (r->word != NULL || r->result != PROVE_NOT_ASKED)
			json_put_string(o, "result", r->word != NULL ? r->word : prove_result_word(r->result));
		json_put_string(o, "detail", r->text);
		json_close(o, '}');
	}
	json_close(o, ']');
}

static void
put_plan(struct json_out *o, const struct planning *g)
{
	json_open(o, NULL, '{');
	json_put_string(o, "instance", g->proof->instance);
	if (g->proof->id[0] != '\0')
		json_put_string(o, "backup_id", g->proof->id);
	json_put_string(o, "result", prove_result_word(judge(g)));
	if (g->proof->has_age)
		json_put_u64(o, "newest_age_seconds", (uint64_t)g->proof->age);
	if (g->proof->last_wal[0] != '\0') {
		json_put_string(o, "last_wal", g->proof->last_wal);
		json_put_u64(o, "last_wal_age_seconds", (uint64_t)g->proof->wal_age);
	}
	if (g->has_store)
		put_store(o, g->store);
	if (g->has_host) {
		put_programs(o, g->host);
		put_space(o, g);
	}
	put_rows(o, g);
	json_close(o, '}');
}

static void
begin_report(struct json_out *o)
{
	json_open(o, NULL, '{');
	json_put_string(o, "format", "pbkfs-proof-plan");
	json_put_u64(o, "version", 1);
	json_put_u64(o, "time", (uint64_t)(clock_real_ns() / 1000000000));
	json_open(o, "plans", '[');
}

static int
end_report(const struct report_files *files, struct json_out *o)
{
	char *text autofree = NULL;
	size_t len, i;
	int made, status = 0;

	json_close(o, ']');
	json_close(o, '}');
	made = json_take(o, &text, &len);
	for (i = 0; i < files->n; i++)
		if (report_put(files, i, made, text, len) != 0)
			status = EXIT_FAILURE;
	return status;
}

/* ---- the command --------------------------------------------------------------------------------------------------- */

bool
prove_plan_knows(const char *file)
{
	const char *suffix = strrchr(file, '.');

	return suffix != NULL && strcmp(suffix, ".json") == 0;
}

int
prove_plan(const struct options *o, const struct report_files *files, const struct proof *proof, size_t n)
{
	static struct planning g;
	struct json_out report = { 0 };
	bool failed = false, unknown = false;
	size_t i;
	uid_t uid;
	gid_t gid;

	g.options = o;
	g.store = limited_share(sizeof(*g.store));
	g.host = limited_share(sizeof(*g.host));
	if (g.store == NULL || g.host == NULL) {
		cli_error("out of memory");
		return PROVE_EXIT_UNJUDGED;
	}
	if (cmd_run_check(o, &uid, &gid) != 0)
		return PROVE_EXIT_UNJUDGED;
	begin_report(&report);
	for (i = 0; i < n; i++) {
		g.proof = &proof[i];
		plan_backup(&g);
		if (i > 0)
			cli_print("\n");
		print_table(&g);
		put_plan(&report, &g);
		failed |= judge(&g) == PROVE_FAILED;
		unknown |= judge(&g) == PROVE_UNKNOWN;
	}
	unknown |= end_report(files, &report) != 0;
	return failed ? PROVE_EXIT_UNPROVEN : unknown ? PROVE_EXIT_UNJUDGED : 0;
}
