# Debian's layout, as an ordinary user.
PBKFS_E2E_USER=yes
. "$srcdir/tests/e2e/test-clone-debian.sh"
