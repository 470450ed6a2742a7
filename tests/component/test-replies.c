/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every reply as the kernel gets it: its size, its layout, its copy in the slot.
 *
 * A serving thread reads requests from a socket that keeps the borders of
 * messages as /dev/fuse does, and this program is the kernel at its other end.
 * libfuse decodes, as in a worker; nothing is mounted.
 */
#include "config.h"

#include <errno.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/statvfs.h>

#include "support/rig.h"
#include "support/unit.h"
#include "worker/loop.h"
#include "worker/reply.h"
#include "worker/session.h"

#define FOREVER		(365u * 86400u)
#define REPLY_MAX	65536
#define TREE_MAX	(256 * KiB)
#define HEADER		sizeof(struct fuse_out_header)

static struct rig rig;
static struct shared *shared;		/* as the worker has it */
static struct shared *seen;		/* as the supervisor does, another process: mapped once more */
static struct job job;
static struct serve serve;
static struct thread thread;
static pthread_t id;
static int kernel = -1;		/* our end */
static uint64_t last_unique;
static uid_t asker;		/* whose requests they are */

/* The last received reply. */
static struct {
	struct fuse_out_header h;
	union {
		struct fuse_entry_out entry;
		struct fuse_attr_out attr;
		struct fuse_write_out written;
		struct fuse_statfs_out statfs;
		unsigned char bytes[REPLY_MAX];
	};
} reply;

/* --- the worker's side --- */

static void
make_catalog(void)
{
	struct catbackup_options o = { .id = "T00001", .mode = "FULL", .alg = CATALG_ZLIB, .level = 1 };
	struct catbackup *b;
	struct catwriter *w;

	ck_assert_int_eq(catwriter_open(rig.store, "main", NULL, &w), 0);
	ck_assert_int_eq(catbackup_begin(w, &o, &b), 0);
	catbackup_dir(b, "base", 0700);
	catbackup_plain(b, "PG_VERSION", 0600, "15\n", 3);
	ck_assert_int_eq(catbackup_finish(b), 0);
	catwriter_close(w);
	ck_assert_int_eq(rig_index(&rig, "T00001"), 0);
	ck_assert_int_eq(rig_open(&rig, true), 0);
}

/* FUSE_INIT as a kernel of today sends it. */
static void
save_init(void)
{
	struct fuse_in_header h = { .opcode = FUSE_INIT, .unique = 2 };
	struct fuse_init_in in = {
		.major = FUSE_KERNEL_VERSION, .minor = FUSE_KERNEL_MINOR_VERSION,
		.max_readahead = 131072, .flags = FUSE_MAX_PAGES | FUSE_BIG_WRITES,
	};

	h.len = sizeof(h) + sizeof(in);
	memcpy(shared->init, &h, sizeof(h));
	memcpy(shared->init + sizeof(h), &in, sizeof(in));
	shared->init_len = h.len;
}

static void *
run(void *arg)
{
	ck_assert_int_eq(loop_run(arg), 0);
	return NULL;
}

static void
start_thread(void)
{
	memset(&thread, 0, sizeof(thread));
	thread = (struct thread){
		.serve = &serve, .slot = &shared->slot[0], .counters = &shared->counters[0],
		.out = aligned_alloc(4096, OUT_MAX),
	};
	ck_assert_int_eq(reader_init(&thread.rd, &thread.counters->io), 0);
	ck_assert_int_eq(pthread_create(&id, NULL, run, &thread), 0);
}

static struct shared *
map_shared(int fd)
{
	struct shared *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	ck_assert_ptr_ne(s, MAP_FAILED);
	return s;
}

