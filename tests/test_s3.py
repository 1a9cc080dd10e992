"""Buckets and objects over the folder of objects, through boto3 and the AWS CLI."""

import base64
import hashlib
import io
import json
import os

import boto3
import httpx
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

import world
from test_neighbours import cli, refused

MIB = 1024 * 1024


@pytest.fixture
def s3(outcrop):
    client = world.client("s3", outcrop.start().url)
    client.create_bucket(Bucket="docs", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    return client


def objects(outcrop):
    return outcrop.folder / "data/objects"


def keys(s3, **more):
    return [each["Key"] for each in s3.list_objects_v2(Bucket="docs", **more).get("Contents", [])]


def test_a_bucket_from_creation_to_deletion(outcrop):
    s3 = world.client("s3", outcrop.start().url)
    assert s3.list_buckets()["Buckets"] == []
    refused("404", s3.head_bucket, Bucket="docs")
    with pytest.raises(s3.exceptions.NoSuchBucket):
        s3.list_objects_v2(Bucket="docs")
    west = {"CreateBucketConfiguration": {"LocationConstraint": "us-west-2"}}
    s3.create_bucket(Bucket="docs", **west)
    s3.get_waiter("bucket_exists").wait(Bucket="docs")
    assert s3.head_bucket(Bucket="docs")["BucketRegion"] == "us-west-2"
    assert s3.get_bucket_location(Bucket="docs")["LocationConstraint"] == "us-west-2"
    with pytest.raises(s3.exceptions.BucketAlreadyOwnedByYou):
        s3.create_bucket(Bucket="docs", **west)
    # In the oldest region a bucket of one's own is no conflict.
    for _ in range(2):
        s3.create_bucket(Bucket="old")
    assert s3.get_bucket_location(Bucket="docs")["LocationConstraint"] == "us-west-2"
    # A folder that somebody made is a bucket too.
    (objects(outcrop) / "by-hand").mkdir()
    assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == ["by-hand", "docs", "old"]
    for name in ("Capital", "a", "-x-", "a_b"):
        refused("InvalidBucketName", world.client("s3", outcrop.url, parameter_validation=False).create_bucket, Bucket=name)
    s3.put_object(Bucket="docs", Key="deep/down/a", Body=b"x")
    error = refused("BucketNotEmpty", s3.delete_bucket, Bucket="docs")
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 409 and error["ResponseMetadata"]["HTTPHeaders"]["x-amz-request-id"]
    s3.delete_object(Bucket="docs", Key="deep/down/a")
    s3.delete_bucket(Bucket="docs")
    s3.get_waiter("bucket_not_exists").wait(Bucket="docs")
    refused("NoSuchBucket", s3.delete_bucket, Bucket="docs")
    refused("NoSuchBucket", s3.put_object, Bucket="docs", Key="k", Body=b"")


def test_an_object_keeps_what_was_said_of_it(outcrop, s3):
    body = b"# Handbook\n" * 100
    put = s3.put_object(
        Bucket="docs", Key="a b/ä+%.md", Body=body, ContentType="text/markdown", CacheControl="no-cache", ContentEncoding="identity",
        ContentDisposition="inline", ContentLanguage="de", Metadata={"team": "hr", "year": "2025"}, Tagging="a=b%20c&d=e")
    assert put["ETag"] == f'"{hashlib.md5(body).hexdigest()}"' and put["ChecksumCRC32"]
    assert (objects(outcrop) / "docs/a b/ä+%.md").read_bytes() == body
    head = s3.head_object(Bucket="docs", Key="a b/ä+%.md")
    got = s3.get_object(Bucket="docs", Key="a b/ä+%.md")
    assert got["Body"].read() == body
    for answer in (head, got):
        assert (answer["ContentLength"], answer["ETag"], answer["ContentType"]) == (len(body), put["ETag"], "text/markdown")
        assert (answer["Metadata"], answer["CacheControl"], answer["ContentLanguage"]) == ({"team": "hr", "year": "2025"}, "no-cache", "de")
        assert (answer["ContentDisposition"], answer["ContentEncoding"]) == ("inline", "identity")
    assert s3.get_object_tagging(Bucket="docs", Key="a b/ä+%.md")["TagSet"] == [{"Key": "a", "Value": "b c"}, {"Key": "d", "Value": "e"}]
    # Unless somebody puts another file in its place.
    (objects(outcrop) / "docs/a b/ä+%.md").write_bytes(b"other")
    head = s3.head_object(Bucket="docs", Key="a b/ä+%.md")
    assert (head["ContentType"], head["Metadata"], head["ETag"]) == ("binary/octet-stream", {}, f'"{hashlib.md5(b"other").hexdigest()}"')
    refused("404", s3.head_object, Bucket="docs", Key="none")
    with pytest.raises(s3.exceptions.NoSuchKey) as missing:
        s3.get_object(Bucket="docs", Key="none")
    assert missing.value.response["Error"]["Message"]
    s3.delete_object(Bucket="docs", Key="a b/ä+%.md")
    s3.delete_object(Bucket="docs", Key="a b/ä+%.md")
    assert list((objects(outcrop) / "docs").iterdir()) == []


def test_parts_and_conditions_of_reading(s3):
    s3.put_object(Bucket="docs", Key="k", Body=bytes(range(100)))
    part = s3.get_object(Bucket="docs", Key="k", Range="bytes=10-19")
    assert (part["Body"].read(), part["ContentRange"], part["ResponseMetadata"]["HTTPStatusCode"]) == (bytes(range(10, 20)), "bytes 10-19/100", 206)
    assert s3.get_object(Bucket="docs", Key="k", Range="bytes=-5")["Body"].read() == bytes(range(95, 100))
    assert s3.get_object(Bucket="docs", Key="k", Range="bytes=90-999")["ContentLength"] == 10
    refused("InvalidRange", s3.get_object, Bucket="docs", Key="k", Range="bytes=100-")
    etag = s3.head_object(Bucket="docs", Key="k")["ETag"]
    assert s3.get_object(Bucket="docs", Key="k", IfMatch=etag)["ContentLength"] == 100
    assert refused("304", s3.get_object, Bucket="docs", Key="k", IfNoneMatch=etag)
    refused("PreconditionFailed", s3.get_object, Bucket="docs", Key="k", IfMatch='"0"')
    refused("PreconditionFailed", s3.put_object, Bucket="docs", Key="k", Body=b"", IfNoneMatch="*")
    modified = s3.head_object(Bucket="docs", Key="k")["LastModified"]
    refused("304", s3.get_object, Bucket="docs", Key="k", IfModifiedSince=modified)


# CRC32C takes a C library on the client's side, which is not part of boto3.
@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])
def test_checksums_are_kept_and_checked(outcrop, s3, algorithm):
    put = s3.put_object(Bucket="docs", Key="k", Body=io.BytesIO(b"hello"), ChecksumAlgorithm=algorithm)
    assert put[f"Checksum{algorithm}"]
    got = s3.get_object(Bucket="docs", Key="k", ChecksumMode="ENABLED")
    assert (got["Body"].read(), got[f"Checksum{algorithm}"], got["ChecksumType"]) == (b"hello", put[f"Checksum{algorithm}"], "FULL_OBJECT")
    wrong = base64.b64encode(bytes({"CRC32": 4, "SHA1": 20, "SHA256": 32}[algorithm])).decode()
    refused("BadDigest", s3.put_object, Bucket="docs", Key="other", Body=b"hello", **{f"Checksum{algorithm}": wrong})
    refused("BadDigest", s3.put_object, Bucket="docs", Key="other", Body=b"hello", ContentMD5=base64.b64encode(bytes(16)).decode())
    assert keys(s3) == ["k"]


