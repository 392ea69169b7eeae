"""Whose lease a shared lock object means, without a server."""

import unittest

from holdfast._holders import Holders
from holdfast.errors import LockNotHeldError


class PlayedLease:
    def __init__(self):
        self.valid = True

    def _lose(self, why, reason):
        self.valid = False


class HoldersTest(unittest.TestCase):
    def setUp(self):
        self.holders = Holders("k")
        self.lost, self.successor = PlayedLease(), PlayedLease()
        self.holders.add("first", self.lost)
        self.holders.add("second", self.successor)

    def test_a_grant_proves_that_those_before_it_have_ended(self):
        self.assertFalse(self.lost.valid)
        self.assertTrue(self.successor.valid)

    def test_who_is_known_means_its_own(self):
        self.assertIs(self.holders.current("first"), self.lost)
        self.assertIs(self.holders.take("second").lease, self.successor)
        self.assertIs(self.holders.take("first").lease, self.lost)

    def test_who_is_not_known_means_the_oldest_and_the_rest_is_in_doubt(self):
        self.assertIs(self.holders.current("stranger"), self.successor)
        self.assertIs(self.holders.take("stranger").lease, self.lost)
        again = self.holders.take("stranger")
        self.assertIs(again.lease, self.successor)
        self.assertTrue(again.in_doubt)
        with self.assertRaises(LockNotHeldError):
            self.holders.take("stranger")

    def test_who_is_known_has_no_doubt(self):
        self.holders.take("stranger")
        self.assertFalse(self.holders.take("second").in_doubt)


if __name__ == "__main__":
    unittest.main()
