/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SHA-256 (FIPS 180-4), for the test programs only: their manifests are
 * compared with those that sha256sum-like tools made elsewhere.
 */
#ifndef SUPPORT_SHA256_H
#define SUPPORT_SHA256_H

#include <stddef.h>
#include <stdint.h>

struct sha256 {
	uint32_t state[8];
	uint64_t len;		/* bytes taken so far */
	unsigned char block[64];	/* the len % 64 bytes that wait for more */
};

void	sha256_init(struct sha256 *s);
void	sha256_update(struct sha256 *s, const void *data, size_t len);

/* Ends the hash and writes its 64 lower-case digits and a NUL. */
void	sha256_final_hex(struct sha256 *s, char hex[65]);

#endif
