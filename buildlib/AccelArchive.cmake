# SPDX-License-Identifier: MIT
# libaccel.a: the library and the chosen providers in one archive, for programs that are to be
# linked statically. It loads nothing at run time.

# accel_archive_provider(NAME DRIVERS driver... SOURCES source... LIBS library...): called for each
# provider; compiles it once more, with a descriptor of its own name, if it was chosen.
function(accel_archive_provider NAME)
	cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "DRIVERS;SOURCES;LIBS")
	if(NOT ENABLE_STATIC OR NOT NAME IN_LIST STATIC_PROVIDERS)
		return()
	endif()
	set(descriptor accel_provider_${ACCEL_PRIVATE_ABI}_${NAME})
	set(target archive-${NAME})
	add_library(${target} OBJECT ${arg_SOURCES})
	target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/libaccel)
	target_link_libraries(${target} PRIVATE accel_headers accel_kernel_headers ${arg_LIBS})
	target_compile_definitions(${target} PRIVATE ACCEL_PROVIDER_SYMBOL=${descriptor})
	set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON)

	set(objects $<TARGET_OBJECTS:${target}>)
	foreach(library ${arg_LIBS})
		if(TARGET ${library})
			get_target_property(type ${library} TYPE)
			if(type STREQUAL OBJECT_LIBRARY)
				list(APPEND objects $<TARGET_OBJECTS:${library}>)
				get_target_property(needs ${library} INTERFACE_LINK_LIBRARIES)
				set_property(GLOBAL APPEND PROPERTY accel_archive_needs ${needs})
			endif()
		endif()
	endforeach()
	set_property(GLOBAL APPEND PROPERTY accel_archive_objects ${objects})
	set_property(GLOBAL APPEND PROPERTY accel_archive_names ${NAME})
	foreach(driver ${arg_DRIVERS})
		set_property(GLOBAL APPEND_STRING PROPERTY accel_archive_entries
			"\t{\"${driver}\", &${descriptor}},\n")
	endforeach()
	set_property(GLOBAL APPEND_STRING PROPERTY accel_archive_declarations
		"extern const struct accel_provider ${descriptor};\n")
endfunction()

# accel_add_archive(): when all providers are known.
function(accel_add_archive)
	get_property(names GLOBAL PROPERTY accel_archive_names)
	foreach(name ${STATIC_PROVIDERS})
		if(NOT name IN_LIST names)
			message(FATAL_ERROR "STATIC_PROVIDERS has \"${name}\", which is no provider")
		endif()
	endforeach()
	get_property(objects GLOBAL PROPERTY accel_archive_objects)
	get_property(declarations GLOBAL PROPERTY accel_archive_declarations)
	get_property(entries GLOBAL PROPERTY accel_archive_entries)
	set(list ${PROJECT_BINARY_DIR}/archive/builtin.c)
	file(CONFIGURE OUTPUT ${list} @ONLY CONTENT
"/* Written by CMake: the providers in libaccel.a. */
#include \"core.h\"

@declarations@
const struct builtin_provider builtin_providers[] = {
@entries@	{NULL, NULL},
};
")
	add_library(archive-list OBJECT ${list})
	target_include_directories(archive-list PRIVATE ${PROJECT_SOURCE_DIR}/libaccel)
	target_link_libraries(archive-list PRIVATE accel_headers)
	set_target_properties(archive-list PROPERTIES POSITION_INDEPENDENT_CODE ON)

	# Linked into one object first, in which nothing is global but the public functions:
	# a program may have an env_get() or a queue_init() of its own.
	set(object ${PROJECT_BINARY_DIR}/archive/accel.o)
	set(archive ${PROJECT_BINARY_DIR}/lib/libaccel.a)
	add_custom_command(OUTPUT ${archive} VERBATIM COMMAND_EXPAND_LISTS
		DEPENDS accel_objects archive-list ${objects} $<TARGET_OBJECTS:accel_objects>
			$<TARGET_OBJECTS:archive-list>
		COMMAND ${CMAKE_C_COMPILER} -r -nostdlib -o ${object}
			"$<FILTER:$<TARGET_OBJECTS:accel_objects>,EXCLUDE,/builtin\\.c\\.>"
			$<TARGET_OBJECTS:archive-list> ${objects}
		COMMAND ${CMAKE_OBJCOPY} --wildcard --keep-global-symbol=!accel_core_*
			--keep-global-symbol=!accel_provider_* --keep-global-symbol=accel_* ${object}
		COMMAND ${CMAKE_COMMAND} -E rm -f ${archive}
		COMMAND ${CMAKE_AR} qcsD ${archive} ${object})
	add_custom_target(accel-archive ALL DEPENDS ${archive})
	install(FILES ${archive} DESTINATION ${CMAKE_INSTALL_LIBDIR})

	# What libaccel.pc says of it.
	get_property(needs GLOBAL PROPERTY accel_archive_needs)
	set(private "")
	foreach(library ${needs})
		if(IS_ABSOLUTE "${library}")
			get_filename_component(name ${library} NAME_WE)
			string(REGEX REPLACE "^lib" "-l" name ${name})
			string(APPEND private " ${name}")
		endif()
	endforeach()
	set_property(GLOBAL PROPERTY accel_archive_private "-pthread -ldl${private}")
endfunction()
