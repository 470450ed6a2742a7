/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Attempts on files: outside, in the store, and in the diff directory.
 */
#include "config.h"

#ifdef ENABLE_SANDBOX

#include <dirent.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "sandbox-try.h"

/* ---- reading outside ---- */

int
read_etc_passwd(void)
{
	return answer(open("/etc/passwd", O_RDONLY));
}
TRY(read_by_old_dirfd)	{ return answer(openat(have.etc, "passwd", O_RDONLY)); }
TRY(read_by_old_opath)	{ return answer(openat(have.etc_path, "passwd", O_RDONLY)); }
TRY(read_own_outside)	{ return answer(openat(have.outside, "secret", O_RDONLY)); }
TRY(read_dotdot)	{ return answer(openat(have.store, "../outside/secret", O_RDONLY)); }
TRY(read_by_symlink)	{ return answer(openat(have.store, "way-out", O_RDONLY)); }
TRY(list_old_dirfd)	{ return answer(openat(have.outside, ".", O_RDONLY | O_DIRECTORY)); }

/* Without Landlock it may list its own directories. */
TRY(list_root)
{
	int fd = open("/", O_RDONLY | O_DIRECTORY);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *d;

	if (dir == NULL)
		return -errno;
	while ((d = readdir(dir)) != NULL)
		if (strcmp(d->d_name, "etc") == 0)
			return 0;
	return -ENOENT;
}

/* Goes up as far as a granted descriptor leads. */
TRY(read_far_up)
{
	return answer(openat(have.store, "../../../../../../../../etc/passwd", O_RDONLY));
}

TRY(read_far_up_diff)
{
	return answer(openat(have.diff, "../../../../../../../../etc/passwd", O_RDONLY));
}

int
read_shadow(void)
{
	return answer(open("/etc/shadow", O_RDONLY));
}

TRY(reopen_opath)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", have.passwd_path);
	return answer(open(path, O_RDONLY));
}

TRY(open_parent_memory)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/mem", (int)parent);
	return answer(open(path, O_RDONLY));
}

TRY(open_own_memory)	{ return answer(open("/proc/self/mem", O_RDWR)); }

TRY(openat2_outside)
{
	struct open_how how = { .flags = O_RDONLY };

	return answer(syscall(SYS_openat2, have.outside, "secret", &how, sizeof(how)));
}

TRY(by_handle)
{
	return answer(open_by_handle_at(have.handle_mount, &have.handle.h, O_RDONLY));
}

int
change_directory(void)
{
	return answer(chdir("/etc"));
}
TRY(change_to_old_dir)	{ return answer(fchdir(have.etc)); }

/* ---- writing in the store ---- */

