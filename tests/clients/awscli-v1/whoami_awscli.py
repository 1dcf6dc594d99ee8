"""GetCallerIdentity by the command `aws`, run once for each line on standard input, as scripts do.

The command never says which key it used; of what it tells with --debug, the signature's header does.
"""

import importlib.metadata
import json
import os
import re
import subprocess
import sys
from pathlib import Path

aws = str(Path(sys.executable).with_name("aws"))
command = [aws, "sts", "get-caller-identity", "--debug", "--output", "json"]
command += ["--endpoint-url", os.environ["AWS_ENDPOINT_URL_STS"]]
for _ in sys.stdin:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    signed = re.search(r"Credential=(\w+)/", done.stderr)
    if done.returncode or signed is None:
        sys.exit(done.stderr.rstrip().rpartition("\n")[2])
    answer = {"who": json.loads(done.stdout)["Arn"], "access_key_id": signed[1]}
    answer |= {"client": "awscli", "version": importlib.metadata.version("awscli")}
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