def test_large_files_go_in_parts(outcrop, s3, tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(os.urandom(20 * MIB + 17))
    s3.upload_file(str(source), "docs", "big/file.bin", ExtraArgs={"ContentType": "application/x-thing", "Metadata": {"a": "b"}})
    head = s3.head_object(Bucket="docs", Key="big/file.bin", ChecksumMode="ENABLED")
    parts = [hashlib.md5(source.read_bytes()[at:at + 8 * MIB]).digest() for at in range(0, 20 * MIB + 17, 8 * MIB)]
    assert head["ETag"] == f'"{hashlib.md5(b"".join(parts)).hexdigest()}-3"'
    assert (head["ContentType"], head["Metadata"], head["ContentLength"]) == ("application/x-thing", {"a": "b"}, 20 * MIB + 17)
    assert head["ChecksumCRC32"].endswith("-3") and head["ChecksumType"] == "COMPOSITE"
    s3.download_file("docs", "big/file.bin", str(target), Config=TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB))
    assert target.read_bytes() == source.read_bytes() == (objects(outcrop) / "docs/big/file.bin").read_bytes()
    s3.copy({"Bucket": "docs", "Key": "big/file.bin"}, "docs", "big/copy", Config=TransferConfig(multipart_threshold=6 * MIB, multipart_chunksize=6 * MIB))
    assert s3.head_object(Bucket="docs", Key="big/copy")["ETag"].endswith('-4"')
    assert (objects(outcrop) / "docs/big/copy").read_bytes() == source.read_bytes()
    # Nothing is left beside the objects.
    assert not list((objects(outcrop) / ".outcrop/uploads").iterdir()) and not list((objects(outcrop) / ".outcrop/staging").iterdir())


