"""`assay schema export` judged by the vendor's own tool: the CLI converts the project, and jsforce's schema of the Metadata API
knows every element in it. Run: `.venv/bin/python conformance/exported.py` (npm must be on the machine)."""

import json
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from assay.commands import export
from conformance import environments

SPACE = "{http://soap.sforce.com/2006/04/metadata}"
#: each file's expected place in package.xml: type -> members
EXPECTED = {"CustomField": 14, "ListView": 2, "PermissionSet": 2, "ReportType": 1, "Report": 4, "Dashboard": 2}
#: prints jsforce's schema of the Metadata API as JSON
SCHEMA = "console.log(JSON.stringify(require(process.argv[1]).ApiSchemas))"


def convert(project: Path, out: Path) -> dict[str, list[str]]:
    """`sf project convert source`; the members of the package it wrote."""
    home = environments.make("sf")
    environments.make("node")
    command = [
        str(environments.INTERPRETER),
        str(home / "node_modules/@salesforce/cli/bin/run.js"),
        "project",
        "convert",
        "source",
        "--output-dir",
        str(out),
        "--json",
    ]
    quiet = {"SF_DISABLE_TELEMETRY": "true", "SF_AUTOUPDATE_DISABLE": "true", "HOME": str(out.parent)}
    process = subprocess.run(command, cwd=project, capture_output=True, text=True, env=os.environ | quiet)
    answer = json.loads(process.stdout)
    if process.returncode or answer.get("status"):
        raise SystemExit(f"refused: {answer.get('message') or process.stderr}")
    package = ET.parse(out / "package.xml").getroot()  # noqa: S314 our own file
    return {
        str(t.findtext(f"{SPACE}name")): [m.text or "" for m in t.findall(f"{SPACE}members")]
        for t in package.findall(f"{SPACE}types")
    }


def strange(project: Path) -> list[str]:
    """Elements that the Metadata API does not have where we use them."""
    path = environments.make("sf") / "node_modules/@jsforce/jsforce-node/lib/api/metadata/schema.js"
    process = subprocess.run(
        [str(environments.INTERPRETER), "-e", SCHEMA, str(path)], capture_output=True, text=True, check=True
    )
    schemas = json.loads(process.stdout)
    problems: list[str] = []
    for file in sorted(project.rglob("*-meta.xml")):
        root = ET.parse(file).getroot()  # noqa: S314 our own file
        kind = root.tag.removeprefix(SPACE)
        problems += [f"{file.name}: {fault}" for fault in _faults(root, kind, schemas)]
    return problems


def _faults(element: ET.Element, kind: str, schemas: dict[str, dict]) -> list[str]:
    props: dict[str, object] = {}
    above: str | None = kind
    while above:
        props = {**schemas[above]["props"], **props}
        above = schemas[above].get("extends")
    problems = []
    for child in element:
        name = child.tag.removeprefix(SPACE)
        if name not in props:
            problems.append(f"{kind} has no {name}")
            continue
        type_ = props[name][0] if isinstance(props[name], list) else props[name]
        inner = str(type_).lstrip("?")
        if inner in schemas:
            problems += _faults(child, inner, schemas)
    needed = {n for n, t in props.items() if isinstance(t, str) and not t.startswith("?")}
    return problems + [f"{kind} lacks {n}" for n in needed if element.find(f"{SPACE}{n}") is None]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "project"
        export.write(project)
        members = convert(project, Path(folder) / "converted")
        counts = {name: len(problems) for name, problems in members.items()}
        print(f"sf project convert source: accepted, {counts}")
        faults = strange(project)
        for fault in faults:
            print(f"  {fault}")
        print(f"elements unknown to the Metadata API: {len(faults)}")
        if counts != EXPECTED or faults:
            raise SystemExit(f"expected {EXPECTED}")


if __name__ == "__main__":
    main()
