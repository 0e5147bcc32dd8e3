"""Puts the library and its header beside the module. An installed heed of the same version (pkg-config) is used where it is;
else CMake builds the library into the package.

HEED_BUILD names a folder of CMake that has built heed, or will: without it, build-python in the source tree."""

import os
import pathlib
import re
import shutil
import subprocess

from setuptools import Distribution, setup
from setuptools.command.build_py import build_py

try:
    from setuptools.command.bdist_wheel import bdist_wheel
except ImportError:  # before setuptools 70
    try:
        from wheel.bdist_wheel import bdist_wheel
    except ImportError:  # not there yet: pip installs it first, or setuptools reports that it is missing
        from setuptools import Command as bdist_wheel

SOURCE = pathlib.Path(__file__).resolve().parent.parent
HEADER = SOURCE / "include" / "heed" / "heed.h"
VERSION = ".".join(
    re.findall(r"^#define HEED_VERSION_(?:MAJOR|MINOR|PATCH) +(\d+)$", HEADER.read_text(encoding="utf-8"), re.M)
)


def pkg_config(*arguments):
    try:
        return subprocess.run(
            ["pkg-config", *arguments, "heed"], capture_output=True, text=True, check=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def build_library():
    folder = pathlib.Path(os.environ.get("HEED_BUILD", SOURCE / "build-python"))
    if not (folder / "CMakeCache.txt").exists():
        generator = ["-G", "Ninja"] if shutil.which("ninja") else []
        subprocess.run(["cmake", "-S", SOURCE, "-B", folder, "-DHEED_TESTS=OFF", *generator], check=True)
    subprocess.run(["cmake", "--build", folder, "--target", "heed-shared", "-j", str(os.cpu_count() or 1)], check=True)
    return folder / "libheed.so"


class BuildWithLibrary(build_py):
    def run(self):
        super().run()
        package = pathlib.Path(self.build_lib) / "heed"
        for stale in (*package.glob("libheed.*"), package / "heed.h"):
            stale.unlink(missing_ok=True)
        if "HEED_BUILD" not in os.environ and pkg_config("--modversion") == VERSION:
            library = pathlib.Path(pkg_config("--variable=libdir")) / "libheed.so"
            header = pathlib.Path(pkg_config("--variable=includedir")) / "heed" / "heed.h"
            (package / "libheed.path").write_text(f"{library}\n")
            shutil.copyfile(header, package / "heed.h")
        else:
            shutil.copyfile(build_library(), package / "libheed.so")
            shutil.copyfile(HEADER, package / "heed.h")


class PlatformWheel(bdist_wheel):
    """A wheel of any Python 3, for this platform."""

    def get_tag(self):
        return "py3", "none", super().get_tag()[2]


class PlatformDistribution(Distribution):
    def has_ext_modules(self):
        return True


setup(
    version=VERSION,
    cmdclass={"build_py": BuildWithLibrary, "bdist_wheel": PlatformWheel},
    distclass=PlatformDistribution,
)
