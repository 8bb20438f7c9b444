# SPDX-License-Identifier: MIT
# The target "dist": the release's tarball, made from what is committed. Where nothing can be
# committed it says so.
find_program(GIT git)
set(name libaccel-${PROJECT_VERSION})
if(NOT EXISTS ${PROJECT_SOURCE_DIR}/.git)
	set(reason "this tree is no checkout of git, as an unpacked tarball is none")
elseif(NOT GIT)
	set(reason "git is not installed (Debian: git, Fedora: git)")
else()
	set(reason "")
endif()
if(reason)
	add_custom_target(dist VERBATIM
		COMMAND ${CMAKE_COMMAND} -E echo
			"no ${name}.tar.gz: it is made of what is committed, and ${reason}"
		COMMAND ${CMAKE_COMMAND} -E false)
else()
	# Nothing in it depends on when or where it was made.
	add_custom_target(dist VERBATIM
		COMMAND ${GIT} -c tar.tar.gz.command=gzip\ -9n archive --format=tar.gz
			--prefix=${name}/ --output=${PROJECT_BINARY_DIR}/${name}.tar.gz HEAD
		COMMAND ${CMAKE_COMMAND} -E echo "${PROJECT_BINARY_DIR}/${name}.tar.gz"
		WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
endif()
