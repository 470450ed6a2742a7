/*
 * The two ways to unmount, which cleanup --force uses as well.
 */
#ifndef CLI_CMD_UNMOUNT_H
#define CLI_CMD_UNMOUNT_H

#include "cli/target.h"

/*
 * Ends the supervisor if there is one to be believed, and detaches the mount.  Returns
 * an exit status.
 */
int	unmount_forcibly(struct target *t);

#endif
