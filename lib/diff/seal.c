/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The file of a seal: encodes, checks, reads and writes it.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/crc32c.h"
#include "base/io.h"
#include "base/log.h"
#include "base/ondisk.h"
#include "base/util.h"
#include "diff/content.h"
#include "diff/disk.h"
#include "diff/seal.h"
#include "diff/wholefile.h"

#define SEAL_MAGIC	"pbkfssea"
#define SEAL_FORMAT	1
#define FRESH		ONDISK_SEAL ".new"
#define CONTENTS_MAX	(4u << 20)	/* content files of one layer */
#define WAY_OUT		"put back a copy of it, or do without the layer"

/* On disk: this, the content files, the parent's name, the message. */
struct disk_seal {
	char	magic[8];
	uint32_t format;
	uint32_t crc;			/* CRC-32C of all that follows */
	struct seal_id id, parent_id;	/* the latter all zeroes: it stands on the backup */
	uint64_t parent_last, parent_serial;
	uint64_t last, next_serial, journal_length;
	int64_t	time;
	uint64_t disk_bytes;
	uint32_t n_contents, depth;
	uint16_t parent_len, message_len;	/* bytes */
	uint32_t journal_crc;
};

struct disk_content {
	uint64_t number, length, map_length;
};

#define SIZE_MAX_SEAL	(sizeof(struct disk_seal) + (size_t)CONTENTS_MAX * sizeof(struct disk_content) + \
			    SEAL_NAME_MAX + SEAL_MESSAGE_MAX)

_Static_assert(sizeof(struct disk_seal) == 120, "the head of a seal has no holes");
_Static_assert(sizeof(struct disk_content) == sizeof(struct seal_content), "a content file is the same in memory");

bool
seal_same(const struct seal_id *a, const struct seal_id *b)
{
	return memcmp(a->byte, b->byte, sizeof(a->byte)) == 0;
}

bool
seal_is(const struct seal *s, const struct seal_parent *parent)
{
	return seal_same(&s->id, &parent->id) && s->last == parent->last && s->next_serial == parent->next_serial;
}

bool
seal_stands_on(const struct seal *s, const struct seal_parent *parent)
{
	if (parent == NULL || !s->has_parent)
		return parent == NULL && !s->has_parent;
	return seal_same(&s->parent.id, &parent->id) && s->parent.last == parent->last &&
	    s->parent.next_serial == parent->next_serial;
}

void
seal_fini(struct seal *s)
{
	free(s->content);
	s->content = NULL;
	s->n_contents = 0;
}

static int
refuse(const char *layer, const char *why)
{
	log_error("the seal of layer \"%s\" %s: " WAY_OUT, layer, why);
	return -EUCLEAN;
}

/* Copies len bytes of text.  Returns whether they are one. */
static bool
take_text(char *to, const unsigned char *from, size_t len)
{
	memcpy(to, from, len);
	to[len] = '\0';
	return strlen(to) == len;
}

/* Takes the list, which ascends.  Returns 0, -EUCLEAN or -ENOMEM. */
static int
take_contents(struct seal *s, const unsigned char *from, size_t n)
{
	size_t i;

	if (n > 0 && (s->content = malloc(n * sizeof(*s->content))) == NULL)
		return -ENOMEM;
	if (n > 0)
		memcpy(s->content, from, n * sizeof(*s->content));
	s->n_contents = n;
	for (i = 0; i < n; i++)
		if (!content_number_is_valid(s->content[i].number) ||
		    s->content[i].length > INT64_MAX || s->content[i].map_length > INT64_MAX ||
		    (i > 0 && s->content[i].number <= s->content[i - 1].number))
			return -EUCLEAN;
	return 0;
}

