# SPDX-License-Identifier: MIT
# Language, warnings and sanitizers, the same for all targets.
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# Spelt without a value, so that a file's own #define _GNU_SOURCE is the same.
# Offsets and times have 64 bits on every machine.
add_compile_options(-D_GNU_SOURCE= -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64)
add_compile_options(-Wall -Wextra -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes)
# What is built names no directory of the machine that built it: debuggers that are started at the
# top of the tree find the sources. The last that fits is taken, and "tree" fits "tree-build", too:
# so the longer one is last.
set(directories ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
string(LENGTH "${PROJECT_SOURCE_DIR}" source_length)
string(LENGTH "${PROJECT_BINARY_DIR}" binary_length)
if(source_length GREATER binary_length)
	list(REVERSE directories)
endif()
foreach(directory ${directories})
	add_compile_options(-ffile-prefix-map=${directory}=.)
endforeach()
if(ENABLE_WERROR)
	add_compile_options(-Werror)
endif()

add_link_options(-Wl,-z,relro -Wl,-z,now)
if(ENABLE_SANITIZER)
	add_compile_options(-fsanitize=${ENABLE_SANITIZER} -fno-omit-frame-pointer
		-fno-sanitize-recover=all)
	add_link_options(-fsanitize=${ENABLE_SANITIZER})
	if(ENABLE_SANITIZER STREQUAL "thread")
		add_compile_definitions(ACCEL_TELL_SANITIZER)
	endif()
	# Clang puts the sanitizer's runtime into the program alone: shared objects
	# are left with undefined symbols on purpose.
	set(ACCEL_NO_UNDEFINED "")
else()
	set(ACCEL_NO_UNDEFINED -Wl,--no-undefined)
endif()
