# SPDX-License-Identifier: MIT
# The library. Its objects are compiled once and used three times:
#
#   ntmm           libntmm.so: exports what is marked NTMM_API
#   ntmm_static    libntmm.a: one object whose other names are local, so that they clash with nobody's
#   ntmm_internal  a plain archive for tests, which may call everything and replace it (--wrap)

file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/*.c)
if(NOT sources)
	message(FATAL_ERROR "no sources in ${PROJECT_SOURCE_DIR}/src")
endif()

function(ntmm_usage target)
	target_include_directories(${target} PUBLIC
		$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:include>)
	target_link_libraries(${target} PUBLIC Threads::Threads)
endfunction()

add_library(ntmm_objects OBJECT ${sources})
target_include_directories(ntmm_objects PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
target_compile_options(ntmm_objects PRIVATE -Wstrict-prototypes -Wmissing-prototypes -Wvla)
set_target_properties(ntmm_objects PROPERTIES POSITION_INDEPENDENT_CODE ON C_VISIBILITY_PRESET hidden)

# One call passes through five layers of small functions: across files they are inlined (a fifth of the time).
set(lto "")
if(CMAKE_C_COMPILER_ID STREQUAL "GNU" AND CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT NTMM_SANITIZERS)
	set(lto -O2 -flto=auto -flinker-output=nolto-rel)
	target_compile_options(ntmm_objects PRIVATE -flto=auto)
endif()

add_library(ntmm SHARED $<TARGET_OBJECTS:ntmm_objects>)
ntmm_usage(ntmm)
set_target_properties(ntmm PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION 0 LINKER_LANGUAGE C)
if(NOT NTMM_SANITIZERS)
	target_link_options(ntmm PRIVATE -Wl,-z,defs)
endif()

add_library(ntmm_internal STATIC EXCLUDE_FROM_ALL $<TARGET_OBJECTS:ntmm_objects>)
ntmm_usage(ntmm_internal)
target_include_directories(ntmm_internal PUBLIC ${PROJECT_SOURCE_DIR}/src)
set_target_properties(ntmm_internal PROPERTIES LINKER_LANGUAGE C)

if(NTMM_SANITIZERS OR NTMM_FUZZ) # their symbols do not survive being made local
	add_library(ntmm_static STATIC $<TARGET_OBJECTS:ntmm_objects>)
else()
	set(object ${CMAKE_CURRENT_BINARY_DIR}/ntmm.o)
	add_custom_command(OUTPUT ${object}
		COMMAND ${CMAKE_C_COMPILER} -r -nostdlib ${lto} -o ${object} $<TARGET_OBJECTS:ntmm_objects>
		COMMAND ${CMAKE_OBJCOPY} --localize-hidden ${object}
		DEPENDS ntmm_objects $<TARGET_OBJECTS:ntmm_objects>
		COMMAND_EXPAND_LISTS VERBATIM)
	set_source_files_properties(${object} PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
	add_library(ntmm_static STATIC ${object})
endif()
ntmm_usage(ntmm_static)
set_target_properties(ntmm_static PROPERTIES OUTPUT_NAME ntmm LINKER_LANGUAGE C)

add_library(ntmm::ntmm ALIAS ntmm)
add_library(ntmm::ntmm_static ALIAS ntmm_static)
