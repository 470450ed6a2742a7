/*
 * Power loss, simulated: a random workload on the copy-on-write file system
 * runs on a disk that remembers (crashdisk.h), and at many points of it what a
 * crash might leave is built and opened again.
 *
 * A run is one seed.  It has several lives; each ends with a crash of the
 * machine, of the worker alone (the next one takes over with the pending log),
 * of all processes (a new mount), or with an orderly unmount, and the next goes
 * on with what that left.  So what an interrupted recovery leaves behind meets
 * the next crash.
 *
 * What is demanded, DESIGN as doc/architecture.md has it:
 * - the tree (names, modes, link counts) is one that existed, at or after the
 *   last sync that covers it;
 * - a file's length is one that it had, at or after its last fsync;
 * - each 4 KiB of it is as it was at some moment at or after its last fsync,
 *   independently of the others; but what a truncation took away is back only
 *   if the length is, and stays away only if the length does.
 * Where nothing but processes died, nothing at all may be missing.
 *
 * PBKFS_CRASH_POINTS: how many points, all seeds together (default: 6000, but no
 * longer than 20 seconds).
 * PBKFS_CRASH_SEED, PBKFS_CRASH_SEEDS: the first seed, and how many.
 * PBKFS_CRASH_KEEP: leave the directory of a failure where it is.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"
#include "cow/cow.h"
#include "crashdisk.h"
#include "probackup/chain.h"
#include "probackup/index.h"
#include "support/catwriter.h"

#define UNIT		4096u
#define MAX_BLOCKS	20u
#define MAX_SIZE	(MAX_BLOCKS * BLCKSZ)
#define MAX_UNITS	(MAX_SIZE / UNIT)
#define MAX_NAMES	48u		/* of the whole tree */
#define NAME_LEN	16u
#define LIVES		6u
#define REQUESTS_PER_LIFE	120u
#define POINTS_PER_SEED	60u
#define SECONDS		20	/* of a run by default */

static void *
more(void *p, size_t size)
{
	if ((p = realloc(p, size)) == NULL)
		abort();
	return p;
}

/* ---- why something is wrong ---- */

static char why[1024];

