# SPDX-License-Identifier: MIT
# Functions for tests. Each test has a label that says of which kind it is: unit,
# fault, conformance, examples, accelctl, checks, kernel; and beside it slow, if it takes more than
# some seconds. `build.sh test --quick` leaves out kernel and slow.
accel_need(CMOCKA cmocka libcmocka-dev libcmocka-devel)
accel_need_python()

# Seconds after which a test hangs for sure, also on a busy machine.
set(ACCEL_TEST_TIMEOUT 300)
if(ENABLE_SANITIZER)
	set(ACCEL_TEST_TIMEOUT 1200)
endif()

# What add_test() puts before each program that is built here.
set(launcher ${CMAKE_CROSSCOMPILING_EMULATOR})
if(ENABLE_VALGRIND)
	set(ACCEL_TEST_TIMEOUT 1200)
	find_program(VALGRIND valgrind)
	if(NOT VALGRIND)
		message(FATAL_ERROR "valgrind is missing. Debian: valgrind. Fedora: valgrind.")
	endif()
	set(launcher ${VALGRIND} -q --error-exitcode=99 --leak-check=full --fair-sched=yes
		--suppressions=${CMAKE_CURRENT_LIST_DIR}/valgrind.supp)
	if(CMAKE_VERSION VERSION_LESS 3.29)
		set(CMAKE_CROSSCOMPILING_EMULATOR ${launcher})
	else()
		set(CMAKE_TEST_LAUNCHER ${launcher})
	endif()
endif()

# Tests of the sources and of what is installed: no tool that watches programs sees more in them.
set(ACCEL_TEST_SOURCES ON)
if(ENABLE_SANITIZER OR ENABLE_VALGRIND)
	set(ACCEL_TEST_SOURCES OFF)
endif()

# accel_add_unit_test(NAME source... [LIBS library...])
#
# A cmocka program, built and registered as a test. Without `accel` in LIBS it is
# linked with the library's objects, so that it can call what is not exported.
function(accel_add_unit_test NAME)
	cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "LIBS")
	if(NOT accel IN_LIST arg_LIBS)
		list(APPEND arg_LIBS accel_static)
	endif()
	add_executable(${NAME} ${arg_UNPARSED_ARGUMENTS})
	target_include_directories(${NAME} PRIVATE ${PROJECT_SOURCE_DIR}/libaccel)
	target_link_libraries(${NAME} PRIVATE ${arg_LIBS} PkgConfig::CMOCKA)
	set_target_properties(${NAME} PROPERTIES
		RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests/bin)
	add_test(NAME ${NAME} COMMAND ${NAME})
	set_tests_properties(${NAME} PROPERTIES LABELS unit TIMEOUT ${ACCEL_TEST_TIMEOUT})
endfunction()

# accel_add_output_test(NAME program regex...)
#
# A test that passes if the program ends well and each regex (as of grep -E) matches a
# line of its output.
function(accel_add_output_test NAME PROGRAM)
	add_test(NAME ${NAME} COMMAND ${PROJECT_SOURCE_DIR}/buildlib/expect ${ARGN}
		-- ${launcher} $<TARGET_FILE:${PROGRAM}>)
	set_tests_properties(${NAME} PROPERTIES TIMEOUT ${ACCEL_TEST_TIMEOUT})
endfunction()

# accel_add_rig_test(NAME KERNEL [option of the rig... --] program argument...)
#
# The test kernel/NAME, which runs a program in the rig. The kernel has been built by a test of
# tests/kernel before, since that takes minutes where it isn't cached; "timetravel" is the functional
# one, started otherwise.
function(accel_add_rig_test NAME KERNEL)
	if(NOT "--" IN_LIST ARGN)
		list(PREPEND ARGN --)
	endif()
	string(REPLACE timetravel functional build ${KERNEL})
	add_test(NAME kernel/${NAME} COMMAND ${PROJECT_SOURCE_DIR}/tests/kernel/rig run
		--kernel ${KERNEL} ${ARGN})
	set_tests_properties(kernel/${NAME} PROPERTIES FIXTURES_REQUIRED kernel-${build}
		LABELS kernel SKIP_RETURN_CODE 77 TIMEOUT 900)
	# The drivers' watchdogs count real time, 500 ms; where they matter nothing else runs.
	if(KERNEL MATCHES "functional|kasan")
		set_tests_properties(kernel/${NAME} PROPERTIES RUN_SERIAL TRUE)
	endif()
endfunction()
