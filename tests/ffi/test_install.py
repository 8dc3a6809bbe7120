"""Installs the Python package with pip and imports it: test_install.py SOURCE_DIRECTORY LIBRARY

It installs into a virtual environment, with the library bundled and without. It exits with 77 where Python lacks venv,
pip or setuptools.
"""

import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

PROGRAM = """
import librnn
vocab = librnn.Vocab.from_text(b"abc")
with librnn.Model(input_size=len(vocab), output_size=len(vocab)) as model:
    print(librnn.__file__, librnn.version(), len(model.to_bytes(vocab)) > 100)
"""


def main():
    source, library = map(pathlib.Path, sys.argv[1:])
    modules = ["venv", "ensurepip", "pip", "setuptools", "wheel"]
    missing = [name for name in modules if not importlib.util.find_spec(name)]
    if missing:
        print(f"Python has no {', '.join(missing)} (on Debian: python3-venv, python3-pip, python3-setuptools, "
              f"python3-wheel). This test has tested nothing.")
        return 77

    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        package = folder / "python"  # pip writes to the directory of the sources
        shutil.copytree(source / "examples" / "ffi" / "python", package, ignore=shutil.ignore_patterns(
            "__pycache__", "build", "*.egg-info"))
        environment = {name: value for name, value in os.environ.items() if name not in ("LIBRNN", "PYTHONPATH")}
        venv = folder / "venv"
        subprocess.run([sys.executable, "-m", "venv", "--system-site-packages", venv], check=True)
        for bundled in (False, True):
            python, given = venv / "bin" / "python", {**environment, "LIBRNN": str(library)}
            subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-index", "--no-build-isolation",
                            "--force-reinstall", package], check=True, env=given if bundled else environment)
            shown = subprocess.run([python, "-c", PROGRAM], check=True, cwd=folder, stdout=subprocess.PIPE, text=True,
                                   env=environment if bundled else given).stdout
            if not shown.startswith(str(venv)) or not shown.endswith(" True\n"):
                sys.exit(f"test_install.py: the program has printed {shown!r}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
