# SPDX-License-Identifier: MIT
# accel_add_provider(): the module of one kernel driver.

# The number that a library and its providers must agree on.
set(provider_header ${PROJECT_SOURCE_DIR}/libaccel/provider.h)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${provider_header})
file(STRINGS ${provider_header} line REGEX "^#define ACCEL_PRIVATE_ABI [0-9]+$")
if(NOT line)
	message(FATAL_ERROR "${provider_header} has no ACCEL_PRIVATE_ABI")
endif()
string(REGEX REPLACE ".* " "" ACCEL_PRIVATE_ABI "${line}")
set(ACCEL_PROVIDER_DIR libaccel/${ACCEL_PRIVATE_ABI})

# accel_add_provider(NAME source... [LIBS library...] [ALIASES driver...] [MAP file])
#
# Builds NAME.so where the library looks for it, and installs it. It exports nothing but
# its descriptor. ALIASES are the names of further kernel drivers that it serves; each
# becomes a link. Headers in include/accel/, if there are any, are the driver's public
# ones: all targets that use the library see them as <accel/...>, and they are installed.
# So are the pages in man/.
#
# A driver with functions of its own for applications has a MAP: the version script of
# what it exports beside the descriptor. It is then an ordinary shared library,
# libaccel-NAME.so.0 with libaccel-NAME.pc, and NAME.so a link to it.
function(accel_add_provider NAME)
	cmake_parse_arguments(PARSE_ARGV 1 arg "" "MAP" "LIBS;ALIASES")
	set(target provider-${NAME})
	set(directory ${PROJECT_BINARY_DIR}/lib/${ACCEL_PROVIDER_DIR})
	set(install_directory ${CMAKE_INSTALL_LIBDIR}/${ACCEL_PROVIDER_DIR})

	set(kind MODULE)
	set(public "")
	set(node "")
	if(arg_MAP)
		set(kind SHARED)
		set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${arg_MAP})
		file(READ ${arg_MAP} public)
		set(node "LIBACCEL_PROVIDER_${ACCEL_PRIVATE_ABI} ")
	endif()
	set(map ${CMAKE_CURRENT_BINARY_DIR}/${NAME}.map)
	file(CONFIGURE OUTPUT ${map} CONTENT
"@public@@node@{ global: accel_provider_@ACCEL_PRIVATE_ABI@; local: *; };\n" @ONLY)

	add_library(${target} ${kind} ${arg_UNPARSED_ARGUMENTS})
	target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/libaccel)
	target_link_libraries(${target} PRIVATE accel accel_kernel_headers ${arg_LIBS})
	target_link_options(${target} PRIVATE -Wl,--version-script=${map} ${ACCEL_NO_UNDEFINED})
	set_target_properties(${target} PROPERTIES LINK_DEPENDS ${map})

	if(arg_MAP)
		set_target_properties(${target} PROPERTIES OUTPUT_NAME accel-${NAME}
			VERSION ${PROJECT_VERSION} SOVERSION 0)
		install(TARGETS ${target})
		accel_provider_link(${target} ${NAME} ../../libaccel-${NAME}.so.0)
		accel_add_pc(libaccel-provider.pc.in libaccel-${NAME}.pc NAME ${NAME})
		set_property(GLOBAL APPEND PROPERTY accel_libraries ${NAME})
	else()
		set_target_properties(${target} PROPERTIES PREFIX "" OUTPUT_NAME ${NAME}
			SKIP_BUILD_RPATH ON # who loads it has the library loaded
			LIBRARY_OUTPUT_DIRECTORY ${directory})
		install(TARGETS ${target} DESTINATION ${install_directory})
	endif()
	foreach(alias ${arg_ALIASES})
		accel_provider_link(${target} ${alias} ${NAME}.so)
	endforeach()

	set_property(TARGET accel_objects APPEND PROPERTY ACCEL_DRIVERS ${NAME} ${arg_ALIASES})
	accel_archive_provider(${NAME} DRIVERS ${NAME} ${arg_ALIASES}
		SOURCES ${arg_UNPARSED_ARGUMENTS} LIBS ${arg_LIBS})

	if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/include/accel)
		target_include_directories(accel_headers INTERFACE
			${CMAKE_CURRENT_SOURCE_DIR}/include)
		install(DIRECTORY include/accel DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
			FILES_MATCHING PATTERN "*.h")
	endif()
	file(GLOB pages CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/man/*.[37])
	accel_add_man(${pages})
endfunction()

# NAME.so among the providers as a link to @TO, in the build tree and installed.
function(accel_provider_link TARGET NAME TO)
	set(link ${PROJECT_BINARY_DIR}/lib/${ACCEL_PROVIDER_DIR}/${NAME}.so)
	add_custom_command(TARGET ${TARGET} POST_BUILD VERBATIM
		COMMAND ${CMAKE_COMMAND} -E make_directory
			${PROJECT_BINARY_DIR}/lib/${ACCEL_PROVIDER_DIR}
		COMMAND ${CMAKE_COMMAND} -E create_symlink ${TO} ${link})
	install(FILES ${link} DESTINATION ${CMAKE_INSTALL_LIBDIR}/${ACCEL_PROVIDER_DIR})
endfunction()
