// Reads through a database of holdfastd's with RocksDB alone: the least that a start
// with this data can cost. `store_scan DIR` prints the seconds that it took to open it
// and read every record, and how many there are, as JSON.

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>

#include "rocksdb/db.h"
#include "rocksdb/iterator.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: store_scan DIR\n", stderr);
    return 64;
  }
  const auto begin = std::chrono::steady_clock::now();
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status = rocksdb::DB::OpenForReadOnly({}, argv[1], &opened);
  const std::unique_ptr<rocksdb::DB> database(opened);
  if (!status.ok()) {
    std::fprintf(stderr, "store_scan: %s\n", status.ToString().c_str());
    return 1;
  }
  std::int64_t records = 0;
  std::size_t bytes = 0;
  const std::unique_ptr<rocksdb::Iterator> record(database->NewIterator({}));
  for (record->SeekToFirst(); record->Valid(); record->Next()) {
    ++records;
    bytes += record->key().size() + record->value().size();
  }
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
  std::printf("{\"seconds\": %.6f, \"records\": %jd, \"bytes\": %zu}\n", taken.count(),
              static_cast<std::intmax_t>(records), bytes);
  return record->status().ok() ? 0 : 1;
}
