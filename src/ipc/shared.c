/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The names of the operations that are counted.  The memory itself is made by
 * src/supervisor/spawn.c and mapped by jobfd.c.
 */
#include "config.h"

#include "ipc/shared.h"

const char *const shared_op_names[OP_COUNT] = {
	[OP_LOOKUP] = "lookup", [OP_GETATTR] = "getattr", [OP_SETATTR] = "setattr",
	[OP_READLINK] = "readlink", [OP_MKNOD] = "mknod", [OP_MKDIR] = "mkdir",
	[OP_UNLINK] = "unlink", [OP_RMDIR] = "rmdir", [OP_SYMLINK] = "symlink",
	[OP_RENAME] = "rename", [OP_LINK] = "link", [OP_CREATE] = "create",
	[OP_READ] = "read", [OP_WRITE] = "write", [OP_FSYNC] = "fsync",
	[OP_READDIR] = "readdir", [OP_READDIRPLUS] = "readdirplus",
	[OP_FSYNCDIR] = "fsyncdir", [OP_STATFS] = "statfs", [OP_FALLOCATE] = "fallocate",
	[OP_LSEEK] = "lseek", [OP_FORGET] = "forget", [OP_OTHER] = "other",
};
