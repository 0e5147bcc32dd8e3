# What `make install` puts where: the command, the library with its header, heed.pc and a CMake package, the shipped
# models, the man page and completions for three shells.
include(CMakePackageConfigHelpers)

set_target_properties(heed PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})
install(TARGETS heed EXPORT heed LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES include/heed/heed.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/heed)
if(TARGET heed-command)
  if(BUILD_SHARED_LIBS)
    set_target_properties(heed-command PROPERTIES INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
  endif()
  install(TARGETS heed-command DESTINATION ${CMAKE_INSTALL_BINDIR})
  install(FILES docs/heed.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
  install(FILES completions/heed.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME heed)
  install(FILES completions/_heed DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
  install(FILES completions/heed.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
endif()
if(IS_DIRECTORY ${PROJECT_SOURCE_DIR}/models) # model_folder.h says where a shipped model is looked for
  install(DIRECTORY models/ DESTINATION share/heed/models)
endif()

# CMake: find_package(heed), then link heed::heed.
install(EXPORT heed NAMESPACE heed:: FILE heed-targets.cmake DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/heed)
configure_package_config_file(cmake/heed-config.cmake.in ${PROJECT_BINARY_DIR}/heed-config.cmake
                              INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/heed)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/heed-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/heed-config.cmake ${PROJECT_BINARY_DIR}/heed-config-version.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/heed)

# pkg-config: an archive needs what it calls named at every link, a shared library only at its own.
file(RELATIVE_PATH HEED_PC_UP "/p/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/p")
set(HEED_PC_REQUIRES "jansson libutf8proc libpcre2-32")
set(own "-L\${libdir} -lheed")
set(called "${OpenMP_C_FLAGS} -pthread -lm")
if(BUILD_SHARED_LIBS)
  set(HEED_PC_KIND ".private")
  set(HEED_PC_LIBS_LINES "Libs: ${own}\nLibs.private: ${called}")
else()
  set(HEED_PC_LIBS_LINES "Libs: ${own} ${called}")
endif()
configure_file(cmake/heed.pc.in ${PROJECT_BINARY_DIR}/heed.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/heed.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
