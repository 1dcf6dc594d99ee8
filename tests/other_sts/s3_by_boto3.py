"""Puts an object and gets it back by boto3, with credentials from wherever the SDK finds them: bucket and content."""

import json
import os
import sys

import boto3
from botocore.config import Config

if __name__ == "__main__":
    bucket, content = sys.argv[1:]
    session = boto3.Session()
    s3 = session.client(
        "s3", endpoint_url=os.environ["AWS_ENDPOINT_URL_S3"], config=Config(s3={"addressing_style": "path"})
    )
    s3.put_object(Bucket=bucket, Key="boto3", Body=content.encode())
    got = s3.get_object(Bucket=bucket, Key="boto3")["Body"].read().decode()
    credentials = session.get_credentials()
    print(  # noqa: T201 (its caller reads this)
        json.dumps({"got": got, "access_key_id": credentials.access_key, "version": boto3.__version__})
    )
