# SPDX-License-Identifier: GPL-2.0
# Tests of the rig itself: what it promises, and what it says when it cannot. Each function is
# a line of tests.list.

self=$(mktemp -d "${TMPDIR:-/tmp}/rig-self.XXXXXX")
trap 'rm -rf "$self"' EXIT
bad=0

wrong()
{
	echo "wrong: $*"
	bad=1
}

# The rig's status for the words after it is the first one; its outputs are kept.
expect()
{
	local want=$1 got=0
	shift
	"$here/rig" "$@" >"$self/out" 2>"$self/err" || got=$?
	[[ $got -eq $want ]] || {
		wrong "rig $*: status $got, not $want"
		cat "$self/out" "$self/err"
	}
}

# Refused with one sentence that says this.
expect_refusal()
{
	local want=$1 text=$2
	shift 2
	expect "$want" "$@"
	[[ $(grep -c . "$self/err") -eq 1 ]] || wrong "rig $*: not one line: $(cat "$self/err")"
	grep -q -- "$text" "$self/err" || wrong "rig $*: says \"$(cat "$self/err")\", not $text"
}

self_statuses()
{
	expect 0 run -- true
	expect 7 run -- sh -c 'exit 7'
	expect 1 run -- sh -c 'exit 2'
	expect 1 run -- sh -c 'exit 120'
	expect 77 run -- sh -c 'exit 77'
	expect 143 run -- sh -c 'kill -TERM $$'
	expect 127 run -- no-such-command
	expect 124 run --timeout 2 -- sleep 1000
	expect 0 run --kernel timetravel --timeout 20 -- sleep 1000
	expect 121 run --broken oops -- true
	expect 2 run
	expect 2 run --kernel new -- true
	expect 2 run --devices u65,u66 -- true
	expect 2 run --fault u65:melt -- true
	return $bad
}

self_outputs()
{
	expect 0 run -- sh -c 'echo out; echo err >&2; echo kernel > /dev/kmsg'
	[[ $(cat "$self/out") == out ]] || wrong "output: $(cat "$self/out")"
	[[ $(cat "$self/err") == err ]] || wrong "errors: $(cat "$self/err")"
	# Every byte of more than any buffer holds, none of them changed by a terminal.
	expect 0 run -- sh -c 'i=0; while [ $i -lt 300 ]; do head -c 4096 /bin/sh; i=$((i+1)); done'
	i=0
	while [[ $i -lt 300 ]]; do
		head -c 4096 /bin/sh
		i=$((i + 1))
	done | cmp -s - "$self/out" || wrong "1.2 MB of output are not what was written"
	expect 0 run --env RIG_TEST='a b' -- sh -c 'echo "$RIG_TEST $1"' - 'c  d'
	[[ $(cat "$self/out") == "a b c  d" ]] || wrong "words and environment: $(cat "$self/out")"
	return $bad
}

self_reports()
{
	expect 120 run --broken warning -- true
	grep -q 'WARNING: .*broken_init' "$self/err" || wrong "the report is not shown"
	# The status of the command does not hide it.
	expect 120 run --broken warning -- false
	echo '^WARNING: .*broken_init' >"$self/allow"
	expect 0 run --broken warning --allow "$self/allow" -- true
	echo 'something else' >"$self/allow"
	expect 120 run --broken warning --allow "$self/allow" -- true
	# A command may look at the kernel's log and print it.
	expect 0 run --console "$self/console" -- echo 'WARNING: not from the kernel'
	grep -q 'Ethos-U NPU' "$self/console" || wrong "no console kept"
	return $bad
}

self_sanitizers()
{
	expect 120 run --kernel kasan --broken use-after-free -- true
	grep -q 'KASAN: .*use-after-free in broken_init' "$self/err" || wrong "not KASAN's report"
	expect 120 run --kernel lockdep --broken lock-order -- true
	grep -q 'possible circular locking' "$self/err" || wrong "not lockdep's report"
	expect 0 run --broken lock-order -- true
	return $bad
}

