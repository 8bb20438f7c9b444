# SPDX-License-Identifier: GPL-2.0
# The tests of tests.list: each a run of the rig, one line about each, and a closing summary.

# The raw programs, built here where nothing else has.
build_programs()
{
	local to=$1 headers=$2 name
	mkdir -p "$to.new"
	for name in raw-ethosu raw-rocket raw-qaic raw-ivpu raw-share raw-storm; do
		gcc -std=c11 -D_GNU_SOURCE -O2 -Wall -I "$headers" -o "$to.new/$name" \
			"$here/raw/raw.c" "$here"/raw/raw-{ethosu,rocket,qaic,ivpu}-job.c "$here/raw/$name.c" ||
			give_up "cannot build the test programs"
	done
	rm -rf "$to"
	mv "$to.new" "$to"
}

own_programs()
{
	# A kernel's headers are there when the kernel is.
	prepare functional
	programs=("$cache/programs/$({ basename "$kernel"; cat "$here"/raw/* "$here"/models/{fault,qaic}.h; } |
		hash_of)")
	mkdir -p "$cache/programs"
	once "${programs[0]}" build_programs "${programs[0]}" "$kernel/obj/usr/include"
}

# Run one line of the list. What it says goes to its log.
run_test()
{
	local on=$1 d path='' options=()
	shift
	for d in "${programs[@]}"; do
		[[ -d $d ]] || continue
		path+=$d:
		options+=(--tree "$(home_of "$d/program")")
	done
	if [[ $on == self ]]; then
		(. "$here/rig.d/selftest.sh" && "self_$1")
		return
	fi
	"$here/rig" run --kernel "$on" "${options[@]}" \
		--env "PATH=$path/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin" "$@"
}

rig_test()
{
	local name on words status passed=0 failed=0 skipped=0 known=() log begun
	log=$(mktemp "${TMPDIR:-/tmp}/rig-test.XXXXXX")
	# shellcheck disable=SC2064 # the name as it is now
	trap "rm -f '$log'" EXIT
	[[ -z $source_option ]] || export RIG_SOURCE=$source_option
	# Without a kernel all of them are skipped.
	(prepare functional) || exit
	[[ ${#programs[@]} -gt 0 ]] || own_programs
	while read -r name on words <&3; do
		[[ $name =~ ^[a-z] ]] || continue
		known+=("$name")
		[[ $# -eq 0 ]] || among "$*" "$name" || continue
		begun=$SECONDS
		status=0
		# shellcheck disable=SC2086 # words
		run_test "$on" $words >"$log" 2>&1 || status=$?
		case $status in
		0) passed=$((passed + 1)) ;;
		"$EXIT_SKIPPED") skipped=$((skipped + 1)) ;;
		*) failed=$((failed + 1)) ;;
		esac
		case $status in
		0) printf 'ok      %-16s %s s\n' "$name" $((SECONDS - begun)) ;;
		"$EXIT_SKIPPED") printf 'skipped %-16s %s\n' "$name" "$(tail -n 1 "$log")" ;;
		*)
			printf 'FAILED  %-16s status %s\n' "$name" "$status"
			sed 's/^/        /' "$log"
			;;
		esac
	done 3<"$here/tests.list"
	for name in "$@"; do
		among "${known[*]}" "$name" || give_up "no test \"$name\" in tests.list"
	done
	printf 'rig: %s passed, %s failed, %s skipped\n' $passed $failed $skipped
	[[ $failed -eq 0 ]] || exit $EXIT_FAILED
	[[ $passed -gt 0 ]] || exit $EXIT_SKIPPED
	exit 0
}
