"""The rules of an acquire, a renewal and a release, with a clock and a server of the test's."""

import unittest

from holdfast import _steps, _wire
from holdfast._options import Spec
from holdfast._steps import Call, Pause
from holdfast._times import lease_times
from holdfast._wire import Failure, duration
from holdfast.errors import LockLostError, LockTimeoutError, LockUnavailableError

BROKEN = Failure("UNAVAILABLE", "the connection broke")
HELD = Failure("ABORTED", "it is held", "LOCK_HELD")
ENDED = Failure("FAILED_PRECONDITION", "it has ended", "LEASE_ENDED")


def spec(expire=30.0):
    return Spec("k", expire, frozenset(), "me")


class Played:
    """Answers steps one after another; each answer takes some time."""

    def __init__(self):
        self.now = 1000.0
        self.calls = []

    def clock(self):
        return self.now

    def play(self, steps, *answers, takes=0.0, always=None):
        """What the steps come to. Pauses take their time. `always`: the answer to all."""
        answers = list(answers)
        step = next(steps)
        try:
            while True:
                if isinstance(step, Pause):
                    self.now += step.seconds
                    step = steps.send(None)
                    continue
                assert isinstance(step, Call)
                self.calls.append(step)
                self.now += takes
                step = steps.send(always or answers.pop(0))
        except StopIteration as end:
            assert not answers, answers[0]
            return end.value


def grant(token=7, remaining=30.0, elapsed=0.0):
    lease = _wire.lease_pb2.Lease(
        fencing_token=token, remaining=duration(remaining), elapsed=duration(elapsed)
    )
    return _wire.lock_service_pb2.AcquireResponse(lease=lease)


def renewed(remaining=30.0):
    lease = _wire.lease_pb2.Lease(remaining=duration(remaining))
    return _wire.lock_service_pb2.RenewResponse(lease=lease)


class LeaseTimesTest(unittest.TestCase):
    def test_it_counts_from_when_the_call_was_sent(self):
        times = lease_times(100.0, 50.0, 30.0)
        self.assertAlmostEqual(times.deadline, 180 - 80 * 0.002 - 0.002)
        self.assertAlmostEqual(times.deadline - times.lost_at, 0.25)

    def test_it_never_ends_without_an_expire(self):
        self.assertEqual(lease_times(100.0, 50.0, None).deadline, float("inf"))

    def test_a_server_that_is_out_of_order_gives_nothing(self):
        self.assertLess(lease_times(100.0, -5.0, -5.0).deadline, 100.0)