static int
take(const struct disk_seal *d, const unsigned char *rest, const char *layer, struct seal *s)
{
	static const struct seal_id none;
	size_t contents = d->n_contents * sizeof(struct disk_content);
	int rc;

	*s = (struct seal){
		.id = d->id, .has_parent = !seal_same(&d->parent_id, &none), .depth = d->depth, .last = d->last,
		.next_serial = d->next_serial, .journal_length = d->journal_length, .journal_crc = d->journal_crc, .time = d->time,
		.disk_bytes = d->disk_bytes,
		.parent = { .id = d->parent_id, .last = d->parent_last, .next_serial = d->parent_serial },
	};
	if ((s->depth > 0) != s->has_parent || s->depth >= SEAL_LAYERS_MAX || seal_same(&s->id, &none) ||
	    s->next_serial == 0 || s->next_serial > CONTENT_NUMBER_MAX || s->last >= SEAL_NUMBER_MAX ||
	    !take_text(s->parent.name, rest + contents, d->parent_len) ||
	    !take_text(s->message, rest + contents + d->parent_len, d->message_len))
		return refuse(layer, "is damaged");
	if ((rc = take_contents(s, rest, d->n_contents)) < 0)
		seal_fini(s);
	return rc == -EUCLEAN ? refuse(layer, "is damaged") : rc;
}

int
seal_decode(const unsigned char *bytes, size_t len, const char *layer, struct seal *out)
{
	struct disk_seal d;
	struct seal s;
	int rc;

	if (len < sizeof(d))
		return refuse(layer, "is damaged");
	memcpy(&d, bytes, sizeof(d));
	if (memcmp(d.magic, SEAL_MAGIC, sizeof(d.magic)) != 0)
		return refuse(layer, "is none of pbkfs");
	if (d.format != SEAL_FORMAT)
		return refuse(layer, "has a format that this pbkfs does not know");
	if (d.n_contents > CONTENTS_MAX || d.parent_len > SEAL_NAME_MAX || d.message_len > SEAL_MESSAGE_MAX ||
	    len != sizeof(d) + d.n_contents * sizeof(struct disk_content) + d.parent_len + d.message_len ||
	    d.crc != crc32c(0, bytes + offsetof(struct disk_seal, id), len - offsetof(struct disk_seal, id)))
		return refuse(layer, "is damaged");
	if ((rc = take(&d, bytes + sizeof(d), layer, &s)) == 0)
		*out = s;
	return rc;
}

int
seal_read(int dir_fd, const char *layer, struct seal *out)
{
	char *buf autofree = NULL;
	int fd autoclose = -1, rc;
	struct stat st;
	size_t len;

	if ((fd = io_open_plain(dir_fd, ONDISK_SEAL, &st)) == -ENOENT)
		return fd;
	if (fd < 0 || (rc = io_read_file(fd, SIZE_MAX_SEAL, &buf, &len)) < 0) {
		rc = fd < 0 ? fd : rc;
		log_error("could not read the seal of layer \"%s\": %s", layer, io_plain_error(rc));
		return rc == -EINVAL || rc == -EFBIG || rc == -ELOOP ? -EUCLEAN : rc;
	}
	return seal_decode((const unsigned char *)buf, len, layer, out);
}

/* Returns what seal_decode() takes, malloc'ed, or NULL if there is no memory. */
static unsigned char *
encode(const struct seal *s, size_t *len)
{
	struct disk_seal d = {
		.format = SEAL_FORMAT, .id = s->id, .last = s->last, .next_serial = s->next_serial,
		.journal_length = s->journal_length, .journal_crc = s->journal_crc, .time = s->time, .disk_bytes = s->disk_bytes,
		.n_contents = (uint32_t)s->n_contents, .depth = s->depth, .message_len = (uint16_t)strlen(s->message),
	};
	size_t contents = s->n_contents * sizeof(struct disk_content);
	unsigned char *buf;

	memcpy(d.magic, SEAL_MAGIC, sizeof(d.magic));
	if (s->has_parent) {
		d.parent_id = s->parent.id;
		d.parent_last = s->parent.last;
		d.parent_serial = s->parent.next_serial;
		d.parent_len = (uint16_t)strlen(s->parent.name);
	}
	*len = sizeof(d) + contents + d.parent_len + d.message_len;
	if ((buf = malloc(*len)) == NULL)
		return NULL;
	memcpy(buf, &d, sizeof(d));
	if (contents > 0)
		memcpy(buf + sizeof(d), s->content, contents);
	memcpy(buf + sizeof(d) + contents, s->parent.name, d.parent_len);
	memcpy(buf + sizeof(d) + contents + d.parent_len, s->message, d.message_len);
	d.crc = crc32c(0, buf + offsetof(struct disk_seal, id), *len - offsetof(struct disk_seal, id));
	memcpy(buf + offsetof(struct disk_seal, crc), &d.crc, sizeof(d.crc));
	return buf;
}

