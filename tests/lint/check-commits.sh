# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# The subject of a commit is "area: what", in at most 72 characters.  Commits that are older than
# this rule are as they are.
. "$srcdir/tests/tap.sh"
rule=4a662829f85deb563de80ae539a6e654b2991075	# the last one without it

# git_in DIRECTORY COMMAND...: whoever owns it.
git_in() {
	git_dir=$1; shift
	git -c safe.directory='*' --no-pager -C "$git_dir" "$@"
}
# subjects DIRECTORY COMMIT: "HASH SUBJECT" of what came after that commit.  A shallow clone that
# does not have it has nothing older.
subjects() {
	if git_in "$1" merge-base --is-ancestor "$2" HEAD 2>/dev/null; then
		git_in "$1" log --no-merges --format='%h %s' "$2..HEAD"
	elif [ "$(git_in "$1" rev-parse --is-shallow-repository)" = true ]; then
		git_in "$1" log --no-merges --format='%h %s'
	elif ! git_in "$1" merge-base --is-ancestor HEAD "$2" 2>/dev/null; then
		echo "000 the history has no commit $2"
	fi
}
# Prints those of standard input that break the rule.
bad() { LC_ALL=C.UTF-8 sed -nE '/^[^ ]+ .{73}/{p;d;}; /^[^ ]+ [A-Za-z0-9_.,\/ -]+: [^ ]/!p'; }

top=$(cd "$srcdir" && pwd -P)
if [ ! -e "$top/.git" ]; then
	ok "not a checkout: there are no commits"
else
	need git
	equal "subjects are as they should be" "" "$(subjects "$top" "$rule" | bad)"
fi

# The test of this test: the same history, whole and shallow.
if command -v git >/dev/null; then
	commit() { git_in "$work/a" -c user.name=a -c user.email=a@localhost commit -q --allow-empty -m "$1"; }
	long="area: $(printf '%066d' 0)"
	git init -q "$work/a"
	commit "Before the rule"; begin=$(git_in "$work/a" rev-parse HEAD)
	commit "area: what"; commit "a, b/c.d: what"; commit "$long"
	equal "good ones pass" "" "$(subjects "$work/a" "$begin" | bad)"
	commit "${long}0"; commit "no area"; commit "area:no blank"
	equal "bad ones do not" 3 "$(subjects "$work/a" "$begin" | bad | wc -l)"
	git_in "$work/a" clone -q --depth 3 "file://$work/a" "$work/b" 2>/dev/null
	equal "a shallow clone is looked at" 3 "$(subjects "$work/b" "$begin" | bad | wc -l)"
	equal "a history of others is not taken for ours" 1 "$(subjects "$work/a" "$rule" | bad | wc -l)"
fi
plan_done
