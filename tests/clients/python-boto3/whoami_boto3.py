"""GetCallerIdentity by boto3, once for each line on standard input. boto3 1.9.199 runs it too."""

import json
import os
import sys

import boto3

session = boto3.Session()
sts = session.client("sts", endpoint_url=os.environ["AWS_ENDPOINT_URL_STS"])
for _ in sys.stdin:
    who = sts.get_caller_identity()["Arn"]
    key = session.get_credentials().get_frozen_credentials().access_key
    answer = {"who": who, "access_key_id": key, "client": "boto3", "version": boto3.__version__}
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
