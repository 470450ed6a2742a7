/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A line of fstab(5) of type fuse.pbkfs: mount(8) runs its helper mount.fuse.pbkfs, a
 * link to pbkfs, or else mount.fuse(8), which finds pbkfs in its PATH; either with
 * "SOURCE MOUNTPOINT -o OPTIONS".
 */
#ifndef CLI_FSTAB_H
#define CLI_FSTAB_H

/*
 * Makes the arguments of "pbkfs mount" of it: the source is the diff directory;
 * options are long names without their dashes, and mount-owner.  The caller
 * frees the result and what it points to, or keeps both until the end.  Returns
 * the number of arguments, or -1 after one line on standard error.
 */
int	fstab_arguments(int argc, char **argv, char ***arguments);

#endif
