# SPDX-License-Identifier: MIT
# accel_add_man(page...)
#
# Pages of the manual, and for each further name in a page's NAME a page that refers to it.
# Without installing: man -M BUILD/man accel_open.
function(accel_add_man)
	foreach(page ${ARGV})
		get_filename_component(own ${page} NAME_WLE)
		get_filename_component(section ${page} LAST_EXT)
		string(SUBSTRING ${section} 1 -1 section)
		set(dir ${PROJECT_BINARY_DIR}/man/man${section})
		configure_file(${page} ${dir}/${own}.${section} COPYONLY)
		set(files ${dir}/${own}.${section})

		file(STRINGS ${page} lines REGEX "^\\.Nm [a-z0-9_-]+")
		foreach(line ${lines})
			string(REGEX REPLACE "^\\.Nm ([a-z0-9_-]+).*" "\\1" name "${line}")
			if(NOT name STREQUAL own)
				file(CONFIGURE OUTPUT ${dir}/${name}.${section}
					CONTENT ".so man${section}/${own}.${section}\n")
				list(APPEND files ${dir}/${name}.${section})
			endif()
		endforeach()
		install(FILES ${files} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
	endforeach()
endfunction()
