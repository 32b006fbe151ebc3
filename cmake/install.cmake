# SPDX-License-Identifier: MIT
# What `cmake --install` puts where. The tree can be moved afterwards.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/ntmm)
install(TARGETS ntmm ntmm_static EXPORT ntmm-targets
	LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
	ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/ntmm DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
	FILES_MATCHING PATTERN *.h)
install(EXPORT ntmm-targets NAMESPACE ntmm:: DESTINATION ${package_dir})

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/ntmm-config.cmake.in ntmm-config.cmake
	INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(ntmm-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/ntmm-config.cmake
	${CMAKE_CURRENT_BINARY_DIR}/ntmm-config-version.cmake DESTINATION ${package_dir})

file(RELATIVE_PATH pc_to_prefix ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
configure_file(${CMAKE_CURRENT_LIST_DIR}/ntmm.pc.in ntmm.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/ntmm.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

if(TARGET ntmm_tool)
	install(TARGETS ntmm_tool RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
	if(EXISTS ${PROJECT_SOURCE_DIR}/docs/man/ntmm.1)
		install(FILES ${PROJECT_SOURCE_DIR}/docs/man/ntmm.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
	endif()
endif()
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