static void
setup(void)
{
	int ends[2], fd = memfd_create("shared", MFD_CLOEXEC);

	log_set_sink(swallow);
	ck_assert_int_eq(ftruncate(fd, sizeof(*shared)), 0);
	rig_new(&rig);
	rig.config.tree_max = TREE_MAX;
	make_catalog();
	shared = map_shared(fd);
	seen = map_shared(fd);
	close(fd);
	save_init();
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	kernel = ends[0];
	job = (struct job){
		.diff_fd = rig.diff_fd, .infodir_fd = rig.diff_fd, .store_fd = rig.store_fd, .fuse_fd = ends[1],
		.uid = getuid(), .gid = getgid(), .threads = 1, .shared = shared,
	};
	serve = (struct serve){
		.job = &job, .cow = rig.cow, .null_fd = open("/dev/null", O_RDWR | O_CLOEXEC),
	};
	last_unique = 2;
	asker = getuid();
	ck_assert_int_eq(session_init(&serve), 0);
}

static void
setup_and_start(void)
{
	setup();
	start_thread();
}

/* The worker takes a closed socket for an unmounted file system. */
static void
stop_thread(void)
{
	shutdown(kernel, SHUT_RDWR);
	pthread_join(id, NULL);
	reader_fini(&thread.rd);
	free(thread.out);
}

static void
teardown(void)
{
	stop_thread();
	close(kernel);
	close(job.fuse_fd);
	fuse_session_destroy(serve.session);	/* closes null_fd */
	munmap(shared, sizeof(*shared));
	munmap(seen, sizeof(*seen));
	rig_free(&rig);
}

/* --- the kernel's side --- */

struct sent {
	struct fuse_in_header h;
	unsigned char body[8192];
};

/* Fills in a request of two parts, either of which may be missing. */
static void
make_request(struct sent *r, uint32_t opcode, uint64_t nodeid, const void *a, size_t a_len,
    const void *b, size_t b_len)
{
	memset(r, 0, sizeof(*r));
	r->h = (struct fuse_in_header){
		.len = (uint32_t)(sizeof(r->h) + a_len + b_len), .opcode = opcode,
		.unique = last_unique += 2, .nodeid = nodeid, .uid = asker, .gid = getgid(), .pid = 1,
	};
	if (a_len > 0)
		memcpy(r->body, a, a_len);
	if (b_len > 0)
		memcpy(r->body + a_len, b, b_len);
}

static void
send_request(const struct sent *r)
{
	ck_assert_int_eq(send(kernel, r, r->h.len, 0), r->h.len);
}

/* Receives a reply and looks at its header.  Returns the length of its body. */
static size_t
receive(uint64_t unique, const char *what)
{
	ssize_t n = recv(kernel, &reply, sizeof(reply), 0);

	ck_assert_msg(n >= (ssize_t)HEADER, "%s: %zd bytes", what, n);
	ck_assert_msg(reply.h.len == (size_t)n, "%s: says %u, has %zd", what, reply.h.len, n);
	ck_assert_msg(reply.h.unique == unique, "%s: of another request", what);
	ck_assert_msg(reply.h.error <= 0 && reply.h.error > -512, "%s: %d", what, reply.h.error);
	ck_assert_msg(reply.h.error == 0 || (size_t)n == HEADER, "%s: body of an error", what);
	return (size_t)n - HEADER;
}

static size_t
ask(uint32_t opcode, uint64_t nodeid, const void *a, size_t a_len, const void *b, size_t b_len)
{
	struct sent r;
	char what[32];

	snprintf(what, sizeof(what), "operation %u", opcode);
	make_request(&r, opcode, nodeid, a, a_len, b, b_len);
	send_request(&r);
	return receive(r.h.unique, what);
}

#define NAME(s)		(s), sizeof(s)
#define BODY(x)		&(x), sizeof(x)

static uint64_t
lookup(const char *name)
{
	size_t n = ask(FUSE_LOOKUP, COW_ROOT, NULL, 0, name, strlen(name) + 1);

	return n == sizeof(reply.entry) ? reply.entry.nodeid : 0;
}

/* --- sizes --- */

/*
 * One request of each operation that is served, in an order in which all
 * succeed; FILE stands for the nodeid of "new".
 */
#define FILE_ID	0

