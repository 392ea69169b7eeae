"""A driver in a process of its own: see scenarios.md."""

import queue
import subprocess
import threading


class Unsupported(Exception):
    """The driver cannot do that."""


class Answers:
    """What comes of one command."""

    def __init__(self, driver, number):
        self.driver = driver
        self.number = number
        self.lines = queue.SimpleQueue()

    def next(self):
        """The words of the next line. AssertionError: there is none within 60 s."""
        try:
            words = self.lines.get(timeout=60)
        except queue.Empty:
            raise AssertionError("there was no answer") from None
        if words == ["unsupported"]:
            raise Unsupported
        return words

    def end(self):
        """The words of the line that ends it."""
        while (words := self.next())[0] == "queued":
            pass
        return words

    def token(self):
        word, *rest = self.end()
        assert word == "granted", [word, *rest]
        return int(rest[0])

    def failed(self):
        word, *rest = self.end()
        assert word == "failed", [word, *rest]
        return rest[0]

    def do(self, verb):
        """Answers of a command about this one."""
        return self.driver.tell(verb, of=self.number)


class Driver:
    def __init__(self, program, address):
        self._process = subprocess.Popen(
            [program, address], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._mutex = threading.Lock()
        self._answers = {}
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self._process.stdout:
            number, *words = line.split()
            self._answers[number].lines.put(words)

    def tell(self, verb, **options):
        with self._mutex:
            number = str(len(self._answers) + 1)
            answers = self._answers[number] = Answers(self, number)
            words = [f"{name}={value}" for name, value in options.items()]
            self._process.stdin.write(" ".join([number, verb, *words]) + "\n")
            self._process.stdin.flush()
        return answers

    def acquire(self, key, **options):
        return self.tell("acquire", key=key, **options)

    def locked(self, key):
        return self.tell("locked", key=key).end() == ["yes"]

    def kill(self):
        self._process.kill()
        self._process.wait()

    def close(self):
        self.kill()
        self._reader.join()
        self._process.stdin.close()
        self._process.stdout.close()
