"""boto3 with its defaults (CRC32 trailers included; presigning by version 4) on a store: foreign_boto3.py URL BUCKET KEY SECRET"""

import base64
import io
import os
import sys
import urllib.error
import urllib.request
import zlib

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

URL, BUCKET, KEY, SECRET = sys.argv[1:]
s3 = boto3.client(
    "s3",
    endpoint_url=URL,
    aws_access_key_id=KEY,
    aws_secret_access_key=SECRET,
    region_name="us-east-1",
    config=Config(signature_version="s3v4", s3={"addressing_style": "path"}, retries={"max_attempts": 1}),
)


def refused(status, call, **arguments):
    """The call fails with this status."""
    try:
        call(Bucket=BUCKET, **arguments)
    except ClientError as error:
        got = error.response["ResponseMetadata"]["HTTPStatusCode"]
        assert got == status, f"{arguments}: {got}, not {status}"
    else:
        raise AssertionError(f"{arguments}: not refused")


def read(key):
    return s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()


# Names that need escaping, and an empty object.
for name in ["plain", "with space+plus", "ümläut/日本", "empty"]:
    body = b"" if name == "empty" else name.encode()
    s3.put_object(Bucket=BUCKET, Key=f"b/{name}", Body=body, Metadata={"made-by": "boto3"})
    assert read(f"b/{name}") == body
    assert s3.head_object(Bucket=BUCKET, Key=f"b/{name}")["Metadata"] == {"made-by": "boto3"}
assert s3.get_object(Bucket=BUCKET, Key="b/plain", Range="bytes=1-3")["Body"].read() == b"lai"

# Conditions.
refused(412, s3.put_object, Key="b/plain", Body=b"2", IfNoneMatch="*")
etag = s3.head_object(Bucket=BUCKET, Key="b/plain")["ETag"]
s3.put_object(Bucket=BUCKET, Key="b/plain", Body=b"2", IfMatch=etag)
refused(412, s3.put_object, Key="b/plain", Body=b"3", IfMatch=etag)
refused(304, s3.get_object, Key="b/plain", IfNoneMatch=s3.head_object(Bucket=BUCKET, Key="b/plain")["ETag"])

# A file in parts, several at once.
large = os.urandom(21 << 20)
s3.upload_fileobj(io.BytesIO(large), BUCKET, "b/large", Config=TransferConfig(multipart_threshold=8 << 20, multipart_chunksize=8 << 20))
back = io.BytesIO()
s3.download_fileobj(BUCKET, "b/large", back)
assert back.getvalue() == large
# Copied in parts, as boto3 does above a size; and with a CRC of the full object, which it computes itself.
s3.copy({"Bucket": BUCKET, "Key": "b/large"}, BUCKET, "b/large-copy", Config=TransferConfig(multipart_threshold=8 << 20, multipart_chunksize=8 << 20))
assert read("b/large-copy") == large
upload = {"Bucket": BUCKET, "Key": "b/full", "ChecksumAlgorithm": "CRC32", "ChecksumType": "FULL_OBJECT"}
upload_id = s3.create_multipart_upload(**upload)["UploadId"]
parts = []
for number, part in enumerate([large[: 6 << 20], large[6 << 20 :]], 1):
    done = s3.upload_part(Bucket=BUCKET, Key="b/full", UploadId=upload_id, PartNumber=number, Body=part, ChecksumAlgorithm="CRC32")
    parts.append({"PartNumber": number, "ETag": done["ETag"], "ChecksumCRC32": done["ChecksumCRC32"]})
whole = base64.b64encode(zlib.crc32(large).to_bytes(4, "big")).decode()
s3.complete_multipart_upload(
    Bucket=BUCKET, Key="b/full", UploadId=upload_id, MultipartUpload={"Parts": parts}, ChecksumCRC32=whole, ChecksumType="FULL_OBJECT"
)
assert s3.head_object(Bucket=BUCKET, Key="b/full", ChecksumMode="ENABLED")["ChecksumCRC32"] == whole
s3.copy_object(Bucket=BUCKET, Key="b/copy", CopySource={"Bucket": BUCKET, "Key": "b/plain"})
assert read("b/copy") == b"2"

# Listings in pages, and by folders.
for number in range(25):
    s3.put_object(Bucket=BUCKET, Key=f"many/{number:03}/x", Body=b"x")
pages = s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix="many/", PaginationConfig={"PageSize": 10})
keys = [entry["Key"] for page in pages for entry in page["Contents"]]
assert keys == [f"many/{number:03}/x" for number in range(25)], keys
folders = s3.list_objects_v2(Bucket=BUCKET, Prefix="many/", Delimiter="/")["CommonPrefixes"]
assert len(folders) == 25, folders

# Presigned.
url = s3.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": "b/plain"}, ExpiresIn=60)
assert urllib.request.urlopen(url).read() == b"2"
try:
    urllib.request.urlopen(url.replace("b/plain", "b/copy"))
    raise AssertionError("a URL for one key works on another")
except urllib.error.HTTPError as error:
    assert error.code == 403, error.code

# Many at once, away.
gone = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": key} for key in keys]})
assert len(gone["Deleted"]) == 25 and "Errors" not in gone, gone
refused(404, s3.get_object, Key=keys[0])
print("all as elsewhere")
