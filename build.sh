#!/bin/bash
# SPDX-License-Identifier: MIT
# The one entry point: installs what is missing, builds, and does what it is told.
set -eu

usage() {
	cat <<-'END'
	usage: build.sh demo            build, then run a checked job on the software device
	       build.sh test [--quick]  build, then run the tests; --quick: without the slow
	                                ones and those on a real kernel
	       build.sh build           build only
	       build.sh clean           remove what was built

	environment: BUILD_DIR   where to build, instead of build/
	             CMAKE_ARGS  options for cmake, such as -DENABLE_SANITIZER=thread
	             CC          the compiler
	END
}

top=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
build=${BUILD_DIR:-build}
cd "$top"

# The packages that are needed; README.md says what for. Debian's names, Fedora's.
build_packages="
	gcc              gcc
	libc6-dev        glibc-devel
	cmake            cmake
	ninja-build      ninja-build
	pkgconf          pkgconf-pkg-config
	libdrm-dev       libdrm-devel
	libdnnl-dev      onednn-devel
	libnl-3-dev      libnl3-devel
	libnl-genl-3-dev libnl3-devel
	libjansson-dev   jansson-devel
	libncurses-dev   ncurses-devel
"
test_packages="
	g++              gcc-c++
	libcmocka-dev    libcmocka-devel
	python3          python3
	python3-pyelftools  python3-pyelftools
	python3-numpy    python3-numpy
	mandoc           mandoc
	python3-jsonschema  python3-jsonschema
	python3-prometheus-client  python3-prometheus_client
	strace           strace
	tmux             tmux
	lowdown          lowdown
"
# To build the kernels of tests/kernel.
kernel_packages="
	make             make
	flex             flex
	bison            bison
	bc               bc
	xz-utils         xz
	ed               ed
"

say() {
	echo "build.sh: $*"
}

die() {
	say "$*" >&2
	exit 1
}

# installed PACKAGE: whether the system's package database has it.
installed() {
	case $packager in
	apt-get) [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ] ;;
	dnf) rpm -q --quiet "$1" ;;
	esac
}

# install_missing TABLE: all packages of TABLE are there after this, or it says why not.
install_missing() {
	local packager missing=() debian fedora name become=() log=$build/install.log

	if command -v dpkg-query >/dev/null && command -v apt-get >/dev/null; then
		packager=apt-get
	elif command -v rpm >/dev/null && command -v dnf >/dev/null; then
		packager=dnf
	else
		say "neither apt nor dnf is here: going on with what is installed"
		return 0
	fi

	while read -r debian fedora; do
		[ -n "$debian" ] || continue
		if [ $packager = dnf ]; then name=$fedora; else name=$debian; fi
		installed "$name" || missing+=("$name")
	done <<<"$1"
	[ ${#missing[@]} -gt 0 ] || return 0

	local command=(apt-get install -y --no-install-recommends "${missing[@]}")
	[ $packager = apt-get ] || command=(dnf install -y "${missing[@]}")
	if [ "$(id -u)" -ne 0 ]; then
		command -v sudo >/dev/null || die "missing packages; as root run: ${command[*]}"
		become=(sudo)
		[ -t 0 ] || become+=(-n)
	fi

	say "installing ${missing[*]}"
	mkdir -p "$build"
	if [ $packager = apt-get ]; then
		become+=(env DEBIAN_FRONTEND=noninteractive)
		# Without this there may be no lists of packages, or old ones. If it fails,
		# the lists that are there may do.
		"${become[@]}" apt-get update >"$log" 2>&1 ||
			say "apt-get update failed: $(grep -m1 '^[EW]:' "$log" || tail -n1 "$log")"
	fi
	if ! "${become[@]}" "${command[@]}" >>"$log" 2>&1 </dev/null; then
		tail -n 15 "$log" >&2
		die "could not install ${missing[*]} (whole log: $log)"
	fi
}

# configure ON|OFF: run cmake, with or without the tests, if that was not done before.
configure() {
	local cache=$build/CMakeCache.txt tests=$1

	if [ -f "$cache" ] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$top" "$cache"; then
		say "$build/ was made for another directory: starting afresh"
		rm -rf "$build"
	fi
	if [ -f "$build/build.ninja" ] || [ -f "$build/Makefile" ]; then
		# Once the tests were asked for they stay.
		! grep -qxF ENABLE_TESTS:BOOL=ON "$cache" || tests=ON
		! grep -qxF "ENABLE_TESTS:BOOL=$tests" "$cache" || [ -n "${CMAKE_ARGS:-}" ] ||
			return 0
	elif [ -z "${CMAKE_GENERATOR:-}" ] && command -v ninja >/dev/null; then
		export CMAKE_GENERATOR=Ninja
	fi
	# shellcheck disable=SC2086 # CMAKE_ARGS is a list of words
	cmake -S . -B "$build" "-DENABLE_TESTS=$tests" ${CMAKE_ARGS:-}
}

build() {
	cmake --build "$build" -j "$(nproc)"
}

# run_tests CTEST_OPTION...: run them all, and end with the totals.
run_tests() {
	local status=0 results tests failed skipped

	results=$(cd "$build" && pwd)/test-results.xml
	rm -f "$results"
	# OpenMP in oneDNN was not built for the thread sanitizer, which does not see how it
	# synchronises.
	export TSAN_OPTIONS=ignore_noninstrumented_modules=1${TSAN_OPTIONS:+:$TSAN_OPTIONS}
	ctest --test-dir "$build" -j "$(nproc)" --output-on-failure --no-tests=error \
		--output-junit "$results" "$@" || status=$?
	# The first element of the file has the counts.
	tests=$(sed -n 's/.*\btests="\([0-9]*\)".*/\1/p;T;q' "$results")
	failed=$(sed -n 's/.*\bfailures="\([0-9]*\)".*/\1/p;T;q' "$results")
	skipped=$(sed -n 's/.*\bskipped="\([0-9]*\)".*/\1/p;T;q' "$results")
	echo
	echo "$((tests - failed - skipped)) passed, $failed failed, $skipped skipped"
	return $status
}

case "${1:-}${2+ $2}${3+ ...}" in
demo)
	install_missing "$build_packages"
	configure OFF
	build
	exec "$build/bin/accel-demo"
	;;
build)
	install_missing "$build_packages"
	configure OFF
	build
	;;
test | "test --quick")
	packages=$build_packages$test_packages
	[ "${2:-}" = --quick ] || [ ! -d tests/kernel ] || packages+=$kernel_packages
	install_missing "$packages"
	configure ON
	build
	if [ "${2:-}" = --quick ]; then
		say "quick: leaving out the slow tests and those on a real kernel"
		run_tests -LE '^(kernel|slow)$'
	else
		run_tests
	fi
	;;
clean)
	# Nothing but what was built: BUILD_DIR may be a slip of the pen.
	if [ -f "$build/CMakeCache.txt" ] || [ -f "$build/install.log" ]; then
		rm -rf "$build"
	fi
	;;
-h | --help | help)
	usage
	;;
*)
	usage >&2
	exit 2
	;;
esac