static struct fuse_mknod_in mknod_in = { .mode = S_IFREG | 0600 };
static struct fuse_mkdir_in mkdir_in = { .mode = 0700 };
static struct fuse_rename_in rename_in = { .newdir = COW_ROOT };
static struct fuse_rename2_in rename2_in = { .newdir = COW_ROOT };
static struct { struct fuse_write_in in; char data[8]; } write_in = { { .size = 5 }, "12345" };
static struct fuse_read_in read_in = { .size = 4096 };
static struct fuse_read_in no_read_in = { .offset = 4096, .size = 4096 };
static struct fuse_read_in list_in = { .size = 4096 };
static struct fuse_getattr_in getattr_in;
static struct fuse_setattr_in setattr_in = { .valid = FATTR_MODE, .mode = 0640 };
static struct fuse_fsync_in fsync_in;
static struct fuse_fallocate_in fallocate_in = { .length = 16384 };
static struct fuse_link_in link_in;

#define ENTRY	sizeof(struct fuse_entry_out)
#define ANY	SIZE_MAX	/* something */

static const struct {
	const char *name;
	uint32_t opcode;
	uint64_t nodeid;
	const void *a;
	size_t a_len;
	const void *b;
	size_t b_len;
	size_t body;		/* of the reply */
} served[] = {
	{ "mknod", FUSE_MKNOD, COW_ROOT, BODY(mknod_in), NAME("new"), ENTRY },
	{ "mkdir", FUSE_MKDIR, COW_ROOT, BODY(mkdir_in), NAME("dir"), ENTRY },
	{ "symlink", FUSE_SYMLINK, COW_ROOT, NAME("symlink"), NAME("target"), ENTRY },
	{ "link", FUSE_LINK, COW_ROOT, BODY(link_in), NAME("hard"), ENTRY },
	{ "lookup", FUSE_LOOKUP, COW_ROOT, NULL, 0, NAME("new"), ENTRY },
	{ "lookup of nothing", FUSE_LOOKUP, COW_ROOT, NULL, 0, NAME("nothing"), ENTRY },
	{ "getattr", FUSE_GETATTR, FILE_ID, BODY(getattr_in), NULL, 0, sizeof(struct fuse_attr_out) },
	{ "setattr", FUSE_SETATTR, FILE_ID, BODY(setattr_in), NULL, 0, sizeof(struct fuse_attr_out) },
	{ "write", FUSE_WRITE, FILE_ID, &write_in, sizeof(write_in.in) + 5, NULL, 0,
	    sizeof(struct fuse_write_out) },
	{ "read", FUSE_READ, FILE_ID, BODY(read_in), NULL, 0, 5 },
	{ "read behind the end", FUSE_READ, FILE_ID, BODY(no_read_in), NULL, 0, 0 },
	{ "fallocate", FUSE_FALLOCATE, FILE_ID, BODY(fallocate_in), NULL, 0, 0 },
	{ "fsync", FUSE_FSYNC, FILE_ID, BODY(fsync_in), NULL, 0, 0 },
	{ "fsyncdir", FUSE_FSYNCDIR, COW_ROOT, BODY(fsync_in), NULL, 0, 0 },
	{ "readdir", FUSE_READDIR, COW_ROOT, BODY(list_in), NULL, 0, ANY },
	{ "readdirplus", FUSE_READDIRPLUS, COW_ROOT, BODY(list_in), NULL, 0, ANY },
	{ "statfs", FUSE_STATFS, COW_ROOT, NULL, 0, NULL, 0, sizeof(struct fuse_statfs_out) },
	{ "rename", FUSE_RENAME, COW_ROOT, BODY(rename_in), NAME("dir\0dir2"), 0 },
	{ "rename2", FUSE_RENAME2, COW_ROOT, BODY(rename2_in), NAME("dir2\0dir3"), 0 },
	{ "rmdir", FUSE_RMDIR, COW_ROOT, NULL, 0, NAME("dir3"), 0 },
	{ "unlink", FUSE_UNLINK, COW_ROOT, NULL, 0, NAME("hard"), 0 },
	{ "destroy", FUSE_DESTROY, COW_ROOT, NULL, 0, NULL, 0, 0 },
};

