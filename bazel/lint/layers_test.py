"""Each forbidden direction between the layers is found, and each allowed one is not."""

import unittest

import layers


def _findings(path, included):
    text = f'#include <string>\n#include "{included}"\n'
    return list(layers.findings(path, text, for_tests="_test" in path))


class LayersTest(unittest.TestCase):
    def test_forbidden(self):
        for path, included in (
            ("common/mutex.h", "services/common/clock.h"),
            ("common/mutex.h", "holdfast/client.h"),
            ("services/common/clock.cc", "services/lock/engine/lease.h"),
            ("services/lock/engine/lock_table.cc", "holdfast/v1/lease.pb.h"),
            ("services/lock/engine/lock_table.cc", "grpcpp/grpcpp.h"),
            ("services/lock/engine/lock_table.cc", "rocksdb/db.h"),
            ("services/lock/engine/lock_table_test.cc", "services/lock/storage/rocksdb_store.h"),
            ("services/lock/rpc/lock_service.cc", "services/lock/storage/rocksdb_store.h"),
            ("services/lock/rpc/lock_service.cc", "services/lock/storage/testing/memory_store.h"),
            ("services/lock/rpc/lock_service.cc", "holdfast/storage/v1/records.pb.h"),
            ("services/lock/storage/rocksdb_store.cc", "services/lock/rpc/errors.h"),
            ("services/net/accept_loop.cc", "services/lock/engine/lease.h"),
            ("services/net/accept_loop.cc", "grpcpp/server.h"),
            ("services/lock/storage/rocksdb_store.cc", "services/net/accept_loop.h"),
            ("services/lock/storage/rocksdb_store.cc", "holdfast/v1/lease.pb.h"),
            ("clients/cpp/src/client.cc", "services/common/clock.h"),
            ("clients/cpp/src/client_test.cc", "services/common/clock.h"),
            ("tests/integration/restart_test.cc", "holdfast/storage/v1/records.pb.h"),
        ):
            with self.subTest(path=path, included=included):
                self.assertEqual(len(_findings(path, included)), 1)

    def test_allowed(self):
        for path, included in (
            ("services/common/log.cc", "common/mutex.h"),
            ("services/lock/engine/lock_table.cc", "common/mutex.h"),
            ("services/lock/engine/lock_table.cc", "services/common/clock.h"),
            ("services/lock/engine/lock_table.cc", "absl/status/status.h"),
            ("services/lock/engine/lock_table_test.cc", "tests/support/fake_clock.h"),
            ("services/lock/storage/rocksdb_store.cc", "rocksdb/db.h"),
            ("services/lock/storage/rocksdb_store.cc", "holdfast/storage/v1/records.pb.h"),
            ("services/lock/rpc/lock_service.cc", "holdfast/v1/lock_service.grpc.pb.h"),
            ("services/lock/rpc/lock_service_test.cc", "services/lock/storage/testing/memory_store.h"),
            ("services/lock/main/main.cc", "services/lock/rpc/lock_service.h"),
            ("services/lock/main/main.cc", "services/net/listen_address.h"),
            ("services/lock/rpc/grpc_server.cc", "services/net/accept_loop.h"),
            ("services/net/accept_loop.cc", "services/common/clock.h"),
            ("clients/cpp/src/client.cc", "common/mutex.h"),
            ("clients/cpp/src/client.cc", "holdfast/client.h"),
            ("tests/integration/restart_test.cc", "services/lock/engine/limits.h"),
        ):
            with self.subTest(path=path, included=included):
                self.assertEqual(_findings(path, included), [])

    def test_says_where(self):
        self.assertIn(
            "engine/a.cc:2:", _findings("services/lock/engine/a.cc", "rocksdb/db.h")[0]
        )

    def test_a_new_service_needs_a_layer(self):
        self.assertEqual(len(_findings("services/audit/log.cc", "string.h")), 1)


if __name__ == "__main__":
    unittest.main()
