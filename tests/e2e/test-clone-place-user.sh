# Where a clone listens, as an ordinary user.
PBKFS_E2E_USER=yes
. "$srcdir/tests/e2e/test-clone-place.sh"