START_TEST(sizes)
{
	uint64_t file = 0;
	size_t i, n;

	for (i = 0; i < ARRAY_SIZE(served); i++) {
		n = ask(served[i].opcode, served[i].nodeid == FILE_ID ? file : served[i].nodeid,
		    served[i].a, served[i].a_len, served[i].b, served[i].b_len);
		ck_assert_msg(reply.h.error == 0, "%s: %s", served[i].name, strerror(-reply.h.error));
		ck_assert_msg(served[i].body == ANY ? n > 0 : n == served[i].body, "%s: %zu bytes, expected %zu",
		    served[i].name, n, served[i].body);
		if (i == 0)
			link_in.oldnodeid = file = reply.entry.nodeid;
	}
	ck_assert_uint_eq(ask(FUSE_READLINK, lookup("symlink"), NULL, 0, NULL, 0), strlen("target"));
	ck_assert_mem_eq(reply.bytes, "target", strlen("target"));
}
END_TEST

static bool
is_served(uint32_t opcode)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(served); i++)
		if (served[i].opcode == opcode)
			return true;
	return opcode == FUSE_READLINK;
}

static bool
is_silent(uint32_t opcode)
{
	return opcode == FUSE_FORGET || opcode == FUSE_BATCH_FORGET || opcode == FUSE_INTERRUPT ||
	    opcode == FUSE_NOTIFY_REPLY;
}

/*
 * All operations that libfuse knows beside these: OPEN, GETXATTR, and those of
 * future kernels.
 */
START_TEST(refused)
{
	static const uint32_t far[] = { 4096, 4097, 65535, 0x80000000, UINT32_MAX };
	unsigned char zeroes[256] = { 0 };
	uint32_t opcode;
	size_t i;

	for (opcode = 0; opcode < 300; opcode++) {
		if (is_served(opcode) || is_silent(opcode))
			continue;
		ask(opcode, COW_ROOT, BODY(zeroes), NULL, 0);
		ck_assert_msg(reply.h.error == -ENOSYS, "operation %u: %d", opcode, reply.h.error);
	}
	for (i = 0; i < ARRAY_SIZE(far); i++) {
		ask(far[i], COW_ROOT, BODY(zeroes), NULL, 0);
		ck_assert_int_eq(reply.h.error, -ENOSYS);
	}
}
END_TEST

/* The next reply is that to the next request. */
START_TEST(silent)
{
	struct { struct fuse_batch_forget_in in; struct fuse_forget_one one[2]; } batch = { .in = { .count = 2 } };
	struct fuse_forget_in forget = { .nlookup = 1 };
	struct fuse_interrupt_in interrupt = { .unique = 4 };
	unsigned char zeroes[64] = { 0 };
	struct sent r;
	unsigned i;

	ck_assert_uint_ne(batch.one[0].nodeid = batch.one[1].nodeid = lookup("PG_VERSION"), 0);
	batch.one[0].nlookup = batch.one[1].nlookup = 1;
	lookup("PG_VERSION");
	lookup("PG_VERSION");
	for (i = 0; i < 4; i++) {
		if (i == 0)
			make_request(&r, FUSE_FORGET, batch.one[0].nodeid, BODY(forget), NULL, 0);
		else if (i == 1)
			make_request(&r, FUSE_BATCH_FORGET, 0, BODY(batch), NULL, 0);
		else if (i == 2)
			make_request(&r, FUSE_INTERRUPT, 0, BODY(interrupt), NULL, 0);
		else
			make_request(&r, FUSE_NOTIFY_REPLY, 1, BODY(zeroes), NULL, 0);
		send_request(&r);
		ck_assert_uint_ne(lookup("PG_VERSION"), 0);
	}
}
END_TEST

