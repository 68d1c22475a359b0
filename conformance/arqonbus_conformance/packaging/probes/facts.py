"""Tells what is to be known of the interpreter that runs this, as JSON. Usage: facts.py RESULT."""

import json
import os
import platform
import sys
import sysconfig
from pathlib import Path


def facts() -> dict[str, object]:
    """Where it installs to, which modules are its own, and the values of the markers of requirements."""
    version = sys.implementation.version
    return {
        "version": platform.python_version(),
        "folders": sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}),
        "scripts": sysconfig.get_path("scripts"),
        "stdlib": sorted(sys.stdlib_module_names),
        "markers": {
            "implementation_name": sys.implementation.name,
            "implementation_version": f"{version.major}.{version.minor}.{version.micro}",
            "os_name": os.name,
            "platform_machine": platform.machine(),
            "platform_python_implementation": platform.python_implementation(),
            "platform_release": platform.release(),
            "platform_system": platform.system(),
            "platform_version": platform.version(),
            "python_full_version": platform.python_version(),
            "python_version": ".".join(platform.python_version_tuple()[:2]),
            "sys_platform": sys.platform,
        },
    }


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(facts()), "utf-8")