static bool wrong(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static bool
wrong(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	return false;
}

static char last_line[LOG_LINE_MAX];	/* of the log */

static void
keep_line(enum log_level level, const char *text, size_t len)
{
	(void)len;
	if (level <= LOGL_WARNING)
		snprintf(last_line, sizeof(last_line), "%s", text);
}

/* ---- the backup ---- */

static char root[256];		/* a directory of our own */
static int store_fd, index_fd;
static struct iostats stats;
static struct reader reader;
static struct pending spare_pending;	/* of a mount that only looks */

static unsigned char *
make_pages(unsigned n, uint32_t seed, struct catpage *pages)
{
	unsigned char *bytes = more(NULL, (size_t)n * BLCKSZ);
	unsigned i;

	for (i = 0; i < n; i++) {
		catwriter_make_page(bytes + (size_t)i * BLCKSZ, 0x1000000 + seed, seed * 100 + i);
		pages[i] = (struct catpage){ .block = i, .bytes = bytes + (size_t)i * BLCKSZ };
	}
	return bytes;
}

/* A relation of n blocks, of which the backup stores every step-th. */
static void
add_relation(struct catbackup *b, const char *path, unsigned n, unsigned step, uint32_t seed)
{
	struct catpage pages[MAX_BLOCKS], some[MAX_BLOCKS];
	unsigned char *bytes = make_pages(n, seed, pages);
	struct catfile f = { .path = path, .n_blocks = n, .pages = some };
	unsigned i;

	for (i = 0; i < n; i += step)
		some[f.n_pages++] = pages[i];
	catbackup_data(b, &f);
	free(bytes);
}

static void
add_plain(struct catbackup *b, const char *path, size_t len, uint32_t seed)
{
	unsigned char bytes[MAX_SIZE];
	unsigned i;

	for (i = 0; i < MAX_BLOCKS; i++)
		catwriter_make_page(bytes + i * BLCKSZ, 1, seed + i);
	catbackup_plain(b, path, 0600, bytes, len);
}

static int
add_backup(struct catwriter *w, const char *id, const char *parent, unsigned step)
{
	struct catbackup_options o = {
		.id = id, .parent = parent, .mode = parent != NULL ? "DELTA" : "FULL",
		.alg = parent != NULL ? CATALG_LZ4 : CATALG_NONE, .stream = true,
	};
	uint32_t seed = step * 1000;
	struct catbackup *b;
	int r;

	if ((r = catbackup_begin(w, &o, &b)) < 0)
		return r;
	catbackup_dir(b, "base", 0700);
	catbackup_dir(b, "base/5", 0700);
	catbackup_dir(b, "global", 0700);
	catbackup_dir(b, "pg_xact", 0700);
	catbackup_dir(b, "pg_wal", 0700);
	add_plain(b, "PG_VERSION", 3, seed + 1);
	add_plain(b, "global/pg_control", BLCKSZ, seed + 2);
	add_plain(b, "pg_xact/0000", 2 * BLCKSZ, seed + 4);
	add_plain(b, "global/odd", 10000, seed + 6);
	add_plain(b, "pg_wal/1", 9 * BLCKSZ, seed + 7);
	add_plain(b, "pg_wal/2", 2 * BLCKSZ + 100, seed + 8);
	add_plain(b, "nothing", 0, 0);
	add_relation(b, "base/5/16384", 12, step, seed + 11);
	add_relation(b, "base/5/16385", 5, step, seed + 12);
	add_relation(b, "base/5/16386", 1, 1, seed + 13);
	add_relation(b, "base/5/16387", 0, 1, seed + 14);
	return catbackup_finish(b);
}

static int
build_index(char *error)
{
	struct chain *c;
	int r;

	r = chain_open(store_fd, "store", "main", "T00002", false, &c, error);
	if (r < 0)
		return r;
	r = index_build(c, index_fd, MiB, 1, error);
	chain_free(c);
	return r;
}

static int
make_store(char *error)
{
	struct catwriter *w;
	char path[300];
	int r;

	snprintf(path, sizeof(path), "%s/store", root);
	if (mkdir(path, 0700) != 0 || (r = catwriter_open(path, "main", NULL, &w)) < 0)
		return -EIO;
	if ((r = add_backup(w, "T00001", NULL, 1)) == 0)
		r = add_backup(w, "T00002", "T00001", 3);
	catwriter_close(w);
	store_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	index_fd = memfd_create("index", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (r < 0 || store_fd < 0 || index_fd < 0 || reader_init(&reader, &stats) < 0)
		return -EIO;
	return build_index(error);
}

/* ---- what a mount shows ---- */

struct seen_name {
	uint64_t dir, nodeid;
	char	name[NAME_LEN];
	uint32_t mode, nlink;
};

struct seen_file {
	uint64_t nodeid, size;
	unsigned char *bytes;
};

struct seen {
	struct seen_name names[MAX_NAMES];
	struct seen_file files[MAX_NAMES];
	unsigned n_names, n_files;
};

static void
seen_free(struct seen *s)
{
	unsigned i;

	for (i = 0; i < s->n_files; i++)
		free(s->files[i].bytes);
	free(s);
}

static const struct seen_file *
seen_file(const struct seen *s, uint64_t nodeid)
{
	unsigned i;

	for (i = 0; i < s->n_files; i++)
		if (s->files[i].nodeid == nodeid)
			return &s->files[i];
	return NULL;
}

static bool
look_at_file(struct cow *c, struct seen *s, uint64_t nodeid, const char *name)
{
	struct seen_file *f = &s->files[s->n_files];
	struct cow_attr a;
	ssize_t n;
	int r;

	if (seen_file(s, nodeid) != NULL)
		return true;
	if ((r = cow_getattr(c, nodeid, &a)) < 0)
		return wrong("getattr of \"%s\": %s", name, strerror(-r));
	if (a.size > MAX_SIZE)
		return wrong("\"%s\" has %" PRIu64 " bytes", name, a.size);
	*f = (struct seen_file){ nodeid, a.size, more(NULL, MAX_SIZE) };
	s->n_files++;
	n = cow_read(c, nodeid, 0, MAX_SIZE, f->bytes, &reader);
	if (n != (ssize_t)a.size)
		return wrong("read of \"%s\", %" PRIu64 " bytes: %zd", name, a.size, n);
	return true;
}

static bool
list(struct cow *c, struct seen *s, uint64_t dir)
{
	struct cow_dirent d;
	struct cow_list l;
	int r;

	if ((r = cow_list_begin(&l, c, dir, 0)) < 0)
		return wrong("listing a directory: %s", strerror(-r));
	while (cow_list_next(&l, &d) == 1) {
		if (strcmp(d.name, ".") == 0 || strcmp(d.name, "..") == 0)
			continue;
		if (s->n_names == MAX_NAMES || d.len >= NAME_LEN)
			break;
		s->names[s->n_names] = (struct seen_name){ .dir = dir, .nodeid = d.nodeid };
		memcpy(s->names[s->n_names++].name, d.name, d.len + 1);
	}
	cow_list_end(&l);
	return s->n_names < MAX_NAMES || wrong("there are more names than there can be");
}

static bool
look(struct cow *c, struct seen *s)
{
	struct cow_attr a;
	unsigned i;
	int r;

	if (!list(c, s, COW_ROOT))
		return false;
	for (i = 0; i < s->n_names; i++) {
		struct seen_name *n = &s->names[i];

		if ((r = cow_getattr(c, n->nodeid, &a)) < 0)
			return wrong("getattr of \"%s\": %s", n->name, strerror(-r));
		n->mode = a.mode;
		n->nlink = a.nlink;
		if (S_ISDIR(a.mode) && !list(c, s, n->nodeid))
			return false;
		if (S_ISREG(a.mode) && !look_at_file(c, s, n->nodeid, n->name))
			return false;
	}
	return true;
}

/* ---- the model: what was, and when ---- */

/* Time counts the requests of the application, opening included. */
struct version {
	unsigned time;
	unsigned kept;			/* bytes that a truncation left, if it made this version */
	unsigned char *bytes;		/* UNIT of them */
};

struct history {
	struct version *v;
	unsigned n, room;
};

struct length {
	unsigned time;
	uint64_t size, from;		/* from: a write may be seen growing the file from there */
};

struct object {
	uint64_t nodeid;		/* 0: not known yet */
	uint32_t type;
	bool	touched;		/* the journal knows it */
	bool	lost;			/* no name leads to it; it is open */
	unsigned lookups;
	struct history unit[MAX_UNITS];
	struct length *lengths;
	unsigned n_lengths;
	unsigned *synced, n_synced;	/* when an fsync was over */
};

struct dent {
	unsigned dir, obj;		/* objects */
	char	name[NAME_LEN];
	uint32_t mode;
};

struct tree {
	unsigned time, n;
	struct dent d[MAX_NAMES];
};

struct model {
	struct object **obj;
	unsigned n_obj;
	struct tree *trees;		/* all that were; the last is the present one */
	unsigned n_trees;
	unsigned *synced, n_synced;	/* when a sync of names was over */
	unsigned now;
};

static void
times_add(unsigned **times, unsigned *n, unsigned time)
{
	*times = more(*times, (*n + 1) * sizeof(**times));
	(*times)[(*n)++] = time;
}

/* The last of the times that is before end, or first. */
static unsigned
times_before(const unsigned *times, unsigned n, unsigned end, unsigned first)
{
	while (n > 0 && times[n - 1] >= end)
		n--;
	return n > 0 ? MAX(times[n - 1], first) : first;
}

static struct tree *
tree_now(struct model *m)
{
	return &m->trees[m->n_trees - 1];
}

/* The present tree, to be changed; what it was stays on record. */
static struct tree *
tree_change(struct model *m)
{
	m->trees = more(m->trees, (m->n_trees + 1) * sizeof(*m->trees));
	m->trees[m->n_trees] = m->trees[m->n_trees - 1];
	m->trees[m->n_trees].time = m->now;
	return &m->trees[m->n_trees++];
}

static void
object_forget(struct object *o)
{
	unsigned u, i;

	for (u = 0; u < MAX_UNITS; u++) {
		for (i = 0; i < o->unit[u].n; i++)
			free(o->unit[u].v[i].bytes);
		free(o->unit[u].v);
	}
	free(o->lengths);
	free(o->synced);
	*o = (struct object){ .nodeid = o->nodeid, .type = o->type };
}

static unsigned
object_new(struct model *m, uint64_t nodeid, uint32_t mode)
{
	struct object *o = more(NULL, sizeof(*o));

	*o = (struct object){ .nodeid = nodeid, .type = mode & S_IFMT };
	m->obj = more(m->obj, (m->n_obj + 1) * sizeof(struct object *));
	m->obj[m->n_obj] = o;
	return m->n_obj++;
}

static void
model_free(struct model *m)
{
	unsigned i;

	for (i = 0; i < m->n_obj; i++) {
		object_forget(m->obj[i]);
		free(m->obj[i]);
	}
	free(m->obj);
	free(m->trees);
	free(m->synced);
	*m = (struct model){ 0 };
}

static uint64_t
size_now(const struct object *o)
{
	return o->n_lengths > 0 ? o->lengths[o->n_lengths - 1].size : 0;
}

static void
set_size(struct model *m, struct object *o, uint64_t size, bool grows)
{
	o->lengths = more(o->lengths, (o->n_lengths + 1) * sizeof(*o->lengths));
	o->lengths[o->n_lengths] = (struct length){
		m->now, size, grows && o->n_lengths > 0 ? size_now(o) : size
	};
	o->n_lengths++;
}

/* A new version of a unit, to be changed; it begins as a copy of the last one. */
static unsigned char *
unit_change(struct model *m, struct object *o, unsigned u, unsigned kept)
{
	struct history *h = &o->unit[u];
	struct version *v;

	if (h->n == h->room)
		h->v = more(h->v, (h->room = h->room * 2 + 2) * sizeof(*h->v));
	v = &h->v[h->n++];
	*v = (struct version){ m->now, kept, more(NULL, UNIT) };
	if (h->n > 1)
		memcpy(v->bytes, v[-1].bytes, UNIT);
	else
		memset(v->bytes, 0, UNIT);
	return v->bytes;
}

static bool
is_nothing(const unsigned char *bytes, size_t len)
{
	static const unsigned char nothing[UNIT];

	return memcmp(bytes, nothing, len) == 0;
}

/* Gives an object the content that was seen, as one change. */
static void
object_set(struct model *m, struct object *o, const struct seen_file *f)
{
	unsigned u;

	for (u = 0; u < MAX_UNITS; u++) {
		uint64_t at = (uint64_t)u * UNIT;
		size_t len = f->size > at ? (size_t)MIN(f->size - at, (uint64_t)UNIT) : 0;
		const struct history *h = &o->unit[u];
		const unsigned char *last = h->n > 0 ? h->v[h->n - 1].bytes : NULL;
		unsigned char *bytes;

		if (last == NULL ? is_nothing(f->bytes + at, len) :
		    memcmp(last, f->bytes + at, len) == 0 && is_nothing(last + len, UNIT - len))
			continue;
		bytes = unit_change(m, o, u, len == 0 ? 0 : UNIT);
		memcpy(bytes, f->bytes + at, len);
		memset(bytes + len, 0, UNIT - len);
	}
	if (o->n_lengths == 0 || size_now(o) != f->size)
		set_size(m, o, f->size, false);
}

static void
object_fill(struct model *m, struct object *o, uint64_t off, uint64_t len,
    const unsigned char *src)
{
	uint64_t end = off + len, from, to;
	unsigned char *bytes;

	for (from = off; from < end; from = to) {
		to = MIN(end, (from / UNIT + 1) * UNIT);
		bytes = unit_change(m, o, (unsigned)(from / UNIT), UNIT);
		if (src != NULL)
			memcpy(bytes + from % UNIT, src + (from - off), to - from);
		else
			memset(bytes + from % UNIT, 0, to - from);
	}
}

static void
object_cut(struct model *m, struct object *o, uint64_t len)
{
	uint64_t at;
	unsigned u;

	for (u = (unsigned)(len / UNIT); u < MAX_UNITS; u++) {
		at = (uint64_t)u * UNIT;
		if (at >= size_now(o) || at + UNIT <= len)
			continue;
		if (at >= len)
			memset(unit_change(m, o, u, 0), 0, UNIT);
		else
			memset(unit_change(m, o, u, (unsigned)(len - at)) + (len - at), 0,
			    UNIT - (len - at));
	}
}

/* ---- judging what a mount shows ---- */

/*
 * Whether bytes are one of the versions of [from, to].  What truncations until
 * begin cut off a version must be zero now.
 */
static bool
unit_fits(const struct history *h, const unsigned char *bytes, size_t len, unsigned from,
    unsigned to, unsigned begin)
{
	unsigned i, end, kept = UNIT;
	size_t same;

	for (i = h->n; i-- > 0; ) {
		end = i + 1 < h->n ? h->v[i + 1].time : UINT32_MAX;
		same = MIN((size_t)kept, len);
		if (h->v[i].time <= to && end > from && memcmp(bytes, h->v[i].bytes, same) == 0 &&
		    is_nothing(bytes + same, len - same))
			return true;
		if (h->v[i].time <= begin)
			kept = MIN(kept, h->v[i].kept);
	}
	return (h->n == 0 || h->v[0].time > from) && is_nothing(bytes, len);
}

/*
 * Whether the content fits, if the length is that of [begin, end).  A unit that
 * was cut off whole before is as it was since, and one that was cut off later is
 * as it was before.
 */
static bool
content_fits(const struct object *o, const struct seen_file *f, unsigned begin, unsigned end,
    unsigned lo, unsigned hi, unsigned *bad)
{
	unsigned u, i, from, to;

	for (u = 0; (uint64_t)u * UNIT < f->size; u++) {
		const struct history *h = &o->unit[u];
		size_t len = (size_t)MIN(f->size - (uint64_t)u * UNIT, (uint64_t)UNIT);

		from = lo;
		to = hi;
		for (i = 0; i < h->n; i++) {
			if (h->v[i].kept == 0 && h->v[i].time <= begin)
				from = MAX(from, h->v[i].time);
			if (h->v[i].kept == 0 && h->v[i].time >= end && h->v[i].time <= to)
				to = h->v[i].time - 1;
		}
		if (!unit_fits(h, f->bytes + (size_t)u * UNIT, len, from, to, begin)) {
			*bad = u;
			return false;
		}
	}
	return true;
}

static const char *
describe(const unsigned char *bytes, const struct history *h)
{
	static char text[40];
	unsigned i;

	for (i = h->n; i-- > 0; )
		if (memcmp(bytes, h->v[i].bytes, UNIT) == 0) {
			snprintf(text, sizeof(text), "its version of time %u", h->v[i].time);
			return text;
		}
	return is_nothing(bytes, UNIT) ? "zeroes" : "something else";
}

/* Whether the file is as it was at moments between lo and hi. */
static bool
file_fits(const struct object *o, const struct seen_file *f, unsigned lo, unsigned hi)
{
	unsigned i, bad = UINT32_MAX, end;
	const struct length *l;

	for (i = 0; i < o->n_lengths; i++) {
		l = &o->lengths[i];
		end = i + 1 < o->n_lengths ? l[1].time : UINT32_MAX;
		if (l->time > hi || end <= lo)
			continue;
		if (f->size != l->size &&
		    !(f->size > l->from && f->size < l->size && f->size % UNIT == 0))
			continue;
		if (content_fits(o, f, l->time, end, lo, hi, &bad))
			return true;
	}
	if (bad == UINT32_MAX)
		return wrong("has %" PRIu64 " bytes, which it never had in %u..%u", f->size, lo, hi);
	return wrong("of %" PRIu64 " bytes: 4 KiB unit %u (block %u) is not of %u..%u, but %s",
	    f->size, bad, bad / 2, lo, hi, describe(f->bytes + (size_t)bad * UNIT, &o->unit[bad]));
}

static unsigned
links_of(const struct tree *t, unsigned obj)
{
	unsigned i, n = 0;

	for (i = 0; i < t->n; i++)
		n += t->d[i].obj == obj;
	return n;
}

static const struct seen_name *
find_seen(const struct model *m, const struct seen *s, const struct dent *d)
{
	unsigned i;

	for (i = 0; i < s->n_names; i++)
		if (s->names[i].dir == m->obj[d->dir]->nodeid &&
		    strcmp(s->names[i].name, d->name) == 0)
			return &s->names[i];
	return NULL;
}

static bool
tree_fits(const struct model *m, const struct tree *t, const struct seen *s)
{
	const struct seen_name *n;
	unsigned i;

	for (i = 0; i < t->n; i++) {
		const struct object *o = m->obj[t->d[i].obj];

		if ((n = find_seen(m, s, &t->d[i])) == NULL)
			return wrong("\"%s\" is missing", t->d[i].name);
		if (o->nodeid != 0 && o->nodeid != n->nodeid)
			return wrong("\"%s\" is another file", t->d[i].name);
		if (n->mode != (o->type | t->d[i].mode))
			return wrong("\"%s\" has mode %o instead of %o", t->d[i].name, n->mode,
			    o->type | t->d[i].mode);
		if (o->type == S_IFREG && n->nlink != links_of(t, t->d[i].obj))
			return wrong("\"%s\" has %u links", t->d[i].name, n->nlink);
	}
	return s->n_names == t->n ||
	    wrong("there are %u names instead of %u", s->n_names, t->n);
}

/* The tree between lo and hi that is the one seen, the last first. */
static const struct tree *
find_tree(const struct model *m, const struct seen *s, unsigned lo, unsigned hi)
{
	char first[sizeof(why)] = "";
	unsigned i, end;

	for (i = m->n_trees; i-- > 0; ) {
		end = i + 1 < m->n_trees ? m->trees[i + 1].time : UINT32_MAX;
		if (m->trees[i].time > hi || end <= lo)
			continue;
		if (tree_fits(m, &m->trees[i], s))
			return &m->trees[i];
		if (first[0] == '\0')
			snprintf(first, sizeof(first), "%s", why);
	}
	wrong("the tree is none of %u..%u: %.900s", lo, hi, first);
	return NULL;
}

/*
 * What has to be there: all that was done before time exact, or what syncs
 * before time syncs cover; nothing that came after time last.
 */
struct demand {
	bool	all;
	unsigned exact, syncs, last;
};

static unsigned
oldest_content(const struct object *o, const struct demand *d)
{
	unsigned born = o->n_lengths > 0 ? o->lengths[0].time : 0;

	return d->all ? MAX(d->exact, born) : times_before(o->synced, o->n_synced, d->syncs, born);
}

static const struct tree *
judge(const struct model *m, const struct seen *s, const struct demand *d)
{
	const struct seen_file *f;
	const struct tree *t;
	unsigned i, lo;

	lo = d->all ? d->exact :
	    times_before(m->synced, m->n_synced, d->syncs, m->trees[0].time);
	if ((t = find_tree(m, s, MAX(lo, m->trees[0].time), d->last)) == NULL)
		return NULL;
	for (i = 0; i < t->n; i++) {
		const struct object *o = m->obj[t->d[i].obj];

		if (o->type != S_IFREG || o->nodeid == 0)
			continue;
		if ((f = seen_file(s, o->nodeid)) == NULL ||
		    !file_fits(o, f, oldest_content(o, d), d->last)) {
			char text[sizeof(why)];

			snprintf(text, sizeof(text), "%s", why);
			wrong("\"%s\" (%" PRIx64 ") %.900s", t->d[i].name, o->nodeid, text);
			return NULL;
		}
	}
	return t;
}

/* ---- requests ---- */

enum request_type {
	R_CREATE, R_REMOVE, R_RENAME, R_LINK, R_CHMOD, R_WRITE, R_TRUNCATE, R_ZERO, R_ALLOCATE,
	R_FSYNC, R_FSYNC_NAMES, R_IDLE, R_FLUSH, R_OPEN, R_CLOSE,
	R_NEXT_LIFE, R_TYPES
};

static const struct {
	const char *name;
	unsigned weight;
} request_types[R_TYPES] = {
	[R_CREATE]	= { "create", 8 },	[R_REMOVE]	= { "remove", 5 },
	[R_RENAME]	= { "rename", 6 },	[R_LINK]	= { "link", 2 },
	[R_CHMOD]	= { "chmod", 2 },	[R_WRITE]	= { "write", 40 },
	[R_TRUNCATE]	= { "truncate", 10 },	[R_ZERO]	= { "zero", 4 },
	[R_ALLOCATE]	= { "allocate", 2 },	[R_FSYNC]	= { "fsync", 14 },
	[R_FSYNC_NAMES]	= { "fsync-names", 3 },	[R_IDLE]	= { "idle", 4 },
	[R_FLUSH]	= { "flush", 1 },	[R_OPEN]	= { "open", 2 },
	[R_CLOSE]	= { "close", 3 },	[R_NEXT_LIFE]	= { NULL, 0 },
};

struct request {
	enum request_type type;
	unsigned time;
	unsigned obj;			/* what it is about */
	unsigned dir, dir2;		/* objects */
	char	name[NAME_LEN], name2[NAME_LEN];
	uint32_t mode;
	int	flags;
	bool	keep;			/* create: stays open */
	uint64_t off, len, seed;
};

/* ---- a run ---- */

struct run {
	uint64_t seed;
	struct rng rng;
	struct model m;
	struct crashdisk *disk;
	struct cow *c;			/* NULL: its worker is dead */
	struct pending *pending;
	int	diff_fd;
	char	diff[300];
	unsigned n_diffs;
	uint64_t mount_id;
	unsigned max_fds;
	struct request unanswered;	/* time 0: there is none */
	size_t	judged;			/* operations of the disk before the present life */
	unsigned life, points;
	struct request *done;		/* for the report */
	unsigned n_done;
};

static void
fill(unsigned char *buf, uint64_t len, uint64_t seed)
{
	struct rng r = { seed };
	uint64_t i, v = 0;

	for (i = 0; i < len; i++) {
		if (i % 8 == 0)
			v = rng_below(&r, UINT64_MAX);
		buf[i] = (unsigned char)(v >> i % 8 * 8) | 1;
	}
}

static struct dent *
find_dent(struct tree *t, unsigned dir, const char *name)
{
	unsigned i;

	for (i = 0; i < t->n; i++)
		if (t->d[i].dir == dir && strcmp(t->d[i].name, name) == 0)
			return &t->d[i];
	return NULL;
}

/* The same, where it has to be. */
static struct dent *
the_dent(struct tree *t, unsigned dir, const char *name)
{
	struct dent *d = find_dent(t, dir, name);

	if (d == NULL)
		abort();
	return d;
}

static bool
has_children(const struct tree *t, unsigned dir)
{
	unsigned i;

	for (i = 0; i < t->n; i++)
		if (t->d[i].dir == dir)
			return true;
	return false;
}

/* Whether dir is obj or below it. */
static bool
is_below(const struct tree *t, unsigned dir, unsigned obj)
{
	unsigned i;

	while (dir != obj && dir != 0) {
		for (i = 0; i < t->n && t->d[i].obj != dir; i++)
			;
		if (i == t->n)
			return false;
		dir = t->d[i].dir;
	}
	return dir == obj;
}

static uint64_t
some_offset(struct run *run, uint64_t max)
{
	static const uint64_t grain[] = { BLCKSZ, BLCKSZ, UNIT, UNIT, UNIT, 512, 1 };
	uint64_t g = grain[rng_below(&run->rng, ARRAY_SIZE(grain))];

	return rng_below(&run->rng, max / g + 1) * g;
}

/* Half of the time one of a few, so that they meet themselves. */
static bool
some_file(struct run *run, unsigned *obj)
{
	struct model *m = &run->m;
	const struct tree *t = tree_now(m);
	unsigned i, tries;

	for (tries = 0; tries < 20; tries++) {
		if (rng_below(&run->rng, 10) == 0) {
			i = (unsigned)rng_below(&run->rng, m->n_obj);
			if (m->obj[i]->lost && m->obj[i]->nodeid != 0) {
				*obj = i;
				return true;
			}
		}
		i = (unsigned)rng_below(&run->rng, t->n);
		if (rng_below(&run->rng, 2) == 0)
			i = (unsigned)(run->seed + run->life + rng_below(&run->rng, 2)) % t->n;
		*obj = t->d[i].obj;
		if (m->obj[*obj]->type == S_IFREG)
			return true;
	}
	return false;
}

static unsigned
some_dir(struct run *run)
{
	const struct tree *t = tree_now(&run->m);
	unsigned tries, i;

	for (tries = 0; tries < 5; tries++) {
		i = (unsigned)rng_below(&run->rng, t->n);
		if (run->m.obj[t->d[i].obj]->type == S_IFDIR)
			return t->d[i].obj;
	}
	return 0;	/* the root */
}

static void
some_name(struct run *run, char *name)
{
	snprintf(name, NAME_LEN, "n%u", (unsigned)rng_below(&run->rng, 8));
}

static bool
plan_create(struct run *run, struct request *q)
{
	static const uint32_t types[] = { S_IFREG, S_IFREG, S_IFREG, S_IFREG, S_IFDIR, S_IFLNK };

	q->dir = some_dir(run);
	some_name(run, q->name);
	q->mode = types[rng_below(&run->rng, ARRAY_SIZE(types))] | 0600;
	q->keep = rng_below(&run->rng, 3) == 0;
	return find_dent(tree_now(&run->m), q->dir, q->name) == NULL &&
	    tree_now(&run->m)->n < MAX_NAMES - 2;
}

static bool
plan_existing(struct run *run, struct request *q)
{
	const struct tree *t = tree_now(&run->m);
	const struct dent *d = &t->d[rng_below(&run->rng, t->n)];

	/* What the backup has is to last for a while. */
	if (d->name[0] != 'n' && rng_below(&run->rng, 3) != 0)
		return false;
	q->dir = d->dir;
	q->obj = d->obj;
	memcpy(q->name, d->name, NAME_LEN);
	return true;
}

static bool
plan_rename(struct run *run, struct request *q)
{
	struct tree *t = tree_now(&run->m);
	const struct dent *to;
	bool is_dir;

	if (!plan_existing(run, q))
		return false;
	q->dir2 = some_dir(run);
	some_name(run, q->name2);
	if (rng_below(&run->rng, 4) == 0)
		memcpy(q->name2, t->d[rng_below(&run->rng, t->n)].name, NAME_LEN);
	is_dir = run->m.obj[q->obj]->type == S_IFDIR;
	if (is_dir && is_below(t, q->dir2, q->obj))
		return false;
	if ((to = find_dent(t, q->dir2, q->name2)) == NULL) {
		q->flags = rng_below(&run->rng, 3) == 0 ? RENAME_NOREPLACE : 0;
		return true;
	}
	if (to->obj == q->obj)
		return false;
	q->flags = rng_below(&run->rng, 3) == 0 ? RENAME_EXCHANGE : 0;
	if (q->flags != 0)
		return run->m.obj[to->obj]->type != S_IFDIR || !is_below(t, q->dir, to->obj);
	return is_dir == (run->m.obj[to->obj]->type == S_IFDIR) && !has_children(t, to->obj);
}

static bool
plan_link(struct run *run, struct request *q)
{
	return plan_existing(run, q) && run->m.obj[q->obj]->type == S_IFREG &&
	    (q->dir2 = some_dir(run), some_name(run, q->name2), true) &&
	    find_dent(tree_now(&run->m), q->dir2, q->name2) == NULL &&
	    tree_now(&run->m)->n < MAX_NAMES - 2;
}

static bool
plan_content(struct run *run, struct request *q)
{
	uint64_t size, max;

	if (!some_file(run, &q->obj))
		return false;
	size = size_now(run->m.obj[q->obj]);
	max = MIN(size + 2 * BLCKSZ, (uint64_t)MAX_SIZE);
	if (q->type == R_TRUNCATE) {
		q->len = rng_below(&run->rng, 4) == 0 ? 0 : some_offset(run, max);
		return q->len != size;
	}
	q->off = rng_below(&run->rng, 4) == 0 ? size : some_offset(run, max);
	q->len = some_offset(run, 3 * BLCKSZ);
	q->seed = rng_below(&run->rng, UINT64_MAX);
	q->flags = rng_below(&run->rng, 2) == 0 ? FALLOC_FL_KEEP_SIZE : 0;
	if (q->type == R_ZERO)
		q->flags |= q->flags != 0 && rng_below(&run->rng, 2) == 0 ?
		    FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE;
	return q->len > 0 && q->off + q->len <= MAX_SIZE;
}

static bool
plan(struct run *run, struct request *q)
{
	const struct object *o;

	switch (q->type) {
	case R_CREATE:
		return plan_create(run, q);
	case R_REMOVE:
		return plan_existing(run, q) && !has_children(tree_now(&run->m), q->obj);
	case R_RENAME:
		return plan_rename(run, q);
	case R_LINK:
		return plan_link(run, q);
	case R_CHMOD:
		q->mode = 0600 | (uint32_t)rng_below(&run->rng, 0200);
		return plan_existing(run, q) && run->m.obj[q->obj]->type != S_IFLNK;
	case R_WRITE:
	case R_TRUNCATE:
	case R_ZERO:
	case R_ALLOCATE:
		return plan_content(run, q);
	case R_FSYNC:
	case R_OPEN:
		q->flags = (int)rng_below(&run->rng, 2);
		return some_file(run, &q->obj);
	case R_CLOSE:
		q->obj = (unsigned)rng_below(&run->rng, run->m.n_obj);
		o = run->m.obj[q->obj];
		return o->lookups > 0 && o->nodeid != 0;
	default:
		return true;
	}
}

static void
choose(struct run *run, struct request *q)
{
	unsigned total = 0, i, n;

	for (i = 0; i < R_TYPES; i++)
		total += request_types[i].weight;
	do {
		n = (unsigned)rng_below(&run->rng, total);
		for (i = 0; n >= request_types[i].weight; i++)
			n -= request_types[i].weight;
		*q = (struct request){ .type = (enum request_type)i };
	} while (!plan(run, q));
}

/* ---- what a request does to the model ---- */

static void
lose_name(struct model *m, struct tree *t, struct dent *d)
{
	unsigned obj = d->obj;

	*d = t->d[--t->n];
	if (links_of(t, obj) == 0)
		m->obj[obj]->lost = m->obj[obj]->type == S_IFREG && m->obj[obj]->lookups > 0;
}

static void
add_name(struct tree *t, unsigned dir, const char *name, unsigned obj, uint32_t mode)
{
	struct dent *d = &t->d[t->n++];

	*d = (struct dent){ .dir = dir, .obj = obj, .mode = mode & 07777 };
	memcpy(d->name, name, NAME_LEN);
}

static void
model_create(struct model *m, struct request *q)
{
	q->obj = object_new(m, 0, q->mode);
	m->obj[q->obj]->touched = true;
	if (S_ISREG(q->mode))
		set_size(m, m->obj[q->obj], 0, false);
	add_name(tree_change(m), q->dir, q->name, q->obj, q->mode);
}

static void
model_rename(struct model *m, const struct request *q)
{
	struct tree *t = tree_change(m);
	struct dent *from = the_dent(t, q->dir, q->name), *to = find_dent(t, q->dir2, q->name2);
	uint32_t mode = from->mode;
	unsigned obj = from->obj;

	m->obj[obj]->touched = true;
	if (to != NULL && q->flags == RENAME_EXCHANGE) {
		from->obj = to->obj;
		from->mode = to->mode;
		to->obj = obj;
		to->mode = mode;
		return;
	}
	if (to != NULL)
		lose_name(m, t, to);
	from = the_dent(t, q->dir, q->name);
	from->dir = q->dir2;
	memcpy(from->name, q->name2, NAME_LEN);
}

static void
model_names(struct model *m, struct request *q)
{
	struct tree *t;
	unsigned i;

	switch (q->type) {
	case R_CREATE:
		model_create(m, q);
		break;
	case R_REMOVE:
		t = tree_change(m);
		lose_name(m, t, the_dent(t, q->dir, q->name));
		break;
	case R_RENAME:
		model_rename(m, q);
		break;
	case R_LINK:
		t = tree_change(m);
		add_name(t, q->dir2, q->name2, q->obj, the_dent(t, q->dir, q->name)->mode);
		m->obj[q->obj]->touched = true;
		break;
	default:
		t = tree_change(m);
		for (i = 0; i < t->n; i++)
			if (t->d[i].obj == q->obj)
				t->d[i].mode = q->mode;
		m->obj[q->obj]->touched = true;
	}
}

static void
model_content(struct model *m, const struct request *q)
{
	struct object *o = m->obj[q->obj];
	uint64_t end = q->off + q->len;
	unsigned char *bytes;

	o->touched = true;
	switch (q->type) {
	case R_WRITE:
		bytes = more(NULL, q->len);
		fill(bytes, q->len, q->seed);
		object_fill(m, o, q->off, q->len, bytes);
		free(bytes);
		break;
	case R_TRUNCATE:
		object_cut(m, o, q->len);
		set_size(m, o, q->len, false);
		return;
	case R_ZERO:
		object_fill(m, o, q->off, q->len, NULL);
		break;
	default:
		break;
	}
	if (end > size_now(o) && !(q->flags & FALLOC_FL_KEEP_SIZE && q->type != R_WRITE))
		set_size(m, o, end, q->type == R_WRITE);
}

static void
apply_to_model(struct model *m, struct request *q)
{
	if (q->type <= R_CHMOD)
		model_names(m, q);
	else if (q->type <= R_ALLOCATE)
		model_content(m, q);
}

/* ---- what a request does ---- */

static int
write_request(struct cow *c, uint64_t nodeid, const struct request *q)
{
	unsigned char *bytes autofree = more(NULL, q->len);

	fill(bytes, q->len, q->seed);
	return cow_write(c, nodeid, q->off, q->len, bytes, &reader);
}

static int
set_attributes(struct cow *c, uint64_t nodeid, const struct request *q)
{
	struct cow_attr a = { .mode = q->mode, .size = q->len };

	return cow_setattr(c, nodeid, q->type == R_CHMOD ? COW_SET_MODE : COW_SET_SIZE, &a, &reader);
}

static int
names_request(struct run *run, struct request *q)
{
	uint64_t dir = run->m.obj[q->dir]->nodeid, dir2 = run->m.obj[q->dir2]->nodeid;
	struct object *o = run->m.obj[q->obj];
	struct cow_attr a;
	int r;

	switch (q->type) {
	case R_CREATE:
		r = cow_create(run->c, q->time, dir, q->name, q->mode, 1, 1,
		    S_ISLNK(q->mode) ? "elsewhere" : NULL, &a);
		if (r == 0) {
			o->nodeid = a.nodeid;
			o->lookups = 1;
		}
		return r;
	case R_REMOVE:
		return cow_remove(run->c, q->time, dir, q->name, o->type == S_IFDIR);
	case R_RENAME:
		return cow_rename(run->c, q->time, dir, q->name, dir2, q->name2,
		    (unsigned)q->flags);
	default:
		r = cow_link(run->c, q->time, o->nodeid, dir2, q->name2, &a);
		if (r == 0)
			cow_forget(run->c, o->nodeid, 1);
		return r;
	}
}

static int
issue(struct run *run, struct request *q)
{
	uint64_t nodeid = run->m.obj[q->obj]->nodeid;

	switch (q->type) {
	case R_CREATE:
	case R_REMOVE:
	case R_RENAME:
	case R_LINK:
		return names_request(run, q);
	case R_CHMOD:
	case R_TRUNCATE:
		return set_attributes(run->c, nodeid, q);
	case R_WRITE:
		return write_request(run->c, nodeid, q);
	case R_ZERO:
	case R_ALLOCATE:
		return cow_fallocate(run->c, nodeid, q->flags, q->off, q->len, &reader);
	case R_FSYNC:
		return cow_fsync(run->c, nodeid, q->flags != 0);
	case R_FSYNC_NAMES:
		return cow_fsync_names(run->c);
	case R_FLUSH:
		return cow_flush(run->c);
	case R_IDLE:
		cow_idle(run->c);
		return 0;
	default:
		return 0;
	}
}

static void
all_synced(struct model *m)
{
	unsigned i;

	for (i = 0; i < m->n_obj; i++)
		times_add(&m->obj[i]->synced, &m->obj[i]->n_synced, m->now);
	times_add(&m->synced, &m->n_synced, m->now);
}

static void
close_object(struct run *run, struct object *o)
{
	cow_forget(run->c, o->nodeid, o->lookups);
	o->lookups = 0;
	o->lost = false;
}

static int
open_object(struct run *run, unsigned obj)
{
	struct tree *t = tree_now(&run->m);
	struct cow_attr a;
	unsigned i;
	int r;

	for (i = 0; i < t->n && t->d[i].obj != obj; i++)
		;
	if (i == t->n)
		return 0;
	r = cow_lookup(run->c, run->m.obj[t->d[i].dir]->nodeid, t->d[i].name,
	    strlen(t->d[i].name), &a);
	run->m.obj[obj]->lookups += r == 0;
	return r;
}

/* What is known once a request was answered. */
static int
answered(struct run *run, struct request *q)
{
	struct model *m = &run->m;
	struct object *o = m->obj[q->obj];

	switch (q->type) {
	case R_FSYNC:
		times_add(&o->synced, &o->n_synced, m->now);
		if (o->touched && !o->lost)
			times_add(&m->synced, &m->n_synced, m->now);
		return 0;
	case R_FSYNC_NAMES:
		times_add(&m->synced, &m->n_synced, m->now);
		return 0;
	case R_FLUSH:
		all_synced(m);
		return 0;
	case R_OPEN:
		return open_object(run, q->obj);
	case R_CREATE:
	case R_CLOSE:
		if (!q->keep)
			close_object(run, o);
		return 0;
	default:
		return 0;
	}
}

static void
note(struct run *run, const struct request *q)
{
	run->done = more(run->done, (run->n_done + 1) * sizeof(*run->done));
	run->done[run->n_done++] = *q;
}

/* Issues q, for the first time or once more; dead workers answer nothing. */
static bool
serve(struct run *run, struct request *q)
{
	int r;

	crashdisk_serve(run->disk, run->m.now);
	r = issue(run, q);
	if (crashdisk_dead(run->disk)) {
		run->unanswered = *q;
		return true;
	}
	run->unanswered.time = 0;
	if (r == 0)
		r = answered(run, q);
	return r == 0 || wrong("%s at time %u failed: %s", request_types[q->type].name, q->time,
	    strerror(-r));
}

static bool
next_request(struct run *run)
{
	struct request q;

	choose(run, &q);
	q.time = ++run->m.now;
	apply_to_model(&run->m, &q);
	note(run, &q);
	return serve(run, &q);
}

/* ---- mounting ---- */

static struct cow_config
config_of(const struct run *run, int diff_fd, struct pending *pending, bool first,
    const uint64_t *unique)
{
	return (struct cow_config){
		.store_fd = store_fd, .diff_fd = diff_fd, .index_fd = index_fd,
		.instance = "main", .uid = 1, .gid = 1, .pending = pending,
		.mount_id = run->mount_id, .first = first, .cache_size = MiB,
		.max_fds = run->max_fds, .in_flight = unique, .n_in_flight = unique != NULL,
	};
}

static int
remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void
remove_tree(const char *path)
{
	nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* A directory of its own; a failed test may leave it for inspection. */
static int
new_dir(struct run *run, const char *what, char *path)
{
	snprintf(path, 300, "%s/%s-%u", root, what, run->n_diffs++);
	if (mkdir(path, 0700) != 0)
		return -1;
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void
drop_dir(const char *path, bool good)
{
	if (good || getenv("PBKFS_CRASH_KEEP") == NULL)
		remove_tree(path);
	else
		printf("#   left: %s\n", path);
}

/* Opens a diff directory only to look, and closes it again. */
static bool
visit(const struct run *run, int fd, struct pending *pending, bool first, struct seen *s)
{
	struct cow_config config = config_of(run, fd, pending, first, NULL);
	struct cow *c;
	bool good;
	int r;

	if (first)
		config.mount_id = ~run->mount_id;
	last_line[0] = '\0';
	if ((r = cow_open(&config, &c)) < 0)
		return wrong("it does not open: %s (%.900s)", strerror(-r), last_line);
	good = look(c, s);
	cow_close(c);
	return good;
}

struct point {
	size_t	k;
	enum crash_loss loss;
	uint64_t seed;
	struct pending *pending;	/* NULL: the machine or the mount is gone */
};

/* What a crash at a point leaves, as a mount shows it. */
static bool
visit_point(struct run *run, const struct point *p, struct seen *s)
{
	char path[300];
	bool good;
	int fd, r;

	crashdisk_use(NULL);
	if ((fd = new_dir(run, "point", path)) < 0 ||
	    (r = crashdisk_build(run->disk, p->k, p->loss, p->seed, fd, NULL)) < 0)
		return wrong("could not build the directory");
	atomic_store(&spare_pending.n, 0);
	if (p->pending != NULL)
		memcpy(&spare_pending, p->pending, offsetof(struct pending, entry) +
		    atomic_load(&p->pending->n) * sizeof(struct pending_entry));
	good = visit(run, fd, &spare_pending, p->pending == NULL, s);
	close(fd);
	drop_dir(path, good);
	crashdisk_use(run->disk);
	return good;
}

/* ---- the report ---- */

enum ending { END_MACHINE, END_WORKER, END_ALL, END_UNMOUNT };

static const char *const endings[] = {
	[END_MACHINE] = "power loss", [END_WORKER] = "the next worker", [END_ALL] = "all killed",
	[END_UNMOUNT] = "unmount",
};

static void
report_request(const struct run *run, const struct request *q)
{
	uint64_t nodeid = run->m.obj[q->obj]->nodeid;

	if (q->type == R_NEXT_LIFE) {
		printf("#   %5u ---- %s ----\n", q->time, endings[q->flags]);
		return;
	}
	printf("#   %5u %-11s", q->time, request_types[q->type].name);
	if (q->type != R_FSYNC_NAMES && q->type != R_IDLE && q->type != R_FLUSH)
		printf(" %" PRIx64, nodeid);
	if (q->type <= R_CHMOD)
		printf(" %" PRIx64 "/%s", run->m.obj[q->dir]->nodeid, q->name);
	if (q->type == R_RENAME || q->type == R_LINK)
		printf(" -> %" PRIx64 "/%s flags %d", run->m.obj[q->dir2]->nodeid, q->name2, q->flags);
	if (q->type >= R_WRITE && q->type <= R_ALLOCATE)
		printf(" at %" PRIu64 " len %" PRIu64 " flags %d", q->off, q->len, q->flags);
	putchar('\n');
}

static void
report(struct run *run, const struct point *p)
{
	unsigned i, time = run->m.now;
	char path[300];
	int fd;

	printf("#   %s\n#   PBKFS_CRASH_SEED=%" PRIu64 " life %u", why, run->seed, run->life);
	if (p != NULL) {
		if (p->k < crashdisk_count(run->disk))
			time = crashdisk_request(run->disk, p->k);
		printf(" point %zu of %zu (request %u) loss %d seed %" PRIx64 "\n", p->k,
		    crashdisk_count(run->disk), time, (int)p->loss, p->seed);
		if ((fd = new_dir(run, "trace", path)) >= 0) {
			crashdisk_build(run->disk, p->k, p->loss, p->seed, fd, stdout);
			close(fd);
			drop_dir(path, true);
		}
	} else {
		printf("\n");
	}
	for (i = 0; i < run->n_done && run->done[i].time <= time; i++)
		report_request(run, &run->done[i]);
}

/* ---- points ---- */

static struct demand
demand_of(const struct run *run, size_t k)
{
	unsigned t = k < crashdisk_count(run->disk) ? crashdisk_request(run->disk, k) : run->m.now;

	/* The request that the next operation serves is not over yet. */
	if (k == crashdisk_count(run->disk) && !crashdisk_dead(run->disk))
		t++;
	return (struct demand){ .syncs = t, .last = t };
}

static bool
try_point(struct run *run, const struct point *p, const struct demand *d)
{
	struct seen *s = calloc(1, sizeof(*s));
	bool good;

	if (s == NULL)
		abort();
	good = visit_point(run, p, s) && judge(&run->m, s, d) != NULL;
	seen_free(s);
	if (!good)
		report(run, p);
	return good;
}

static int
compare_points(const void *a, const void *b)
{
	const struct point *p = a, *q = b;

	return (p->k > q->k) - (p->k < q->k);
}

/* Crashes of the machine at n points of the present life. */
static bool
try_points(struct run *run, unsigned n)
{
	struct point *p autofree = more(NULL, MAX(n, 1u) * sizeof(*p));
	size_t count = crashdisk_count(run->disk);
	struct demand d;
	unsigned i;

	for (i = 0; i < n; i++)
		p[i] = (struct point){
			run->judged + rng_below(&run->rng, count - run->judged + 1),
			rng_below(&run->rng, 16) == 0 ? CRASH_LOSES_ALL :
			rng_below(&run->rng, 16) == 0 ? CRASH_LOSES_NOTHING : CRASH_LOSES_SOME,
			rng_below(&run->rng, UINT64_MAX), NULL,
		};
	qsort(p, n, sizeof(*p), compare_points);
	for (i = 0; i < n; i++) {
		d = demand_of(run, p[i].k);
		if (!try_point(run, &p[i], &d))
			return false;
		run->points++;
	}
	return true;
}

/* ---- the end of a life, and the next ---- */

/* Time begins anew with what was seen: nothing else is left. */
static void
rebase(struct run *run, const struct tree *t, const struct seen *s)
{
	struct model old = run->m, *m = &run->m;
	struct tree now = { .n = 0 };
	unsigned *number autofree = more(NULL, old.n_obj * sizeof(unsigned));
	const struct seen_name *n;
	unsigned i;

	*m = (struct model){ .now = old.now };
	memset(number, 0xff, old.n_obj * sizeof(unsigned));
	number[0] = object_new(m, COW_ROOT, S_IFDIR);
	for (i = 0; i < t->n; i++) {
		unsigned was = t->d[i].obj;

		n = find_seen(&old, s, &t->d[i]);
		if (number[was] == UINT32_MAX) {
			number[was] = object_new(m, n->nodeid, n->mode);
			if (S_ISREG(n->mode))
				object_set(m, m->obj[number[was]], seen_file(s, n->nodeid));
		}
	}
	for (i = 0; i < t->n; i++)
		add_name(&now, number[t->d[i].dir], t->d[i].name, number[t->d[i].obj], t->d[i].mode);
	now.time = m->now;
	m->trees = more(NULL, sizeof(now));
	m->trees[0] = now;
	m->n_trees = 1;
	model_free(&old);
	run->n_done = 0;
}

/* The first tree, of which only what is seen is known. */
static void
model_begin(struct run *run, const struct seen *s)
{
	struct model *m = &run->m;
	struct tree *t = m->trees = more(NULL, sizeof(*m->trees));
	unsigned i, obj, dir;

	*t = (struct tree){ .n = 0 };
	m->n_trees = 1;
	object_new(m, COW_ROOT, S_IFDIR);
	for (i = 0; i < s->n_names; i++) {
		const struct seen_name *n = &s->names[i];

		obj = object_new(m, n->nodeid, n->mode);
		if (S_ISREG(n->mode))
			object_set(m, m->obj[obj], seen_file(s, n->nodeid));
		for (dir = 0; m->obj[dir]->nodeid != n->dir; dir++)
			;
		add_name(t, dir, n->name, obj, n->mode);
	}
}

static void
use_disk(struct run *run)
{
	crashdisk_watch(run->disk, &run->pending->n);
	crashdisk_use(run->disk);
	run->judged = 0;
}

/* The machine: what is left becomes the disk of the next life. */
static bool
crash_machine(struct run *run, const struct tree *t, const struct seen *s,
    const struct point *p)
{
	char path[300];
	int fd, r;

	if ((fd = new_dir(run, "diff", path)) < 0 ||
	    (r = crashdisk_build(run->disk, p->k, p->loss, p->seed, fd, NULL)) < 0)
		return wrong("could not build the directory");
	rebase(run, t, s);
	crashdisk_free(run->disk);
	run->disk = NULL;
	close(run->diff_fd);
	drop_dir(run->diff, true);
	run->diff_fd = fd;
	snprintf(run->diff, sizeof(run->diff), "%s", path);
	if ((r = crashdisk_new(fd, &run->disk)) < 0)
		return wrong("could not read the directory: %s", strerror(-r));
	use_disk(run);
	return true;
}

/* The nodeid of an object that was made by a request that nobody answered. */
static uint64_t
nodeid_seen(const struct model *m, const struct tree *t, const struct seen *s, unsigned obj)
{
	const struct seen_name *n;
	unsigned i;

	for (i = 0; i < t->n; i++)
		if (t->d[i].obj == obj && (n = find_seen(m, s, &t->d[i])) != NULL)
			return n->nodeid;
	return 0;
}

/* What a request did that was never finished is only what can be seen of it. */
static void
object_undo(struct object *o, unsigned time)
{
	unsigned u;

	for (u = 0; u < MAX_UNITS; u++) {
		struct history *h = &o->unit[u];

		while (h->n > 0 && h->v[h->n - 1].time == time)
			free(h->v[--h->n].bytes);
	}
	while (o->n_lengths > 1 && o->lengths[o->n_lengths - 1].time == time)
		o->n_lengths--;
	o->touched = false;	/* for all we know */
}

/* Processes only: the mount shows what it can, which then is the present. */
static void
adopt(struct run *run, const struct tree *t, const struct seen *s)
{
	struct model *m = &run->m;
	struct tree copy = *t;
	unsigned i;

	if (run->unanswered.time != 0)
		object_undo(m->obj[run->unanswered.obj], run->unanswered.time);
	m->now++;
	copy.time = tree_change(m)->time;
	*tree_now(m) = copy;
	for (i = 0; i < m->n_obj; i++) {
		struct object *o = m->obj[i];
		const struct seen_file *f;

		if (links_of(&copy, i) == 0) {
			o->lost = false;
			continue;
		}
		o->lookups = 0;
		if (o->nodeid == 0)
			o->nodeid = nodeid_seen(m, &copy, s, i);
		if (o->type == S_IFREG && (f = seen_file(s, o->nodeid)) != NULL)
			object_set(m, o, f);
	}
}

/* The one request that the dead worker did not answer is asked for again. */
static bool
ask_again(struct run *run)
{
	struct request q = run->unanswered;
	struct cow_attr a;

	if (q.time == 0)
		return true;
	run->m.now++;
	if (q.type > R_LINK || cow_outcome(run->c, q.time, &a) == 0)
		return serve(run, &q);
	run->unanswered.time = 0;
	if (q.type == R_CREATE)
		run->m.obj[q.obj]->nodeid = a.nodeid;
	return true;
}

/* Opens the disk for the next life; the worker may die of it. */
static bool
begin_life(struct run *run, bool first)
{
	uint64_t unique = run->unanswered.time;
	struct cow_config config;
	int r;

	run->m.now++;
	crashdisk_serve(run->disk, run->m.now);
	crashdisk_die_at(run->disk, crashdisk_count(run->disk) + (rng_below(&run->rng, 4) == 0 ?
	    rng_below(&run->rng, 30) : rng_below(&run->rng, 4 * REQUESTS_PER_LIFE)));
	if (first) {
		run->mount_id = rng_below(&run->rng, UINT64_MAX);
		atomic_store(&run->pending->n, 0);
		run->unanswered.time = 0;
	}
	run->max_fds = rng_below(&run->rng, 3) == 0 ? 8 : 256;
	config = config_of(run, run->diff_fd, run->pending, first, &unique);
	last_line[0] = '\0';
	if ((r = cow_open(&config, &run->c)) == 0)
		return first || ask_again(run);
	run->c = NULL;
	return crashdisk_dead(run->disk) ||
	    wrong("it does not open: %s (%.900s)", strerror(-r), last_line);
}

/* Orderly: as the worker does it. */
static bool
unmount(struct run *run)
{
	int r;

	run->m.now++;
	crashdisk_serve(run->disk, run->m.now);
	crashdisk_die_at(run->disk, SIZE_MAX);
	cow_save_times(run->c);
	if ((r = cow_flush(run->c)) < 0)
		return wrong("flush: %s", strerror(-r));
	cow_idle(run->c);
	all_synced(&run->m);
	return true;
}

/* Where only processes died, nothing that was done is missing. */
static struct demand
demand_all(const struct run *run)
{
	struct demand d = { .all = true, .exact = run->m.now, .last = run->m.now };

	if (run->unanswered.time != 0)
		d.exact = run->unanswered.time - 1;
	return d;
}

/* A worker can also die after its last operation, before anything is noted. */
static void
forget_pending(struct run *run)
{
	size_t n = crashdisk_count(run->disk);

	if (crashdisk_dead(run->disk) && n > 0 && run->unanswered.time != 0 &&
	    crashdisk_request(run->disk, n - 1) == run->m.now &&
	    crashdisk_watched(run->disk) < atomic_load(&run->pending->n) &&
	    rng_below(&run->rng, 2) == 0)
		atomic_store(&run->pending->n, crashdisk_watched(run->disk));
}

/*
 * After the death of all processes the tree is the last one, but content that
 * was copied up and not synced has gone with the pending log.
 */
static bool
end_life(struct run *run, enum ending how, struct seen *s)
{
	struct point p = {
		crashdisk_count(run->disk),
		how == END_MACHINE ? CRASH_LOSES_SOME : CRASH_LOSES_NOTHING,
		rng_below(&run->rng, UINT64_MAX), how == END_WORKER ? run->pending : NULL,
	};
	struct demand d = how == END_MACHINE || how == END_ALL ? demand_of(run, p.k) :
	    demand_all(run);
	const struct tree *t;
	bool good;

	if (how == END_WORKER)
		forget_pending(run);
	good = visit_point(run, &p, s) && (t = judge(&run->m, s, &d)) != NULL;
	if (!good) {
		printf("#   after the end of a life: %s\n", endings[how]);
		report(run, &p);
		return false;
	}
	run->judged = p.k;
	if (how == END_MACHINE)
		good = crash_machine(run, t, s, &p);
	else if (how != END_WORKER)
		adopt(run, t, s);
	note(run, &(struct request){ .type = R_NEXT_LIFE, .time = run->m.now, .flags = (int)how });
	if (good)
		good = begin_life(run, how != END_WORKER);
	if (!good)
		report(run, NULL);
	return good;
}

static bool
next_life(struct run *run)
{
	struct seen *s = calloc(1, sizeof(*s));
	enum ending how = (enum ending)rng_below(&run->rng, run->c != NULL ? 4 : 3);
	bool good = true;

	if (s == NULL)
		abort();
	if (how == END_UNMOUNT && crashdisk_dead(run->disk))
		how = END_MACHINE;
	if (how == END_UNMOUNT && !(good = unmount(run)))
		report(run, NULL);
	crashdisk_use(NULL);
	if (run->c != NULL)
		cow_close(run->c);
	run->c = NULL;
	crashdisk_use(run->disk);
	if (good)
		good = end_life(run, how, s);
	seen_free(s);
	return good;
}

static bool
live(struct run *run, unsigned points)
{
	unsigned i;

	for (i = 0; i < REQUESTS_PER_LIFE && run->c != NULL && !crashdisk_dead(run->disk); i++)
		if (!next_request(run)) {
			report(run, NULL);
			return false;
		}
	return try_points(run, points);
}

static bool
begin_run(struct run *run)
{
	struct seen *s = calloc(1, sizeof(*s));
	char path[300];
	bool good;
	int fd, r;

	if (s == NULL)
		abort();
	run->rng.state = run->seed;
	run->max_fds = 256;
	if ((fd = new_dir(run, "first", path)) < 0 ||
	    (run->diff_fd = new_dir(run, "diff", run->diff)) < 0)
		return wrong("could not make a directory");
	good = visit(run, fd, &spare_pending, true, s);
	close(fd);
	drop_dir(path, good);
	if (good)
		model_begin(run, s);
	seen_free(s);
	if (!good || (r = crashdisk_new(run->diff_fd, &run->disk)) < 0)
		return good && wrong("could not read the directory");
	use_disk(run);
	return begin_life(run, true);
}

static bool
run_seed(uint64_t seed, unsigned points, unsigned *tried)
{
	struct run run = { .seed = seed, .diff_fd = -1, .pending = more(NULL, sizeof(struct pending)) };
	bool good;

	memset(run.pending, 0, sizeof(*run.pending));
	if (!(good = begin_run(&run)))
		printf("#   %s\n", why);
	for (run.life = 0; good && run.life < LIVES; run.life++) {
		good = live(&run, points / LIVES);
		if (good)
			good = next_life(&run);
	}
	crashdisk_use(NULL);
	if (run.c != NULL)
		cow_close(run.c);
	if (run.disk != NULL)
		crashdisk_free(run.disk);
	if (run.diff_fd >= 0)
		close(run.diff_fd);
	drop_dir(run.diff, good);
	model_free(&run.m);
	free(run.done);
	free(run.pending);
	*tried = run.points;
	return good;
}

static uint64_t
number(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text != NULL && *text != '\0' ? strtoull(text, NULL, 10) : otherwise;
}

/* In memory if possible: no disk is needed to lose what was not synced. */
static bool
make_root(void)
{
	const char *tmp = getenv("TMPDIR");

	if (tmp == NULL)
		tmp = access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp";
	snprintf(root, sizeof(root), "%s/pbkfs-crash-XXXXXX", tmp);
	return mkdtemp(root) != NULL;
}

static bool
time_is_up(const struct timespec *begin)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return getenv("PBKFS_CRASH_POINTS") == NULL && getenv("PBKFS_CRASH_SEEDS") == NULL &&
	    now.tv_sec - begin->tv_sec >= SECONDS;
}

/* Returns how many seeds failed. */
static unsigned
run_seeds(uint64_t first, uint64_t n)
{
	struct timespec begin;
	unsigned failed = 0, tried;
	uint64_t i, total = 0;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (i = 0; i < n && !time_is_up(&begin); i++) {
		bool good = run_seed(first + i, POINTS_PER_SEED, &tried);

		total += tried;
		failed += !good;
		printf("%sok %" PRIu64 " - seed %" PRIu64 ": %u points\n", good ? "" : "not ",
		    i + 1, first + i, tried);
		fflush(stdout);
	}
	printf("1..%" PRIu64 "\n# %" PRIu64 " points, %u of %" PRIu64 " seeds failed\n", i, total,
	    failed, i);
	return failed;
}

int
main(void)
{
	uint64_t points = number("PBKFS_CRASH_POINTS", 6000), seeds, seed;
	char error[CHAIN_ERROR_MAX] = "";
	unsigned failed;

	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		seed = 0;
	seed = number("PBKFS_CRASH_SEED", seed >> 32);
	seeds = number("PBKFS_CRASH_SEEDS", getenv("PBKFS_CRASH_SEED") != NULL ? 1 :
	    (points + POINTS_PER_SEED - 1) / POINTS_PER_SEED);
	log_set_sink(keep_line);
	if (!make_root() || make_store(error) < 0) {
		printf("Bail out! could not make a catalog: %s\n", error);
		return EXIT_FAILURE;
	}
	failed = run_seeds(seed, seeds);
	reader_fini(&reader);
	close(store_fd);
	close(index_fd);
	if (failed == 0 || getenv("PBKFS_CRASH_KEEP") == NULL)
		remove_tree(root);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