class AcquiringTest(unittest.TestCase):
    def setUp(self):
        self.played = Played()

    def asking(self, timeout=10.0, expire=30.0, **options):
        return _steps.Asking(spec(expire), timeout, self.played.clock, **options)

    def test_the_deadline_does_not_depend_on_when_the_answer_came(self):
        asking = self.asking()
        got = self.played.play(asking.steps(), grant(), takes=3.0)
        self.assertEqual(got.times, lease_times(1000.0, 0.0, 30.0))
        self.assertEqual(got.fencing_token, 7)
        # Until somebody has it, it is to be cleaned up.
        self.assertEqual(asking.left_behind, [got.lease_id])
        asking.kept = True
        self.assertEqual(asking.left_behind, [])

    def test_a_call_that_broke_is_sent_again_with_the_same_id_and_what_is_left(self):
        asking = self.asking()
        self.played.play(asking.steps(), BROKEN, grant(), takes=2.0)
        first, second = (call.request for call in self.played.calls)
        self.assertEqual(first.lease_id, second.lease_id)
        self.assertLess(_wire.seconds(second.timeout), 8.0)

    def test_an_id_that_has_ended_is_replaced(self):
        asking = self.asking()
        got = self.played.play(asking.steps(), BROKEN, ENDED, grant())
        ids = [call.request.lease_id for call in self.played.calls]
        self.assertEqual(ids[0], ids[1])
        self.assertNotEqual(ids[1], ids[2])
        self.assertEqual(got.lease_id, ids[2])
        asking.kept = True
        self.assertEqual(asking.left_behind, [])

    def test_after_a_call_that_broke_a_refusal_leaves_its_id_behind(self):
        asking = self.asking(timeout=0)
        with self.assertRaises(LockTimeoutError):
            self.played.play(asking.steps(), HELD)
        self.assertEqual(asking.left_behind, [])
        asking = self.asking(timeout=10)
        with self.assertRaises(LockTimeoutError):
            self.played.play(asking.steps(), BROKEN, HELD)
        self.assertEqual(asking.left_behind, [self.played.calls[-1].request.lease_id])

    def test_who_is_stopped_anywhere_leaves_the_id_behind(self):
        asking = self.asking()
        steps = asking.steps()
        self.assertEqual(asking.left_behind, [])
        call = next(steps)
        steps.close()
        self.assertEqual(asking.left_behind, [call.request.lease_id])

    def test_it_gives_up_at_the_end_of_its_timeout(self):
        asking = self.asking(timeout=1.0)
        with self.assertRaisesRegex(LockUnavailableError, 'cannot acquire "k": the connection'):
            self.played.play(asking.steps(), always=BROKEN)
        self.assertAlmostEqual(self.played.now, 1001.0, delta=0.01)
        # The last attempt, when the timeout is over, does not wait.
        self.assertEqual(_wire.seconds(self.played.calls[-1].request.timeout), 0.0)

    def test_it_has_less_patience_if_that_is_wanted(self):
        asking = self.asking(timeout=None, patience=3.0)
        with self.assertRaises(LockUnavailableError):
            self.played.play(asking.steps(), always=BROKEN)
        self.assertLess(self.played.now, 1006.0)
        # Without a timeout the call is one that streams.
        self.assertIs(self.played.calls[0].method, _wire.WAIT)
        self.assertFalse(self.played.calls[0].request.HasField("timeout"))

    def test_a_grant_of_which_little_is_left_is_renewed_first(self):
        got = self.played.play(self.asking().steps(), grant(remaining=10.0), renewed())
        self.assertEqual(self.played.calls[1].method, _wire.RENEW)
        self.assertEqual(got.times, lease_times(1000.0, 0.0, 30.0))
        self.assertEqual(got.fencing_token, 7)

    def test_a_lease_shorter_than_the_way_to_the_server_is_refused_in_the_end(self):
        asking = self.asking(expire=0.01)
        with self.assertRaisesRegex(LockLostError, "it has ended"):
            self.played.play(asking.steps(), *[grant(remaining=0.01), ENDED] * 3, takes=0.02)

    def test_the_server_asks_for_time(self):
        busy = Failure("UNAVAILABLE", "starting", "SERVER_STARTING", {}, 4.0)
        self.played.play(self.asking().steps(), busy, grant())
        self.assertEqual(self.played.now, 1004.0)


class ShortCallsTest(unittest.TestCase):
    def setUp(self):
        self.played = Played()

    def test_a_renewal_is_tried_until_its_lease_is_as_good_as_over(self):
        steps = _steps.renewing(spec(6.0), "id", 1004.0, self.played.clock)
        failure = self.played.play(steps, always=BROKEN)
        self.assertEqual(failure, BROKEN)
        self.assertAlmostEqual(self.played.now, 1004.0, delta=0.01)
        self.assertTrue(all(call.limit <= 1.0 for call in self.played.calls))

    def test_a_renewal_counts_from_the_try_that_was_answered(self):
        steps = _steps.renewing(spec(), "id", 1020.0, self.played.clock)
        times = self.played.play(steps, BROKEN, renewed(), takes=1.0)
        self.assertGreater(times.deadline, lease_times(1001.0, 0.0, 30.0).deadline)
        self.assertLess(times.deadline, lease_times(1001.1, 0.0, 30.0).deadline)

    def test_a_release_is_sent_until_it_is_answered(self):
        steps = _steps.releasing("k", "id", 1010.0, self.played.clock)
        released = _wire.lock_service_pb2.ReleaseResponse()
        self.assertIsNone(self.played.play(steps, BROKEN, BROKEN, released))
        steps = _steps.releasing("k", "id", 1010.0, self.played.clock)
        self.assertEqual(self.played.play(steps, ENDED), ENDED)

    def test_what_has_another_effect_when_sent_again_is_sent_once(self):
        steps = _steps.asking_once(_wire.GET, None, 1010.0, self.played.clock, repeat=False)
        self.assertEqual(self.played.play(steps, BROKEN), BROKEN)


if __name__ == "__main__":
    unittest.main()
