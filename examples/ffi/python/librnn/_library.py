"""Finds and loads the shared library."""

import ctypes
import os
import pathlib

HERE = pathlib.Path(__file__).resolve().parent
NAMES = "librnn.so.0", "librnn.0.dylib"  # Linux, macOS


def load():
    """The library that the environment variable LIBRNN names; or else the one in this package, if it was installed with
    the library; or else the one that the system's loader finds.
    """
    given = os.environ.get("LIBRNN")
    if given:
        candidates = [given]
    else:
        candidates = [str(HERE / name) for name in NAMES if (HERE / name).exists()] or NAMES
    failures = []
    for name in candidates:
        try:
            return ctypes.CDLL(name)
        except OSError as error:
            failures.append(str(error))
    raise ImportError(f"{failures[0]}; the environment variable LIBRNN can name the library's file")
