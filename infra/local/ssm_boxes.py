"""Makes instances that Run Command reaches: containers with a shell, quell-guard and the lines that it allows.

`python -m infra.local ssm-boxes --endpoint URL --allow FILE --tag Name=Value … [--count N]` prints the ids of the instances as JSON. It
needs a running Docker engine. The image is made from this host's shell and C library, as that of `sam_image`: nothing is pulled.
"""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
import uuid
from pathlib import Path
from urllib.parse import urlsplit

from infra.local.emulator import Emulator
from infra.local.errors import StageFailed
from infra.local.paths import PROJECT
from infra.local.sam_image import root_file_system

# What the document, the guard and the steps of the stories call.
COMMANDS = ("sh", "base64", "cat", "dirname", "env", "false", "find", "head", "id", "printenv", "sleep", "touch", "tr", "true")
GUARD = PROJECT / "infra" / "quell-guard" / "quell-guard"


def make(endpoint: str, allow: Path, tags: list[str], count: int) -> int:
    place = urlsplit(endpoint)
    ec2 = Emulator(str(place.hostname), int(place.port or 80)).client("ec2")
    image = f"quell-ssm-box:{uuid.uuid4().hex[:12]}"
    imported = subprocess.run(["docker", "import", "-", image], input=_files(allow), capture_output=True)
    if imported.returncode != 0:
        raise StageFailed("`docker import` makes the image of a box", imported.stderr.decode(errors="replace").strip())
    registered = ec2.register_image(Name=image.replace(":", "-"), ImageLocation=image)["ImageId"]
    written = [dict(zip(("Key", "Value"), tag.split("=", 1), strict=True)) for tag in tags]
    specification = [{"ResourceType": "instance", "Tags": written}]
    ran = ec2.run_instances(ImageId=registered, MinCount=count, MaxCount=count, TagSpecifications=specification)
    print(json.dumps({"image": image, "instances": [instance["InstanceId"] for instance in ran["Instances"]]}))
    return 0


def _files(allow: Path) -> bytes:
    archive = io.BytesIO(root_file_system(COMMANDS))
    with tarfile.open(fileobj=archive, mode="a") as tar:
        for name, content, mode in (("usr/local/bin/quell-guard", GUARD, 0o755), ("etc/quell/allowed", allow, 0o644)):
            data = content.read_bytes()
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), mode
            tar.addfile(entry, io.BytesIO(data))
    return archive.getvalue()
