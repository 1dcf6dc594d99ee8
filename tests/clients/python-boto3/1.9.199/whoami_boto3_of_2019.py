"""The same program for boto3 1.9.199, which was written for Python up to 3.9: gives it names that have moved since."""

import collections
import collections.abc
import runpy
from pathlib import Path

for name in ("Callable", "Mapping", "MutableMapping"):
    setattr(collections, name, getattr(collections.abc, name))
runpy.run_path(str(Path(__file__).parent.parent / "whoami_boto3.py"))