int
seal_write(int dir_fd, const struct seal *s)
{
	unsigned char *buf autofree = NULL;
	size_t len;

	if (s->n_contents > CONTENTS_MAX)
		return -E2BIG;
	if ((buf = encode(s, &len)) == NULL)
		return -ENOMEM;
	return wholefile_write(dir_fd, ONDISK_SEAL, &(struct iovec){ buf, len }, 1);
}

int
seal_remove(int dir_fd)
{
	int rc = disk_unlink(dir_fd, ONDISK_SEAL), tmp = disk_unlink(dir_fd, FRESH);

	if (rc == -ENOENT && tmp == -ENOENT)
		return 0;
	if ((rc < 0 && rc != -ENOENT) || (tmp < 0 && tmp != -ENOENT))
		return rc < 0 && rc != -ENOENT ? rc : tmp;
	return disk_sync_all(dir_fd);
}

static int
compare_numbers(const void *a, const void *b)
{
	uint64_t x = ((const struct seal_content *)a)->number, y = ((const struct seal_content *)b)->number;

	return (x > y) - (x < y);
}

const struct seal_content *
seal_find(const struct seal *s, uint64_t number)
{
	const struct seal_content key = { .number = number };

	return s->n_contents == 0 ? NULL :
	    bsearch(&key, s->content, s->n_contents, sizeof(key), compare_numbers);
}

static int
differ(const char *layer, uint64_t number, bool map, const char *why)
{
	log_error("\"data/%016" PRIx64 "%s\" in layer \"%s\" %s: " WAY_OUT, number, map ? ".map" : "", layer, why);
	return -EUCLEAN;
}

/* Compares what is called number with what it has to be; length 0 of a map: none. */
static int
check_file(struct contents *c, const char *layer, const struct seal_content *s, bool map)
{
	uint64_t length = map ? s->map_length : s->length;
	struct stat st;
	int rc;

	if (map && length == 0)
		return 0;
	rc = map ? content_map_stat(c, s->number, &st) : content_stat(c, s->number, &st);
	if (rc == -ENOENT)
		return differ(layer, s->number, map, "is missing");
	if (rc < 0)
		return rc;
	if (!S_ISREG(st.st_mode))
		return differ(layer, s->number, map, "is no plain file");
	return (uint64_t)st.st_size == length ? 0 :
	    differ(layer, s->number, map, "has not the length that it had when it was frozen");
}

/* Whether all that data/ has is in the seal. */
static int
check_names(struct contents *c, const char *layer, const struct seal *s)
{
	const struct seal_content *found;
	struct content_list *list;
	uint64_t number;
	bool map;
	int rc;

	if ((rc = contents_list(c, &list)) < 0)
		return rc;
	while ((rc = content_list_next(list, &number, &map)) > 0) {
		found = seal_find(s, number);
		if (found == NULL || (map && found->map_length == 0)) {
			rc = differ(layer, number, map, "was not there when it was frozen");
			break;
		}
	}
	content_list_free(list);
	return rc;
}

int
seal_check(int dir_fd, const char *layer, const struct seal *s)
{
	struct contents *c;
	size_t i;
	int rc;

	if ((rc = contents_open_frozen(dir_fd, layer, 0, NULL, &c)) < 0)
		return rc;
	rc = check_names(c, layer, s);
	for (i = 0; i < s->n_contents && rc == 0; i++)
		if ((rc = check_file(c, layer, &s->content[i], false)) == 0)
			rc = check_file(c, layer, &s->content[i], true);
	contents_close(c);
	return rc;
}
