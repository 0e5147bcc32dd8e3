# Cross-compiling for AArch64 with Debian's gcc-aarch64-linux-gnu; what is built runs under qemu-user. The libraries are
# those that scripts/arm64-libraries put beside the build.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -L /usr/aarch64-linux-gnu)

# Not by CMAKE_BINARY_DIR: this is read again in the folder of every compiler check, and the environment is one for all.
set(libraries ${CMAKE_CURRENT_LIST_DIR}/../build-neon/arm64)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${libraries})
set(ENV{PKG_CONFIG_LIBDIR} ${libraries}/usr/lib/aarch64-linux-gnu/pkgconfig)
