# SPDX-License-Identifier: MIT
# Compiler and linker flags of everything beneath this directory.

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES AND PROJECT_IS_TOP_LEVEL)
	set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()

find_package(Threads REQUIRED)

add_compile_definitions(_GNU_SOURCE $<$<BOOL:${NTMM_DEBUG}>:NTMM_DEBUG=1>)
add_compile_options(-Wall -Wextra $<$<BOOL:${NTMM_WERROR}>:-Werror>)

if(NTMM_SANITIZE STREQUAL "address")
	set(NTMM_SANITIZERS -fsanitize=address,undefined -fno-sanitize-recover=all)
elseif(NTMM_SANITIZE STREQUAL "thread")
	set(NTMM_SANITIZERS -fsanitize=thread)
elseif(NTMM_SANITIZE)
	message(FATAL_ERROR "NTMM_SANITIZE is address, thread or empty, not '${NTMM_SANITIZE}'")
endif()
if(NTMM_SANITIZERS)
	add_compile_options(${NTMM_SANITIZERS} -fno-omit-frame-pointer)
	add_link_options(${NTMM_SANITIZERS})
endif()
if(NTMM_FUZZ)
	if(NOT CMAKE_C_COMPILER_ID STREQUAL "Clang")
		message(FATAL_ERROR "NTMM_FUZZ needs clang")
	endif()
	add_compile_options(-fsanitize=fuzzer-no-link)
endif()
