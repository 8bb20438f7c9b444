# SPDX-License-Identifier: MIT
# What others find an installed libaccel by: pkg-config files and a CMake package.
include(CMakePackageConfigHelpers)

# accel_add_pc(TEMPLATE FILE [NAME word] [PRIVATE words]): install a pkg-config file. It is written
# when it is installed: only then the prefix is known for sure.
function(accel_add_pc TEMPLATE FILE)
	cmake_parse_arguments(PARSE_ARGV 2 arg "" "NAME;PRIVATE" "")
	set(written ${PROJECT_BINARY_DIR}/package/${FILE})
	install(CODE "
		set(name \"${arg_NAME}\")
		set(private \"${arg_PRIVATE}\")
		set(version ${PROJECT_VERSION})
		set(prefix \"\${CMAKE_INSTALL_PREFIX}\")
		set(libdir ${CMAKE_INSTALL_LIBDIR})
		set(includedir ${CMAKE_INSTALL_INCLUDEDIR})
		cmake_path(ABSOLUTE_PATH libdir BASE_DIRECTORY \"\${prefix}\")
		cmake_path(ABSOLUTE_PATH includedir BASE_DIRECTORY \"\${prefix}\")
		configure_file(\"${PROJECT_SOURCE_DIR}/buildlib/package/${TEMPLATE}\"
			\"${written}\" @ONLY)")
	install(FILES ${written} DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endfunction()

# accel_add_package(): after all else. Each library of the project named itself in the global
# property accel_libraries.
function(accel_add_package)
	get_property(libraries GLOBAL PROPERTY accel_libraries)
	get_property(private GLOBAL PROPERTY accel_archive_private)
	accel_add_pc(libaccel.pc.in libaccel.pc PRIVATE "${private}")

	set(to ${CMAKE_INSTALL_LIBDIR}/cmake/accel)
	set(from ${PROJECT_BINARY_DIR}/package)
	set(LIBDIR ${CMAKE_INSTALL_LIBDIR})
	set(INCLUDEDIR ${CMAKE_INSTALL_INCLUDEDIR})
	list(JOIN libraries " " libraries)
	string(REPLACE " " ";" private "${private}")
	configure_package_config_file(${PROJECT_SOURCE_DIR}/buildlib/package/accelConfig.cmake.in
		${from}/accelConfig.cmake INSTALL_DESTINATION ${to} PATH_VARS LIBDIR INCLUDEDIR)
	write_basic_package_version_file(${from}/accelConfigVersion.cmake
		COMPATIBILITY SameMinorVersion)
	install(FILES ${from}/accelConfig.cmake ${from}/accelConfigVersion.cmake DESTINATION ${to})
endfunction()
