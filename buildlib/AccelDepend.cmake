# SPDX-License-Identifier: MIT
# What the build needs of other projects: found, or named by the packages that have it.
find_package(PkgConfig)
if(NOT PkgConfig_FOUND)
	message(FATAL_ERROR "pkg-config is missing. Debian: pkgconf. Fedora: pkgconf-pkg-config.")
endif()

# accel_need(PREFIX MODULE DEBIAN FEDORA): a module of pkg-config that there is no building without.
# Gives the target PkgConfig::PREFIX.
macro(accel_need PREFIX MODULE DEBIAN FEDORA)
	pkg_check_modules(${PREFIX} IMPORTED_TARGET ${MODULE})
	if(NOT ${PREFIX}_FOUND)
		message(FATAL_ERROR "${MODULE} is missing. Debian: ${DEBIAN}. Fedora: ${FEDORA}.")
	endif()
endmacro()

# accel_need_python(): the interpreter, for the tests. Gives Python3_EXECUTABLE: the distribution's,
# whose packages the tests want (NumPy), and not another that comes first in PATH.
macro(accel_need_python)
	if(NOT Python3_EXECUTABLE AND EXISTS /usr/bin/python3)
		set(Python3_EXECUTABLE /usr/bin/python3)
	endif()
	find_package(Python3 COMPONENTS Interpreter)
	if(NOT Python3_FOUND)
		message(FATAL_ERROR "Python 3 is missing. Debian: python3. Fedora: python3.")
	endif()
endmacro()

# accel_left_out(WHAT DEBIAN FEDORA): a line of the summary.
function(accel_left_out WHAT DEBIAN FEDORA)
	set_property(GLOBAL APPEND_STRING PROPERTY accel_left_out
		"  ${WHAT} (Debian: ${DEBIAN}, Fedora: ${FEDORA})\n")
endfunction()

# accel_summary(): what is left out of this build, and which packages would bring it.
function(accel_summary)
	get_property(left_out GLOBAL PROPERTY accel_left_out)
	if(left_out)
		message(STATUS "Left out of this build:\n${left_out}")
	endif()
endfunction()
