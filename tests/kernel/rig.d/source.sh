# SPDX-License-Identifier: GPL-2.0
# Where the kernel's source comes from: Debian's own package, or what --source names; and the
# proof that what is built is what came.

readonly WANTED_SUITE=trixie-backports WANTED_PACKAGE=linux-source-7.3
readonly OLDEST_VERSION=6 OLDEST_PATCHLEVEL=19

# What the drivers under test and all that they stand on are made of.
readonly PROVEN_PATHS="drivers/accel drivers/gpu/drm/scheduler drivers/gpu/drm/vgem
	drivers/gpu/drm/drm_*.c drivers/bus/mhi drivers/pci drivers/dma-buf drivers/iommu
	include/drm include/linux/mhi.h include/uapi/drm lib/logic_iomem.c arch/um"

hash_of()
{
	sha256sum | cut -c 1-16
}

# Of a source: its manifest of these very paths.
manifest_of()
{
	echo "$cache/source/$1/manifest-$(echo "$PROVEN_PATHS" | hash_of)"
}

# The makefile's version, "7.3.4"; nothing if this is no kernel tree.
tree_version()
{
	[[ -f $1/Makefile && -f $1/Kbuild ]] || return 0
	awk '$2 == "=" && /^(VERSION|PATCHLEVEL|SUBLEVEL) / { v = v sep $3; sep = "." }
	     /^NAME/ { exit } END { print v }' "$1/Makefile"
}

