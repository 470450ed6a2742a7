# The catalog lz4: see the catalogs' README.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-catalogs.sh"
catalog_story lz4
