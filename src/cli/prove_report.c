/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writes the results of proofs for machines: JSON, text of node_exporter, JUnit's XML.
 * Names and remarks are of others; each form has its way to keep them harmless.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/json.h"
#include "base/text.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/prove.h"

#define QUOTED_MAX	(6 * PROVE_REMARK_MAX)

/* ---- text that grows ---------------------------------------------------------- */

struct text {
	char	*buf;
	size_t	len, size;
	bool	failed;
};

static void	add(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void
add(struct text *t, const char *fmt, ...)
{
	char *piece autofree = NULL, *larger;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&piece, fmt, ap);
	va_end(ap);
	if (n < 0) {
		piece = NULL;
		t->failed = true;
		return;
	}
	if (t->len + (size_t)n + 1 > t->size) {
		t->size = 2 * (t->len + (size_t)n + 1);
		if ((larger = realloc(t->buf, t->size)) == NULL) {
			t->size = t->len;
			t->failed = true;
			return;
		}
		t->buf = larger;
	}
	memcpy(t->buf + t->len, piece, (size_t)n + 1);
	t->len += (size_t)n;
}

/* Copies text with a replacement for each of some characters. */
static const char *
quote(const char *from, const char *special, const char *const *instead, char out[QUOTED_MAX])
{
	char plain[PROVE_REMARK_MAX];
	const char *p, *at;
	size_t n = 0;

	strlcpy(plain, from, sizeof(plain));
	text_make_printable(plain);	/* no controls, and UTF-8 */
	out[0] = '\0';
	for (p = plain; *p != '\0'; p++) {
		if ((at = strchr(special, *p)) != NULL) {
			n = strlcat(out, instead[at - special], QUOTED_MAX);
		} else {
			out[n++] = *p;
			out[n] = '\0';
		}
	}
	return out;
}

/* ---- JSON --------------------------------------------------------------------- */

static void
put_steps(struct json_out *o, const struct proof *p)
{
	const struct prove_step *s;
	size_t i;

	json_open(o, "steps", '[');
	for (i = 0; i < PROVE_STEPS; i++) {
		s = &p->step[i];
		if (s->result == PROVE_NOT_ASKED)
			continue;
		json_open(o, NULL, '{');
		json_put_string(o, "step", prove_step_names[i]);
		json_put_string(o, "result", prove_result_word(s->result));
		json_put_double(o, "seconds", (double)s->ms / 1000);
		if (s->remark[0] != '\0')
			json_put_string(o, "remark", s->remark);
		json_close(o, '}');
	}
	json_close(o, ']');
}

static int
make_json(const struct proof *proof, size_t n, char **text, size_t *len)
{
	struct json_out o = { 0 };
	size_t i;

	json_open(&o, NULL, '{');
	json_put_string(&o, "format", "pbkfs-proof");
	json_put_u64(&o, "version", 1);
	json_put_u64(&o, "time", (uint64_t)(clock_real_ns() / 1000000000));
	json_open(&o, "proofs", '[');
	for (i = 0; i < n; i++) {
		json_open(&o, NULL, '{');
		json_put_string(&o, "instance", proof[i].instance);
		if (proof[i].id[0] != '\0')
			json_put_string(&o, "backup_id", proof[i].id);
		json_put_string(&o, "result", prove_result_word(prove_judge(&proof[i])));
		if (proof[i].has_age)
			json_put_u64(&o, "newest_age_seconds", (uint64_t)proof[i].age);
		if (proof[i].last_wal[0] != '\0') {
			json_put_string(&o, "last_wal", proof[i].last_wal);
			json_put_u64(&o, "last_wal_age_seconds", (uint64_t)proof[i].wal_age);
		}
		if (proof[i].server_version != 0)
			json_put_u64(&o, "server_version", proof[i].server_version);
		put_steps(&o, &proof[i]);
		json_close(&o, '}');
	}
	json_close(&o, ']');
	json_close(&o, '}');
	return json_take(&o, text, len);
}

/* ---- node_exporter -------------------------------------------------------------- */

static void
add_labels(struct text *t, const struct proof *p, const char *step)
{
	static const char *const instead[] = { "\\\\", "\\\"" };
	char name[QUOTED_MAX];

	add(t, "{instance=\"%s\",backup=\"%s\"", quote(p->instance, "\\\"", instead, name), p->id);
	if (step != NULL)
		add(t, ",step=\"%s\"", step);
	add(t, "}");
}

