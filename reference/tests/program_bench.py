"""What programs that tests start say, and how they end."""

import json
import re
import subprocess
from http.client import HTTPConnection
from typing import Any


def finished(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=30)
    return process.returncode, out, err


def endpoints(process: subprocess.Popen[str]) -> dict[str, str]:
    """What `dev` printed: name and address of each endpoint."""
    assert process.stdout is not None
    found = {"said": ""}
    for line in process.stdout:
        found["said"] += line
        row = re.search(r"│ (\w+)\s+│ (\S+)\s+│", line)
        found |= {row[1]: row[2]} if row else {}
        if "Ctrl-C" in line:
            return found
    raise AssertionError("dev ended before it was ready")


def get(url: str, path: str) -> dict[str, Any]:
    connection = HTTPConnection(url.removeprefix("http://"), timeout=10)
    try:
        connection.request("GET", path)
        answer: dict[str, Any] = json.load(connection.getresponse())
        return answer
    finally:
        connection.close()
