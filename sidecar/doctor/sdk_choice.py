"""Asks a real SDK's own credential chain which provider it would take, offline.

Run as a program of its own, in the application's environment: botocore reads `os.environ`, and loading a provider may
ask a network. So the chain is taken from botocore, in its order, and each provider that would go out is replaced by
the question whether it would.
"""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

from sidecar.core.variables import FULL_URI, METADATA_DISABLED, RELATIVE_URI
from sidecar.doctor.timeouts import SDK_TIMEOUT

NOWHERE = "/nonexistent"


class SdkUnavailable(Exception):
    """The SDK could not be asked."""


class SdkFailed(Exception):
    """The SDK ended in an error, whose name this is."""


def choice_in(environ: Mapping[str, str]) -> str:
    """The name of the provider that botocore would take there, "" for none. Raises `SdkUnavailable` or `SdkFailed`.

    The application's home is not ours, so files in it are not looked at unless variables name them.
    """
    clean = {name: value for name, value in environ.items() if not name.startswith(("PYTHON", "LD_"))}
    clean |= {name: value for name, value in os.environ.items() if name.startswith("PYTHON")}
    clean |= {"HOME": NOWHERE, "PATH": os.defpath}
    try:
        done = subprocess.run(  # noqa: S603 (our own interpreter and module)
            [sys.executable, "-m", __name__],
            env=clean,
            capture_output=True,
            text=True,
            timeout=SDK_TIMEOUT,
            check=False,
        )
        told = json.loads(done.stdout)
    except (OSError, subprocess.TimeoutExpired, ValueError) as error:
        raise SdkUnavailable(f"botocore could not be asked ({type(error).__name__})") from None
    if told["error"]:
        raise SdkFailed(told["error"])
    return str(told["choice"])


def main() -> None:
    """Print the choice as JSON. Nothing of a value is printed: an error is told by its name."""
    try:
        found, error = _choice(), ""
    except Exception as reason:  # noqa: BLE001 (botocore raises what it likes; only the kind is of interest)
        found, error = "", type(reason).__name__
    print(json.dumps({"choice": found, "error": error}))


def _choice() -> str:
    import botocore.credentials  # noqa: PLC0415 (17 MiB that nothing else of the doctor needs)
    import botocore.session  # noqa: PLC0415

    logging.getLogger("botocore").addHandler(logging.NullHandler())
    session = botocore.session.Session()
    profile = session.get_scoped_config()
    for provider in botocore.credentials.create_credential_resolver(session).providers:
        would = _WOULD.get(provider.METHOD)
        if would(profile) if would else provider.load() is not None:
            return str(provider.METHOD)
    return ""


def _asks_the_endpoint(profile: Mapping[str, Any]) -> bool:  # noqa: ARG001 (all of these are asked alike)
    return any(name in os.environ for name in (RELATIVE_URI, FULL_URI))


def _asks_the_node(profile: Mapping[str, Any]) -> bool:  # noqa: ARG001
    return os.environ.get(METADATA_DISABLED, "false").lower() != "true"


def _runs_a_program(profile: Mapping[str, Any]) -> bool:
    return "credential_process" in profile


def _assumes_a_role(profile: Mapping[str, Any]) -> bool:
    return "role_arn" in profile and ("source_profile" in profile or "credential_source" in profile)


_WOULD: Mapping[str, Callable[[Mapping[str, Any]], bool]] = {
    "container-role": _asks_the_endpoint,
    "iam-role": _asks_the_node,
    "custom-process": _runs_a_program,
    "assume-role": _assumes_a_role,
}
"""Providers that would leave the process."""

if __name__ == "__main__":
    main()