def test_parts_that_do_not_make_an_object(s3):
    begin = lambda key="k": s3.create_multipart_upload(Bucket="docs", Key=key)["UploadId"]
    upload = {"Bucket": "docs", "Key": "k", "UploadId": begin()}
    small = s3.upload_part(PartNumber=1, Body=b"a", **upload)["ETag"]
    second = s3.upload_part(PartNumber=2, Body=b"b", **upload)["ETag"]
    complete = lambda *parts: refused_code(s3.complete_multipart_upload, MultipartUpload={"Parts": list(parts)}, **upload)
    one, two = {"PartNumber": 1, "ETag": small}, {"PartNumber": 2, "ETag": second}
    assert complete(two, one) == "InvalidPartOrder"
    assert complete({**one, "ETag": second}) == "InvalidPart"
    assert complete({"PartNumber": 7, "ETag": small}) == "InvalidPart"
    assert complete(one, two) == "EntityTooSmall"
    assert [part["PartNumber"] for part in s3.list_parts(**upload)["Parts"]] == [1, 2]
    other = begin("other")
    assert [each["Key"] for each in s3.list_multipart_uploads(Bucket="docs")["Uploads"]] == ["k", "other"]
    refused("NoSuchUpload", s3.upload_part, Bucket="docs", Key="k", UploadId=other, PartNumber=1, Body=b"")
    refused("NoSuchUpload", s3.abort_multipart_upload, Bucket="docs", Key="k", UploadId="../../docs")
    s3.abort_multipart_upload(Bucket="docs", Key="other", UploadId=other)
    assert s3.complete_multipart_upload(MultipartUpload={"Parts": [two]}, **upload)["ETag"].endswith('-1"')
    assert s3.get_object(Bucket="docs", Key="k")["Body"].read() == b"b"
    assert "Uploads" not in s3.list_multipart_uploads(Bucket="docs") and keys(s3) == ["k"]


def refused_code(call, **arguments):
    try:
        call(**arguments)
    except Exception as error:
        return error.response["Error"]["Code"]


def test_lists(s3):
    names = ["a", "a-b", "a.txt", "b/1", "b/2", "b/c/3", "b0", "x y/+&%", "z"]
    for name in reversed(names):
        s3.put_object(Bucket="docs", Key=name, Body=name.encode())
    assert keys(s3) == names
    assert keys(s3, Prefix="b/") == ["b/1", "b/2", "b/c/3"] and keys(s3, StartAfter="b/2") == names[5:]
    level = s3.list_objects_v2(Bucket="docs", Delimiter="/")
    assert [each["Prefix"] for each in level["CommonPrefixes"]] == ["b/", "x y/"]
    assert [each["Key"] for each in level["Contents"]] == ["a", "a-b", "a.txt", "b0", "z"] and level["KeyCount"] == 7
    level = s3.list_objects_v2(Bucket="docs", Prefix="b/", Delimiter="/")
    assert ([each["Prefix"] for each in level["CommonPrefixes"]], [each["Key"] for each in level["Contents"]]) == (["b/c/"], ["b/1", "b/2"])
    for version, call in (("v2", "list_objects_v2"), ("v1", "list_objects")):
        pages = list(s3.get_paginator(call).paginate(Bucket="docs", PaginationConfig={"PageSize": 2}))
        assert [len(page["Contents"]) for page in pages] == [2, 2, 2, 2, 1], version
        assert [each["Key"] for page in pages for each in page["Contents"]] == names
        pages = s3.get_paginator(call).paginate(Bucket="docs", Delimiter="/", PaginationConfig={"PageSize": 3})
        seen = [each.get("Key") or each["Prefix"] for page in pages for each in page.get("Contents", []) + page.get("CommonPrefixes", [])]
        assert sorted(seen) == ["a", "a-b", "a.txt", "b/", "b0", "x y/", "z"]
    first = s3.list_objects_v2(Bucket="docs", MaxKeys=1)["Contents"][0]
    assert (first["Size"], first["ETag"], first["StorageClass"]) == (1, f'"{hashlib.md5(b"a").hexdigest()}"', "STANDARD")
    refused("InvalidArgument", s3.list_objects_v2, Bucket="docs", ContinuationToken="%")
    # Clean-up by whatever is there.
    answer = s3.delete_objects(Bucket="docs", Delete={"Objects": [{"Key": name} for name in names[:3] + ["none"]]})
    assert [each["Key"] for each in answer["Deleted"]] == names[:3] + ["none"] and "Errors" not in answer
    bucket = boto3.resource("s3", endpoint_url=s3.meta.endpoint_url, region_name="us-west-2", aws_access_key_id="t", aws_secret_access_key="t").Bucket("docs")
    assert [each.key for each in bucket.objects.filter(Prefix="b/")] == ["b/1", "b/2", "b/c/3"]
    bucket.object_versions.all().delete()
    bucket.objects.all().delete()
    bucket.delete()


