# SPDX-License-Identifier: MIT
# For scripts that make some checks and go on: sourced. $work is a directory of theirs.
passed=0 failed=0

# check NAME COMMAND...: what the command says is shown only if it fails.
check() {
	local name=$1 status=0
	shift
	"$@" >"$work/log" 2>&1 || status=$?
	if [ $status -eq 0 ]; then
		echo "ok: $name"
		passed=$((passed + 1))
	else
		echo "FAILED ($status): $name; the end of what it said:"
		tail -n 40 "$work/log" | cut -c 1-160 | sed 's/^/  | /'
		failed=$((failed + 1))
	fi
	return $status
}

# The last line, and whether all went well.
totals() {
	echo "$passed passed, $failed failed, 0 skipped"
	[ $failed -eq 0 ] && [ $passed -gt 0 ]
}
