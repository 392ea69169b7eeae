// A file system for RocksDB that passes everything on to the real one, until it
// is told to fail.
//
// It counts what changes the disk: creating, writing, syncing, renaming, cutting
// and deleting files. From a chosen operation on all of these fail without
// having been done, but a write that is chosen is done by half. That is what the
// files look like after the process was killed there.
//
// Thread-safe: RocksDB's threads share it. It must outlive the database.

#ifndef HOLDFAST_SERVICES_LOCK_STORAGE_TESTING_FAULTY_FILE_SYSTEM_H_
#define HOLDFAST_SERVICES_LOCK_STORAGE_TESTING_FAULTY_FILE_SYSTEM_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>

#include "rocksdb/env.h"
#include "rocksdb/file_system.h"

namespace holdfast {

class FaultyFileSystem : public rocksdb::FileSystemWrapper {
 public:
  FaultyFileSystem() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}

  // The operations up to now, with those that failed.
  std::uint64_t operations() const { return operations_; }

  // The operations from this number on fail. Numbers begin with 1.
  void FailFrom(std::uint64_t operation) { fail_from_ = operation; }

  // All syncs of files fail from now on, and nothing else.
  void FailSyncs() { fail_syncs_ = true; }

  // Syncs succeed without being done: for tests that open many stores and lose
  // nothing but their time to them.
  void SkipSyncs() { skip_syncs_ = true; }

  // From now on no table can be created, which RocksDB does in the background.
  void FailNewTables() { fail_new_tables_ = true; }

  const char* Name() const override { return "holdfast.FaultyFileSystem"; }

  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* result,
                                    rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewRandomRWFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSRandomRWFile>* result,
                                    rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewDirectory(const std::string& name, const rocksdb::IOOptions& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* result,
                                 rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus DeleteFile(const std::string& name, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus Truncate(const std::string& name, std::size_t size,
                             const rocksdb::IOOptions& options,
                             rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus CreateDirIfMissing(const std::string& name, const rocksdb::IOOptions& options,
                                       rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to,
                               const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;

  // For the files of this file system: what becomes of the next operation.
  enum class Fate { kDone, kDoneByHalf, kNotDone };
  Fate Next();
  Fate NextSync();
  bool skips_syncs() const { return skip_syncs_; }

 private:
  std::atomic<std::uint64_t> operations_{0};
  std::atomic<std::uint64_t> fail_from_{std::numeric_limits<std::uint64_t>::max()};
  std::atomic<bool> fail_syncs_{false};
  std::atomic<bool> skip_syncs_{false};
  std::atomic<bool> fail_new_tables_{false};
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_STORAGE_TESTING_FAULTY_FILE_SYSTEM_H_