self_view()
{
	# The guest's root is its own, and of the host's it can write nothing but the results.
	expect 0 run -- sh -c 'touch /x /etc/x /tmp/x'
	expect 0 run -- sh -c '! touch /usr/rig-x && ! touch "$PWD/rig-x"'
	[[ ! -e $PWD/rig-x && ! -e /usr/rig-x ]] || wrong "the guest wrote to the host"
	# Homes are empty, but for what leads to the tree.
	expect 0 run -- sh -c 'test -x "$0/rig" || exit
		cd /root && [ -z "$(find . ! -path . -prune ! -path "./${1%%/*}")" ] || exit
		[ ! -e /home ] || [ "${0#/home/}" != "$0" ]' "$here" "${here#/root/}"
	# Even started by root it runs as somebody else.
	expect 0 run -- sh -c 'touch /results/x && stat -c %u /results/x'
	[[ $(cat "$self/out") != 0 ]] || wrong "the guest's host process is root's"
	# A tree below a directory that only its owner may enter is shown all the same.
	mkdir -p "$self/closed/tree"
	echo seen >"$self/closed/tree/file"
	chmod 700 "$self/closed"
	cd "$self/closed/tree"
	expect 0 run -- cat file
	[[ $(cat "$self/out") == seen ]] || wrong "a closed tree is not shown"
	return $bad
}

# The guest's root may mount and remount what it likes: on the host it changes nothing for that,
# not even what its host user may change.
self_confined()
{
	local dir=$self/open
	prepare functional
	"$init/confine" || { echo "this host has no Landlock"; return $EXIT_SKIPPED; }
	mkdir "$dir"
	echo kept >"$dir/file"
	chmod 755 "$self"
	chmod 777 "$dir"
	chmod 666 "$dir/file"
	expect 0 run --tree "$dir" -- sh -xc '
		mount -o remount,rw "$0" && mkdir /tmp/host && mount -t hostfs -o / none /tmp/host
		for at in "$0" "/tmp/host$0"; do
			cd "$at" && test "$(cat file)" = kept && test -w file || exit 9
			! (echo bad >>file) && ! (: >file) && ! touch new && ! mkdir new &&
				! rm file && ! mv file other && ! ln file other &&
				! ln -s file other && ! mkfifo other || exit 8
		done
		! touch /tmp/host/tmp/rig-x' "$dir"
	[[ $(ls -A "$dir") == file && $(cat "$dir/file") == kept ]] ||
		wrong "the guest wrote to the host"
	[[ ! -e /tmp/rig-x ]] || wrong "the guest wrote to the host's /tmp"
	return $bad
}

self_results()
{
	expect 3 run --results "$self/kept" -- sh -c 'mkdir /results/d; echo data >/results/d/f; exit 3'
	[[ $(cat "$self/kept/d/f") == data ]] || wrong "the results are not kept"
	return $bad
}

# The guest dies with the rig, however that ends.
self_death()
{
	local signal pid guest
	for signal in TERM HUP KILL; do
		# In a session of its own, as from a terminal that is gone.
		setsid "$here/rig" run --env "RIG_TEST=$self" -- \
			sh -c 'touch /results/up; exec sleep 100000' >/dev/null 2>&1 &
		pid=$!
		guest=''
		until [[ -n $guest && -e ${guest%/control}/results/up ]]; do
			kill -0 $pid 2>/dev/null || { wrong "no guest"; return 1; }
			guest=$(grep -lsFz "RIG_TEST=$self" "${TMPDIR:-/tmp}"/rig.*/control/env || true)
			guest=${guest%/env}
		done
		[[ -n $(guest_of "$guest") ]] || wrong "no process of the guest found"
		kill -$signal $pid
		wait $pid 2>/dev/null || true
		# Killed is not yet gone.
		for _ in $(seq 100); do
			[[ -n $(guest_of "$guest") ]] || break
			sleep 0.1
		done
		[[ -z $(guest_of "$guest") ]] || wrong "a guest outlives SIG$signal"
		guest=${guest%/control}
		rm -rf "$guest" "${RIG_MEMORY_DIR:-/dev/shm}/${guest##*/}"
	done
	return $bad
}

# The processes that run a kernel with this directory of control files.
guest_of()
{
	grep -lsz "^rig=$1\$" /proc/[0-9]*/cmdline || true
}

# Each kind does what it is named for, on the job it was meant for.
self_faults()
{
	local t=(run --kernel timetravel "${options[@]}" --env "PATH=$path/usr/bin:/bin")
	expect 0 "${t[@]}" -- raw-ethosu 1d
	expect 1 "${t[@]}" --fault u65:hang -- raw-ethosu 1d
	expect 1 "${t[@]}" --fault u65:hang@1x1 -- raw-ethosu 1d
	expect 0 "${t[@]}" --fault u65:hang@3 -- raw-ethosu 1d
	expect 1 "${t[@]}" --fault u65:hang@3 -- raw-ethosu many
	expect 1 "${t[@]}" --fault rocket:hang -- raw-rocket two-tasks
	expect 0 "${t[@]}" --fault rocket:slow=1000 -- raw-rocket two-tasks
	expect 1 "${t[@]}" --fault rocket:lost -- raw-rocket two-tasks
	expect 1 "${t[@]}" --fault rocket:bus -- raw-rocket two-tasks
	expect 1 "${t[@]}" --fault qaic:hang -- raw-qaic through
	expect 1 "${t[@]}" --fault qaic:bus -- raw-qaic through
	expect 1 "${t[@]}" --fault qaic:lost@2x1 -- raw-qaic through
	expect 1 "${t[@]}" --fault qaic:ssr=1000@1x1 -- raw-qaic through
	expect 1 "${t[@]}" --fault qaic:crash=1000@1x1 -- raw-qaic through
	expect 0 "${t[@]}" --fault qaic:slow=1000 -- raw-qaic through
	# Control messages are counted for themselves, and the first two are the boot's.
	expect 1 "${t[@]}" --fault qaic:nack=5@3x1 -- raw-qaic through
	expect 1 "${t[@]}" --fault qaic:crc@3x1 -- raw-qaic through
	expect 1 "${t[@]}" --fault qaic:mute@3x1 -- raw-qaic through
	expect 0 "${t[@]}" --fault qaic:mute@9x1 -- raw-qaic through
	expect 0 "${t[@]}" --fault ivpu:slow=1000 -- raw-ivpu works
	expect 1 "${t[@]}" --fault ivpu:status=7@1x1 -- raw-ivpu works
	expect 1 "${t[@]}" --fault ivpu:mmu@1x1 -- raw-ivpu works
	expect 1 "${t[@]}" --fault ivpu:hang@1x1 -- raw-ivpu works
	expect 1 "${t[@]}" --fault ivpu:bus@1x1 -- raw-ivpu works
	expect 1 "${t[@]}" --fault ivpu:heart=9000000@1x1 -- raw-ivpu works
	expect 1 "${t[@]}" --fault ivpu:lost@1x1 -- raw-ivpu works
	expect 1 "${t[@]}" --fault ivpu:link=1000@1x1 -- raw-ivpu works
	expect 0 "${t[@]}" --fault ivpu:hang@2 -- raw-ivpu works
	# In a running guest, by way of debugfs.
	expect 1 "${t[@]}" -- sh -c \
		'echo hang >/sys/kernel/debug/rig/u65/fault; exec raw-ethosu 1d'
	expect 0 "${t[@]}" --fault u65:hang -- sh -c \
		'echo clear >/sys/kernel/debug/rig/u65/fault; exec raw-ethosu 1d'
	expect 1 run -- sh -c 'echo melt >/sys/kernel/debug/rig/u65/fault'
	# Faults that only another device can have.
	expect 1 run -- sh -c 'echo ssr >/sys/kernel/debug/rig/u65/fault'
	expect 0 run -- sh -c 'echo ssr >/sys/kernel/debug/rig/qaic/fault'
	return $bad
}

self_devices()
{
	expect 0 run --devices rocket -- sh -c 'cd /dev/accel && echo *'
	[[ $(cat "$self/out") == accel0 ]] || wrong "nodes: $(cat "$self/out")"
	expect 0 run --devices u85,rocket -- sh -c 'cd /dev/accel && echo *'
	[[ $(cat "$self/out") == "accel0 accel1" ]] || wrong "nodes: $(cat "$self/out")"
	expect 0 run -- sh -c 'cd /dev/accel && echo *'
	[[ $(cat "$self/out") == "accel0 accel1 accel2 accel3 accel4" ]] || wrong "nodes: $(cat "$self/out")"
	# A driver's module takes the parameters that are meant for it.
	expect 0 run --devices ivpu --param intel_vpu.sched_mode=0 --param intel_vpu.dbg_mask=0 -- \
		cat /sys/module/intel_vpu/parameters/sched_mode
	[[ $(cat "$self/out") == 0 ]] || wrong "sched_mode: $(cat "$self/out")"
	expect 2 run --devices ivpu --param sched_mode=0 -- true
	expect 2 run --devices ivpu --param rocket.what=1 -- true
	expect 2 run --devices ivpu --param intel_vpu.sched_mode=low -- true
	# A device whose firmware starts late is there when the command begins.
	expect 0 run -- sh -c ': </dev/accel/accel3'
	expect 0 run --devices qaic -- sh -c ': </dev/accel/accel0'
	# One that is told never to start keeps nobody waiting for ever.
	expect 1 run --kernel timetravel --devices qaic --fault qaic:nack@1 -- \
		sh -c ': </dev/accel/accel0 || exit 1'
	return $bad
}

# A source tree that has a version and nothing else.
tree_of()
{
	mkdir -p "$self/tree-$1.$2/drivers/accel/ethosu" "$self/tree-$1.$2/drivers/accel/rocket"
	printf 'VERSION = %s\nPATCHLEVEL = %s\nSUBLEVEL = 0\nEXTRAVERSION =\nNAME = x\n' "$1" "$2" \
		>"$self/tree-$1.$2/Makefile"
	touch "$self/tree-$1.$2/Kbuild"
	echo "$self/tree-$1.$2"
}

self_source()
{
	local tarball=$self/old.tar.xz
	expect_refusal 2 'is Linux 6.18.0, and the rig needs 6.19 or newer' \
		build --source "$(tree_of 6 18)"
	tar -cJf "$tarball" -C "$self" tree-6.18
	export LIBACCEL_CACHE=$self/cache
	expect 2 build --source "$tarball"
	grep -q 'is Linux 6.18.0' "$self/err" || wrong "tarball: $(cat "$self/err")"
	mkdir "$self/empty"
	expect_refusal 2 'is no Linux source tree' build --source "$self/empty"
	expect_refusal 2 'no source at' build --source "$self/nowhere"
	rmdir "$(tree_of 7 3)/drivers/accel/rocket"
	expect_refusal 2 'has no drivers/accel/rocket' build --source "$self/tree-7.3"
	touch "$(tree_of 7 3)/.config"
	expect_refusal 2 'needs it clean' build --source "$self/tree-7.3"
	return $bad
}

# A changed byte of a driver is seen.
self_proof()
{
	source_tree=$self/tree source_manifest=$self/manifest
	mkdir -p "$source_tree/drivers/accel"
	echo driver >"$source_tree/drivers/accel/driver.c"
	(cd "$source_tree" && sha256sum drivers/accel/driver.c) >"$source_manifest"
	(prove_source) >/dev/null 2>&1 || wrong "a true source is not taken for true"
	echo Driver >"$source_tree/drivers/accel/driver.c"
	! (prove_source) >/dev/null 2>&1 || wrong "a changed driver is not seen"
	rm "$source_tree/drivers/accel/driver.c"
	! (prove_source) >/dev/null 2>&1 || wrong "a missing driver is not seen"
	# The same of the copy that the ivpu driver is built from.
	mkdir -p "$source_tree/drivers/accel/ivpu" "$self/copy"
	echo driver | tee "$self/copy/driver.c" >"$source_tree/drivers/accel/ivpu/driver.c"
	(cd "$source_tree" && sha256sum drivers/accel/ivpu/driver.c) >"$source_manifest"
	(prove_ivpu "$self/copy") >/dev/null 2>&1 || wrong "a true copy is not taken for true"
	echo Driver >"$self/copy/driver.c"
	! (prove_ivpu "$self/copy") >/dev/null 2>&1 || wrong "a changed copy is not seen"
	return $bad
}

self_fixes()
{
	local count
	expect 0 fixes
	count=$(find "$here/fixes" -name '*.fix' | wc -l)
	[[ $(grep -c '^Subject: ' "$self/out") -eq $count ]] || wrong "not $count fixes printed"
	[[ $(grep -c '^---$' "$self/out") -eq $count ]] || wrong "a fix has no end of its text"
	grep -q '^+++ b/drivers/accel/' "$self/out" || wrong "fixes are no patches"
	# Modules that were not built with the kernel say so.
	expect 0 run --fixes -- grep -q O /sys/module/rocket/taint
	expect 1 run -- grep -q O /sys/module/rocket/taint

	# Each part goes to its file, and a place that is not found is no small matter.
	here=$self source_tree=$self/tree
	mkdir -p "$self/fixes" "$source_tree/drivers/accel/x"
	printf 'one\ntwo\n' >"$source_tree/drivers/accel/x/a.c"
	echo three >"$source_tree/drivers/accel/x/b.c"
	printf 'Subject: x\n\n---\n=== drivers/accel/x/b.c\n/three/d\n' >"$self/fixes/1.fix"
	printf '=== drivers/accel/x/a.c\n/one/a\nhalf\n.\n' >>"$self/fixes/1.fix"
	copy_drivers "$self/copy"
	apply_fix "$self/copy" "$self/fixes/1.fix" || wrong "a fix is refused"
	[[ $(tr '\n' ' ' <"$self/copy/drivers/accel/x/a.c") == "one half two " ]] ||
		wrong "a fix made: $(cat "$self/copy/drivers/accel/x/a.c")"
	[[ ! -s $self/copy/drivers/accel/x/b.c ]] || wrong "a second file is not changed"
	[[ $(wc -l <"$source_tree/drivers/accel/x/a.c") -eq 2 ]] || wrong "the source is changed"
	! apply_fix "$self/copy" "$self/fixes/1.fix" || wrong "a fix for another driver is taken"
	return $bad
}

# A PATH with all programs but the named one.
path_without()
{
	local dir=$self/without-$1
	mkdir -p "$dir"
	ln -sf -t "$dir" /bin/* /usr/bin/* /usr/sbin/*
	rm "$dir/$1"
	echo "$dir"
}

# A PATH whose first program of that name is the script on standard input.
path_with()
{
	local dir=$self/with-$1
	mkdir -p "$dir"
	cat >"$dir/$1"
	chmod +x "$dir/$1"
	echo "$dir:$PATH"
}

self_shortages()
{
	# Nothing cached and nothing to be had.
	unset RIG_SOURCE
	export LIBACCEL_CACHE=$self/cache
	PATH=$(echo 'exit 100' | path_with apt-get) \
		expect_refusal 77 'skipped: no kernel source cached' run -- true
	PATH=$(path_without apt-get) expect_refusal 77 'skipped: no kernel source' run -- true
	# No place to keep anything.
	touch "$self/file"
	LIBACCEL_CACHE=$self/file/cache expect_refusal 2 'cannot write to the cache' run -- true
	# No compiler, no space.
	(
		PATH=$(path_without flex) expect_refusal 2 'without flex' build --source "$(tree_of 7 3)"
		PATH=$(path_without gcc) expect_refusal 2 'without gcc' build --source "$(tree_of 7 3)"
		PATH=$(printf '#!/bin/sh\necho; echo x 1 1 99 1 x\n' | path_with df) \
			expect_refusal 2 'no disk space' build --source "$(tree_of 7 3)"
		exit $bad
	) || bad=1
	unset LIBACCEL_CACHE
	# No memory for the guest.
	RIG_MEMORY_DIR=$self/nowhere expect_refusal 2 "memory needs $self/nowhere" run -- true
	PATH=$(printf '#!/bin/sh\necho; echo x 1 1 99 1 x\n' | path_with df) \
		expect_refusal 2 'memory needs 512 MiB' run -- true
	return $bad
}

self_at_once()
{
	local n pids=()
	for n in 1 2 3 4; do
		"$here/rig" run -- sh -c "sleep 0.2; exit 4$n" >/dev/null 2>&1 &
		pids+=($!)
	done
	for n in 1 2 3 4; do
		local status=0
		wait "${pids[$((n - 1))]}" || status=$?
		[[ $status -eq 4$n ]] || wrong "run $n: status $status"
	done
	return $bad
}