static void
add_metric(struct text *t, const char *name, const char *help)
{
	add(t, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
}

static void
add_step_metrics(struct text *t, const struct proof *proof, size_t n, bool seconds)
{
	const char *name = seconds ? "pbkfs_prove_step_seconds" : "pbkfs_prove_step_success";
	const struct prove_step *s;
	size_t i, k;

	add_metric(t, name, seconds ? "Time that the step took." : "Whether the step found nothing wrong.");
	for (i = 0; i < n; i++)
		for (k = 0; k < PROVE_STEPS; k++) {
			s = &proof[i].step[k];
			if (s->result == PROVE_NOT_ASKED || s->result == PROVE_SKIPPED)
				continue;
			add(t, "%s", name);
			add_labels(t, &proof[i], prove_step_names[k]);
			if (seconds)
				add(t, " %.3f\n", (double)s->ms / 1000);
			else
				add(t, " %d\n", s->result == PROVE_OK);
		}
}

static void
make_prom(const struct proof *proof, size_t n, struct text *t)
{
	size_t i;

	add_metric(t, "pbkfs_prove_success", "Whether the backup is proven to work.");
	for (i = 0; i < n; i++) {
		add(t, "pbkfs_prove_success");
		add_labels(t, &proof[i], NULL);
		add(t, " %d\n", prove_judge(&proof[i]) == PROVE_OK);
	}
	add_step_metrics(t, proof, n, false);
	add_step_metrics(t, proof, n, true);
	add_metric(t, "pbkfs_prove_newest_age_seconds", "Age of the newest backup of the instance.");
	for (i = 0; i < n; i++) {
		if (!proof[i].has_age)
			continue;
		add(t, "pbkfs_prove_newest_age_seconds");
		add_labels(t, &proof[i], NULL);
		add(t, " %lld\n", (long long)proof[i].age);
	}
	add_metric(t, "pbkfs_prove_last_wal_age_seconds", "Age of the last WAL in the archive of the instance.");
	for (i = 0; i < n; i++) {
		if (proof[i].last_wal[0] == '\0')
			continue;
		add(t, "pbkfs_prove_last_wal_age_seconds");
		add_labels(t, &proof[i], NULL);
		add(t, " %lld\n", (long long)proof[i].wal_age);
	}
	add_metric(t, "pbkfs_prove_end_time_seconds", "When the proof ended.");
	add(t, "pbkfs_prove_end_time_seconds %lld\n", (long long)(clock_real_ns() / 1000000000));
}

/* ---- JUnit ------------------------------------------------------------------------ */

static const char *
quote_xml(const char *from, char out[QUOTED_MAX])
{
	static const char *const instead[] = { "&amp;", "&lt;", "&gt;", "&quot;" };

	return quote(from, "&<>\"", instead, out);
}

static void
add_case(struct text *t, const struct proof *p, size_t step)
{
	const struct prove_step *s = &p->step[step];
	char name[QUOTED_MAX], remark[QUOTED_MAX];

	add(t, "    <testcase classname=\"%s\" name=\"%s\" time=\"%.3f\"", quote_xml(p->instance, name),
	    prove_step_names[step], (double)s->ms / 1000);
	quote_xml(s->remark, remark);
	switch (s->result) {
	case PROVE_OK:
		add(t, "/>\n");
		break;
	case PROVE_FAILED:
	case PROVE_RUNNING:
		add(t, "><failure message=\"%s\"/></testcase>\n", remark);
		break;
	case PROVE_UNKNOWN:
		add(t, "><error message=\"%s\"/></testcase>\n", remark);
		break;
	default:
		add(t, "><skipped message=\"%s\"/></testcase>\n", remark);
		break;
	}
}

static void
add_suite(struct text *t, const struct proof *p)
{
	unsigned tests = 0, failures = 0, errors = 0, skipped = 0;
	char name[QUOTED_MAX];
	double seconds = 0;
	size_t i;

	for (i = 0; i < PROVE_STEPS; i++) {
		enum prove_result r = p->step[i].result;

		tests += r != PROVE_NOT_ASKED;
		failures += r == PROVE_FAILED || r == PROVE_RUNNING;
		errors += r == PROVE_UNKNOWN;
		skipped += r == PROVE_NOT_RUN || r == PROVE_SKIPPED;
		seconds += (double)p->step[i].ms / 1000;
	}
	add(t, "  <testsuite name=\"%s %s\" tests=\"%u\" failures=\"%u\" errors=\"%u\" skipped=\"%u\" time=\"%.3f\">\n",
	    quote_xml(p->instance, name), p->id, tests, failures, errors, skipped, seconds);
	if (p->last_wal[0] != '\0')
		add(t, "    <properties><property name=\"last_wal_age_seconds\" value=\"%lld\"/></properties>\n",
		    (long long)p->wal_age);
	for (i = 0; i < PROVE_STEPS; i++)
		if (p->step[i].result != PROVE_NOT_ASKED)
			add_case(t, p, i);
	add(t, "  </testsuite>\n");
}

static void
make_xml(const struct proof *proof, size_t n, struct text *t)
{
	size_t i;

	add(t, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"pbkfs prove\">\n");
	for (i = 0; i < n; i++)
		add_suite(t, &proof[i]);
	add(t, "</testsuites>\n");
}

/* ---- the file ----------------------------------------------------------------------- */

/* Writes it beside its place, under a name that no exporter takes, and puts it there at once. */
int
prove_report_put(const char *file, const char *text, size_t len)
{
	char beside[PATH_MAX];
	int fd autoclose = -1, rc;

	if (snprintf(beside, sizeof(beside), "%s.%d.new", file, (int)getpid()) >= (int)sizeof(beside))
		return -ENAMETOOLONG;
	if ((fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644)) < 0)
		return -errno;
	if ((rc = io_write(fd, text, len)) == 0 && fsync(fd) != 0)
		rc = -errno;
	if (rc == 0 && rename(beside, file) != 0)
		rc = -errno;
	if (rc != 0)
		unlink(beside);
	return rc;
}

static bool
has_suffix(const char *file, const char *suffix)
{
	size_t n = strlen(file), k = strlen(suffix);

	return n > k && strcmp(file + n - k, suffix) == 0;
}

bool
prove_report_knows(const char *file)
{
	return has_suffix(file, ".json") || has_suffix(file, ".prom") || has_suffix(file, ".xml");
}

int
prove_report(const char *file, const struct proof *proof, size_t n)
{
	struct text t = { 0 };
	int rc = 0;

	if (has_suffix(file, ".json"))
		rc = make_json(proof, n, &t.buf, &t.len);
	else if (has_suffix(file, ".prom"))
		make_prom(proof, n, &t);
	else
		make_xml(proof, n, &t);
	if (rc == 0)
		rc = t.failed ? -ENOMEM : prove_report_put(file, t.buf, t.len);
	free(t.buf);
	return rc == 0 ? 0 : cli_error("could not write \"%s\": %s (--report)", file, strerror(-rc));
}