/* --- layout --- */

static void
is_attr(const struct fuse_attr *a, uint64_t nodeid)
{
	struct cow_attr c;

	ck_assert_int_eq(cow_getattr(rig.cow, nodeid, &c), 0);
	ck_assert_uint_eq(a->ino, nodeid);
	ck_assert_uint_eq(a->size, c.size);
	ck_assert_uint_eq(a->blocks, (c.size + 511) / 512);
	ck_assert_int_eq((int64_t)a->mtime * 1000000000 + a->mtimensec, c.mtime);
	ck_assert_int_eq((int64_t)a->atime * 1000000000 + a->atimensec, c.atime);
	ck_assert_int_eq((int64_t)a->ctime * 1000000000 + a->ctimensec, c.ctime);
	ck_assert_uint_lt(a->mtimensec, 1000000000);
	ck_assert_uint_eq(a->mode, c.mode);
	ck_assert_uint_eq(a->nlink, c.nlink);
	ck_assert_uint_eq(a->uid, c.uid);
	ck_assert_uint_eq(a->gid, c.gid);
	ck_assert_uint_eq(a->rdev, 0);
	ck_assert_uint_eq(a->blksize, 8192);
}

static void
is_entry(const struct fuse_entry_out *e, uint64_t nodeid, uint64_t valid)
{
	ck_assert_uint_eq(e->nodeid, nodeid);
	ck_assert_uint_eq(e->generation, 0);
	ck_assert_uint_eq(e->entry_valid, valid);
	ck_assert_uint_eq(e->attr_valid, valid);
	ck_assert_uint_eq(e->entry_valid_nsec, 0);
	ck_assert_uint_eq(e->attr_valid_nsec, 0);
}

START_TEST(entries)
{
	struct fuse_entry_out none = { .entry_valid = FOREVER };
	uint64_t file = lookup("PG_VERSION");

	ck_assert_uint_ne(file, 0);
	is_entry(&reply.entry, file, FOREVER);
	is_attr(&reply.entry.attr, file);
	lookup("nothing");
	ck_assert_mem_eq(&reply.entry, &none, sizeof(none));
	ck_assert_uint_ne(lookup(".pbkfs"), 0);
	is_entry(&reply.entry, COW_NODEID_END, 86400);
	ask(FUSE_LOOKUP, COW_NODEID_END, NULL, 0, NAME("stat"));
	ck_assert_int_eq(reply.h.error, -ENOENT);	/* the kernel remembers no absence */
	ask(FUSE_READLINK, file, NULL, 0, NULL, 0);
	ck_assert_int_eq(reply.h.error, -EINVAL);
}
END_TEST

/* Before the epoch too, where a second is rounded down. */
START_TEST(attributes)
{
	static const struct { int64_t s; uint32_t ns; } times[] = {
		{ 0, 0 }, { 1700000000, 999999999 }, { -1, 500000000 }, { -2, 0 }, { -3, 1 },
	};
	struct fuse_setattr_in in = { .valid = FATTR_MTIME | FATTR_ATIME | FATTR_SIZE, .size = 513 };
	uint64_t file = lookup("PG_VERSION");
	size_t i;

	for (i = 0; i < ARRAY_SIZE(times); i++) {
		in.mtime = in.atime = (uint64_t)times[i].s;
		in.mtimensec = in.atimensec = times[i].ns;
		ck_assert_uint_eq(ask(FUSE_SETATTR, file, BODY(in), NULL, 0), sizeof(reply.attr));
		is_attr(&reply.attr.attr, file);
		ask(FUSE_GETATTR, file, BODY(getattr_in), NULL, 0);
		is_attr(&reply.attr.attr, file);
		ck_assert_int_eq((int64_t)reply.attr.attr.mtime, times[i].s);
		ck_assert_uint_eq(reply.attr.attr.mtimensec, times[i].ns);
		ck_assert_uint_eq(reply.attr.attr.blocks, 2);
		ck_assert_uint_eq(reply.attr.attr_valid, FOREVER);
		ck_assert_uint_eq(reply.attr.attr_valid_nsec, 0);
	}
}
END_TEST

