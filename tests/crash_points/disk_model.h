// What is on a disk after some operations, and what a crash then leaves of it.
//
// POSIX promises little, and the model promises no more. The content of a file is
// durable as of the last sync of the file; the names in a directory, and what they
// name, as of the last sync of the directory. What came after that may or may not
// have reached the disk: changes of one file, and changes of the names of one
// directory, reach it in their order; otherwise all of it is independent.
//
// Thread-compatible.

#ifndef HOLDFAST_TESTS_CRASH_POINTS_DISK_MODEL_H_
#define HOLDFAST_TESTS_CRASH_POINTS_DISK_MODEL_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "tests/crash_points/disk_image.h"
#include "tests/crash_points/disk_operation.h"

namespace holdfast {

class DiskModel {
 public:
  // An empty folder that is durable.
  DiskModel();

  // REQUIRES: it was possible: what it names is there.
  void Apply(const DiskOperation& operation);

  // All that was done: what the death of a process leaves.
  DiskImage Kept() const;

  // As Kept, when a process dies within a write, of which `size` bytes were written.
  DiskImage KeptWithin(const WriteOperation& write, std::size_t size);

  // Only what is durable: the least that a loss of power leaves.
  DiskImage Dropped() const;

  // What is durable and, drawn from `random`, for each file and each directory how
  // much of the rest: some of its changes, and the last write among them cut
  // anywhere.
  DiskImage Torn(std::mt19937_64& random) const;

  // As Torn, but each file is as long as it was to become, and some of its sectors
  // were not written: what they were to hold reads as zeros.
  DiskImage WithHoles(std::mt19937_64& random) const;

 private:
  using NodeId = std::size_t;

  struct Write {
    std::uint64_t offset = 0;
    std::string data;
  };
  struct Resize {
    std::uint64_t size = 0;
  };
  using FileChange = std::variant<Write, Resize>;
  struct File {
    std::string durable;
    std::string current;
    std::vector<FileChange> pending;  // From durable to current.
  };

  using Entries = std::map<std::string, NodeId>;
  struct EntryChange {
    std::string name;
    std::optional<NodeId> node;  // Absent: the name is removed.
  };
  struct Directory {
    Entries durable;
    Entries current;
    std::vector<std::vector<EntryChange>> pending;  // Each happens whole or not at all.
  };
  using Node = std::variant<File, Directory>;

  // What a crash leaves of a file and of a directory.
  struct Fate {
    std::function<std::string(const File&)> file;
    std::function<Entries(const Directory&)> directory;
  };

  // Where a path leads by the current names: the directory, and the name in it.
  struct Place {
    Directory* directory = nullptr;
    std::string name;
  };

  static void ApplyTo(std::string& content, const FileChange& change);
  static void ApplyTo(Entries& entries, const std::vector<EntryChange>& change);
  static Entries SomeEntries(const Directory& directory, std::mt19937_64& random);
  static std::string SomeContent(const File& file, std::mt19937_64& random);
  static std::string ContentWithHoles(const File& file, std::mt19937_64& random);

  void Change(const OpenFile& file, FileChange change);
  void Change(Directory& directory, std::vector<EntryChange> change);
  NodeId Add(Node node);
  Place Find(std::string_view path);
  DiskImage ImageBy(const Fate& fate) const;
  void AddTo(DiskImage& image, const std::string& prefix, const Directory& directory,
             const Fate& fate) const;

  void Do(const CreateOperation& op);
  void Do(const OpenOperation& op);
  void Do(const WriteOperation& op);
  void Do(const ResizeOperation& op);
  void Do(const SyncOperation& op);
  void Do(const RenameOperation& op);
  void Do(const RemoveOperation& op);
  void Do(const MakeDirectoryOperation& op);

  // Nodes are never erased: one that has lost its name may still be open, or come
  // back because the loss was not durable. The first is the folder itself.
  std::deque<Node> nodes_;
  std::map<std::uint64_t, NodeId> open_files_;
};

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_CRASH_POINTS_DISK_MODEL_H_
