"""Which program installs, what of the caller's environment it may see, and whether it was the index that failed."""

import os
import re
import shutil
import sys
from pathlib import Path
from typing import Final

__all__ = ["INDEX_VARIABLES", "index_unreachable", "installer_environment", "uv_program"]

INDEX_VARIABLES: Final = frozenset(
    {
        *("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"),
        *("all_proxy", "https_proxy", "http_proxy", "no_proxy"),
        *("CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR", "SSL_CERT_FILE"),
        *("HOME", "NETRC", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"),
        *("PIP_CACHE_DIR", "PIP_CERT", "PIP_CLIENT_CERT", "PIP_CONFIG_FILE", "PIP_DEFAULT_TIMEOUT"),
        *("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_INDEX_URL", "PIP_NO_INDEX", "PIP_PROXY"),
        *("PIP_RETRIES", "PIP_TRUSTED_HOST"),
        *("UV_CACHE_DIR", "UV_CONFIG_FILE", "UV_DEFAULT_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS"),
        *("UV_HTTP_TIMEOUT", "UV_INDEX", "UV_INDEX_URL", "UV_INSECURE_HOST", "UV_KEYRING_PROVIDER"),
        *("UV_NATIVE_TLS", "UV_NO_INDEX", "UV_OFFLINE", "UV_SYSTEM_CERTS"),
    }
)
"""What says how the package index is reached: seen by the installer, never by what is judged."""

_UNREACHABLE = re.compile(
    r"(?i)error sending request|dns error|client error \(connect\)|failed to fetch|connection refused"
    r"|max retries exceeded|newconnectionerror|name resolution|connecttimeout|network is unreachable"
    r"|connection broken|sslerror|request failed after|network connectivity is disabled"
)


def uv_program() -> str | None:
    """uv, on the path or beside this interpreter; None where there is none."""
    return shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))


def installer_environment() -> dict[str, str]:
    """What the installer needs of the caller's environment to reach the index, with every question answered."""
    return {
        **{name: value for name, value in os.environ.items() if name in INDEX_VARIABLES},
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",
        "UV_NO_PROGRESS": "1",
        "UV_PYTHON_DOWNLOADS": "never",
    }


def index_unreachable(output: str) -> bool:
    """Whether an installer failed since it could not reach the index, and not since of what it was asked."""
    return bool(_UNREACHABLE.search(output))
