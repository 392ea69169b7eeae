#include "services/lock/storage/testing/faulty_file_system.h"

#include <utility>

namespace holdfast {
namespace {

using Fate = FaultyFileSystem::Fate;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

IOStatus Failed() { return IOStatus::IOError("the test says so"); }

// One sync, if the file system lets it happen.
template <typename Sync>
IOStatus SyncUnlessFaulty(FaultyFileSystem& file_system, const Sync& sync) {
  if (file_system.NextSync() != Fate::kDone) return Failed();
  return file_system.skips_syncs() ? IOStatus::OK() : sync();
}

// A file that asks before it changes anything.
class FaultyFile : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  FaultyFile(FaultyFileSystem& file_system, std::unique_ptr<rocksdb::FSWritableFile> file)
      : FSWritableFileOwnerWrapper(std::move(file)), file_system_(file_system) {}

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
    const Fate fate = file_system_.Next();
    if (fate == Fate::kDone) return target()->Append(data, options, debug);
    if (fate == Fate::kDoneByHalf) {
      const IOStatus ignored =
          target()->Append(Slice(data.data(), data.size() / 2), options, debug);
      ignored.PermitUncheckedError();
    }
    return Failed();
  }
  IOStatus Append(const Slice& data, const IOOptions& options,
                  const rocksdb::DataVerificationInfo& /*verification*/,
                  IODebugContext* debug) override {
    return Append(data, options, debug);
  }
  IOStatus Truncate(std::uint64_t size, const IOOptions& options, IODebugContext* debug) override {
    if (file_system_.Next() != Fate::kDone) return Failed();
    return target()->Truncate(size, options, debug);
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    return SyncUnlessFaulty(file_system_, [&] { return target()->Sync(options, debug); });
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return SyncUnlessFaulty(file_system_, [&] { return target()->Fsync(options, debug); });
  }

 private:
  FaultyFileSystem& file_system_;
};

// The same for a file that is written in any order.
class FaultyRandomRWFile : public rocksdb::FSRandomRWFileOwnerWrapper {
 public:
  FaultyRandomRWFile(FaultyFileSystem& file_system, std::unique_ptr<rocksdb::FSRandomRWFile> file)
      : FSRandomRWFileOwnerWrapper(std::move(file)), file_system_(file_system) {}

  IOStatus Write(std::uint64_t offset, const Slice& data, const IOOptions& options,
                 IODebugContext* debug) override {
    const Fate fate = file_system_.Next();
    if (fate == Fate::kDone) return target()->Write(offset, data, options, debug);
    if (fate == Fate::kDoneByHalf) {
      const IOStatus ignored =
          target()->Write(offset, Slice(data.data(), data.size() / 2), options, debug);
      ignored.PermitUncheckedError();
    }
    return Failed();
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    return SyncUnlessFaulty(file_system_, [&] { return target()->Sync(options, debug); });
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return SyncUnlessFaulty(file_system_, [&] { return target()->Fsync(options, debug); });
  }

 private:
  FaultyFileSystem& file_system_;
};

class FaultyDirectory : public rocksdb::FSDirectoryWrapper {
 public:
  FaultyDirectory(FaultyFileSystem& file_system, std::unique_ptr<rocksdb::FSDirectory> directory)
      : FSDirectoryWrapper(std::move(directory)), file_system_(file_system) {}

  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return SyncUnlessFaulty(file_system_,
                            [&] { return FSDirectoryWrapper::Fsync(options, debug); });
  }
  IOStatus FsyncWithDirOptions(const IOOptions& options, IODebugContext* debug,
                               const rocksdb::DirFsyncOptions& what) override {
    return SyncUnlessFaulty(file_system_, [&] {
      return FSDirectoryWrapper::FsyncWithDirOptions(options, debug, what);
    });
  }

 private:
  FaultyFileSystem& file_system_;
};

}  // namespace

FaultyFileSystem::Fate FaultyFileSystem::Next() {
  const std::uint64_t operation = ++operations_;
  const std::uint64_t fail_from = fail_from_;
  if (operation < fail_from) return Fate::kDone;
  return operation == fail_from ? Fate::kDoneByHalf : Fate::kNotDone;
}

FaultyFileSystem::Fate FaultyFileSystem::NextSync() {
  const Fate fate = Next();
  return fail_syncs_ ? Fate::kNotDone : fate;
}

IOStatus FaultyFileSystem::NewWritableFile(const std::string& name,
                                           const rocksdb::FileOptions& options,
                                           std::unique_ptr<rocksdb::FSWritableFile>* result,
                                           IODebugContext* debug) {
  if (Next() != Fate::kDone) return Failed();
  if (fail_new_tables_ && name.ends_with(".sst")) return Failed();
  std::unique_ptr<rocksdb::FSWritableFile> file;
  IOStatus status = target()->NewWritableFile(name, options, &file, debug);
  if (status.ok()) *result = std::make_unique<FaultyFile>(*this, std::move(file));
  return status;
}

IOStatus FaultyFileSystem::NewRandomRWFile(const std::string& name,
                                           const rocksdb::FileOptions& options,
                                           std::unique_ptr<rocksdb::FSRandomRWFile>* result,
                                           IODebugContext* debug) {
  std::unique_ptr<rocksdb::FSRandomRWFile> file;
  IOStatus status = target()->NewRandomRWFile(name, options, &file, debug);
  if (status.ok()) *result = std::make_unique<FaultyRandomRWFile>(*this, std::move(file));
  return status;
}

IOStatus FaultyFileSystem::NewDirectory(const std::string& name, const IOOptions& options,
                                        std::unique_ptr<rocksdb::FSDirectory>* result,
                                        IODebugContext* debug) {
  std::unique_ptr<rocksdb::FSDirectory> directory;
  IOStatus status = target()->NewDirectory(name, options, &directory, debug);
  if (status.ok()) *result = std::make_unique<FaultyDirectory>(*this, std::move(directory));
  return status;
}

IOStatus FaultyFileSystem::DeleteFile(const std::string& name, const IOOptions& options,
                                      IODebugContext* debug) {
  if (Next() != Fate::kDone) return Failed();
  return target()->DeleteFile(name, options, debug);
}

IOStatus FaultyFileSystem::Truncate(const std::string& name, std::size_t size,
                                    const IOOptions& options, IODebugContext* debug) {
  if (Next() != Fate::kDone) return Failed();
  return target()->Truncate(name, size, options, debug);
}

IOStatus FaultyFileSystem::CreateDirIfMissing(const std::string& name, const IOOptions& options,
                                              IODebugContext* debug) {
  if (Next() != Fate::kDone) return Failed();
  return target()->CreateDirIfMissing(name, options, debug);
}

IOStatus FaultyFileSystem::RenameFile(const std::string& from, const std::string& to,
                                      const IOOptions& options, IODebugContext* debug) {
  if (Next() != Fate::kDone) return Failed();
  return target()->RenameFile(from, to, options, debug);
}

}  // namespace holdfast