check_version()
{
	local version=$1 what=$2 major rest
	[[ $version =~ ^[0-9]+\.[0-9]+ ]] || give_up "$what is no Linux source tree"
	major=${version%%.*} rest=${version#*.}
	((major > OLDEST_VERSION || (major == OLDEST_VERSION && ${rest%%.*} >= OLDEST_PATCHLEVEL))) ||
		give_up "$what is Linux $version, and the rig needs" \
			"$OLDEST_VERSION.$OLDEST_PATCHLEVEL or newer"
}

check_drivers()
{
	local driver
	for driver in ethosu rocket; do
		[[ -d $1/drivers/accel/$driver ]] || give_up "$2 has no drivers/accel/$driver"
	done
}

# apt with lists, cache and sources of its own; nothing of the machine's is touched.
private_apt()
{
	APT_CONFIG=$apt/apt.conf "$@"
}

# Point the private apt at one archive and read its list; fails if the archive lacks the suite.
private_apt_use()
{
	local key option=''
	for key in /usr/share/keyrings/debian-archive-keyring.{pgp,gpg}; do
		[[ ! -f $key ]] || option="[signed-by=$key] "
	done
	mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
	echo "deb $option$1 $WANTED_SUITE main" >"$apt/sources.list"
	cat >"$apt/apt.conf" <<-END
		Dir::Etc::SourceList "$apt/sources.list";
		Dir::Etc::SourceParts "-";
		Dir::State "$apt";
		Dir::State::Lists "$apt/lists";
		Dir::State::Status "/dev/null";
		Dir::Cache "$apt/cache";
		APT::Sandbox::User "";
		Acquire::Languages "none";
		Acquire::Retries "1";
	END
	private_apt apt-get update -qq --error-on=any >"$apt/log" 2>&1
}

# The wanted package, or the newest of its kind that the list has; nothing if there is none.
choose_package()
{
	private_apt apt-cache pkgnames linux-source- 2>/dev/null |
		grep -E '^linux-source-[0-9]+\.[0-9]+$' | sort -V |
		awk -v wanted="$WANTED_PACKAGE" '{ last = $0 } $0 == wanted { hit = $0 }
			END { print hit ? hit : last }'
}

# What the tarball $1 has at the proven paths, as the manifest $2.
take_manifest()
{
	local paths=() path
	for path in $PROVEN_PATHS; do
		paths+=("*/$path")
	done
	# shellcheck disable=SC2016 # expanded by tar's shell
	tar -xf "$1" --wildcards --no-wildcards-match-slash \
		--to-command='printf "%s  %s\n" "$(sha256sum | cut -c 1-64)" "${TAR_FILENAME#*/}"' \
		"${paths[@]}" >"$2.new" 2>/dev/null || [[ -s $2.new ]] || give_up "cannot read $1 again"
	sort -k 2 -o "$2.new" "$2.new"
	mv "$2.new" "$2"
}

# The same of a tree as it lies there.
take_tree_manifest()
{
	# shellcheck disable=SC2086 # patterns to expand
	(cd "$1" && find $PROVEN_PATHS -type f -exec sha256sum {} + || true) >"$2.new" 2>/dev/null
	mv "$2.new" "$2"
}

# Unpack a source tarball as $cache/source/$1 with its manifest.
unpack()
{
	local id=$1 tarball=$2 to=$cache/source/$1 new=$cache/source/$1.new version
	check_space 2600 "the kernel's source"
	rm -rf "$new"
	mkdir -p "$new/tree"
	say "unpacking $(basename "$tarball")"
	tar -xf "$tarball" -C "$new/tree" --strip-components=1 ||
		give_up "cannot unpack $tarball"
	version=$(tree_version "$new/tree")
	check_version "$version" "$tarball"
	check_drivers "$new/tree" "$tarball"
	# The manifest is read from the tarball once more, not from the tree that it is to prove.
	take_manifest "$tarball" "$new/$(basename "$(manifest_of "$id")")"
	echo "$version" >"$new/version"
	rm -rf "$to"
	mv "$new" "$to"
}

# Is anything of the drivers other than it came?
prove_source()
{
	(cd "$source_tree" && sha256sum --check --quiet --strict "$source_manifest" >&2) ||
		give_up "the kernel source in $source_tree is not what it was when it came" \
			"(remove it and build again)"
}

# Sets source_id, and tarball to Debian's own in $apt.
download_debian_source()
{
	local archive package='' version deb
	command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null ||
		skip "no kernel source cached and no apt to fetch Debian's with (--source names another)"
	apt=$cache/apt
	for archive in $("$here/../../buildlib/debian-mirrors"); do
		private_apt_use "$archive" || continue
		package=$(choose_package)
		[[ -z $package ]] || break
	done
	[[ -n $package ]] ||
		skip "no kernel source cached, and no $WANTED_SUITE of Debian within reach of this machine's apt"
	[[ $package == "$WANTED_PACKAGE" ]] ||
		say "$WANTED_SUITE has no $WANTED_PACKAGE any more: taking $package"
	version=$(private_apt apt-cache show --no-all-versions "$package" | sed -n 's/^Version: //p')
	source_id=debian-${package#linux-source-}-$version
	[[ -z ${1:-} || $source_id == "$1" ]] || give_up "the archive has $version now"
	say "fetching $package $version"
	(cd "$apt" && rm -f ./*.deb && private_apt apt-get download -qq "$package" >"$apt/log" 2>&1) ||
		skip "no kernel source cached, and $package cannot be fetched"
	deb=$(echo "$apt"/*.deb)
	rm -rf "$apt/unpacked"
	dpkg-deb -x "$deb" "$apt/unpacked" || give_up "cannot unpack $deb"
	tarball=$(echo "$apt"/unpacked/usr/src/linux-source-*.tar.xz)
}

fetch_debian_source()
{
	local tarball
	check_space 3000 "the kernel's source"
	download_debian_source
	unpack "$source_id" "$tarball"
	rm -rf "$apt"
	mkdir -p "$cache/source/debian"
	echo "$source_id" >"$cache/source/debian/fetched"
}

# A source that was unpacked when other paths were proven: take the manifest from the tarball, or
# if that is out of reach, from the tree as it is.
renew_debian_manifest()
{
	local manifest=$1
	say "more of $source_id is to be proven than when it came"
	if ! (download_debian_source "$source_id" && take_manifest "$tarball" "$manifest"); then
		say "so that is taken as it lies in the cache"
		take_tree_manifest "$cache/source/$source_id/tree" "$manifest"
	fi
	rm -rf "$cache/apt"
}

# Sets source_tree, source_id, source_version, source_manifest. Under the cache's lock.
find_source()
{
	local what=$source_option
	if [[ -z $what ]]; then
		# What is cached serves without a look at the network.
		once "$cache/source/debian/fetched" fetch_debian_source
		source_id=$(cat "$cache/source/debian/fetched")
		once "$(manifest_of "$source_id")" renew_debian_manifest "$(manifest_of "$source_id")"
	elif [[ -d $what ]]; then
		source_tree=$(cd "$what" && pwd -P)
		source_version=$(tree_version "$source_tree")
		check_version "$source_version" "$what"
		check_drivers "$source_tree" "$what"
		[[ ! -e $source_tree/.config && ! -d $source_tree/include/config ]] ||
			give_up "$what has been built in place: the rig needs it clean (make mrproper)"
		source_id=tree-$source_version-$(cd "$source_tree" &&
			find . -path ./.git -prune -o -type f -printf '%P %s %T@\n' | sort | hash_of)
		source_manifest=$(manifest_of "$source_id")
		mkdir -p "$cache/source/$source_id"
		[[ -s $source_manifest ]] || take_tree_manifest "$source_tree" "$source_manifest"
	elif [[ -f $what ]]; then
		source_id=tarball-$(hash_of <"$what")
		once "$cache/source/$source_id/version" unpack "$source_id" "$what"
		once "$(manifest_of "$source_id")" take_manifest "$what" "$(manifest_of "$source_id")"
	else
		give_up "no source at $what"
	fi
	if [[ -z $what || -f $what ]]; then
		source_tree=$cache/source/$source_id/tree
		source_manifest=$(manifest_of "$source_id")
		source_version=$(cat "$cache/source/$source_id/version")
	fi
}
