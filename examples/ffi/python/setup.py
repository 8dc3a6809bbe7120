"""Bundles the shared library with the package: LIBRNN=/path/to/librnn.so pip install ./examples/ffi/python

The path must be absolute, because pip builds in another directory. Without LIBRNN in the environment, the package has
no library of its own. pyproject.toml has everything else.
"""

import os
import pathlib
import shutil
import sys

import setuptools
from setuptools.command.build_py import build_py

LIBRARY = os.environ.get("LIBRNN")


class BuildWithLibrary(build_py):
    def run(self):
        super().run()
        if LIBRARY:
            name = "librnn.0.dylib" if sys.platform == "darwin" else "librnn.so.0"
            shutil.copyfile(LIBRARY, pathlib.Path(self.build_lib) / "librnn" / name)


class Package(setuptools.Distribution):
    def has_ext_modules(self):
        """Whether the package is only for this kind of machine"""
        return bool(LIBRARY)


setuptools.setup(cmdclass={"build_py": BuildWithLibrary}, distclass=Package)
