/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Finding an instance and a backup by name, and refusing a name that is not there.
 */
#ifndef PROBACKUP_CHAIN_FIND_H
#define PROBACKUP_CHAIN_FIND_H

/*
 * Opens the directory beneath the catalog store_fd that has the instances.
 * Returns an O_PATH descriptor, or negative errno with error filled
 * (CHAIN_ERROR_MAX bytes).
 */
int	chain_find_instances(int store_fd, const char *store_name, char *error);

/*
 * Opens the directory of an instance beneath the catalog store_fd.  Returns an
 * O_PATH descriptor, or negative errno with error filled (CHAIN_ERROR_MAX
 * bytes): an unknown instance is answered with those that exist.
 */
int	chain_find_instance(int store_fd, const char *store_name, const char *instance,
	    char *error);

/*
 * Opens the directory of backup id, in upper case, beneath the instance's.
 * Returns an O_PATH descriptor, or negative errno with error filled: an
 * unknown id is answered with the newest that exist.
 */
int	chain_find_backup(int instance_fd, const char *instance, const char *id, char *error);

#endif
