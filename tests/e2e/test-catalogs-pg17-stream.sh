# The catalog pg17-stream: see the catalogs' README.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-catalogs.sh"
catalog_story pg17-stream