TRY(store_open_write)	{ return answer(openat(have.store, "file", O_WRONLY)); }
TRY(store_open_rdwr)	{ return answer(openat(have.store, "file", O_RDWR)); }
TRY(store_open_trunc)	{ return answer(openat(have.store, "file", O_RDONLY | O_TRUNC)); }
TRY(store_open_trunc3)	{ return answer(openat(have.store, "file", O_ACCMODE | O_TRUNC)); }
TRY(store_open_truncw)	{ return answer(openat(have.store, "file", O_WRONLY | O_TRUNC)); }
TRY(store_create)	{ return answer(openat(have.store, "new", O_WRONLY | O_CREAT, 0600)); }
TRY(store_tmpfile)	{ return answer(openat(have.store, ".", O_RDWR | O_TMPFILE, 0600)); }
TRY(store_ftruncate)	{ return answer(ftruncate(have.store_file, 0)); }
TRY(store_write)	{ return answer(pwrite(have.store_file, "x", 1, 0)); }
TRY(store_unlink)	{ return answer(unlinkat(have.store, "file", 0)); }
TRY(store_rmdir)	{ return answer(unlinkat(have.store, "empty", AT_REMOVEDIR)); }
TRY(store_mkdir)	{ return answer(mkdirat(have.store, "newdir", 0700)); }
TRY(store_rename)	{ return answer(renameat(have.store, "file", have.store, "other")); }
TRY(store_to_diff)	{ return answer(renameat(have.store, "file", have.diff, "stolen")); }
TRY(diff_to_store)	{ return answer(renameat(have.diff, "file", have.store, "planted")); }
TRY(diff_over_store)	{ return answer(renameat(have.diff, "file", have.store, "file")); }
TRY(store_link_diff)	{ return answer(linkat(have.store, "file", have.diff, "linked", 0)); }
TRY(diff_link_store)	{ return answer(linkat(have.diff, "file", have.store, "linked", 0)); }
TRY(store_symlink)	{ return answer(symlinkat("/etc", have.store, "link")); }
TRY(store_chmod)	{ return answer(fchmodat(have.store, "file", 0644, 0)); }
TRY(store_fchmod)	{ return answer(fchmod(have.store_file, 0644)); }
TRY(store_chown)	{ return answer(fchownat(have.store, "file", geteuid(), getegid(), 0)); }
TRY(store_utimes)	{ return answer(utimensat(have.store, "file", NULL, 0)); }
TRY(store_futimens)	{ return answer(futimens(have.store_file, NULL)); }
TRY(store_xattr)	{ return answer(fsetxattr(have.store_file, "user.x", "x", 1, 0)); }

TRY(store_exchange)
{
	return answer(renameat2(have.store, "file", have.diff, "file", RENAME_EXCHANGE));
}

TRY(store_truncate)
{
	char path[PATH_MAX + 16];

	snprintf(path, sizeof(path), "%s/store/file", root);
	return answer(truncate(path, 0));
}

TRY(store_reopen)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", have.store_file);
	return answer(open(path, O_WRONLY));
}

TRY(store_map_shared)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, have.store_file, 0);

	return p == MAP_FAILED ? -errno : 0;
}

TRY(store_clone_into)	{ return answer(ioctl(have.store_file, FICLONE, have.diff_file)); }

/* ---- harm by way of the diff directory ---- */

TRY(outside_create)	{ return answer(openat(have.outside, "new", O_WRONLY | O_CREAT, 0600)); }
TRY(outside_unlink)	{ return answer(unlinkat(have.outside, "secret", 0)); }
TRY(outside_chmod)	{ return answer(fchmodat(have.outside, "secret", 0666, 0)); }
TRY(outside_mkdir)	{ return answer(mkdirat(have.outside, "newdir", 0700)); }
TRY(diff_to_outside)	{ return answer(renameat(have.diff, "file", have.outside, "moved")); }
TRY(outside_to_diff)	{ return answer(renameat(have.outside, "secret", have.diff, "moved")); }
TRY(outside_link)	{ return answer(linkat(have.outside, "secret", have.diff, "linked", 0)); }
TRY(diff_symlink)	{ return answer(symlinkat("/etc/passwd", have.diff, "link")); }
TRY(diff_link)		{ return answer(linkat(have.diff, "file", have.diff, "linked", 0)); }
TRY(diff_chmod_suid)	{ return answer(fchmodat(have.diff, "file", 04755, 0)); }
TRY(diff_fchmod_suid)	{ return answer(fchmod(have.diff_file, 04755)); }
TRY(diff_chmod)		{ return answer(fchmodat(have.diff, "file", 0777, 0)); }
TRY(diff_create_suid)	{ return answer(openat(have.diff, "s", O_WRONLY | O_CREAT, 04755)); }
TRY(diff_create_sgid)	{ return answer(openat(have.diff, "s", O_WRONLY | O_CREAT, 02755)); }
TRY(diff_tmpfile_suid)	{ return answer(openat(have.diff, ".", O_RDWR | O_TMPFILE, 04755)); }
TRY(diff_fifo)		{ return answer(mknodat(have.diff, "fifo", S_IFIFO | 0600, 0)); }
TRY(diff_socket)	{ return answer(mknodat(have.diff, "sock", S_IFSOCK | 0600, 0)); }
TRY(diff_char)		{ return answer(mknodat(have.diff, "char", S_IFCHR | 0600, 0x103)); }
TRY(diff_block)		{ return answer(mknodat(have.diff, "block", S_IFBLK | 0600, 0x700)); }
TRY(diff_xattr)		{ return answer(fsetxattr(have.diff_file, "user.x", "x", 1, 0)); }