START_TEST(statistics)
{
	struct statvfs st;

	ck_assert_int_eq(fstatvfs(rig.diff_fd, &st), 0);
	ask(FUSE_STATFS, COW_ROOT, NULL, 0, NULL, 0);
	ck_assert_uint_eq(reply.statfs.st.blocks, st.f_blocks);
	ck_assert_uint_eq(reply.statfs.st.files, st.f_files);
	ck_assert_uint_eq(reply.statfs.st.bsize, st.f_bsize);
	ck_assert_uint_eq(reply.statfs.st.frsize, st.f_frsize);
	ck_assert_uint_eq(reply.statfs.st.namelen, 255);
	ck_assert_uint_le(reply.statfs.st.bavail, reply.statfs.st.bfree);
	ck_assert_uint_le(reply.statfs.st.bfree, reply.statfs.st.blocks);
	ck_assert_uint_le(reply.statfs.st.ffree, reply.statfs.st.files);
}
END_TEST

/* Walks what was received; notes the last cookie.  Returns how many there were. */
static unsigned
walk(size_t n, bool plus, uint64_t *cookie)
{
	size_t at = 0, entry = plus ? ENTRY : 0, len;
	struct fuse_entry_out e;
	struct fuse_dirent d;
	unsigned count = 0;
	char name[256];

	for (; at < n; at += len, count++) {
		ck_assert_uint_ge(n - at, entry + FUSE_NAME_OFFSET);
		memcpy(&e, reply.bytes + at, entry);
		memcpy(&d, reply.bytes + at + entry, FUSE_NAME_OFFSET);
		len = entry + FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + d.namelen);
		ck_assert_uint_le(len, n - at);
		ck_assert(d.namelen > 0 && d.namelen < sizeof(name));
		snprintf(name, sizeof(name), "%.*s", (int)d.namelen, (char *)reply.bytes + at + entry + FUSE_NAME_OFFSET);
		ck_assert_uint_eq(strlen(name), d.namelen);
		ck_assert(d.type == S_IFDIR >> 12 || d.type == S_IFREG >> 12);
		*cookie = d.off;
		if (!plus)
			continue;
		if (name[0] == '.') {
			ck_assert_uint_eq(e.nodeid, 0);	/* the kernel makes no lookup of it */
			continue;
		}
		is_entry(&e, d.ino, FOREVER);
		is_attr(&e.attr, d.ino);
	}
	return count;
}

static unsigned
list(bool plus, uint32_t size)
{
	struct fuse_read_in in = { .size = size };
	unsigned count = 0;
	size_t n;

	for (;;) {
		n = ask(plus ? FUSE_READDIRPLUS : FUSE_READDIR, COW_ROOT, BODY(in), NULL, 0);
		ck_assert_int_eq(reply.h.error, 0);
		ck_assert_uint_le(n, size);
		if (n == 0)
			return count;
		count += walk(n, plus, &in.offset);
	}
}

/* Each name is there once, however few of them fit into a reply. */
START_TEST(listings)
{
	unsigned i, all = list(false, 4096);
	char name[64];

	ck_assert_uint_ge(all, 4);
	for (i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "%.*s", (int)(1 + i * 3 % 20), &"abcdefghijklmnopqrstuvwxyz"[i % 5]);
		ask(FUSE_MKNOD, COW_ROOT, BODY(mknod_in), name, strlen(name) + 1);
		all += reply.h.error == 0;
	}
	ck_assert_uint_ge(all, 14);
	ck_assert_uint_eq(list(false, 4096), all);
	ck_assert_uint_eq(list(true, 4096), all);
	for (i = 0; i < 9; i++) {
		ck_assert_uint_eq(list(false, 60 + 5 * i), all);
		ck_assert_uint_eq(list(true, 190 + 11 * i), all);
	}
	list_in.size = 16;	/* nothing fits */
	ck_assert_uint_eq(ask(FUSE_READDIR, COW_ROOT, BODY(list_in), NULL, 0), 0);
	list_in.size = 4096;
}
END_TEST

