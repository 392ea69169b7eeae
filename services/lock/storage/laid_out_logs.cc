#include "services/lock/storage/laid_out_logs.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <string>
#include <utility>

#include "rocksdb/db.h"
#include "rocksdb/file_system.h"
#include "rocksdb/write_batch.h"
#include "services/lock/storage/log_check.h"

namespace holdfast {
namespace {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

constexpr char kZeros[64 * 1024] = {};

// Several bits away from zero. RocksDB keeps it in the log and nowhere else.
constexpr char kEndOfCommit[] = "\xa5";

constexpr std::uint64_t RoundUp(std::uint64_t size, std::uint64_t unit) {
  return (size + unit - 1) / unit * unit;
}

// One log, open twice: to make it longer or shorter, and to write within it.
class LaidOutLog final : public rocksdb::FSWritableFile {
 public:
  LaidOutLog(std::uint64_t step, std::unique_ptr<rocksdb::FSWritableFile> end,
             std::unique_ptr<rocksdb::FSRandomRWFile> content)
      : step_(step), end_(std::move(end)), content_(std::move(content)) {}

  using FSWritableFile::Append;
  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
    IOStatus status = LayOut(size_ + data.size(), options, debug);
    if (status.ok()) status = content_->Write(size_, data, options, debug);
    if (status.ok()) size_ += data.size();
    return Noted(std::move(status));
  }

  IOStatus Flush(const IOOptions& options, IODebugContext* debug) override {
    return Noted(content_->Flush(options, debug));
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    return Noted(content_->Sync(options, debug));
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return Noted(content_->Fsync(options, debug));
  }
  bool IsSyncThreadSafe() const override { return true; }

  // After a failure nobody knows what is on the disk, and it stays as it is.
  IOStatus Close(const IOOptions& options, IODebugContext* debug) override {
    IOStatus status = failed_ ? IOStatus::OK() : end_->Truncate(size_, options, debug);
    const IOStatus content_closed = content_->Close(options, debug);
    const IOStatus end_closed = end_->Close(options, debug);
    if (!status.ok()) return status;
    return content_closed.ok() ? end_closed : content_closed;
  }

  std::uint64_t GetFileSize(const IOOptions& /*options*/, IODebugContext* /*debug*/) override {
    return size_;
  }

 private:
  // Makes the log at least `size` bytes long, if there is room.
  IOStatus LayOut(std::uint64_t size, const IOOptions& options, IODebugContext* debug) {
    if (size <= laid_out_) return IOStatus::OK();
    const std::uint64_t wanted = RoundUp(size, step_);
    while (may_lay_out_ && laid_out_ < wanted) {
      const std::size_t piece = std::min<std::uint64_t>(wanted - laid_out_, sizeof(kZeros));
      IOStatus status = end_->Append(Slice(kZeros, piece), options, debug);
      may_lay_out_ = !status.IsNoSpace();
      if (may_lay_out_ && !status.ok()) return status;
      if (status.ok()) laid_out_ += piece;
    }
    return IOStatus::OK();
  }

  IOStatus Noted(IOStatus status) {
    if (!status.ok()) failed_ = true;
    return status;
  }

  const std::uint64_t step_;
  const std::unique_ptr<rocksdb::FSWritableFile> end_;
  const std::unique_ptr<rocksdb::FSRandomRWFile> content_;
  std::uint64_t size_ = 0;      // Of what was appended.
  std::uint64_t laid_out_ = 0;  // Of the file.
  bool may_lay_out_ = true;     // The disk has had room for it.
  std::atomic<bool> failed_{false};
};

class FileSystemWithLaidOutLogs final : public rocksdb::FileSystemWrapper {
 public:
  FileSystemWithLaidOutLogs(const std::shared_ptr<rocksdb::FileSystem>& target, std::uint64_t step)
      : FileSystemWrapper(target), step_(step) {}

  const char* Name() const override { return "holdfast.FileSystemWithLaidOutLogs"; }

  IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* result,
                           IODebugContext* debug) override {
    if (!name.ends_with(".log")) return target()->NewWritableFile(name, options, result, debug);
    std::unique_ptr<rocksdb::FSWritableFile> end;
    std::unique_ptr<rocksdb::FSRandomRWFile> content;
    IOStatus status = target()->NewWritableFile(name, options, &end, debug);
    if (status.ok()) status = target()->NewRandomRWFile(name, options, &content, debug);
    if (status.ok()) {
      *result = std::make_unique<LaidOutLog>(step_, std::move(end), std::move(content));
    }
    return status;
  }

 private:
  const std::uint64_t step_;
};

class LaidOutEnv final : public rocksdb::EnvWrapper {
 public:
  LaidOutEnv(rocksdb::Env* target, std::uint64_t step) : EnvWrapper(target) {
    file_system_ = std::make_shared<FileSystemWithLaidOutLogs>(target->GetFileSystem(), step);
    system_clock_ = target->GetSystemClock();
  }
};

}  // namespace

std::unique_ptr<rocksdb::Env> EnvWithLaidOutLogs(rocksdb::Env* env, std::size_t step) {
  return std::make_unique<LaidOutEnv>(env == nullptr ? rocksdb::Env::Default() : env,
                                      RoundUp(std::max<std::size_t>(step, 1), kLogLayoutUnit));
}

rocksdb::Status WriteCommit(rocksdb::DB& db, const rocksdb::WriteOptions& options,
                            rocksdb::WriteBatch& commit) {
  rocksdb::Status ended = commit.PutLogData(Slice(kEndOfCommit));
  return ended.ok() ? db.Write(options, &commit) : ended;
}

}  // namespace holdfast
