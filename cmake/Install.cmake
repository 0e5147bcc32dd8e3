# What `make install` puts where: the command, both libraries with their header, heed.pc and a CMake package, the shipped
# models, the man page and completions for three shells.
include(CMakePackageConfigHelpers)

set_target_properties(heed-shared PROPERTIES EXPORT_NAME heed)
install(TARGETS heed-shared heed-static EXPORT heed LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
                                                    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES include/heed/heed.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/heed)
install(TARGETS heed-command DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES docs/heed.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES completions/heed.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME heed)
install(FILES completions/_heed DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(FILES completions/heed.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
install(DIRECTORY models/ DESTINATION share/heed/models) # model_folder.h says where a shipped model is looked for

# CMake: find_package(heed), then link heed::heed (shared) or heed::heed-static.
install(EXPORT heed NAMESPACE heed:: FILE heed-targets.cmake DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/heed)
configure_package_config_file(cmake/heed-config.cmake.in ${PROJECT_BINARY_DIR}/heed-config.cmake
                              INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/heed)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/heed-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/heed-config.cmake ${PROJECT_BINARY_DIR}/heed-config-version.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/heed)

# pkg-config: the shared library by default; --static adds what the archive calls.
file(RELATIVE_PATH HEED_PC_UP "/p/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/p")
configure_file(cmake/heed.pc.in ${PROJECT_BINARY_DIR}/heed.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/heed.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# Last, as it lists what everything above installed: share/heed/installed, which cmake/Uninstall.cmake reads.
install(CODE [[
  set(list "${CMAKE_INSTALL_PREFIX}/share/heed/installed")
  list(APPEND CMAKE_INSTALL_MANIFEST_FILES "${list}")
  list(JOIN CMAKE_INSTALL_MANIFEST_FILES "\n" lines)
  file(WRITE "$ENV{DESTDIR}${list}" "${lines}\n")
]])