def test_copies(s3):
    s3.put_object(Bucket="docs", Key="from", Body=b"x", ContentType="text/plain", Metadata={"a": "b"})
    s3.copy_object(Bucket="docs", Key="to/kept", CopySource={"Bucket": "docs", "Key": "from"})
    s3.copy_object(Bucket="docs", Key="to/new", CopySource="docs/from", MetadataDirective="REPLACE", Metadata={"c": "d"}, ContentType="text/css")
    kept, new = (s3.head_object(Bucket="docs", Key=key) for key in ("to/kept", "to/new"))
    assert (kept["ContentType"], kept["Metadata"], new["ContentType"], new["Metadata"]) == ("text/plain", {"a": "b"}, "text/css", {"c": "d"})
    refused("InvalidRequest", s3.copy_object, Bucket="docs", Key="from", CopySource="docs/from")
    refused("NoSuchKey", s3.copy_object, Bucket="docs", Key="to", CopySource="docs/none")
    refused("NoSuchBucket", s3.copy_object, Bucket="docs", Key="to2", CopySource="none/from")


def test_presigned_addresses(outcrop, s3):
    clients = [s3, world.client("s3", outcrop.url, signature_version="s3v4")]
    for at, client in enumerate(clients):
        address = client.generate_presigned_url("put_object", Params={"Bucket": "docs", "Key": f"{at}", "ContentType": "text/plain"}, ExpiresIn=60)
        put = httpx.put(address, content=b"by address", headers={"content-type": "text/plain"}, trust_env=False)
        assert put.status_code == 200, put.text
        address = client.generate_presigned_url("get_object", Params={"Bucket": "docs", "Key": f"{at}", "ResponseContentType": "text/html"}, ExpiresIn=60)
        got = httpx.get(address, trust_env=False)
        assert (got.content, got.headers["content-type"]) == (b"by address", "text/html")
        assert httpx.get(client.generate_presigned_url("get_object", Params={"Bucket": "docs", "Key": "none"}), trust_env=False).status_code == 404


def test_buckets_named_by_the_host(outcrop, s3):
    s3.put_object(Bucket="docs", Key="healthz", Body=b"an object")
    port = outcrop.url.rsplit(":", 1)[1]
    with httpx.Client(trust_env=False) as plain:
        got = plain.get(outcrop.url + "/healthz", headers={"host": f"docs.localhost:{port}"})
        assert got.content == b"an object"
        listed = plain.get(outcrop.url + "/?list-type=2", headers={"host": f"docs.localhost:{port}"})
        assert "<Key>healthz</Key>" in listed.text
        assert plain.get(outcrop.url + "/healthz").json() == {"status": "ok"}


