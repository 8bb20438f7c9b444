# SPDX-License-Identifier: GPL-2.0
# Building, each thing once for the content it is made from: the kernel, the models, and the
# guest's first process.

readonly DRIVER_MODULES="drivers/gpu/drm/drm_dma_helper drivers/gpu/drm/drm_shmem_helper
	drivers/gpu/drm/scheduler/gpu-sched drivers/accel/ethosu/ethosu
	drivers/accel/rocket/rocket drivers/bus/mhi/host/mhi drivers/accel/qaic/qaic
	drivers/gpu/drm/vgem/vgem"

# At least so many MiB where the cache is?
check_space()
{
	local free
	free=$(df -Pk "$cache" | awk 'NR == 2 { print int($4 / 1024) }')
	((free >= $1)) ||
		give_up "no disk space for $2: $free MiB free in $cache, $1 needed"
}

check_tools()
{
	local tool missing=''
	for tool in gcc ld make flex bison bc xz awk taskset flock; do
		command -v "$tool" >/dev/null || missing+=" $tool"
	done
	[[ -z $missing ]] || give_up "cannot build a kernel without$missing" \
		"(Debian: build-essential flex bison bc xz-utils util-linux)"
	echo 'int main(void) { return 0; }' | gcc -static -x c -o /dev/null - 2>/dev/null ||
		give_up "the C compiler makes no static programs (Debian: build-essential)"
}

# Which files make the variant: time travel is a use of the functional kernel.
variant_of()
{
	case $1 in
	timetravel) echo functional ;;
	*) echo "$1" ;;
	esac
}

run_logged()
{
	local log=$1
	shift
	"$@" >>"$log" 2>&1 </dev/null && return
	tail -n 20 "$log" >&2
	return 1
}

configure_kernel()
{
	local obj=$1 variant=$2 log=$3 line
	{
		run_logged "$log" "${kmake[@]}" O="$obj" allnoconfig &&
			run_logged "$log" "$source_tree/scripts/kconfig/merge_config.sh" -m -O "$obj" \
				"$obj/.config" "$here/config/base.config" "$here/config/$variant.config" &&
			run_logged "$log" "${kmake[@]}" O="$obj" olddefconfig
	} || give_up "cannot configure the $variant kernel"
	# What was asked for and not taken would make another kernel than the file says.
	while read -r line; do
		case $line in
		CONFIG_*=n) ! grep -q "^${line%=n}=" "$obj/.config" ;;
		CONFIG_*) grep -qxF "$line" "$obj/.config" ;;
		esac || give_up "Linux $source_version does not take $line"
	done < <(cat "$here/config/base.config" "$here/config/$variant.config")
}

# Forget kernels of the variant that nobody used for a fortnight.
prune()
{
	find "$cache"/{kernel,models,ivpu,fixed} -mindepth 1 -maxdepth 1 -name "$1-*" \
		! -newermt '14 days ago' -exec rm -rf {} +
}

# In its final place, for a kernel's build directory cannot be moved; the version is written last.
build_kernel()
{
	local variant=$1 obj=$kernel/obj log=$kernel.log module start=$SECONDS
	check_tools
	check_space 1200 "a kernel"
	say "building the $variant kernel, Linux $source_version (log: $log)"
	rm -rf "$kernel"
	mkdir -p "$obj" "$kernel/modules"
	: >"$log"
	kmake=(make -s -C "$source_tree" ARCH=um KBUILD_BUILD_USER=rig KBUILD_BUILD_HOST=rig)
	configure_kernel "$obj" "$variant" "$log"
	run_logged "$log" nice -n 10 "${kmake[@]}" O="$obj" -j"$(nproc)" linux modules ||
		give_up "cannot build the $variant kernel"
	run_logged "$log" "${kmake[@]}" O="$obj" headers || give_up "cannot make the kernel's headers"
	cp "$obj/linux" "$kernel/linux"
	for module in $DRIVER_MODULES; do
		cp "$obj/$module.ko" "$kernel/modules/"
	done
	prove_source
	echo "$source_version" >"$kernel/version"
	prune "$variant"
	say "built in $((SECONDS - start)) s"
}