/* --- the slot --- */

static void
fill_socket(void)
{
	int size = 4096;

	ck_assert_int_eq(setsockopt(job.fuse_fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
	while (send(job.fuse_fd, "full", 4, MSG_DONTWAIT) == 4)
		;
	ck_assert_int_eq(errno, EAGAIN);
}

static void
empty_socket(void)
{
	char junk[HEADER];

	while (recv(kernel, junk, sizeof(junk), MSG_PEEK) == 4)
		recv(kernel, junk, sizeof(junk), 0);
}

/* The slot has the reply to a change while the kernel has not taken it. */
START_TEST(saved_first)
{
	unsigned char saved[SHARED_REPLY_MAX];
	const struct fuse_in_header *in = (const void *)seen->buffer[0];
	struct sent r;
	uint32_t len;
	size_t n;

	fill_socket();
	make_request(&r, FUSE_MKDIR, COW_ROOT, BODY(mkdir_in), NAME("dir"));
	send_request(&r);
	while ((len = atomic_load(&seen->slot[0].reply_len)) == 0)
		sched_yield();
	ck_assert_uint_eq(len, HEADER + ENTRY);
	memcpy(saved, seen->slot[0].reply, len);
	ck_assert_uint_eq(in->len, r.h.len);
	ck_assert_uint_eq(in->unique, r.h.unique);
	ck_assert_uint_eq(atomic_load(&seen->slot[0].state), SLOT_COMPUTING);
	empty_socket();
	n = receive(r.h.unique, "mkdir");
	ck_assert_uint_eq(HEADER + n, len);
	ck_assert_mem_eq(&reply, saved, len);
	/*
	 * The next request finds the slot empty again; a request that only reads
	 * leaves no copy.
	 */
	fill_socket();
	make_request(&r, FUSE_GETATTR, COW_ROOT, BODY(getattr_in), NULL, 0);
	send_request(&r);
	while (atomic_load(&seen->slot[0].unique) != r.h.unique)
		sched_yield();
	empty_socket();
	receive(r.h.unique, "getattr");
	ck_assert_uint_eq(atomic_load(&seen->slot[0].reply_len), 0);
}
END_TEST

/*
 * A new worker sends a saved reply again and does nothing else; it does a request
 * that has no reply, or that of another request; it saves refusals like successes.
 */
START_TEST(taken_up)
{
	struct fuse_out_header saved = { .len = sizeof(saved), .error = -EEXIST };
	struct cow_attr attr;
	struct sent r;

	make_request(&r, FUSE_MKDIR, COW_ROOT, BODY(mkdir_in), NAME("dir"));
	memcpy(shared->buffer[0], &r, r.h.len);
	saved.unique = r.h.unique + (_i == 1 ? 2 : 0);
	memcpy(shared->slot[0].reply, &saved, sizeof(saved));
	atomic_store(&shared->slot[0].reply_len, _i == 2 ? 0 : saved.len);
	start_thread();
	if (_i == 0) {
		ck_assert_uint_eq(receive(r.h.unique, "repeated"), 0);
		ck_assert_int_eq(reply.h.error, -EEXIST);
		ck_assert_int_eq(cow_lookup(rig.cow, COW_ROOT, "dir", 3, &attr), -ENOENT);
		return;
	}
	ck_assert_uint_eq(receive(r.h.unique, "executed"), ENTRY);
	ck_assert_int_eq(cow_lookup(rig.cow, COW_ROOT, "dir", 3, &attr), 0);
}
END_TEST

/*
 * libfuse's own answers, here because it has seen no FUSE_INIT, do not reach the
 * kernel: there is one reply, ours, and it is saved like any other.
 */
START_TEST(libfuse_is_mute)
{
	char name[] = "pbkfs", *argv[] = { name, NULL }, place[32];
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);
	struct sent r;

	ck_assert_int_eq(recv(kernel, &reply, sizeof(reply), MSG_DONTWAIT), -1);	/* nor its FUSE_INIT */
	fuse_session_destroy(serve.session);
	serve.null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	serve.session = fuse_session_new(&args, &session_handlers, sizeof(session_handlers), &serve);
	fuse_opt_free_args(&args);
	snprintf(place, sizeof(place), "/dev/fd/%d", serve.null_fd);
	ck_assert_int_eq(fuse_session_mount(serve.session, place), 0);
	start_thread();
	fill_socket();
	make_request(&r, FUSE_MKDIR, COW_ROOT, BODY(mkdir_in), NAME("dir"));
	send_request(&r);
	while (atomic_load(&seen->slot[0].reply_len) == 0)
		sched_yield();
	empty_socket();
	ck_assert_uint_eq(receive(r.h.unique, "mkdir"), 0);
	ck_assert_int_eq(reply.h.error, -EIO);
	ask(FUSE_OPEN, COW_ROOT, BODY(getattr_in), NULL, 0);
	ck_assert_int_eq(reply.h.error, -ENOSYS);
}
END_TEST

/* Makes directories until there is no room; returns how many. */
static unsigned
fill_names(char first)
{
	char name[32];
	unsigned n;

	for (n = 0; n < TREE_MAX; n++) {
		snprintf(name, sizeof(name), "%c%u", first, n);
		ask(FUSE_MKDIR, COW_ROOT, BODY(mkdir_in), name, strlen(name) + 1);
		if (reply.h.error != 0)
			break;
	}
	ck_assert_int_eq(reply.h.error, -ENOSPC);
	return n;
}

/* Whoever may write in the mount takes its owner no memory for names. */
START_TEST(names_of_others)
{
	struct fuse_link_in link = { .oldnodeid = lookup("PG_VERSION") };
	struct fuse_rename_in move = { .newdir = COW_ROOT };
	unsigned others, owners;

	asker = getuid() + 1;
	others = fill_names('o');
	ck_assert_uint_gt(others, 10);
	ask(FUSE_LINK, COW_ROOT, BODY(link), NAME("link"));
	ck_assert_int_eq(reply.h.error, -ENOSPC);
	ask(FUSE_RENAME, COW_ROOT, BODY(move), "o1\0o1.renamed", 14);
	ck_assert_int_eq(reply.h.error, -ENOSPC);
	ask(FUSE_RMDIR, COW_ROOT, NULL, 0, NAME("o2"));
	ck_assert_int_eq(reply.h.error, 0);
	asker = getuid();
	owners = fill_names('s');
	ck_assert_msg(owners > others / 3, "%u directories of others, %u of the owner's", others, owners);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("replies");
	TCase *served_cases = tcase_create("served"), *slots = tcase_create("slots");

	tcase_add_checked_fixture(served_cases, setup_and_start, teardown);
	tcase_add_test(served_cases, sizes);
	tcase_add_test(served_cases, refused);
	tcase_add_test(served_cases, silent);
	tcase_add_test(served_cases, entries);
	tcase_add_test(served_cases, attributes);
	tcase_add_test(served_cases, statistics);
	tcase_add_test(served_cases, listings);
	tcase_add_test(served_cases, saved_first);
	tcase_add_test(served_cases, names_of_others);
	tcase_add_checked_fixture(slots, setup, teardown);
	tcase_add_loop_test(slots, taken_up, 0, 3);
	tcase_add_test(slots, libfuse_is_mute);
	suite_add_tcase(s, served_cases);
	suite_add_tcase(s, slots);
	tcase_set_timeout(served_cases, 60);
	tcase_set_timeout(slots, 60);
	return unit_main(s);
}
