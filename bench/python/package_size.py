"""How large a program is as Lambda gets it: its zip, made as the SAM CLI makes it (Python's zipfile, deflate, the default level).

As a program it prints the bytes of the zip of each file, a line each.
"""

import sys
import zipfile
from io import BytesIO
from pathlib import Path


def zipped(file: Path) -> int:
    """The bytes of a package that holds this file as its bootstrap."""
    package = BytesIO()
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(file, "bootstrap")
    return package.getbuffer().nbytes


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(zipped(Path(name)))
