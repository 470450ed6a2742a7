/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * src/worker/rest: threads that wait for requests, or work on one, come to rest between two of them, and lose none.
 */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "ipc/shared.h"
#include "support/unit.h"
#include "worker/rest.h"

#define THREADS	4
#define LONG_MS	20000	/* whatever the machine has to do besides */

static struct shared_slot slot[THREADS];
static struct thread thread[THREADS];
static pthread_t id[THREADS];
static int requests[2], working[2], go_on[2];
static _Atomic unsigned answered;
static sem_t done;

/* A request is a byte: 'w' keeps its thread at work until it is told to go on, 'e' ends it. */
static void *
serve(void *arg)
{
	struct thread *t = arg;
	char request;
	ssize_t n;

	for (;;) {
		rest_if_wanted();
		n = read(requests[0], &request, 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n != 1 || request == 'e')
			break;
		atomic_store(&t->slot->state, SLOT_COMPUTING);
		if (request == 'w' && (write(working[1], "", 1) != 1 || read(go_on[0], &request, 1) != 1))
			abort();
		atomic_fetch_add(&answered, 1);
		sem_post(&done);
		atomic_store(&t->slot->state, SLOT_IDLE);
	}
	rest_leave();
	return NULL;
}

static void
begin(void)
{
	unsigned i;

	atomic_store(&answered, 0);
	ck_assert(pipe(requests) == 0 && pipe(working) == 0 && pipe(go_on) == 0);
	ck_assert(sem_init(&done, 0, 0) == 0 && rest_init() == 0);
	for (i = 0; i < THREADS; i++) {
		thread[i].slot = &slot[i];
		ck_assert_int_eq(pthread_create(&id[i], NULL, serve, &thread[i]), 0);
	}
}

static void
ask(const char *what)
{
	ck_assert_int_eq(write(requests[1], what, 1), 1);
}

static void
await_answers(unsigned n)
{
	while (n-- > 0)
		while (sem_wait(&done) != 0)
			ck_assert_int_eq(errno, EINTR);
}

static void
finish(void)
{
	unsigned i;

	close(requests[1]);
	for (i = 0; i < THREADS; i++)
		pthread_join(id[i], NULL);
}

static int
rest(int ms)
{
	return rest_begin(thread, id, THREADS, ms);
}

START_TEST(nobody_receives_while_all_rest)
{
	unsigned round, i;

	for (round = 0; round < 50; round++) {
		ck_assert_int_eq(rest(LONG_MS), 0);
		for (i = 0; i < 3; i++)
			ask("r");
		ck_assert_uint_eq(atomic_load(&answered), 3 * round);
		rest_end();
		await_answers(3);
	}
}
END_TEST

START_TEST(waits_for_who_works)
{
	char byte;

	ask("w");
	ck_assert_int_eq(read(working[0], &byte, 1), 1);
	/* They go on where one does not come. */
	ck_assert_int_eq(rest(50), -ETIMEDOUT);
	ask("r");
	await_answers(1);
	ck_assert_int_eq(write(go_on[1], "", 1), 1);
	ck_assert_int_eq(rest(LONG_MS), 0);
	ck_assert_uint_eq(atomic_load(&answered), 2);
	rest_end();
}
END_TEST

START_TEST(waits_for_nobody_who_has_ended)
{
	ask("e");
	ck_assert_int_eq(rest(LONG_MS), 0);
	rest_end();
	ask("r");
	await_answers(1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("rest");
	TCase *tc = tcase_create("rest");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, begin, finish);
	tcase_add_test(tc, nobody_receives_while_all_rest);
	tcase_add_test(tc, waits_for_who_works);
	tcase_add_test(tc, waits_for_nobody_who_has_ended);
	suite_add_tcase(suite, tc);
	return unit_main(suite);
}
