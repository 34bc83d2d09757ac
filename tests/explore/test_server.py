"""Who is let in, how many may wait, and how the server starts and stops."""

import asyncio
import json
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.testclient import TestClient

from textvae import TextVAEError
from textvae.explore import explore
from textvae.explore.limits import Desk, Job
from textvae.explore.messages import DecodeRequest, Writing
from textvae.explore.operations import OPERATIONS
from textvae.explore.server import _address, application, serve
from textvae.language import use

TOKEN = "a secret"


# ---------------------------------------------------------------------- who is let in


@pytest.mark.parametrize("host", ["localhost", "localhost:8421", "127.0.0.1:8421", "[::1]:8421"])
def test_this_machine_is_let_in(client, host):
    assert client.get("/healthz", headers={"Host": host}).json() == {"status": "ok"}


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io", "", "[", "10.0.0.1"]
)
def test_a_name_made_to_resolve_to_this_machine_is_not(client, host):
    for path in ("/", "/healthz", "/api/model"):
        answer = client.get(path, headers={"Host": host})
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "host")


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://localhost:1", "null", "file://", "http://["]
)
def test_pages_of_other_origins_may_not_ask(client, origin):
    answer = client.post("/api/search", json={"query": "a"}, headers={"Origin": origin})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "origin")


def test_its_own_pages_may_ask(client):
    assert client.post("/api/search", json={"query": "a"}, headers={"Origin": "http://localhost"}).is_success


def test_the_api_wants_its_token_and_the_page_does_not(space):
    with TestClient(application(space, token=TOKEN), base_url="http://anywhere.example") as client:
        assert client.get("/").status_code == client.get("/healthz").status_code == 200
        assert client.get("/api/model").status_code == 401
        for wrong in (b"Bearer none", b"Bearer \xe9", b"Basic " + TOKEN.encode(), TOKEN[:-1].encode()):
            assert client.get("/api/model", headers=[(b"Authorization", wrong)]).status_code == 401
        assert client.get("/api/model", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200


@pytest.mark.parametrize("path", ["/", "/main.js", "/api.html", "/api/model", "/api/nothing"])
def test_every_answer_forbids_what_a_page_does_not_need(client, path):
    policy = client.get(path).headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "require-trusted-types-for 'script'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


# ---------------------------------------------------------------------- how many may wait


def test_a_full_queue_says_so_at_once(space):
    with TestClient(application(space, desk=Desk(waiting=1)), base_url="http://localhost") as client:
        begun, go = threading.Event(), threading.Event()
        encode = space.vae.encode

        def slow(texts):
            begun.set()
            assert go.wait(20)
            return encode(texts)

        space.vae.encode = slow
        try:
            answers = []
            first = threading.Thread(
                target=lambda: answers.append(client.post("/api/encode", json={"texts": ["a"]}))
            )
            first.start()
            assert begun.wait(20)
            refused = client.post("/api/encode", json={"texts": ["b"]})
            assert client.get("/healthz").is_success  # while the model is at work
        finally:
            go.set()
            first.join()
            del space.vae.encode
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "busy")
    assert refused.headers["Retry-After"] == "1"
    assert [answer.status_code for answer in answers] == [200]


def test_what_waits_too_long_is_told_and_left_undone(space):
    with TestClient(application(space, desk=Desk(seconds=0.2)), base_url="http://localhost") as client:
        go, done = threading.Event(), []
        space.shown.search = lambda query, k: done.append(query) or (go.wait(20) and [])
        try:
            late = [client.post("/api/search", json={"query": query}) for query in ("first", "second")]
        finally:
            go.set()
            del space.shown.search
    assert {(answer.status_code, answer.json()["error"]["code"]) for answer in late} == {(503, "late")}
    assert done == ["first"]  # the second never had its turn


