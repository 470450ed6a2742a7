# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# pbkfs run of an ordinary user, who may read the catalog, and has nothing but fusermount3.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-user.sh"
. "$srcdir/tests/lib-run.sh"
fixture
run_as_user
before=$(catalog_sum "$store")
. "$srcdir/tests/lib-run-story.sh"
status "no owner but himself" 125 --owner nobody -- true
equal "the catalog is as it was" "$before" "$(catalog_sum "$store")"
plan_done
