"""Puts an object and gets it back by boto3, with credentials from wherever the SDK finds them: bucket and content."""

import json
import sys

import boto3

if __name__ == "__main__":
    bucket, content = sys.argv[1:]
    session = boto3.Session()
    s3 = session.client("s3")
    s3.put_object(Bucket=bucket, Key="boto3", Body=content.encode())
    got = s3.get_object(Bucket=bucket, Key="boto3")["Body"].read().decode()
    credentials = session.get_credentials()
    print(  # noqa: T201 (its caller reads this)
        json.dumps({"got": got, "access_key_id": credentials.access_key, "version": boto3.__version__})
    )