def in_a_loop(ask):
    """In a thread of its own: where tests of pages ran before, this one has a loop running."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(ask())).result()


def test_what_waits_and_can_be_done_as_one_is(space):
    z = space.shown.z[:6].astype(float).round(3).tolist()
    decode = next(operation for operation in OPERATIONS if operation.name == "decode")
    asked = [
        DecodeRequest(z=[z[0]]),
        DecodeRequest(z=z[1:4]),
        DecodeRequest(z=[[0.0]]),
        DecodeRequest(z=[z[5]]),
    ]
    alone = [decode.run(space, one) for one in (asked[0], asked[1], asked[3])]
    go, turns = threading.Event(), []
    write = space.vae.decode

    async def ask():
        desk = Desk()
        with desk.at_work():
            blocking = asyncio.create_task(desk.run(Job(lambda _: [go.wait(20)])))
            tasks = [asyncio.create_task(desk.run(decode.job(space, one))) for one in asked]
            await asyncio.sleep(0.1)
            go.set()
            await blocking
            return await asyncio.gather(*tasks, return_exceptions=True)

    space.vae.decode = lambda rows, **options: turns.append(len(rows)) or write(rows, **options)
    try:
        answers = in_a_loop(ask)
        assert isinstance(
            answers.pop(2), TextVAEError
        )  # the latent of another length spoils no other's answer
        assert answers == alone
        turns.clear()
        go.clear()
        del asked[2]
        assert in_a_loop(ask) == alone
        assert turns == [5]
    finally:
        del space.vae.decode


def test_what_is_drawn_is_never_joined(space):
    sample = Writing(method="sample")
    decode = next(operation for operation in OPERATIONS if operation.name == "decode")
    assert decode.job(space, DecodeRequest(z=[[0.0] * 4], writing=sample)).key is None
    keys = {decode.job(space, DecodeRequest(z=[[value] * 4])).key for value in (0.0, 1.0)}
    other = decode.job(space, DecodeRequest(z=[[0.0] * 4], writing=Writing(allow_unknown=True))).key
    assert len(keys) == 1
    assert other not in keys


# ---------------------------------------------------------------------- start and stop


def test_an_address_that_others_reach_wants_a_token(space):
    with pytest.raises(TextVAEError, match="give a token"):
        serve(space, host="0.0.0.0")


@pytest.mark.parametrize(
    ("host", "token", "language", "address"),
    [
        ("127.0.0.1", None, "en", "http://127.0.0.1:80/"),
        ("::1", None, "zh", "http://[::1]:80/#lang=zh"),
        ("0.0.0.0", "a b&c", "en", "http://0.0.0.0:80/#token=a+b%26c"),
    ],
)
def test_the_address_keeps_its_token_from_the_server(host, token, language, address):
    use(language)
    try:
        assert _address(host, 80, token) == address
    finally:
        use("en")


def test_a_taken_port_is_told(space):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(TextVAEError, match="--port"):
            serve(space, port=taken.getsockname()[1])


def test_without_the_extra_it_names_it(space, monkeypatch):
    monkeypatch.setitem(sys.modules, "textvae.explore.server", None)
    with pytest.raises(TextVAEError, match=r"textvae\[explore\]"):
        explore(space.vae)


@pytest.fixture
def running(space, corpus, tmp_path):
    """The command in a process of its own, and the address it told."""
    space.vae.save_pretrained(tmp_path / "model")
    (tmp_path / "texts.txt").write_text("\n".join(corpus.texts))
    words = ["explore", "model", "texts.txt", "--port", "0", "--json", "--lang", "en"]
    process = subprocess.Popen(
        [sys.executable, "-m", "textvae", *words],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    yield process, json.loads(process.stdout.readline())["url"]
    process.kill()
    process.communicate()


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_it_finishes_what_is_at_work_and_ends_well(running, ending):
    process, url = running
    body = json.dumps({"n": 64, "writing": {"method": "sample"}}).encode()
    asked = urllib.request.Request(f"{url}api/sample", body, {"Content-Type": "application/json"})
    answers = []
    worker = threading.Thread(target=lambda: answers.append(urllib.request.urlopen(asked).status))
    worker.start()
    time.sleep(0.05)  # whether or not it has arrived by then, it is answered
    process.send_signal(ending)
    worker.join()
    assert process.wait(20) == 0
    assert process.stderr.read() == ""
    assert answers == [200]
