"""`credential-process` where the name server is silent: it ends in its own time."""

import subprocess
import time
from pathlib import Path

from tests.doubles import ROLE_ARN, a_token
from tests.silent_name_server import with_a_silent_name_server
from tests.waiting import HANGS_AFTER


def test_it_ends_within_the_time_of_one_call_and_names_the_cause(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(a_token(issued_at=time.time()).raw)
    environ = {"AWS_ROLE_ARN": ROLE_ARN, "AWS_WEB_IDENTITY_TOKEN_FILE": f"{tmp_path}/token", "AWS_REGION": "eu-west-1"}
    ended = subprocess.run(
        with_a_silent_name_server(tmp_path, "-m", "sidecar", "credential-process"),
        env={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=HANGS_AFTER,
    )
    assert ended.returncode == 1, ended.stderr
    assert "sts.eu-west-1.amazonaws.com" in ended.stderr
    assert "DNS" in ended.stderr
