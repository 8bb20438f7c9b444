# SPDX-License-Identifier: MIT
# The target "dist": the release's tarball, made from what is committed.
find_program(GIT git)
if(GIT AND EXISTS ${PROJECT_SOURCE_DIR}/.git)
	set(name libaccel-${PROJECT_VERSION})
	# Nothing in it depends on when or where it was made.
	add_custom_target(dist VERBATIM
		COMMAND ${GIT} -c tar.tar.gz.command=gzip\ -9n archive --format=tar.gz
			--prefix=${name}/ --output=${PROJECT_BINARY_DIR}/${name}.tar.gz HEAD
		COMMAND ${CMAKE_COMMAND} -E echo "${PROJECT_BINARY_DIR}/${name}.tar.gz"
		WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
endif()
