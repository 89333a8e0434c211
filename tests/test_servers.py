"""The servers of the tests themselves: they hold data over a kill, and can be emptied."""

import threading
import time

from tasks.settings import get_settings
from tests.servers import Servers


def test_settings_name_the_running_servers(servers: Servers) -> None:
    settings = get_settings()
    assert settings.mongo_url == servers.mongo.url
    assert settings.redis_url == servers.redis.url
    assert settings.s3_endpoint_url == servers.s3.url
    assert settings.data == servers.folder / "data"


def test_data_survive_a_kill_and_go_with_clean(clean: Servers) -> None:
    people = clean.mongo_client.get_default_database()["people"]
    people.insert_one({"name": "Ada"})
    clean.redis_client.set("key", "value")
    clean.s3_client.put_object(Bucket=clean.bucket, Key="a/b.txt", Body=b"body")

    for running in clean.all:
        running.kill()
        assert not running.alive
        running.start()

    assert people.count_documents({}) == 1
    body = clean.s3_client.get_object(Bucket=clean.bucket, Key="a/b.txt")["Body"].read()
    assert body == b"body"

    clean.clean()
    assert people.count_documents({}) == 0
    assert clean.redis_client.dbsize() == 0
    left = clean.s3_client.list_objects_v2(Bucket=clean.bucket)["Contents"]
    assert [one["Key"] for one in left] == ["installation.json"]
    clean.s3_client.head_bucket(Bucket=clean.bucket)


def test_a_server_started_by_a_thread_outlives_that_thread(servers: Servers) -> None:
    servers.redis.kill()
    thread = threading.Thread(target=servers.redis.start)
    thread.start()
    thread.join()
    time.sleep(0.2)
    assert servers.redis.alive
    assert servers.redis_client.ping()
