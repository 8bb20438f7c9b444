# SPDX-License-Identifier: MIT
# A toolchain file: Debian's cross compiler and libraries (gcc-TRIPLET, NAME:ARCHITECTURE) for
# CROSS_ARCHITECTURE, which is a name of Debian's; tests run under qemu-user.
set(CROSS_ARCHITECTURE "" CACHE STRING "The machine to build for: arm64, armhf, riscv64 or i386")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES CROSS_ARCHITECTURE)

if(CROSS_ARCHITECTURE STREQUAL arm64)
	set(CMAKE_SYSTEM_PROCESSOR aarch64)
	set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
elseif(CROSS_ARCHITECTURE STREQUAL armhf)
	set(CMAKE_SYSTEM_PROCESSOR arm)
	set(CMAKE_LIBRARY_ARCHITECTURE arm-linux-gnueabihf)
elseif(CROSS_ARCHITECTURE STREQUAL riscv64)
	set(CMAKE_SYSTEM_PROCESSOR riscv64)
	set(CMAKE_LIBRARY_ARCHITECTURE riscv64-linux-gnu)
elseif(CROSS_ARCHITECTURE STREQUAL i386)
	set(CMAKE_SYSTEM_PROCESSOR i386)
	set(CMAKE_LIBRARY_ARCHITECTURE i386-linux-gnu)
else()
	message(FATAL_ERROR "CROSS_ARCHITECTURE is \"${CROSS_ARCHITECTURE}\"")
endif()
# The compiler's triplet has the oldest processor that it builds for.
string(REPLACE i386 i686 compiler ${CMAKE_LIBRARY_ARCHITECTURE})
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_C_COMPILER ${compiler}-gcc)
set(CMAKE_CROSSCOMPILING_EMULATOR ${CMAKE_CURRENT_LIST_DIR}/emulate qemu-${CMAKE_SYSTEM_PROCESSOR})
set(ENV{PKG_CONFIG_LIBDIR}
	/usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}/pkgconfig:/usr/share/pkgconfig)
