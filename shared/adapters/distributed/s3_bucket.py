"""The bucket that content is kept in, made ready by the MinIO library.

It's a bucket with versions: what is deleted stays readable for a day, to readers that were open and to an operator who
needs it back, and then the server removes it by itself.
"""

import asyncio
from typing import Final
from urllib.parse import urlsplit

import urllib3
from minio import Minio
from minio.commonconfig import ENABLED, Filter
from minio.error import MinioException
from minio.lifecycleconfig import Expiration, LifecycleConfig, NoncurrentVersionExpiration, Rule
from minio.versioningconfig import VersioningConfig

from shared.core.errors import Unavailable

DELETED_KEPT_DAYS: Final = 1
_THERE_ALREADY: Final = frozenset({"BucketAlreadyOwnedByYou", "BucketAlreadyExists"})


async def prepare_bucket(
    endpoint: str, access_key: str, secret_key: str, bucket: str, region: str = "us-east-1"
) -> None:
    """Make the bucket, unless it's there; one that is there stays as it is. Raises Unavailable."""
    await asyncio.to_thread(_prepare, endpoint, access_key, secret_key, bucket, region)


def _prepare(endpoint: str, access_key: str, secret_key: str, bucket: str, region: str) -> None:
    address = urlsplit(endpoint)
    pool = urllib3.PoolManager(timeout=urllib3.Timeout(connect=2, read=10), retries=False)
    try:
        client = Minio(
            address.netloc,
            access_key,
            secret_key,
            secure=address.scheme == "https",
            region=region,
            http_client=pool,
        )
        if not client.bucket_exists(bucket):
            _make(client, bucket)
    except (MinioException, urllib3.exceptions.HTTPError, ValueError) as error:
        raise Unavailable(f"the bucket {bucket} can't be used right now ({type(error).__name__})") from error
    finally:
        pool.clear()


def _make(client: Minio, bucket: str) -> None:
    try:
        client.make_bucket(bucket)
    except MinioException as error:
        if getattr(error, "code", "") not in _THERE_ALREADY:
            raise
    client.set_bucket_versioning(bucket, VersioningConfig(ENABLED))
    kept = NoncurrentVersionExpiration(noncurrent_days=DELETED_KEPT_DAYS)
    marks = Expiration(expired_object_delete_marker=True)
    rule = Rule(
        ENABLED,
        rule_filter=Filter(prefix=""),
        rule_id="what is deleted",
        noncurrent_version_expiration=kept,
        expiration=marks,
    )
    client.set_bucket_lifecycle(bucket, LifecycleConfig([rule]))