TRY(diff_whiteout)
{
	return answer(renameat2(have.diff, "file", have.diff, "gone", RENAME_WHITEOUT));
}

/* ---- beside the part of the diff directory that is the worker's ---- */

TRY(lock_replace)	{ return answer(renameat(have.diff, "file", have.diff, "../.pbkfs-lock")); }
TRY(binding_read)	{ return answer(openat(have.diff, "../.pbkfs-binding.json", O_RDONLY)); }
TRY(binding_remove)	{ return answer(unlinkat(have.diff, "../.pbkfs-binding.json", 0)); }
TRY(dirty_make)		{ return answer(openat(have.diff, "../.pbkfs-dirty", O_WRONLY | O_CREAT, 0600)); }
TRY(changes_away)	{ return answer(renameat(have.diff, "../changes", have.diff, "../away")); }
TRY(pid_replace)	{ return answer(renameat(have.diff, "file", have.infodir, "worker.pid")); }
TRY(pid_remove)		{ return answer(unlinkat(have.infodir, "worker.pid", 0)); }
TRY(log_write)		{ return answer(openat(have.infodir, "pbkfs.log", O_WRONLY | O_APPEND)); }
TRY(log_make)		{ return answer(openat(have.infodir, "new", O_WRONLY | O_CREAT, 0600)); }

TRY(diff_openat2_suid)
{
	struct open_how how = { .flags = O_WRONLY | O_CREAT, .mode = 04755 };

	return answer(syscall(SYS_openat2, have.diff, "s2", &how, sizeof(how)));
}

/* ---- the table ---- */