def test_names_lead_nowhere_else(outcrop, s3):
    (outcrop.folder / "data/objects/secret").write_text("secret")
    (outcrop.folder / "data/objects/docs/link").symlink_to(outcrop.folder / "outcrop.toml")
    (outcrop.folder / "data/objects/docs/out").symlink_to(outcrop.folder)
    plain = httpx.Client(trust_env=False)
    raw = lambda method, path, **more: plain.request(method, outcrop.url, extensions={"target": path.encode()}, **more)
    host = {"host": "docs.localhost"}
    for path in ("/../secret", "/..%2Fsecret", "/%2e%2e/secret", "/a/../../secret", "/link", "/out/outcrop.toml", "//etc/passwd", "/%00"):
        answer = raw("GET", path, headers=host)
        assert answer.status_code in (400, 404) and "secret" not in answer.text.replace("/secret", ""), (path, answer.text)
    for key in ("../x", "a/../../x", "a//b", "./a", "out/x", "x" * 256, "link/x"):
        assert refused_code(s3.put_object, Bucket="docs", Key=key, Body=b"") in ("InvalidArgument", "InternalError"), key
    refused("KeyTooLongError", s3.put_object, Bucket="docs", Key="x/" * 513, Body=b"")
    assert not (outcrop.folder / "x").exists() and (outcrop.folder / "data/objects/secret").read_text() == "secret"
    assert keys(s3) == []
    # What a file system cannot hold is refused, and says why.
    s3.put_object(Bucket="docs", Key="a/b", Body=b"x")
    error = refused("InvalidArgument", s3.put_object, Bucket="docs", Key="a", Body=b"x")
    assert "objects are files" in error["Error"]["Message"]
    refused("InvalidArgument", s3.put_object, Bucket="docs", Key="a/b/c", Body=b"x")
    # The hidden folder is no bucket.
    refused("InvalidBucketName", world.client("s3", outcrop.url, parameter_validation=False).list_objects_v2, Bucket=".outcrop")


def test_keys_that_end_with_a_slash_are_folders(outcrop, s3):
    s3.put_object(Bucket="docs", Key="folder/")
    assert keys(s3) == ["folder/"] and s3.head_object(Bucket="docs", Key="folder/")["ContentLength"] == 0
    s3.put_object(Bucket="docs", Key="folder/a", Body=b"x")
    s3.delete_object(Bucket="docs", Key="folder/a")
    assert keys(s3) == ["folder/"]
    refused("InvalidArgument", s3.put_object, Bucket="docs", Key="other/", Body=b"x")
    s3.delete_object(Bucket="docs", Key="folder/")
    assert keys(s3) == [] and not (objects(outcrop) / "docs/folder").exists()


def test_settings_of_buckets_are_recorded(outcrop, s3):
    docs = {"Bucket": "docs"}
    for code, call in (("NoSuchBucketPolicy", s3.get_bucket_policy), ("NoSuchTagSet", s3.get_bucket_tagging),
                       ("NoSuchCORSConfiguration", s3.get_bucket_cors), ("NoSuchPublicAccessBlockConfiguration", s3.get_public_access_block),
                       ("ServerSideEncryptionConfigurationNotFoundError", s3.get_bucket_encryption)):
        assert refused(code, call, **docs)["ResponseMetadata"]["HTTPStatusCode"] == 404
    assert "Status" not in s3.get_bucket_versioning(**docs)
    s3.put_bucket_versioning(**docs, VersioningConfiguration={"Status": "Enabled"})
    assert s3.get_bucket_versioning(**docs)["Status"] == "Enabled"
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    s3.put_bucket_policy(**docs, Policy=policy)
    assert s3.get_bucket_policy(**docs)["Policy"] == policy
    refused("MalformedPolicy", s3.put_bucket_policy, **docs, Policy="{")
    s3.put_bucket_tagging(**docs, Tagging={"TagSet": [{"Key": "a", "Value": "b & c"}]})
    assert s3.get_bucket_tagging(**docs)["TagSet"] == [{"Key": "a", "Value": "b & c"}]
    rules = [{"AllowedHeaders": ["*"], "AllowedMethods": ["GET", "PUT"], "AllowedOrigins": ["*"], "MaxAgeSeconds": 3000}]
    s3.put_bucket_cors(**docs, CORSConfiguration={"CORSRules": rules})
    assert s3.get_bucket_cors(**docs)["CORSRules"] == rules
    block = {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True, "RestrictPublicBuckets": False}
    s3.put_public_access_block(**docs, PublicAccessBlockConfiguration=block)
    assert s3.get_public_access_block(**docs)["PublicAccessBlockConfiguration"] == block
    encryption = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": True}]}
    s3.put_bucket_encryption(**docs, ServerSideEncryptionConfiguration=encryption)
    assert s3.get_bucket_encryption(**docs)["ServerSideEncryptionConfiguration"] == encryption
    for call in (s3.delete_bucket_policy, s3.delete_bucket_tagging, s3.delete_bucket_cors, s3.delete_bucket_encryption, s3.delete_public_access_block):
        call(**docs)
    refused("NoSuchBucketPolicy", s3.get_bucket_policy, **docs)
    outcrop.server.restart()
    assert world.client("s3", outcrop.url).get_bucket_versioning(**docs)["Status"] == "Enabled"
    assert refused("NotImplemented", s3_of(outcrop).get_bucket_lifecycle_configuration, **docs)["ResponseMetadata"]["HTTPStatusCode"] == 501