build_models()
{
	local new=$models.new log=$models.log
	check_tools
	say "building the device models"
	rm -rf "$new"
	mkdir -p "$new/src"
	cp "$here"/models/* "$new/src/"
	: >"$log"
	run_logged "$log" make -s -C "$source_tree" ARCH=um O="$kernel/obj" M="$new/src" modules ||
		give_up "cannot build the device models"
	mkdir "$new/modules"
	cp "$new"/src/*.ko "$new/modules/"
	rm -rf "$models" "$new/src"
	mv "$new" "$models"
}

# The ivpu driver is for x86 only: it is built from a copy of its own directory, for the kernel as
# it is, with a header of ours that has what User-Mode Linux lacks.
ivpu_flags=(CONFIG_DRM_ACCEL_IVPU=m KCFLAGS="-include $here/ivpu/uml.h")

build_ivpu()
{
	local new=$ivpu.new log=$ivpu.log
	check_tools
	say "building the ivpu driver"
	rm -rf "$new"
	mkdir -p "$new/guest/intel/vpu"
	: >"$log"
	if cp -R "$source_tree/drivers/accel/ivpu" "$new/src" 2>>"$log" &&
		prove_ivpu "$new/src" &&
		run_logged "$log" nice -n 10 make -s -j"$(nproc)" -C "$source_tree" ARCH=um \
			O="$kernel/obj" M="$new/src" "${ivpu_flags[@]}" modules &&
		run_logged "$log" gcc -O2 -o "$new/firmware" "$here/ivpu/firmware.c"; then
		cp "$new/src/intel_vpu.ko" "$new/guest/"
		"$new/firmware" >"$new/guest/intel/vpu/vpu_37xx_v1.bin"
	else
		say "Linux $source_version has no drivers/accel/ivpu that builds here:" \
			"no ivpu (log: $log)"
	fi
	rm -rf "$ivpu"
	mv "$new" "$ivpu"
}

# Is the copy of the ivpu driver what came?
prove_ivpu()
{
	local listed
	listed=$(grep -E '  drivers/accel/ivpu/[^/]*$' "$source_manifest") &&
		(cd "$1" && sha256sum --check --quiet --strict \
			<(sed 's,drivers/accel/ivpu/,,' <<<"$listed") >&2) ||
		give_up "the copy of the ivpu driver in $1 is not what came (remove it and build again)"
}

build_init()
{
	local new=$init.new
	check_tools
	rm -rf "$new"
	mkdir -p "$new"
	gcc -O2 -static -o "$new/init" "$here/guest/init.c" 2>"$new/log" ||
		give_up "cannot build the guest's first process: $(head -n 1 "$new/log")"
	gcc -O2 -static -o "$new/confine" "$here/guest/confine.c" 2>"$new/log" ||
		give_up "cannot build what confines the guest: $(head -n 1 "$new/log")"
	cat >"$new/list" <<-END
		dir /dev 0755 0 0
		nod /dev/console 0600 0 0 c 5 1
		file /init $new/init 0755 0 0
	END
	"$kernel/obj/usr/gen_init_cpio" "$new/list" >"$new/initrd"
	rm -rf "$init"
	mv "$new" "$init"
}

# Make what is not there yet: unless the file "$1" exists, call the rest, while others who want
# the same wait and then find it.
once()
{
	local done=$1 lock
	shift
	[[ ! -e $done ]] || return 0
	mkdir -p "$cache/locks"
	exec {lock}>"$cache/locks/$(basename "$(dirname "$done")")"
	flock "$lock"
	[[ -e $done ]] || "$@"
	exec {lock}>&-
}

prepare_ivpu()
{
	[[ " $devices " == *" ivpu "* ]] || return 0
	ivpu=$cache/ivpu/$1-$({ basename "$kernel"; cat "$here"/ivpu/*; } | hash_of)
	once "$ivpu/guest" build_ivpu
	touch "$ivpu"
	if [[ ! -f $ivpu/guest/intel_vpu.ko ]]; then
		[[ " $asked " != *" ivpu "* ]] || give_up "no ivpu with Linux $kernel_version"
		devices=${devices/ ivpu/}
	elif [[ $command == build ]]; then
		prove_ivpu "$ivpu/src"
	fi
}

# Have all that a run on this kernel needs. Sets kernel, kernel_version, models, ivpu, init, mode.
prepare()
{
	local variant compiler
	mode=$1
	variant=$(variant_of "$1")
	mkdir -p "$cache"/{source,kernel,models,ivpu,fixed,init} 2>/dev/null ||
		give_up "cannot write to the cache, $cache (LIBACCEL_CACHE names another place)"
	find_source
	compiler=$(gcc --version 2>/dev/null | head -n 1 || true)
	kernel=$cache/kernel/$variant-$({ echo "$source_id $compiler"
		cat "$here/config/base.config" "$here/config/$variant.config"; } | hash_of)
	[[ $command != build || ! -f $kernel/version ]] || prove_source
	once "$kernel/version" build_kernel "$variant"
	kernel_version=$(cat "$kernel/version")
	models=$cache/models/$variant-$({ basename "$kernel"; cat "$here"/models/*; } | hash_of)
	once "$models/modules" build_models
	prepare_ivpu "$variant"
	init=$cache/init/$({ echo "$compiler"; cat "$here"/guest/*.c; } | hash_of)
	once "$init/initrd" build_init
	touch "$kernel" "$models"
}
