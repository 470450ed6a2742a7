/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names of roles on pages of pg_authid, and pages that lie.
 */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "pg/authid.h"
#include "support/unit.h"

static unsigned char page[BLCKSZ];
static struct authid_role role[8];
static size_t n;

static void
put16(size_t at, unsigned v)
{
	page[at] = (unsigned char)v;
	page[at + 1] = (unsigned char)(v >> 8);
}

static void
put32(unsigned char *at, uint32_t v)
{
	memcpy(at, &v, sizeof(v));
}

#define TUPLE	160	/* bytes of each */
#define HOFF	32	/* where its columns begin */

/* Puts a role as the i-th tuple, as PostgreSQL 15 lays it out, from the end of the page. */
static unsigned char *
put_role(unsigned i, uint32_t oid, const char *name, bool superuser, bool can_login)
{
	size_t off = BLCKSZ - TUPLE * ((size_t)i + 1);
	unsigned char *tuple = page + off;

	put32(page + 24 + 4 * i, (uint32_t)(off | 1 << 15 | (uint32_t)TUPLE << 17));
	put16(12, 24 + 4 * (i + 1));
	put16(14, (unsigned)off);
	tuple[22] = HOFF;
	put32(tuple + HOFF, oid);
	memcpy(tuple + HOFF + 4, name, strlen(name));
	tuple[HOFF + 68] = superuser;
	tuple[HOFF + 72] = can_login;
	return tuple;
}

static void
setup(void)
{
	memset(page, 0, sizeof(page));
	memset(role, 0, sizeof(role));
	n = 0;
	page[5] = 1;	/* an LSN */
	put16(12, 24);
	put16(14, BLCKSZ);
	put16(16, BLCKSZ);
	put16(18, 0x2004);
}

START_TEST(reads_roles)
{
	put_role(0, 10, "dba", true, true);
	put_role(1, 16384, "app", false, true);
	put_role(2, 4200, "pg_monitor", false, false);
	authid_roles(page, role, &n, ARRAY_SIZE(role));
	ck_assert_uint_eq(n, 3);
	ck_assert_str_eq(role[0].name, "dba");
	ck_assert_uint_eq(role[0].oid, 10);
	ck_assert(role[0].superuser && role[0].can_login);
	ck_assert(!role[1].superuser && role[1].can_login);
	ck_assert(!role[2].superuser && !role[2].can_login);
}
END_TEST

START_TEST(takes_a_name_once)
{
	put_role(0, 10, "old", true, true);
	put_role(1, 10, "new", true, true);
	put_role(2, 10, "old", true, true);
	authid_roles(page, role, &n, ARRAY_SIZE(role));
	authid_roles(page, role, &n, ARRAY_SIZE(role));
	ck_assert_uint_eq(n, 2);
}
END_TEST

/* The second of them is the first again, renamed there and back; the last one counts of all that live. */
START_TEST(prefers_rows_that_live)
{
	unsigned char *tuple = put_role(0, 10, "dba", true, false);

	tuple[21] = 0x04;	/* xmax committed */
	put_role(1, 10, "dba", true, true);
	tuple = put_role(2, 11, "gone", true, true);
	tuple[21] = 0x02;	/* xmin aborted */
	authid_roles(page, role, &n, ARRAY_SIZE(role));
	ck_assert_uint_eq(n, 2);
	ck_assert(!role[0].dead && role[0].can_login);
	ck_assert(role[1].dead);
}
END_TEST

START_TEST(stops_where_there_is_no_room)
{
	put_role(0, 10, "a", true, true);
	put_role(1, 11, "b", true, true);
	authid_roles(page, role, &n, 1);
	ck_assert_uint_eq(n, 1);
}
END_TEST

/* Each of these is skipped; the role behind it is found. */
START_TEST(believes_nothing)
{
	unsigned char *tuple = put_role(0, 10, "bad", true, true);

	put_role(1, 11, "good", true, true);
	switch (_i) {
	case 0:	/* begins at the end of the page */
		put32(page + 24, (uint32_t)((BLCKSZ - 8) | 1 << 15 | (uint32_t)TUPLE << 17));
		break;
	case 1:	/* shorter than its header */
		put32(page + 24, (uint32_t)((BLCKSZ - TUPLE) | 1 << 15 | 20U << 17));
		break;
	case 2:	/* columns behind its end */
		tuple[22] = TUPLE - 8;
		break;
	case 3:	/* columns inside of its header */
		tuple[22] = 4;
		break;
	case 4:	/* a name without an end */
		memset(tuple + HOFF + 4, 'x', AUTHID_NAME_MAX);
		break;
	case 5:	/* without a name */
		memset(tuple + HOFF + 4, 0, AUTHID_NAME_MAX);
		break;
	case 6:	/* dead, or redirected */
		put32(page + 24, (uint32_t)((BLCKSZ - TUPLE) | 3 << 15 | (uint32_t)TUPLE << 17));
		break;
	default:
		break;
	}
	authid_roles(page, role, &n, ARRAY_SIZE(role));
	ck_assert_uint_eq(n, 1);
	ck_assert_str_eq(role[0].name, "good");
}
END_TEST

START_TEST(skips_what_is_no_page)
{
	put_role(0, 10, "dba", true, true);
	put16(12, 0xffff);	/* line pointers to the end of time */
	authid_roles(page, role, &n, ARRAY_SIZE(role));
	ck_assert_uint_eq(n, 0);
	memset(page, 0xff, sizeof(page));
	authid_roles(page, role, &n, ARRAY_SIZE(role));
	memset(page, 0, sizeof(page));
	authid_roles(page, role, &n, ARRAY_SIZE(role));
	ck_assert_uint_eq(n, 0);
}
END_TEST

START_TEST(finds_the_file)
{
	unsigned char map[AUTHID_MAP_SIZE] = { 0 };
	uint32_t filenode = 0;

	put32(map, 0x592717);
	put32(map + 4, 2);
	put32(map + 8, 1262);
	put32(map + 12, 1262);
	put32(map + 16, 1260);
	put32(map + 20, 16400);
	ck_assert_int_eq(authid_filenode(map, sizeof(map), &filenode), 0);
	ck_assert_uint_eq(filenode, 16400);
	ck_assert_int_eq(authid_filenode(map, 23, &filenode), -EUCLEAN);
	put32(map + 20, 0);
	ck_assert_int_eq(authid_filenode(map, sizeof(map), &filenode), -EUCLEAN);
	put32(map + 16, 1261);
	ck_assert_int_eq(authid_filenode(map, sizeof(map), &filenode), -EUCLEAN);
	put32(map + 4, UINT32_MAX);
	ck_assert_int_eq(authid_filenode(map, sizeof(map), &filenode), -EUCLEAN);
	put32(map, 1);
	ck_assert_int_eq(authid_filenode(map, sizeof(map), &filenode), -EUCLEAN);
	ck_assert_int_eq(authid_filenode(map, 4, &filenode), -EUCLEAN);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("authid");
	TCase *tc = tcase_create("authid");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, reads_roles);
	tcase_add_test(tc, takes_a_name_once);
	tcase_add_test(tc, prefers_rows_that_live);
	tcase_add_test(tc, stops_where_there_is_no_room);
	tcase_add_loop_test(tc, believes_nothing, 0, 7);
	tcase_add_test(tc, skips_what_is_no_page);
	tcase_add_test(tc, finds_the_file);
	suite_add_tcase(s, tc);
	return unit_main(s);
}