def s3_of(outcrop):
    return world.client("s3", outcrop.url)


def test_only_who_may_gets_in(outcrop):
    secret = outcrop.folder / "secret"
    secret.write_text("a/secret+of+forty+characters+or+thereabouts\n")
    outcrop.start(settings=f'[auth]\nmode = "sigv4"\n[[auth.key]]\naccess_key_id = "AKIDEXAMPLE0000"\nsecret_access_key_file = {json.dumps(str(secret))}\n')
    client = lambda service, key, secret, **more: boto3.client(
        service, endpoint_url=outcrop.url, region_name="us-west-2", aws_access_key_id=key, aws_secret_access_key=secret,
        config=Config(retries={"total_max_attempts": 1}, **more))
    mine = client("s3", "AKIDEXAMPLE0000", secret.read_text().strip(), signature_version="s3v4")
    mine.create_bucket(Bucket="docs")
    mine.put_object(Bucket="docs", Key="a b/ä", Body=io.BytesIO(b"x" * 100_000))
    assert mine.get_object(Bucket="docs", Key="a b/ä")["ContentLength"] == 100_000
    assert httpx.get(mine.generate_presigned_url("get_object", Params={"Bucket": "docs", "Key": "a b/ä"}), trust_env=False).status_code == 200
    refused("SignatureDoesNotMatch", client("s3", "AKIDEXAMPLE0000", "wrong").get_object, Bucket="docs", Key="k")
    refused("InvalidAccessKeyId", client("s3", "AKIDOTHER", "wrong").list_buckets)
    port = outcrop.url.rsplit(":", 1)[1]
    nobody = httpx.get(outcrop.url + "/k", headers={"host": f"docs.localhost:{port}"}, trust_env=False)
    assert nobody.status_code == 403 and "<Code>AccessDenied</Code>" in nobody.text
    # The other neighbours likewise, each in its own form.
    refused("InvalidClientTokenId", client("sts", "AKIDOTHER", "wrong").get_caller_identity)
    refused("SignatureDoesNotMatch", client("iam", "AKIDEXAMPLE0000", "wrong").list_roles)
    refused("UnrecognizedClientException", client("opensearchserverless", "AKIDOTHER", "wrong").list_collections)
    assert client("sts", "AKIDEXAMPLE0000", secret.read_text().strip()).get_caller_identity()["Account"]


def test_a_body_over_the_limit_is_refused(outcrop):
    s3 = world.client("s3", outcrop.start(settings="[limits]\nrequest_bytes_max = 65536").url)
    s3.create_bucket(Bucket="docs")
    refused("EntityTooLarge", s3.put_object, Bucket="docs", Key="k", Body=b"x" * 70_000)


def test_through_the_aws_cli(outcrop, tmp_path):
    outcrop.start()
    (tmp_path / "up").mkdir()
    for name in ("a.txt", "b.txt"):
        (tmp_path / "up" / name).write_text(name * 3)
    run = lambda *arguments: cli(outcrop, *arguments)
    text = lambda *arguments: cli(outcrop, *arguments, text=True)
    assert "make_bucket: docs" in text("s3", "mb", "s3://docs")
    text("s3", "sync", tmp_path / "up", "s3://docs/up")
    text("s3", "cp", tmp_path / "up/a.txt", "s3://docs/one.txt")
    listed = text("s3", "ls", "s3://docs", "--recursive")
    assert [line.split()[-1] for line in listed.splitlines()] == ["one.txt", "up/a.txt", "up/b.txt"]
    text("s3", "cp", "s3://docs/up/b.txt", tmp_path / "down.txt")
    assert (tmp_path / "down.txt").read_text() == "b.txt" * 3
    assert run("s3api", "head-object", "--bucket", "docs", "--key", "one.txt")["ContentType"] == "text/plain"
    text("s3", "rb", "s3://docs", "--force")
    assert run("s3api", "list-buckets")["Buckets"] == []
