/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fuzz target: backup.control and pg_probackup.conf.
 */
#include "config.h"

#include "fuzz.h"
#include "probackup/chain.h"
#include "probackup/conf.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char error[CHAIN_ERROR_MAX];
	struct control control;
	struct conf conf;

	if (size > CONTROL_SIZE_MAX)
		return 0;
	control_parse((const char *)data, size, &control, error);
	conf_parse((const char *)data, size, &conf, error);
	return 0;
}
