/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * CRC-32C by the instruction of the processor where it has one (x86-64 with
 * SSE 4.2, 64-bit ARM with the crc extension), else by slicing-by-8: eight
 * tables, table k giving the effect of a byte that k more bytes follow.
 *
 * The update functions work on the register itself; the complement before and
 * after is crc32c()'s.
 */
#include "config.h"

#include <pthread.h>
#include <stdatomic.h>
#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#include "base/bytes.h"
#include "base/crc32c.h"

#define POLYNOMIAL	0x82f63b78U	/* 0x1edc6f41, lowest bit first */
#define SLICES		8

typedef uint32_t (*crc32c_fn)(uint32_t reg, const uint8_t *p, size_t len);

static uint32_t slice[SLICES][256];
static pthread_once_t slice_once = PTHREAD_ONCE_INIT;

static void
fill_slices(void)
{
	uint32_t reg;
	int b, k;

	for (b = 0; b < 256; b++) {
		reg = (uint32_t)b;
		for (k = 0; k < 8; k++)
			reg = reg >> 1 ^ (reg & 1 ? POLYNOMIAL : 0);
		slice[0][b] = reg;
	}
	for (k = 1; k < SLICES; k++)
		for (b = 0; b < 256; b++) {
			reg = slice[k - 1][b];
			slice[k][b] = reg >> 8 ^ slice[0][reg & 0xff];
		}
}

static uint32_t
update_software(uint32_t reg, const uint8_t *p, size_t len)
{
	uint32_t lo, hi;

	for (; len >= SLICES; len -= SLICES, p += SLICES) {
		lo = get_le32(p) ^ reg;
		hi = get_le32(p + 4);
		reg = slice[7][lo & 0xff] ^ slice[6][lo >> 8 & 0xff] ^
		    slice[5][lo >> 16 & 0xff] ^ slice[4][lo >> 24] ^
		    slice[3][hi & 0xff] ^ slice[2][hi >> 8 & 0xff] ^
		    slice[1][hi >> 16 & 0xff] ^ slice[0][hi >> 24];
	}
	for (; len > 0; len--)
		reg = reg >> 8 ^ slice[0][(reg ^ *p++) & 0xff];
	return reg;
}

#if defined(__x86_64__)
#define HAVE_UPDATE_HARDWARE 1

static int
hardware_has_crc32c(void)
{
	return __builtin_cpu_supports("sse4.2");
}

__attribute__((target("sse4.2")))
static uint32_t
update_hardware(uint32_t reg, const uint8_t *p, size_t len)
{
	uint64_t wide = reg;

	for (; len >= 8; len -= 8, p += 8)
		wide = _mm_crc32_u64(wide, get_le64(p));
	reg = (uint32_t)wide;
	for (; len > 0; len--)
		reg = _mm_crc32_u8(reg, *p++);
	return reg;
}

#elif defined(__aarch64__)
#define HAVE_UPDATE_HARDWARE 1

static int
hardware_has_crc32c(void)
{
	return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0;
}

/*
 * Compilers disagree on how a function asks for the extension and on what the
 * intrinsics are called; all their assemblers agree on this.
 */
static uint32_t
update_hardware(uint32_t reg, const uint8_t *p, size_t len)
{
	for (; len >= 8; len -= 8, p += 8)
		__asm__(".arch_extension crc\n\tcrc32cx %w0, %w0, %x1"
		    : "+r"(reg) : "r"(get_le64(p)));
	for (; len > 0; len--, p++)
		__asm__(".arch_extension crc\n\tcrc32cb %w0, %w0, %w1"
		    : "+r"(reg) : "r"((uint32_t)*p));
	return reg;
}
#endif

static crc32c_fn
choose_update(void)
{
#ifdef HAVE_UPDATE_HARDWARE
	if (hardware_has_crc32c())
		return update_hardware;
#endif
	pthread_once(&slice_once, fill_slices);
	return update_software;
}

uint32_t
crc32c(uint32_t crc, const void *buf, size_t len)
{
	static _Atomic(crc32c_fn) chosen;
	crc32c_fn update = atomic_load_explicit(&chosen, memory_order_acquire);

	/* Threads that race here choose the same; the tables are filled before. */
	if (update == NULL) {
		update = choose_update();
		atomic_store_explicit(&chosen, update, memory_order_release);
	}
	return ~update(~crc, buf, len);
}
