# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# pbkfs restore of an ordinary user, to whom store and target belong.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-catalogs.sh"
. "$srcdir/tests/lib-restore.sh"
have_catalogs || skip_all "there are no catalogs in $catalogs"
pbkfs_for_all
pbk() { as "$pguser" "$work/pbkfs" "$@"; }

for catalog in stream-mixed archive-page tablespace lz4 p26 pg17-stream; do restore_catalog $catalog newest; done
plan_done
