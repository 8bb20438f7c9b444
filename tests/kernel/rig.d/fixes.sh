# SPDX-License-Identifier: GPL-2.0
# Drivers with the fixes of fixes/, built beside the kernel from a copy. fixes/README.md has the
# form of a fix.

# A copy in $1 of the drivers that the fixes change.
copy_drivers()
{
	local dir
	for dir in $(sed -n 's,^=== \(.*\)/[^/]*$,\1,p' "$here"/fixes/*.fix | sort -u); do
		mkdir -p "$1/$dir"
		cp -R "$source_tree/$dir/." "$1/$dir/"
	done
	chmod -R u+w "$1"
}

# Change the copy in $1 as the fix $2 says.
apply_fix()
{
	local file
	for file in $(sed -n 's/^=== //p' "$2"); do
		{
			awk -v file="$file" '/^=== / { on = $2 == file; next } on' "$2"
			printf 'w\nq\n'
		} | ed -s "$1/$file" >/dev/null 2>&1 || return
	done
}

build_fixed()
{
	local new=$fixed.new log=$fixed.log fix dir flags
	check_tools
	command -v ed >/dev/null || give_up "cannot fix drivers without ed (Debian: ed)"
	say "building the fixed drivers"
	rm -rf "$new"
	mkdir -p "$new/modules"
	: >"$log"
	copy_drivers "$new/src"
	for fix in "$here"/fixes/*.fix; do
		apply_fix "$new/src" "$fix" ||
			give_up "fixes/$(basename "$fix") is not for Linux $source_version"
	done
	for dir in "$new"/src/drivers/*/*; do
		[[ $dir == */ivpu ]] && flags=("${ivpu_flags[@]}") || flags=()
		run_logged "$log" make -s -C "$source_tree" ARCH=um O="$kernel/obj" M="$dir" \
			"${flags[@]}" modules || give_up "cannot build the fixed ${dir##*/}"
		cp "$dir"/*.ko "$new/modules/"
	done
	rm -rf "$fixed" "$new/src"
	mv "$new" "$fixed"
}

# Have the fixed drivers for the kernel that "prepare" found. Sets fixed.
prepare_fixed()
{
	fixed=$cache/fixed/$(basename "${kernel%-*}")-$({ basename "$kernel"
		cat "$here"/fixes/*.fix "$here/rig.d/fixes.sh"; } | hash_of)
	once "$fixed/modules" build_fixed
	touch "$fixed"
}

# The fixes as the kernel's mailing list wants them: what is above the line, and a diff.
print_fixes()
{
	local tree fix
	tree=$(mktemp -d "${TMPDIR:-/tmp}/rig-fixes.XXXXXX")
	# shellcheck disable=SC2064 # the name as it is now
	trap "rm -rf '$tree'" EXIT
	copy_drivers "$tree/b"
	for fix in "$here"/fixes/*.fix; do
		rm -rf "$tree/a"
		cp -R "$tree/b" "$tree/a"
		apply_fix "$tree/b" "$fix" ||
			give_up "fixes/$(basename "$fix") is not for Linux $source_version"
		sed '/^---$/q' "$fix"
		(cd "$tree" && diff -rup a b) || true
		echo
	done
}
