"""The scenarios of scenarios.md, by their numbers. Each is given a Stage."""

import socket
import threading

from server import wait_for_queue, wait_until

SCENARIOS = {}


def scenario(number):
    def add(run):
        SCENARIOS[number] = run
        return run

    return add


@scenario(1)
def acquire(stage):
    first = stage.a.acquire(stage.key, expire=60)
    token = first.token()
    assert stage.a.locked(stage.key)
    assert first.do("state").end() == ["valid"]
    assert first.do("release").end() == ["ok"]
    assert not stage.a.locked(stage.key)
    assert stage.a.acquire(stage.key, expire=60).token() > token


@scenario(2)
def contend(stage):
    first = stage.a.acquire(stage.key, expire=60, owner="the-first")
    token = first.token()
    second = stage.b.acquire(stage.key, expire=60)
    assert second.next() == ["queued", "1", "the-first"]
    assert first.do("release").end() == ["ok"]
    assert second.token() > token


@scenario(3)
def timeout(stage):
    stage.a.acquire(stage.key, expire=60).token()
    assert stage.b.acquire(stage.key, timeout=0.05).failed() == "WAIT_TIMEOUT"
    assert stage.b.acquire(stage.key, timeout=0).failed() == "LOCK_HELD"
    assert stage.client.get(stage.key).queue_length == 0


@scenario(4)
def order(stage):
    holder = stage.a.acquire(stage.key, expire=60)
    holder.token()
    waiters = []
    for i, driver in enumerate((stage.b, stage.a, stage.b, stage.a)):
        waiters.append(driver.acquire(stage.key, expire=60))
        wait_for_queue(stage.client, stage.key, i + 1)
    tokens = []
    for waiter in waiters:
        assert holder.do("release").end() == ["ok"]
        tokens.append(waiter.token())
        holder = waiter
    assert tokens == sorted(tokens)


@scenario(5)
def expire(stage):
    first = stage.a.acquire(stage.key, expire=0.5)
    first.token()
    loss = first.do("lost")
    second = stage.b.acquire(stage.key, expire=60)
    assert loss.end() == ["lost"]
    assert first.do("state").end() == ["invalid"]
    token = second.token()
    assert first.do("release").failed() == "LEASE_EXPIRED"
    assert stage.client.get(stage.key).holder.fencing_token == token


@scenario(6)
def renew(stage):
    first = stage.a.acquire(stage.key, expire=0.8, renew=1)
    first.token()
    assert stage.b.acquire(stage.key, timeout=1.6).failed() == "WAIT_TIMEOUT"
    assert first.do("state").end() == ["valid"]
    assert first.do("renew").end() == ["ok"]
    assert first.do("release").end() == ["ok"]


@scenario(7)
def forced(stage):
    first = stage.a.acquire(stage.key, expire=0.9, renew=1)
    first.token()
    stage.client.force_release(stage.key)
    assert first.do("lost").end() == ["lost"]
    assert first.do("release").failed() == "LEASE_FORCED"
    stage.b.acquire(stage.key, expire=60).token()


@scenario(8)
def cancel(stage):
    stage.a.acquire(stage.key, expire=60).token()
    second = stage.b.acquire(stage.key)
    assert second.next()[0] == "queued"
    assert second.do("cancel").end() == ["ok"]
    assert second.failed() == "CANCELLED"
    wait_for_queue(stage.client, stage.key, 0)


class Proxy:
    """Between a client and the server. `cut` ends the connections, and lets nothing more pass
    to the client before that."""

    def __init__(self, folder, server):
        self.address = f"unix:{folder}/proxy"
        self._server = server.removeprefix("unix:")
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(f"{folder}/proxy")
        self._listener.listen()
        self._pairs = []
        self.deaf = False
        self.armed = b"\0never"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            far.connect(self._server)
            self._pairs.append((near, far))
            for ends in ((near, far, False), (far, near, True)):
                threading.Thread(target=self._pass, args=ends, daemon=True).start()

    def _pass(self, source, target, answers):
        try:
            while data := source.recv(65536):
                # What names the key is the request; its answer is not to arrive.
                if not answers and self.armed in data:
                    self.deaf, self.armed = True, b"\0never"
                if not (answers and self.deaf):
                    target.sendall(data)
        except OSError:
            pass

    def cut(self):
        pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for end in pair:
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass  # Its other end is gone.
                end.close()
        self.deaf = False

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()


@scenario(9)
def retry(stage):
    proxy = Proxy(stage.new_folder(), stage.server.address)
    try:
        proxy.armed = stage.key.encode()
        driver = stage.new_driver_like_a(proxy.address)
        answers = driver.acquire(stage.key, expire=60, timeout=30)
        wait_until(lambda: stage.client.get(stage.key).locked, "the grant")
        token = stage.client.get(stage.key).holder.fencing_token
        proxy.cut()
        assert answers.token() == token
        assert answers.do("release").end() == ["ok"]
    finally:
        proxy.close()


@scenario(10)
def restart(stage):
    server, a, b, client = stage.stage_of_its_own()
    first = a.acquire(stage.key, expire=60)
    token = first.token()
    second = b.acquire(stage.key, expire=60)
    wait_for_queue(client, stage.key, 1)
    server.kill()
    server.start()
    assert first.do("state").end() == ["valid"]
    assert first.do("renew").end() == ["ok"]
    wait_for_queue(client, stage.key, 1)
    assert first.do("release").end() == ["ok"]
    assert second.token() > token


@scenario(11)
def tags(stage):
    first = stage.a.acquire(stage.key, expire=60, tags=f"nightly,{stage.key}")
    first.token()
    assert [lock.key for lock in stage.client.list(tags=["nightly", stage.key])] == [stage.key]
    assert len(stage.client.release_by_tag(stage.key).locks) == 1
    assert first.do("renew").failed() == "LEASE_FORCED"


@scenario(12)
def shared_object(stage):
    first = stage.a.acquire(stage.key, expire=60, object=stage.key)
    token = first.token()
    second = stage.a.acquire(stage.key, expire=60, object=stage.key)
    wait_for_queue(stage.client, stage.key, 1)
    assert first.do("release").end() == ["ok"]
    assert second.token() > token
    assert second.do("release").end() == ["ok"]


@scenario(13)
def errors(stage):
    wrong = ({"key": ""}, {"key": "x" * 513}, {"key": "k", "expire": 367 * 86400},
             {"key": "k", "tags": "x" * 129})
    for options in wrong:
        assert stage.a.tell("acquire", **options).failed() in ("INVALID_FIELD", "INVALID_ARGUMENT")


@scenario(14)
def limits(stage):
    _, a, b, _ = stage.stage_of_its_own("--max-leases=1")
    a.acquire(stage.key, expire=60).token()
    assert b.acquire(stage.key + "other", expire=60, timeout=0).failed() == "LIMIT_EXCEEDED"


@scenario(15)
def death(stage):
    driver = stage.new_driver_like_a(stage.server.address)
    driver.acquire(stage.key, expire=600, bound=1).token()
    second = stage.b.acquire(stage.key, expire=60)
    wait_for_queue(stage.client, stage.key, 1)
    driver.kill()
    second.token()