const struct attempt file_attempts[] = {
	{ "open /etc/passwd", read_etc_passwd, 0 },
	{ "open /etc/shadow", read_shadow, 0 },
	{ "openat(/etc opened before, \"passwd\")", read_by_old_dirfd, 0 },
	{ "openat(/etc opened before with O_PATH, \"passwd\")", read_by_old_opath, 0 },
	{ "reopen /etc/passwd from an O_PATH descriptor", reopen_opath, 0 },
	{ "open a file of its own user outside", read_own_outside, 0 },
	{ "openat(store, \"../outside/secret\")", read_dotdot, 0 },
	{ "openat(store, \"../../../etc/passwd\"), to the root", read_far_up, 0 },
	{ "openat(diff directory, \"../../../etc/passwd\"), to the root", read_far_up_diff, 0 },
	{ "open a symlink in the store that leads outside", read_by_symlink, 0 },
	{ "openat2 outside", openat2_outside, 0 },
	{ "open_by_handle_at outside", by_handle, 0 },
	{ "list /", list_root, 0 },
	{ "list a directory outside opened before", list_old_dirfd, 0 },
	{ "open the memory of the parent", open_parent_memory, 0 },
	{ "open its own memory by /proc", open_own_memory, 0 },
	{ "chdir", change_directory, 0 },
	{ "fchdir", change_to_old_dir, 0 },
	{ "store: open for writing", store_open_write, 0 },
	{ "store: open for reading and writing", store_open_rdwr, 0 },
	{ "store: open read-only with O_TRUNC", store_open_trunc, 0 },
	{ "store: open with access mode 3 and O_TRUNC", store_open_trunc3, 0 },
	{ "store: open for writing with O_TRUNC", store_open_truncw, 0 },
	{ "store: reopen for writing by /proc", store_reopen, 0 },
	{ "store: write to a read-only descriptor", store_write, EBADF },
	{ "store: map shared and writable", store_map_shared, 0 },
	{ "store: FICLONE into it", store_clone_into, EBADF },
	{ "store: create", store_create, 0 },
	{ "store: O_TMPFILE", store_tmpfile, 0 },
	{ "store: truncate", store_truncate, 0 },
	{ "store: ftruncate of a read-only descriptor", store_ftruncate, EINVAL },
	{ "store: unlink", store_unlink, 0 },
	{ "store: rmdir", store_rmdir, 0 },
	{ "store: mkdir", store_mkdir, 0 },
	{ "store: rename within", store_rename, 0 },
	{ "rename from the store to the diff directory", store_to_diff, 0 },
	{ "rename from the diff directory to the store", diff_to_store, 0 },
	{ "rename from the diff directory over a file of the store", diff_over_store, 0 },
	{ "exchange a file of the store with one of the diff directory", store_exchange, 0 },
	{ "link from the store to the diff directory", store_link_diff, 0 },
	{ "link from the diff directory to the store", diff_link_store, 0 },
	{ "store: symlink", store_symlink, 0 },
	{ "store: fchmodat", store_chmod, 0 },
	{ "store: fchmod of a read-only descriptor", store_fchmod, 0 },
	{ "store: fchownat", store_chown, 0 },
	{ "store: utimensat", store_utimes, 0 },
	{ "store: futimens of a read-only descriptor", store_futimens, 0 },
	{ "store: fsetxattr", store_xattr, 0 },
	{ "outside: create", outside_create, 0 },
	{ "outside: unlink", outside_unlink, 0 },
	{ "outside: chmod of a file of its own user", outside_chmod, 0 },
	{ "outside: mkdir", outside_mkdir, 0 },
	{ "rename from the diff directory to outside", diff_to_outside, 0 },
	{ "rename from outside to the diff directory", outside_to_diff, 0 },
	{ "link from outside to the diff directory", outside_link, 0 },
	{ "diff directory: replace .pbkfs-lock", lock_replace, 0 },
	{ "diff directory: read .pbkfs-binding.json", binding_read, 0 },
	{ "diff directory: remove .pbkfs-binding.json", binding_remove, 0 },
	{ "diff directory: make .pbkfs-dirty", dirty_make, 0 },
	{ "diff directory: rename changes/", changes_away, 0 },
	{ "diff directory: replace .pbkfs/worker.pid", pid_replace, 0 },
	{ "diff directory: remove .pbkfs/worker.pid", pid_remove, 0 },
	{ "diff directory: write to .pbkfs/pbkfs.log", log_write, 0 },
	{ "diff directory: create in .pbkfs/", log_make, 0 },
	{ "diff: symlink", diff_symlink, 0 },
	{ "diff: link", diff_link, 0 },
	{ "diff: fchmodat 0777", diff_chmod, 0 },
	{ "diff: fchmodat 04755", diff_chmod_suid, 0 },
	{ "diff: fchmod 04755", diff_fchmod_suid, 0 },
	{ "diff: create with mode 04755", diff_create_suid, 0 },
	{ "diff: create with mode 02755", diff_create_sgid, 0 },
	{ "diff: openat2 with mode 04755", diff_openat2_suid, 0 },
	{ "diff: O_TMPFILE with mode 04755", diff_tmpfile_suid, 0 },
	{ "diff: mknod of a pipe", diff_fifo, 0 },
	{ "diff: mknod of a socket", diff_socket, 0 },
	{ "diff: mknod of a character device", diff_char, 0 },
	{ "diff: mknod of a block device", diff_block, 0 },
	{ "diff: rename that leaves a whiteout device", diff_whiteout, 0 },
	{ "diff: fsetxattr", diff_xattr, 0 },
	{ NULL, NULL, 0 },
};

#endif
