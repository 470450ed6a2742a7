# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# pbkfs restore gives byte for byte what pg_probackup's restore gives, for every backup of real
# catalogs, and servers start on it.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-catalogs.sh"
. "$srcdir/tests/lib-restore.sh"
have_catalogs || skip_all "there are no catalogs in $catalogs"
pbkfs_for_all

# One is made durable on a real file system.
restore_sync= outside=$work/outside pgdata=$work/outside/pgdata
restore_catalog archive-page rows
restore_sync=--no-sync outside=$work/fast/outside pgdata=$work/fast/outside/pgdata
restore_catalog stream-mixed rows
for catalog in tablespace lz4 p26 pg17-stream; do restore_catalog $catalog; done
plan_done
