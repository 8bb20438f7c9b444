# SPDX-License-Identifier: GPL-2.0
# One guest: what it sees, how it runs, and what became of it.

readonly NOBODY=65534

# A directory that the guest's memory can lie in.
memory_directory()
{
	local dir=${RIG_MEMORY_DIR:-/dev/shm} free
	[[ -d $dir && -w $dir ]] ||
		give_up "the guest's memory needs $dir, which is not there or not writable" \
			"(RIG_MEMORY_DIR names another directory, best a tmpfs)"
	[[ ! ,$(findmnt -nro OPTIONS -T "$dir" 2>/dev/null), == *,noexec,* ]] ||
		give_up "the guest's memory needs $dir without noexec" \
			"(RIG_MEMORY_DIR names another directory, best a tmpfs)"
	free=$(df -Pk "$dir" | awk 'NR == 2 { print int($4 / 1024) }')
	((free >= memory)) ||
		give_up "the guest's memory needs $memory MiB in $dir, which has $free" \
			"(RIG_MEMORY_DIR names another directory, best a tmpfs)"
	echo "$dir"
}

# The processor to stay on: a second one makes each call of the guest ten times slower.
pick_cpu()
{
	local list
	list=$(taskset -cp $$ | sed 's/.*: //' | awk -v RS='[,\n]' -F- \
		'NF { for (i = $1; i <= ($2 == "" ? $1 : $2); i++) print i }')
	# shellcheck disable=SC2086 # a list
	set -- $list
	shift $(($$ % $#))
	echo "$1"
}

# Directories are handed to the guest as open descriptors, not by name: they may lie below one
# that the unprivileged user cannot enter. The guest shows $1 as $2.
show()
{
	local fd
	# What lies in a directory that is shown already needs no second look.
	local seen
	for seen in "${shown[@]}"; do
		[[ $2/ != "$seen"/* ]] || return 0
	done
	case $2 in
	/ | /proc* | /sys* | /dev*) give_up "the guest cannot be shown $2" ;;
	esac
	exec {fd}<"$1" || give_up "cannot read $1"
	shown+=("$2")
	printf '/proc/self/fd/%s/.\t%s\t%s\n' "$fd" "$2" "${3:-ro}" >>"$run/control/mounts"
}

# The build tree, or at least the directory, that a program given by its path belongs to.
home_of()
{
	local dir up
	dir=$(cd "$(dirname "$1")" 2>/dev/null && pwd -P) || return 0
	up=$dir
	while [[ $up != / ]]; do
		[[ ! -f $up/CMakeCache.txt ]] || { echo "$up"; return; }
		up=$(dirname "$up")
	done
	echo "$dir"
}

# What the command finds in its environment: the rig's own, some of ours, and --env last.
write_environment()
{
	local -A values=([HOME]=/tmp [LANG]=C.UTF-8 [TERM]=${TERM:-dumb} [RIG_KERNEL]=$mode
		[PATH]=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)
	local name item
	for name in $(compgen -e); do
		case $name in
		LIBACCEL_CACHE) ;;
		LIBACCEL_* | ACCEL_* | CMOCKA_* | ASAN_* | UBSAN_* | TSAN_* | LSAN_*)
			values[$name]=${!name}
			;;
		esac
	done
	for item in "${environment[@]}"; do
		values[${item%%=*}]=${item#*=}
	done
	for name in "${!values[@]}"; do
		printf '%s=%s\0' "$name" "${values[$name]}"
	done
	# shellcheck disable=SC2046 # two words
	[[ ! -t 0 ]] || printf 'LINES=%s\0COLUMNS=%s\0' $(stty size)
}

# Where the guest finds a driver: with --fixes, the fixed one if there is one.
driver()
{
	if [[ -n $fixed && -e $fixed/modules/$1.ko ]]; then
		echo "/run/fixed/$1.ko"
	elif [[ $1 == intel_vpu ]]; then
		echo "/run/ivpu/$1.ko"
	else
		echo "/run/modules/$1.ko"
	fi
}

# What the guest loads, in order, each with the parameters that it is given.
list_modules()
{
	local file name parameter given
	{
		printf '/run/models/rig_core.ko\tfaults=%s\n' "$faults"
		printf '/run/modules/%s.ko\n' drm_dma_helper drm_shmem_helper gpu-sched
		if [[ " $devices " == *" u65 "* || " $devices " == *" u85 "* ]]; then
			printf '%s\n' /run/models/rig_ethosu.ko "$(driver ethosu)"
		fi
		if [[ " $devices " == *" rocket "* ]]; then
			printf '%s\n' /run/models/rig_rocket.ko "$(driver rocket)"
		fi
		if [[ " $devices " == *" qaic "* || " $devices " == *" ivpu "* ]]; then
			echo /run/models/rig_pci.ko
		fi
		if [[ " $devices " == *" qaic "* ]]; then
			printf '%s\n' /run/models/rig_qaic.ko /run/modules/mhi.ko "$(driver qaic)"
		fi
		if [[ " $devices " == *" ivpu "* ]]; then
			printf '%s\n' /run/models/rig_ivpu.ko "$(driver intel_vpu)"
		fi
		[[ " $devices " != *" example "* ]] || echo /run/models/rig_example.ko
		echo /run/modules/vgem.ko
		[[ -z $broken ]] || printf '/run/models/rig_broken.ko\twhat=%s\n' "$broken"
	} | while IFS=$'\t' read -r file given; do
		name=${file##*/} name=${name%.ko}
		for parameter in "${parameters[@]}"; do
			[[ ${parameter%%.*} != "${name//-/_}" ]] || given+=" ${parameter#*.}"
		done
		printf '%s\t%s\n' "$file" "${given# }"
	done
}

write_control()
{
	local kind=$1 name dir d
	shift
	: >"$run/control/mounts"
	: >"$run/control/links"
	shown=()
	show /usr /usr
	for name in bin sbin lib lib32 lib64 libx32; do
		if [[ -L /$name ]]; then
			printf '%s\t/%s\n' "$(readlink "/$name")" "$name" >>"$run/control/links"
		elif [[ -d /$name ]]; then
			show "/$name" "/$name"
		fi
	done
	[[ ! -d /etc/alternatives ]] || show /etc/alternatives /etc/alternatives
	show "$kernel/modules" /run/modules
	show "$models/modules" /run/models
	[[ -z $fixed ]] || show "$fixed/modules" /run/fixed
	[[ $devices != *ivpu* ]] || show "$ivpu/guest" /run/ivpu
	show "$run/results" /results rw

	for d in "${trees[@]}" "$(cd "$here/../.." && pwd -P)" "$PWD" "$(pwd -P)" \
		 "$([[ $1 != */* ]] || home_of "$1")"; do
		[[ -n $d && $d != / ]] || continue
		dir=$(cd "$d" 2>/dev/null && pwd) || give_up "no directory $d to show"
		show "$dir" "$dir"
	done
	# A directory before those in it.
	sort -t "$(printf '\t')" -k 2 -o "$run/control/mounts" "$run/control/mounts"

	list_modules >"$run/control/modules"
	for d in "${parameters[@]}"; do
		tr - _ <"$run/control/modules" | grep -q "/${d%%.*}[.]ko" ||
			give_up "no module of \"$d\" is loaded"
	done

	printf '%s\0' "$@" >"$run/control/argv"
	write_environment >"$run/control/env"
	printf '%s' "$(pwd)" >"$run/control/cwd"
	printf '%s' "$kind" >"$run/control/mode"
}

write_device_tree()
{
	local d parts=("$here/devices/rig.dtsi")
	for d in $devices; do
		# PCI devices are in no device tree.
		[[ ! -f $here/devices/$d.dtsi ]] || parts+=("$here/devices/$d.dtsi")
	done
	cat "${parts[@]}" >"$run/tree.dts"
	"$kernel/obj/scripts/dtc/dtc" -q -I dts -O dtb -o "$run/tree.dtb" "$run/tree.dts" ||
		give_up "cannot compile the device tree"
}

clean_up()
{
	[[ -z ${guest_pid:-} ]] || kill -KILL "$guest_pid" 2>/dev/null || true
	[[ -z ${terminal:-} ]] || stty "$terminal" || true
	[[ -z ${run:-} ]] || rm -rf "$run" 2>/dev/null || rm -rf "$run"
	[[ -z ${memory_dir:-} ]] || rm -rf "$memory_dir"
}

# Start the kernel in the background; sets guest_pid. Descriptors 6 to 9 of it are the console,
# the command's two outputs, and the line about its end.
start_guest()
{
	local kind=$1 as=() on=() memory_in kernel_fd init_fd in_fd out_fd arguments
	memory_in=$(memory_directory)
	mkdir "$memory_in/${run##*/}" || give_up "cannot write to $memory_in"
	memory_dir=$memory_in/${run##*/}
	[[ $EUID -ne 0 ]] || chown "$NOBODY:$NOBODY" "$memory_dir"
	exec {kernel_fd}<"$kernel" {init_fd}<"$init"
	arguments=(mem="${memory}M" "initrd=/proc/self/fd/$init_fd/initrd" "dtb=$run/tree.dtb"
		"rig=$run/control" "uml_dir=$run/uml/" iommu.passthrough=1 loglevel=7
		firmware_class.path=/run/ivpu
		con=null con0=null,fd:6 ssl=null ssl0=null,fd:7 ssl1=null,fd:8 ssl2=null,fd:9)
	case $mode in
	# Each report, not the first alone.
	kasan) arguments+=(seccomp=on ncpus=2 kasan_multi_shot) ;;
	timetravel) arguments+=(seccomp=on time-travel=inf-cpu) ;;
	*) arguments+=(seccomp=on) ;;
	esac
	[[ $mode == kasan ]] || on=(taskset -c "$(pick_cpu)")
	# Whatever happens to the rig, the guest dies with it.
	as=(setpriv --pdeathsig KILL)
	if [[ $EUID -eq 0 ]]; then
		as+=(--reuid "$NOBODY" --regid "$NOBODY" --clear-groups --no-new-privs
			--inh-caps=-all --bounding-set=-all)
	fi
	# Of the host, the guest changes its own files and no others, whatever it mounts.
	as+=("/proc/self/fd/$init_fd/confine" "$run/results" "$run/uml" "$memory_dir" /dev/null --)
	arguments=("${on[@]}" "${as[@]}" "/proc/self/fd/$kernel_fd/linux" "${arguments[@]}")
	if [[ $kind == shell ]]; then
		terminal=$(stty -g)
		exec {in_fd}<&0 {out_fd}>&1
		HOME=$run TMPDIR=$memory_dir "${arguments[@]}" "con1=fd:$in_fd,fd:$out_fd" \
			6>&"$console" 7>/dev/null 8>/dev/null 9>"$run/status" >&6 2>&6 ||
			guest_status=$?
		return
	fi
	HOME=$run TMPDIR=$memory_dir setpriv --pdeathsig KILL timeout -s KILL "$timeout" \
		"${arguments[@]}" </dev/null 6>&"$console" 7>&"$out" 8>&"$err" 9>"$run/status" \
		>&6 2>&6 &
	guest_pid=$!
	wait "$guest_pid" || guest_status=$?
	guest_pid=''
}

# Run one command in a guest and end with the status that README.md promises.
guest()
{
	local kind=$1 begun reports ended code
	shift
	[[ -z $allow || -r $allow ]] || give_up "cannot read $allow"
	[[ $timeout =~ ^[1-9][0-9]*$ ]] || give_up "timeout \"$timeout\" is no number of seconds"
	[[ $memory =~ ^[1-9][0-9]*$ ]] || give_up "memory \"$memory\" is no number of MiB"
	memory_dir=''
	run=$(mktemp -d "${TMPDIR:-/tmp}/rig.XXXXXX") || give_up "no room for temporary files"
	trap clean_up EXIT
	trap 'exit 130' INT
	trap 'exit 129' HUP
	trap 'exit 143' TERM
	mkdir "$run/control" "$run/results" "$run/uml"
	write_control "$kind" "$@"
	write_device_tree
	: >"$run/status"
	chmod -R a+rX "$run"
	[[ $EUID -ne 0 ]] || chown -R "$NOBODY:$NOBODY" "$run"

	# Through pipes of our own: the guest sets its descriptors non-blocking, which would
	# reach everyone who shares them.
	local console_pid out_pid='' err_pid=''
	exec {console}> >(exec cat >"$run/console")
	console_pid=$!
	exec {out}> >(exec cat)
	out_pid=$!
	exec {err}> >(exec cat >&2)
	err_pid=$!
	guest_status=0
	begun=$SECONDS
	start_guest "$kind"
	exec {console}>&- {out}>&- {err}>&-
	wait "$console_pid" "$out_pid" "$err_pid" 2>/dev/null || true

	[[ -z $console_copy ]] || cp "$run/console" "$console_copy"
	if [[ -n $results ]]; then
		mkdir -p "$results" && cp -R "$run/results/." "$results/" ||
			give_up "cannot copy the results to $results"
	fi
	ended=$(cat "$run/status")
	reports=$(awk -v allow="$allow" -f "$here/rig.d/reports.awk" "$run/console")
	[[ -z $reports ]] || printf '%s\n' "$reports" >&2

	if [[ $guest_status -eq 137 && $((SECONDS - begun)) -ge $timeout ]]; then
		tail -n 20 "$run/console" >&2
		say "timed out after $timeout s"
		exit $EXIT_TIMEOUT
	fi
	case $ended in
	error\ *)
		[[ $guest_status -ne 0 ]] || {
			tail -n 20 "$run/console" >&2
			give_up "the guest could not start: ${ended#error }"
		}
		;;
	esac
	if [[ $guest_status -ne 0 || -z $ended ]]; then
		tail -n 40 "$run/console" >&2
		say "the kernel died (status $guest_status)"
		exit $EXIT_DIED
	fi
	if [[ -n $reports ]]; then
		say "the kernel reported a fault; the command ended with ${ended#exit }"
		exit $EXIT_REPORT
	fi
	case $ended in
	signal\ *)
		say "the command was ended by $ended"
		exit $((128 + ${ended#signal }))
		;;
	esac
	code=${ended#exit }
	case $code in
	"$EXIT_START" | "$EXIT_REPORT" | "$EXIT_DIED" | "$EXIT_TIMEOUT")
		say "the command ended with $code, which is passed on as $EXIT_FAILED"
		exit $EXIT_FAILED
		;;
	esac
	exit "$code"
}
