# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Debian's layout, as an ordinary user.
PBKFS_E2E_USER=yes
. "$srcdir/tests/e2e/test-clone-debian.sh"
