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

# accel_add_provider(NAME source... [LIBS library...] [ALIASES driver...])
#
# Builds NAME.so, which exports nothing but its descriptor, and installs it where
# the library looks for it. ALIASES are the names of further kernel drivers that it
# serves; each becomes a link. Headers in include/accel/, if there are any, are the
# driver's public ones: all targets that use the library see them as <accel/...>,
# and they are installed.
function(accel_add_provider NAME)
	cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "LIBS;ALIASES")
	set(map ${CMAKE_CURRENT_BINARY_DIR}/${NAME}.map)
	file(CONFIGURE OUTPUT ${map}
		CONTENT "{ global: accel_provider_@ACCEL_PRIVATE_ABI@; local: *; };\n" @ONLY)

	add_library(provider-${NAME} MODULE ${arg_UNPARSED_ARGUMENTS})
	target_include_directories(provider-${NAME} PRIVATE ${PROJECT_SOURCE_DIR}/libaccel)
	target_link_libraries(provider-${NAME} PRIVATE accel ${arg_LIBS})
	target_link_options(provider-${NAME} PRIVATE -Wl,--version-script=${map}
		${ACCEL_NO_UNDEFINED})
	set_target_properties(provider-${NAME} PROPERTIES
		PREFIX "" OUTPUT_NAME ${NAME} LINK_DEPENDS ${map}
		SKIP_BUILD_RPATH ON # who loads it has the library loaded
		LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib/${ACCEL_PROVIDER_DIR})
	install(TARGETS provider-${NAME} DESTINATION ${CMAKE_INSTALL_LIBDIR}/${ACCEL_PROVIDER_DIR})

	foreach(alias ${arg_ALIASES})
		set(link ${PROJECT_BINARY_DIR}/lib/${ACCEL_PROVIDER_DIR}/${alias}.so)
		add_custom_command(TARGET provider-${NAME} POST_BUILD VERBATIM
			COMMAND ${CMAKE_COMMAND} -E create_symlink ${NAME}.so ${link})
		install(FILES ${link} DESTINATION ${CMAKE_INSTALL_LIBDIR}/${ACCEL_PROVIDER_DIR})
	endforeach()

	if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/include/accel)
		target_include_directories(accel_headers INTERFACE
			${CMAKE_CURRENT_SOURCE_DIR}/include)
		install(DIRECTORY include/accel DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
			FILES_MATCHING PATTERN "*.h")
	endif()
endfunction()
