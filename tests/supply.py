"""`python -m tests.supply`: what ordermill is made of, listed and judged.

Writes the components as CycloneDX to dist/, after making sure that the list, the lock file and what
is installed are the same; that each licence is one we may ship with; and that no advisory is known,
where the network lets us ask. It says so where it does not.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import sysconfig
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements.lock"
LIST = ROOT / "dist" / "ordermill.cdx.json"
US = "ordermill"

# What may be shipped beside Apache-2.0: permissive, or weak copyleft used as it is.
ALLOWED = frozenset(
    """0BSD Apache-2.0 BSD-2-Clause BSD-3-Clause ISC LGPL-3.0-only LGPL-3.0-or-later MIT MIT-0
    MPL-2.0 PSF-2.0 Python-2.0 Unlicense Zlib""".split()
)
# For those that give a name of their own choosing instead of an SPDX expression.
SPDX = {
    "Apache 2.0": "Apache-2.0", "Apache License 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0", "BSD": "BSD-3-Clause", "BSD License": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC", "MIT License": "MIT", "MIT license": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "Python Software Foundation License": "PSF-2.0",
}  # fmt: skip
_PIN = re.compile(r"^(\S+==\S+)(?: ; ([^\\\n]+?))?(?: \\)?$((?:\n    --hash=\S+(?: \\)?)*)", re.M)


@dataclass(frozen=True, slots=True)
class Locked:
    """One line of the lock file; ``here``: whether it is meant for this machine."""

    name: str
    version: str
    here: bool
    hashes: tuple[str, ...]


def named(name: str) -> str:
    """As indexes compare names."""
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(text: str) -> list[Locked]:
    found = []
    for pin, marker, hashes in _PIN.findall(text):
        one = Requirement(f"{pin} ; {marker}" if marker else pin)
        (version,) = [each.version for each in one.specifier]
        here = one.marker is None or one.marker.evaluate()
        digests = tuple(re.findall(r"sha256:([0-9a-f]{64})", hashes))
        found.append(Locked(named(one.name), version, here, digests))
    return found


def installed() -> dict[str, metadata.Distribution]:
    """What is installed here of everything that ordermill needs to run, by name."""
    return {other: metadata.distribution(other) for _, other in walk()}


def walk() -> set[tuple[str, str]]:
    """Who needs whom, from ordermill on."""
    found: set[tuple[str, str]] = set()
    asked = [(US, frozenset[str]())]
    for name, extras in asked:
        for other in needs(metadata.distribution(name), extras):
            found.add((name, other[0]))
            if other not in asked:
                asked.append(other)
    return found


def needs(
    distribution: metadata.Distribution, extras: frozenset[str]
) -> Iterator[tuple[str, frozenset[str]]]:
    for line in distribution.requires or ():
        one = Requirement(line)
        asked = [{"extra": extra} for extra in (extras or {""})]
        if one.marker is None or any(one.marker.evaluate(each) for each in asked):
            yield named(one.name), frozenset(one.extras)


def differences(lock: list[Locked], here: Mapping[str, metadata.Distribution]) -> list[str]:
    """What is locked and not installed, installed and not locked, or installed in another version;
    and what the lock file does not hold to a hash."""
    wanted = {one.name: one.version for one in lock if one.here}
    found = {name: each.version for name, each in here.items()}
    wrong = [
        f"{name}: locked {wanted.get(name, 'nowhere')}, installed {found.get(name, 'nowhere')}"
        for name in sorted(wanted.keys() | found.keys())
        if wanted.get(name) != found.get(name)
    ]
    return wrong + [f"{one.name}: locked without a hash" for one in lock if not one.hashes]


def licence(distribution: metadata.Distribution) -> str:
    """Its SPDX expression, or the nearest that its metadata say."""
    about = distribution.metadata
    if expression := about.get("License-Expression"):
        return expression
    named = [c.rpartition(" :: ")[2] for c in about.get_all("Classifier", []) if "License ::" in c]
    said = [*named, about.get("License") or ""]
    known = [SPDX.get(each, each) for each in said if SPDX.get(each, each) in ALLOWED]
    return known[0] if known else " / ".join(each for each in said if each)[:60] or "unknown"


def is_allowed(expression: str) -> bool:
    """Of an OR one part is enough, of an AND each counts."""
    choices = re.sub(r"[()]", " ", expression).split(" OR ")
    return any(all(part.strip() in ALLOWED for part in one.split(" AND ")) for one in choices)


def components(lock: list[Locked], here: Mapping[str, metadata.Distribution]) -> dict[str, Any]:
    """CycloneDX 1.6 of what is locked; the same lock makes the same list, byte for byte."""
    listed = [
        {
            "type": "library",
            "bom-ref": reference(one.name, one.version),
            "name": one.name,
            "version": one.version,
            "purl": reference(one.name, one.version),
            "hashes": [{"alg": "SHA-256", "content": digest} for digest in one.hashes],
        }
        | ({"licenses": [{"expression": licence(here[one.name])}]} if one.name in here else {})
        for one in sorted(lock, key=lambda one: one.name)
    ]
    own = metadata.version(US)
    serial = uuid.UUID(hashlib.sha256(json.dumps(listed).encode()).hexdigest()[:32], version=4)
    about = {"type": "application", "bom-ref": US, "name": US, "version": own}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
        "metadata": {"component": about | {"licenses": [{"expression": "Apache-2.0"}]}},
        "components": listed,
        "dependencies": graph(here),
    }


def graph(here: Mapping[str, metadata.Distribution]) -> list[dict[str, Any]]:
    """Who needs whom, as installed here."""
    names = {US: US} | {name: reference(name, each.version) for name, each in here.items()}
    edges = walk()
    return [
        {"ref": names[name], "dependsOn": sorted(names[b] for a, b in edges if a == name)}
        for name in sorted(names)
    ]


def reference(name: str, version: str) -> str:
    return f"pkg:pypi/{name}@{version}"


def audit(lock: list[Locked], service: str | None = None) -> tuple[bool, str]:
    """Ask for advisories about exactly what is locked; ``service`` stands in for uv's own. Whether
    all is well, and what to say."""
    uv = str(Path(sysconfig.get_path("scripts")) / "uv")
    pins = json.dumps([f"{one.name}=={one.version}" for one in lock if one.here])
    with tempfile.TemporaryDirectory(prefix="ordermill-audit-") as folder:
        python = f">={sys.version_info[0]}.{sys.version_info[1]}"
        project = f'[project]\nname = "locked"\nversion = "0"\nrequires-python = "{python}"\n'
        (Path(folder) / "pyproject.toml").write_text(f"{project}dependencies = {pins}\n")
        asking = ["audit", "--frozen", "--preview-features", "audit-command"]
        asking += ["--service-url", service] if service else []
        for words in (["lock", "--quiet"], asking):
            asked = subprocess.run(
                [uv, *words], cwd=folder, capture_output=True, text=True, check=False,
                env=os.environ | {"UV_HTTP_RETRIES": "1"},
            )  # fmt: skip
            if asked.returncode:
                break
    return verdict(asked.returncode, asked.stdout + asked.stderr)


def verdict(code: int, said: str) -> tuple[bool, str]:
    """uv ends with 0 where nothing is known, with 1 where something is, else it could not ask."""
    if code == 0:
        return True, "audit: no advisory is known"
    if code == 1 and "vulnerab" in said.lower():
        return False, f"audit: advisories are known\n{said}"
    cause = next((line for line in said.splitlines() if "error" in line), f"uv ended with {code}")
    return True, f"audit: NOT DONE, nobody could be asked ({cause.strip()[:200]})"


def main() -> int:
    lock, here = locked(LOCK.read_text()), installed()
    wrong = differences(lock, here)
    odd = {name: licence(each) for name, each in here.items() if not is_allowed(licence(each))}
    wrong += [f"{name}: licence {said!r} is not on the list" for name, said in odd.items()]
    LIST.parent.mkdir(exist_ok=True)
    LIST.write_text(json.dumps(components(lock, here), indent=1) + "\n")
    print(f"components: {len(lock)} locked, {len(here)} installed here: {LIST.relative_to(ROOT)}")
    well, said = audit(lock)
    print("\n".join([*wrong, said]))
    return int(bool(wrong) or not well)


if __name__ == "__main__":
    sys.exit(main())
