/*
 * A line of fstab(5) of type fuse.pbkfs: mount(8) runs "pbkfs SOURCE MOUNTPOINT -o
 * OPTIONS" by mount.fuse(8).
 */
#ifndef CLI_FSTAB_H
#define CLI_FSTAB_H

/*
 * Makes of it the arguments of "pbkfs mount": the source is the diff directory, and
 * options are long names without their dashes, and mount-owner.  The result and what it points to are
 * the caller's to free, or to keep until the end.  Returns the number of arguments, or
 * -1 after one line on standard error.
 */
int	fstab_arguments(int argc, char **argv, char ***arguments);

#endif
