# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# A stopped supervisor: unmount says after three seconds for whom it waits, and gives up after
# ten; who interrupts it hears how far it got.
. "$srcdir/tests/lib-e2e.sh"
fixture
silent_user=root
. "$srcdir/tests/lib-silent.sh"
