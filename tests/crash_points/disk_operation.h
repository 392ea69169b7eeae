// What a process does to a disk, as plain values: the system calls that change
// files or make changes durable, in their order.
//
// Paths are relative to the folder that is watched, without a slash at either end.

#ifndef HOLDFAST_TESTS_CRASH_POINTS_DISK_OPERATION_H_
#define HOLDFAST_TESTS_CRASH_POINTS_DISK_OPERATION_H_

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace holdfast {

// An open file or directory. It stays what it is when its path is renamed or
// removed; `path` is for people, and was true when it was opened.
struct OpenFile {
  std::uint64_t number = 0;
  std::string path;
};

// Makes an empty file.
struct CreateOperation {
  std::string path;
};

// From now on `file` is what is at its path: a file or a directory. Changes nothing.
struct OpenOperation {
  OpenFile file;
};

struct WriteOperation {
  OpenFile file;
  std::uint64_t offset = 0;
  std::string data;
};

// Cuts the file, or fills it up with zeros.
struct ResizeOperation {
  OpenFile file;
  std::uint64_t size = 0;
};

// Of a file: its content. Of a directory: which names it holds, not what they name.
struct SyncOperation {
  OpenFile file;
};

// Replaces what is at `to`.
struct RenameOperation {
  std::string from;
  std::string to;
};

// A file or a directory.
struct RemoveOperation {
  std::string path;
};

struct MakeDirectoryOperation {
  std::string path;
};

using DiskOperation =
    std::variant<CreateOperation, OpenOperation, WriteOperation, ResizeOperation, SyncOperation,
                 RenameOperation, RemoveOperation, MakeDirectoryOperation>;

using DiskJournal = std::vector<DiskOperation>;

// For messages: "write 28 bytes at 133 of data/db/000004.log".
std::string Describe(const DiskOperation& operation);

// The name of the kind, as Describe has it: "write".
std::string KindOf(const DiskOperation& operation);

// The path that it is about; of a rename, the new one.
std::string PathOf(const DiskOperation& operation);

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_CRASH_POINTS_DISK_OPERATION_H_
